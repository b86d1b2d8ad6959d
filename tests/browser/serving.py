"""The web application as a browser reaches it, over a database with real commits."""

from __future__ import annotations

import threading
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


@contextmanager
def served(
    committed: Committed, *, clock: Callable[[], datetime] = utc_now, demo: bool = False
) -> Iterator[Served]:
    """Serve a shop until the block ends; its bell rings nobody."""
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]  # Pydantic's own argument.
        secret_key="a secret of the tests",
        line_channel_secret="channel secret of the tests",
        line_channel_access_token="channel token of the tests",
        public_base_url="http://127.0.0.1",
        database_url=committed.url.render_as_string(hide_password=False),
        demo=demo,
    )
    installation = Installation(settings, clock=clock)
    installation.bell = FakeBell()  # type: ignore[assignment]  # It rings the same.
    app = create_app(installation)
    limiter.reset()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_port}", installation, app)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
        installation.engine.dispose()
