"""The real processes, as the Procfile starts them, around a database and a LINE of their own.

Tests of what must survive a kill need what production runs: granian, the worker, the clock, each
a process that can be killed and started again. LINE is the simulator, in a thread of the test, so
it survives all of them. What the processes said is in `var/test-logs/`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import urllib3
from sqlalchemy import URL, Engine

from bot.simulator import Channel, SimulatorServer
from jobs.queue import defer_once, make_sync_queue
from models.base import Sessions
from models.database import libpq_conninfo, make_engine, make_sessions

ROOT = Path(__file__).parents[1]
LOGS = ROOT / "var" / "test-logs"
BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 300.0
"""How long a condition may take to come true on a busy machine: it costs only where it fails."""
CALL_SECONDS = 60.0
POLL_SECONDS = 0.05
SECRET_KEY = "a secret key of the tests"
CHANNEL_SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"
CHANNEL_TOKEN = "a channel token of the tests"
READY_WORDS = {"worker": "event=worker_ready", "clock": "event=clock_running"}
PLAYED_CLOCK = "PLAYED_CLOCK_BEHIND_SECONDS"
"""How the application of `tests/faults/played_clock.py` is told which time to play."""


def wait_until(
    is_true: Callable[[], object],
    what: str,
    *,
    seconds: float = PATIENCE_SECONDS,
    pause: Callable[[float], object] = time.sleep,
) -> float:
    """Return how many seconds it took until `is_true`; fail with `what` where it takes too long.

    `pause` lets so many seconds go by: who drives a browser lets it work meanwhile.
    """
    started = time.monotonic()
    while not is_true():
        assert time.monotonic() - started < seconds, f"not within {seconds:.0f} s: {what}"
        pause(POLL_SECONDS)
    return time.monotonic() - started


@contextmanager
def kept_port() -> Iterator[int]:
    """Yield a port that is given to nobody else, not even while our web server is away.

    Only who shares ports, as granian does, can listen on it.
    """
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        keeper.bind(("127.0.0.1", 0))
        yield int(keeper.getsockname()[1])


@dataclass
class Process:
    """One program of ours: started, killed, started again, its words kept in one file."""

    command: str
    environment: dict[str, str]
    log: Path
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program in a group of its own, so that its children die with it."""
        assert self.running is None, f"{self.log.stem} runs already"
        with self.log.open("ab") as written:
            self.running = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {self.command}"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End the program and its children at once, without a word: SIGKILL."""
        running, self.running = self.running, None
        if running is not None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait(PATIENCE_SECONDS)

    def pause(self) -> None:
        """Let the program stand still: SIGSTOP. It does when this returns."""
        assert self.running is not None
        os.killpg(self.running.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.running.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def go_on(self) -> None:
        """Let a paused program go on."""
        assert self.running is not None
        os.killpg(self.running.pid, signal.SIGCONT)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Let the program stand still inside."""
        self.pause()
        try:
            yield
        finally:
            self.go_on()

    def assert_runs(self) -> None:
        """Fail where the program has ended by itself."""
        ended = self.running is None or self.running.poll() is not None
        assert not ended, f"{self.log.stem} ended; see {self.log}"

    def said(self, words: str) -> int:
        """Return how many lines of the log hold these words."""
        return sum(words in line for line in self.log.read_text("utf-8", "replace").splitlines())


@dataclass
class Installation:
    """The shop's processes, the database and the LINE they work with."""

    database: URL
    engine: Engine
    sessions: Sessions
    line: SimulatorServer
    base_url: str
    environment: dict[str, str]
    logs: Path
    processes: dict[str, Process] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        """Start processes and return once each of them does its work.

        A name is `web`, `worker` or `clock`; a second clock is `clock2`, and so on.
        """
        said = {name: self._process(name).said(_ready_words(name)) for name in names}
        for name in names:
            self.processes[name].start()
        for name in names:
            self._wait_ready(name, said[name])

    def kill(self, *names: str) -> None:
        """Kill processes outright."""
        for name in names:
            self.processes[name].kill()

    def restart(self, *names: str) -> None:
        """Kill processes outright and start them again."""
        self.kill(*names)
        self.start(*names)

    def play_time(self, moment: datetime, now: datetime, *names: str) -> None:
        """Let these processes, none of them running, believe that `moment`, now past, is now."""
        behind = now - moment
        assert behind >= timedelta(0), "the scheduler would wait for a time that lies ahead"
        for name in names:
            process = self._process(name)
            process.environment[PLAYED_CLOCK] = str(behind.total_seconds())
            process.command = process.command.replace(
                "--app app", "--app tests.faults.played_clock"
            )

    def command(self, words: str) -> str:
        """Run `flask --app app …` as an operator does, to its end, and return what it said."""
        done = subprocess.run(
            [BIN / "flask", "--app", "app", *words.split()],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ring(self, task: str) -> None:
        """Wake the workers for a task, as the web server does."""
        with make_sync_queue(libpq_conninfo(self.database)).open() as queue:
            defer_once(queue, task)

    def close(self) -> None:
        """Kill whatever runs."""
        for process in self.processes.values():
            process.kill()

    def _process(self, name: str) -> Process:
        if name not in self.processes:
            command = _procfile()[name.rstrip("0123456789")]
            log = self.logs / f"{name}.log"
            log.touch()
            self.processes[name] = Process(command, dict(self.environment), log)
        return self.processes[name]

    def _wait_ready(self, name: str, said: int) -> None:
        process = self.processes[name]

        def is_ready() -> bool:
            process.assert_runs()
            if name == "web":
                return is_serving(self.base_url)
            return process.said(_ready_words(name)) > said

        if name.startswith("clock") and len(_clocks(self.processes)) > 1:
            return  # It waits as a spare, which it does in silence.
        wait_until(is_ready, f"{name} is ready; see {process.log}")


def is_serving(base_url: str) -> bool:
    """Tell whether the web server is ready, database and all."""
    try:
        answer = urllib3.request("GET", f"{base_url}/readyz", timeout=CALL_SECONDS, retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200


@contextmanager
def installed(database: URL, name: str) -> Iterator[Installation]:
    """Yield an installation on this database; nothing runs yet but LINE. End everything after."""
    logs = LOGS / f"{name}-{os.getpid()}"
    _forget_logs(name)
    metrics = logs / "metrics"
    metrics.mkdir(parents=True)
    engine = make_engine(database, pool_size=8, connect_timeout_seconds=int(CALL_SECONDS))
    with kept_port() as port, _line_of(port) as line:
        base_url = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PYTHONUNBUFFERED": "1",
            "SECRET_KEY": SECRET_KEY,
            "LINE_CHANNEL_SECRET": CHANNEL_SECRET,
            "LINE_CHANNEL_ACCESS_TOKEN": CHANNEL_TOKEN,
            "LINE_API_BASE": line.url,
            "LINE_DATA_API_BASE": line.url,
            "PUBLIC_BASE_URL": base_url,
            "CHAT_URL": line.url,
            "DATABASE_URL": database.render_as_string(hide_password=False),
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            "PORT": str(port),
            "WEB_WORKERS": "1",
            "WEB_THREADS": "8",
        }
        made = Installation(
            database, engine, make_sessions(engine), line, base_url, environment, logs
        )
        try:
            yield made
        finally:
            made.close()
            engine.dispose()


def _line_of(port: int) -> SimulatorServer:
    """Return LINE, which sends to this port again what was not taken in time, as it does."""
    webhook_url = f"http://127.0.0.1:{port}/callback"
    line = SimulatorServer(
        Channel(CHANNEL_SECRET, CHANNEL_TOKEN, webhook_url=webhook_url), rate_limits=False
    )
    line.world.webhooks.redelivers = True
    return line


def _forget_logs(name: str) -> None:
    """Delete what earlier runs left under this name; runs going on at the same time keep theirs."""
    for folder in LOGS.glob(f"{name}-*"):
        pid = int(folder.name.rpartition("-")[2])
        if pid == os.getpid() or not _is_alive(pid):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # It lives, as somebody else.
    return True


def _procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}


def _ready_words(name: str) -> str:
    return READY_WORDS.get(name.rstrip("0123456789"), "")


def _clocks(processes: dict[str, Process]) -> list[Process]:
    return [
        process
        for name, process in processes.items()
        if name.startswith("clock") and process.running is not None
    ]
