"""Engines and databases: UTC, limits that hold, and copies of a template."""

import shutil
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from models.database import (
    create_database,
    drop_database,
    embedded_url,
    libpq_conninfo,
    make_engine,
    make_sessions,
    sqlalchemy_url,
    stop_embedded,
)


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """Yield the URL of a server of this module's own."""
    folder = Path(tempfile.mkdtemp(prefix="rg-", dir="/tmp"))
    yield embedded_url(folder / "pg", durable=False)
    stop_embedded(folder / "pg")
    shutil.rmtree(folder)


@pytest.fixture
def engine(server_url: str) -> Iterator[Engine]:
    """Yield an engine of one connection, for which nobody waits for long."""
    made = make_engine(
        server_url,
        pool_size=1,
        pool_timeout_seconds=0.05,
        statement_timeout_seconds=40,
        idle_in_transaction_timeout_seconds=30,
    )
    yield made
    made.dispose()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_spelling_of_the_url_gets_our_driver(scheme: str) -> None:
    url = f"{scheme}://tea:p%40ss@db.example:5433/days?sslmode=require"

    assert sqlalchemy_url(url).drivername == "postgresql+psycopg"
    assert conninfo_to_dict(libpq_conninfo(url)) == {
        "host": "db.example",
        "port": "5433",
        "user": "tea",
        "password": "p@ss",
        "dbname": "days",
        "sslmode": "require",
    }


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(ValueError, match="must name a PostgreSQL database"):
        make_engine("sqlite:///tea.db")


def test_a_session_speaks_utc(engine: Engine) -> None:
    with make_sessions(engine)() as session:
        assert session.scalar(text("SHOW TimeZone")) == "UTC"


def test_a_slow_statement_is_cut_off_by_the_server(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "40s"
        connection.execute(text("SET statement_timeout = 100"))
        with pytest.raises(DBAPIError, match="statement timeout"):
            connection.execute(text("SELECT pg_sleep(60)"))


def test_an_idle_transaction_has_the_limit_it_was_given(engine: Engine) -> None:
    with engine.connect() as connection:
        limit = connection.scalar(text("SHOW idle_in_transaction_session_timeout"))

    assert limit == "30s"


def test_the_pool_never_grows_past_its_size(engine: Engine) -> None:
    with engine.connect(), pytest.raises(PoolTimeoutError):
        engine.connect()


def test_one_lost_connection_fails_one_request_and_no_more(engine: Engine, server_url: str) -> None:
    with engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(libpq_conninfo(server_url), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 60000)", [pid])

    with engine.connect() as connection, pytest.raises(OperationalError):
        connection.execute(text("SELECT 1"))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_a_copy_of_a_template_has_its_rows_and_goes_its_own_way(server_url: str) -> None:
    template = libpq_conninfo(create_database(server_url, "template_of_tea"))
    with psycopg.connect(template) as connection:
        connection.execute("CREATE TABLE tea AS SELECT 'oolong' AS name")

    copy = libpq_conninfo(create_database(server_url, "copy_of_tea", template="template_of_tea"))
    with psycopg.connect(copy) as connection:
        connection.execute("INSERT INTO tea VALUES ('matcha')")
        assert connection.execute("SELECT count(*) FROM tea").fetchone() == (2,)

    with psycopg.connect(template) as connection:
        assert connection.execute("SELECT count(*) FROM tea").fetchone() == (1,)


def test_a_taken_name_is_refused(server_url: str) -> None:
    create_database(server_url, "taken")

    with pytest.raises(psycopg.errors.DuplicateDatabase):
        create_database(server_url, "taken")


def test_a_database_in_use_can_be_dropped_and_dropped_again(server_url: str) -> None:
    url = libpq_conninfo(create_database(server_url, "short_lived"))
    with psycopg.connect(url) as connection:
        drop_database(server_url, "short_lived")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")

    drop_database(server_url, "short_lived")


def test_an_error_tells_no_values_of_the_row(engine: Engine) -> None:
    """Its trace is logged: who is in the row is nobody's business there."""
    named = {"name": "王小明"}
    with engine.connect() as connection:
        connection.execute(text("CREATE TEMP TABLE guest (name text, phone text NOT NULL)"))
        with pytest.raises(DBAPIError) as refused:
            connection.execute(text("INSERT INTO guest (name) VALUES (:name)"), named)

    told = "".join(traceback.format_exception(refused.value))
    assert "violates not-null constraint" in told
    assert named["name"] not in told
