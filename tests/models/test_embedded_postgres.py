"""The embedded server: joined by many, stopped by the last, never stopped by a crash."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from models.database import EmbeddedPostgresError, embedded_url, libpq_conninfo, stop_embedded
from models.embedded_postgres import SETTINGS

JOIN_AND_WAIT = """
import sys
from pathlib import Path
from models.database import embedded_url
print(embedded_url(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""
ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")


@contextmanager
def short_folder() -> Iterator[Path]:
    """Yield a folder whose path is short enough for a socket's name; pytest's own is not always."""
    made = Path(tempfile.mkdtemp(prefix="rg-", dir="/tmp"))
    made.chmod(0o711)
    yield made
    for settings in list(made.rglob("postgresql.conf")):
        stop_embedded(settings.parent)
    shutil.rmtree(made)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield an empty folder, for what needs a first start of its own."""
    with short_folder() as made:
        yield made


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """Yield a data folder that every test leaves fit for the next start."""
    with short_folder() as made:
        yield made / "pg"


def answer(url: str, question: str) -> object:
    """Return the one value the server answers with."""
    with psycopg.connect(libpq_conninfo(url)) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def server_pid(data_dir: Path) -> int:
    """Return the process id that the running server wrote down."""
    return int((data_dir / "postmaster.pid").read_text(encoding="utf-8").split()[0])


def wait_until_gone(pid: int) -> None:
    """Return when no process (or only a dead one) has this id."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        listed = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        if listed.stdout.strip()[:1] in {"", "Z"}:
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} is still there")


def start_another_process(data_dir: Path) -> subprocess.Popen[str]:
    """Start a process that joins the server and stays until its standard input is closed."""
    return subprocess.Popen(
        [sys.executable, "-c", JOIN_AND_WAIT, str(data_dir)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def join_from_another_process(data_dir: Path) -> subprocess.Popen[str]:
    """Start such a process and wait until it has joined."""
    other = start_another_process(data_dir)
    assert other.stdout is not None
    assert other.stdout.readline().startswith("postgresql+psycopg://")
    return other


def test_asking_again_joins_the_running_server(data_dir: Path) -> None:
    first = embedded_url(data_dir)
    pid = server_pid(data_dir)

    assert embedded_url(data_dir) == first
    assert server_pid(data_dir) == pid


def test_the_settings_reach_the_server(data_dir: Path) -> None:
    url = embedded_url(data_dir)

    for name, wanted in SETTINGS.items():
        assert answer(url, f"SHOW {name}") == wanted


def test_a_server_used_by_another_process_is_left_running(data_dir: Path) -> None:
    url = embedded_url(data_dir)
    with join_from_another_process(data_dir) as other:
        assert not stop_embedded(data_dir)
        assert answer(url, "SELECT 1") == 1
        other.communicate()

    assert stop_embedded(data_dir)
    with pytest.raises((psycopg.OperationalError, FileNotFoundError)):
        answer(url, "SELECT 1")


def test_processes_that_start_it_at_once_share_one_server(folder: Path) -> None:
    data_dir = folder / "pg"
    others = [start_another_process(data_dir) for _ in range(3)]
    told = {other.communicate()[0] for other in others}

    assert told == {embedded_url(data_dir) + "\n"}


def test_a_process_killed_outright_no_longer_counts_as_a_user(data_dir: Path) -> None:
    embedded_url(data_dir)
    with join_from_another_process(data_dir) as other:
        other.kill()

    assert stop_embedded(data_dir)


def test_the_server_is_out_of_reach_of_a_terminals_ctrl_c(data_dir: Path) -> None:
    embedded_url(data_dir)
    pid = server_pid(data_dir)

    assert os.getsid(pid) != os.getsid(0)
    assert os.getpgid(pid) != os.getpgid(0)


def test_what_was_committed_survives_a_killed_server(data_dir: Path) -> None:
    url = embedded_url(data_dir)
    with psycopg.connect(libpq_conninfo(url)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    killed = server_pid(data_dir)
    os.kill(killed, signal.SIGKILL)
    wait_until_gone(killed)

    assert answer(embedded_url(data_dir), "SELECT number FROM kept") == 7


def test_a_stale_pid_file_whose_number_lives_again_is_no_obstacle(data_dir: Path) -> None:
    embedded_url(data_dir)
    pid_file = data_dir / "postmaster.pid"
    lines = pid_file.read_text(encoding="utf-8").splitlines()
    stop_embedded(data_dir)
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]), encoding="utf-8")

    assert answer(embedded_url(data_dir), "SELECT 1") == 1


def test_a_first_start_cut_off_in_the_middle_is_made_good(folder: Path) -> None:
    data_dir = folder / "pg"
    half_made = data_dir.with_name(f".{data_dir.name}.making")
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n", encoding="ascii")

    assert answer(embedded_url(data_dir), "SELECT 1") == 1


def test_a_path_too_long_for_a_socket_gets_a_short_one(folder: Path) -> None:
    data_dir = folder / ("x" * 120) / "pg"
    url = embedded_url(data_dir)

    assert answer(url, "SELECT 1") == 1


def test_a_path_with_a_space_and_a_quote_works(folder: Path) -> None:
    url = embedded_url(folder / "tea days' 茶" / "pg")

    assert answer(url, "SELECT 1") == 1


def test_somebody_elses_folder_is_refused_and_left_alone(folder: Path) -> None:
    data_dir = folder / "pg"
    data_dir.mkdir()
    (data_dir / "diary.txt").write_text("mine", encoding="utf-8")

    with pytest.raises(EmbeddedPostgresError, match="move it away"):
        embedded_url(data_dir)
    assert (data_dir / "diary.txt").exists()


def test_data_of_another_version_is_refused_by_name(folder: Path) -> None:
    data_dir = folder / "pg"
    data_dir.mkdir()
    (data_dir / "PG_VERSION").write_text("16\n", encoding="ascii")

    with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 16"):
        embedded_url(data_dir)


def test_stopping_what_never_ran_is_fine(folder: Path) -> None:
    assert stop_embedded(folder / "pg")


def test_the_data_folder_is_closed_to_others(data_dir: Path) -> None:
    embedded_url(data_dir)

    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700


@only_root
def test_root_opens_a_closed_folder_above_the_data_to_be_entered_only(folder: Path) -> None:
    closed = folder / "home"
    closed.mkdir(mode=0o700)

    assert answer(embedded_url(closed / "project" / "pg"), "SELECT 1") == 1
    assert stat.S_IMODE(closed.stat().st_mode) == 0o701


@only_root
def test_root_runs_the_server_as_the_owner_of_its_data(data_dir: Path) -> None:
    embedded_url(data_dir)

    owner = data_dir.stat().st_uid
    assert owner != 0
    assert Path(f"/proc/{server_pid(data_dir)}").stat().st_uid == owner
