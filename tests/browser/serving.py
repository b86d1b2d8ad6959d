"""The web application as a browser reaches it, over a database with real commits."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.serving import make_server
from werkzeug.wsgi import ClosingIterator

from app import Installation, Settings, create_app, utc_now
from handlers.limiting import limiter
from jobs.prepare_figures import prepare_figures
from tests.conftest import NOON, Committed, FakeBell, lend

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

WAIT_SECONDS = 60


@dataclass(frozen=True)
class Served:
    """Where a shop answers, and its parts."""

    address: str
    installation: Installation
    app: Flask


_idle: defaultdict[bool, list[tuple[Installation, Flask]]] = defaultdict(list)
"""Applications that serve nobody now: those of a demo, and the others."""


@dataclass
class _Clock:
    """The clock of an application that serves one shop after another."""

    tells: Callable[[], datetime]

    def __call__(self) -> datetime:
        """Return the time."""
        return self.tells()


@dataclass
class _Gate:
    """Lets requests in until it is shut: then it turns them away, and those inside may end.

    A page that is still open asks on; what it asks must not reach an application given back.
    """

    app: Flask
    _inside: int = 0
    _is_shut: bool = False
    _left: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        """Let a request in, and out with its whole answer: a browser that hangs up ends no more."""
        with self._left:
            if self._is_shut:
                start("503 Service Unavailable", [("Content-Length", "0")])
                return []
            self._inside += 1
        try:
            answer = ClosingIterator(self.app(environ, start))
            with closing(answer):
                return list(answer)
        finally:
            self._leave()

    def shut(self) -> None:
        """Let nobody in any more, and wait until all have left."""
        with self._left:
            self._is_shut = True
            assert self._left.wait_for(lambda: self._inside == 0, WAIT_SECONDS)

    def _leave(self) -> None:
        with self._left:
            self._inside -= 1
            self._left.notify_all()


@contextmanager
def served(
    committed: Committed, *, clock: Callable[[], datetime] = utc_now, demo: bool = False
) -> Iterator[Served]:
    """Serve a shop until the block ends; its bell rings nobody."""
    with _lent(committed, clock, demo=demo) as (installation, app):
        gate = _Gate(app)
        server = make_server("127.0.0.1", 0, gate, threaded=True)
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield Served(f"http://127.0.0.1:{server.server_port}", installation, app)
        finally:
            server.shutdown()
            serving.join()
            gate.shut()
            server.server_close()


@contextmanager
def served_demo(server_url: str, pristine_demo: str) -> Iterator[Served]:
    """Serve a demo shop as of NOON, every figure made: who only reads may share it."""
    with lend(server_url, pristine_demo) as lent:
        prepare_figures(lent.sessions, lambda: NOON)
        with served(lent, clock=lambda: NOON, demo=True) as office:
            yield office


@contextmanager
def _lent(
    committed: Committed, clock: Callable[[], datetime], *, demo: bool
) -> Iterator[tuple[Installation, Flask]]:
    """Lend an application to a shop; to make it and to read its templates takes most of a second.

    What a test sets in it is taken back, and nobody has tried any door yet.
    """
    installation, app = _idle[demo].pop() if _idle[demo] else _made(demo=demo)
    parts = (vars(installation), app.config, app.extensions)
    as_they_were = [dict(each) for each in parts]
    assert isinstance(installation.clock, _Clock)
    installation.clock.tells = clock
    url = committed.url.render_as_string(hide_password=False)
    installation.settings = installation.settings.model_copy(update={"database_url": url})
    installation.bell = FakeBell()  # type: ignore[assignment]  # It rings the same.
    limiter.reset()
    try:
        yield installation, app
    finally:
        installation.engine.dispose()
        for each, as_it_was in zip(parts, as_they_were, strict=True):
            each.clear()
            each.update(as_it_was)
        _idle[demo].append((installation, app))


def _made(*, demo: bool) -> tuple[Installation, Flask]:
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]  # Pydantic's own argument.
        secret_key="a secret of the tests",
        line_channel_secret="channel secret of the tests",
        line_channel_access_token="channel token of the tests",
        public_base_url="http://127.0.0.1",
        demo=demo,
    )
    installation = Installation(settings, clock=_Clock(utc_now))
    return installation, create_app(installation)
