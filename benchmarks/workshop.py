"""Where figures are made: a database server of their own, and the Procfile's processes.

Everything lives in `var/bench` and is gone afterwards; databases named in the environment are
never touched.
"""

import fcntl
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy import Engine

import migrations
from benchmarks.figure import BenchmarkError
from benchmarks.webhook_request import CHANNEL_SECRET
from models.database import (
    create_database,
    drop_database,
    embedded_url,
    libpq_conninfo,
    make_engine,
    make_sessions,
    stop_embedded,
)
from models.demo import TEA_SHOP
from models.setup import set_up_shop

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "var" / "bench"
LOCK = ROOT / "var" / ".bench-lock"
DATA = FOLDER / "postgres"
TEMPLATE = "bench_template"
OPENED_AT = datetime(2024, 1, 1, tzinfo=UTC)
BASE_URL = "https://shop.example"
START_SECONDS = 60
CALL_SECONDS = 5
STOP_SECONDS = 30
LOG_LINES_SHOWN = 15
DEFAULTS = ("WEB_WORKERS", "WEB_THREADS", "LOG_LEVEL", "DEMO", "LINE_CHANNEL_ID")
"""What the environment may set otherwise and the figures leave at its default."""


@dataclass(frozen=True)
class Database:
    """A fresh database with an open shop and nobody in it."""

    url: str
    engine: Engine


@contextmanager
def open_workshop() -> Iterator["Workshop"]:
    """Yield a workshop with its database server; stop and remove everything afterwards.

    Raises BenchmarkError where another benchmark runs; EmbeddedPostgresError where the server
    cannot.
    """
    FOLDER.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock, ExitStack() as cleanup:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BenchmarkError("another benchmark is running here; wait for it") from error
        _clean_up()  # One that was killed may have left its server.
        cleanup.callback(_clean_up)
        FOLDER.mkdir()
        yield Workshop(embedded_url(DATA, durable=True))


def _clean_up() -> None:
    stop_embedded(DATA)
    shutil.rmtree(FOLDER, ignore_errors=True)


class Workshop:
    """Makes databases and runs processes; its context managers end what they began."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._count = 0
        self._check_durable()
        url = create_database(server_url, TEMPLATE)
        engine = make_engine(url)
        migrations.upgrade(engine)
        with make_sessions(engine).begin() as session:
            set_up_shop(session, TEA_SHOP, OPENED_AT)
        engine.dispose()

    def _check_durable(self) -> None:
        """Make sure that an acknowledged commit is on disk: figures without that mean nothing."""
        with psycopg.connect(libpq_conninfo(self._server_url)) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                found = connection.execute(f"SHOW {setting}").fetchone()
                if found != ("on",):
                    raise BenchmarkError(f"PostgreSQL runs with {setting} = {found}")

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Yield a fresh database."""
        self._count += 1
        name = f"bench_{self._count}"
        url = create_database(self._server_url, name, TEMPLATE)
        engine = make_engine(url)
        yield Database(url.render_as_string(hide_password=False), engine)
        engine.dispose()
        drop_database(self._server_url, name)

    def environment(self, database: Database, *, line_port: int = 9) -> dict[str, str]:
        """Return the settings of a process; by default LINE cannot be reached (port 9)."""
        metrics = FOLDER / "metrics"
        metrics.mkdir(exist_ok=True)
        line = f"http://127.0.0.1:{line_port}"
        inherited = {name: text for name, text in os.environ.items() if name not in DEFAULTS}
        return inherited | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            "DATABASE_URL": database.url,
            "SECRET_KEY": "a secret of the benchmarks",
            "LINE_CHANNEL_SECRET": CHANNEL_SECRET,
            "LINE_CHANNEL_ACCESS_TOKEN": "a token of the benchmarks",
            "LINE_API_BASE": line,
            "LINE_DATA_API_BASE": line,
            "PUBLIC_BASE_URL": BASE_URL,
        }

    @contextmanager
    def web(self, environment: dict[str, str], factory: str = "app:create_app") -> Iterator[int]:
        """Run the Procfile's web server around an application's factory; yield its port."""
        port = free_port()
        command = procfile("web").replace("app:create_app", factory)
        command = re.sub(r"--host \S+", "--host 127.0.0.1", command)
        with self._running(command, environment | {"PORT": str(port)}, port):
            yield port

    @contextmanager
    def worker(self, environment: dict[str, str]) -> Iterator[int]:
        """Run the Procfile's worker; yield its process id."""
        with self._running(procfile("worker"), environment) as pid:
            yield pid

    @contextmanager
    def line(self, delay_seconds: float) -> Iterator[int]:
        """Run LINE's side, which answers after `delay_seconds`; yield its port."""
        port = free_port()
        command = f"{sys.executable} -m benchmarks.line_stub {port} {delay_seconds}"
        with self._running(command, dict(os.environ), port):
            yield port

    @contextmanager
    def push_line(self, delay_seconds: float) -> Iterator[int]:
        """Run LINE's side of pushes and multicasts; yield its port."""
        port = free_port()
        command = f"{sys.executable} -m benchmarks.push_stub {port} {delay_seconds}"
        with self._running(command, dict(os.environ), port):
            yield port

    @contextmanager
    def _running(
        self, command: str, environment: dict[str, str], port: int | None = None
    ) -> Iterator[int]:
        self._count += 1
        log = FOLDER / f"process-{self._count}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # A Ctrl-C is ours to pass on, in order.
            )
        try:
            if port is not None:
                _wait_for(process, port, command, log)
            yield process.pid
            if process.poll() is not None:
                raise BenchmarkError(f"`{command}` ended early:\n{_end_of(log)}")
        finally:
            _stop(process)


def procfile(name: str) -> str:
    """Return the Procfile's command of this name."""
    for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines():
        found, _, command = line.partition(": ")
        if found == name:
            return command
    raise BenchmarkError(f"the Procfile has no process `{name}`")


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(process: "subprocess.Popen[bytes]", port: int, command: str, log: Path) -> None:
    """Wait until the process answers HTTP, whatever it says, with all its workers."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if _answers(port) and _has_all_workers(log):
            return
        time.sleep(0.05)
    raise BenchmarkError(f"`{command}` did not start:\n{_end_of(log)}")


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CALL_SECONDS)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _has_all_workers(log: Path) -> bool:
    """Tell whether the web server's log has started every worker it spawned."""
    said = log.read_text(encoding="utf-8", errors="replace")
    return said.count("Started worker-") >= said.count("Spawning worker-")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process with all its children."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _end_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_LINES_SHOWN:])
