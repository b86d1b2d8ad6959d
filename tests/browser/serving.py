"""The web application as a browser reaches it, over a database with real commits."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from flask import Flask
from werkzeug.serving import make_server

from app import Installation, Settings, create_app, utc_now
from handlers.limiting import limiter
from tests.conftest import Committed, FakeBell


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


@contextmanager
def served(
    committed: Committed, *, clock: Callable[[], datetime] = utc_now, demo: bool = False
) -> Iterator[Served]:
    """Serve a shop until the block ends; its bell rings nobody."""
    with _lent(committed, clock, demo=demo) as (installation, app):
        server = make_server("127.0.0.1", 0, app, threaded=True)
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield Served(f"http://127.0.0.1:{server.server_port}", installation, app)
        finally:
            server.shutdown()
            serving.join()
            server.server_close()


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
