"""What machines ask: is the process alive, is the installation fit to serve, how much was done."""

from flask import Blueprint, Response, g
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy.exc import DBAPIError

from migrations import is_current
from models.job_run import last_runs
from models.line_event import count_waiting
from models.outbox import count_due

MOST_WAITING = 5_000
"""More waiting events than this mean that no worker keeps up."""


def add_routes(blueprint: Blueprint) -> None:
    """Add `/healthz`, `/readyz` and `/metrics`."""

    @blueprint.get("/healthz")
    def healthz() -> ResponseReturnValue:
        """The process answers."""
        return {"status": "ok"}

    @blueprint.get("/readyz")
    def readyz() -> ResponseReturnValue:
        """The database is there and migrated, and the workers keep up."""
        try:
            facts = _facts()
        except DBAPIError:
            return {"status": "unready", "database": "away"}, 503
        return facts, 200 if facts["status"] == "ok" else 503

    @blueprint.get("/metrics")
    def metrics() -> Response:
        """Counters of all web processes, for Prometheus."""
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _facts() -> dict[str, object]:
    session = g.session
    migrated = is_current(session.connection())
    if not migrated:
        return {"status": "unready", "database": "ok", "migrations": "behind"}
    waiting = count_waiting(session)
    runs = last_runs(session, 1)
    return {
        "status": "ok" if waiting <= MOST_WAITING else "unready",
        "database": "ok",
        "migrations": "current",
        "events_waiting": waiting,
        "messages_due": count_due(session, g.now),
        "last_job_at": runs[0].started_at.isoformat() if runs else None,
    }
