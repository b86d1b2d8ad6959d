"""The database: engines, sessions, and databases made and dropped for tests.

PostgreSQL everywhere. `DATABASE_URL` names it; where it is unset, `embedded_url` starts one.
"""

from functools import partial

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.orm import Session, sessionmaker

from models.embedded_postgres import EmbeddedPostgresError, embedded_url, stop_embedded

__all__ = [
    "DEFAULT_POOL_SIZE",
    "EmbeddedPostgresError",
    "create_database",
    "drop_database",
    "embedded_url",
    "libpq_conninfo",
    "make_engine",
    "make_sessions",
    "sqlalchemy_url",
    "stop_embedded",
]

MAINTENANCE_DATABASE = "postgres"
DEFAULT_POOL_SIZE = 10
POOL_TIMEOUT_SECONDS = 10
CONNECT_TIMEOUT_SECONDS = 5
OUTSIDE_TIMEOUT_SECONDS = 60
"""Nobody at a till waits for a whole database to be made."""
# A dead network path is noticed after 30 + 3 x 10 seconds, not after the system's two hours.
KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


def sqlalchemy_url(url: str | URL) -> URL:
    """Return `url` with our driver; `postgres://` and `postgresql://` are as good as the full name.

    Raises ValueError where it names another kind of database.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise ValueError(f"DATABASE_URL must name a PostgreSQL database, not {parsed.drivername}")
    return parsed.set(drivername="postgresql+psycopg")


def libpq_conninfo(url: str | URL) -> str:
    """Return `url` as psycopg and PostgreSQL's own programs take it, password included.

    As "host=… dbname=…", not as a URL: libpq and SQLAlchemy disagree on what a plus sign is.
    """
    parsed = sqlalchemy_url(url)
    _, arguments = parsed.get_dialect()().create_connect_args(parsed)
    return make_conninfo(**arguments)


def make_engine(
    url: str | URL,
    *,
    pool_size: int = DEFAULT_POOL_SIZE,
    max_overflow: int = 0,
    pool_timeout_seconds: float = POOL_TIMEOUT_SECONDS,
    connect_timeout_seconds: int = CONNECT_TIMEOUT_SECONDS,
    statement_timeout_seconds: float | None = None,
    idle_in_transaction_timeout_seconds: float | None = None,
    application_name: str = "regulars",
    schema: str | None = None,
) -> Engine:
    """Return an engine with at most `pool_size + max_overflow` connections, each in UTC.

    Nothing is connected yet. Connections are not tried before use: a round trip for every request
    costs more than the one failed request after a restart of the server, which empties the whole
    pool. The last two timeouts are the server's, none where None: it cancels a statement, or ends a
    session that sits in an open transaction. Behind PgBouncer set `ignore_startup_parameters =
    options` and give the time zone to the role.

    With `schema` every transaction sees that schema and no other. Each one says so itself: an
    option of the connection is what a pooler in between may drop, and then it would see the shop.
    Its errors, which are logged with their traces, tell no values: those are people's.
    """
    limits = {
        "TimeZone": "UTC",
        "statement_timeout": _milliseconds(statement_timeout_seconds),
        "idle_in_transaction_session_timeout": _milliseconds(idle_in_transaction_timeout_seconds),
    }
    options = " ".join(f"-c {name}={value}" for name, value in limits.items() if value is not None)
    engine = create_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=pool_timeout_seconds,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": connect_timeout_seconds,
            "application_name": application_name,
            "options": options,
            **KEEPALIVE,
        },
    )
    event.listen(engine, "handle_error", _hush)
    if schema is not None:
        event.listen(engine, "begin", partial(_see_only, schema))
    return engine


def _hush(context: ExceptionContext) -> None:
    """Keep of the server's message what went wrong; its other lines quote the row."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args:
            error.args = (*str(error.args[0]).splitlines()[:1], *error.args[1:])


def _see_only(schema: str, connection: Connection) -> None:
    """Let a transaction that begins see one schema; the setting ends with it."""
    connection.exec_driver_sql(f'SET LOCAL search_path TO "{schema}"')


def make_sessions(engine: Engine) -> sessionmaker[Session]:
    """Return the maker of sessions; what was read stays readable after the commit.

    All its sessions share the programme's rules once read (`models/programme.py`).
    """
    return sessionmaker(engine, expire_on_commit=False, info={"programmes": {}})


def create_database(url: str | URL, name: str, template: str | None = None) -> URL:
    """Make database `name` on the server of `url`, a copy of `template` if given; return its URL.

    Nobody may be connected to the template. Raises psycopg.errors.DuplicateDatabase where the name
    is taken.
    """
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    _execute_outside(url, statement)
    return sqlalchemy_url(url).set(database=name)


def drop_database(url: str | URL, name: str) -> None:
    """Drop database `name` on the server of `url` if it is there, cutting off who is connected."""
    _execute_outside(
        url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    )


def _execute_outside(url: str | URL, statement: sql.Composed) -> None:
    """Execute a statement about whole databases: from another database and in no transaction."""
    elsewhere = sqlalchemy_url(url).set(database=MAINTENANCE_DATABASE)
    with psycopg.connect(
        libpq_conninfo(elsewhere), autocommit=True, connect_timeout=OUTSIDE_TIMEOUT_SECONDS
    ) as connection:
        connection.execute(statement)


def _milliseconds(seconds: float | None) -> int | None:
    """Return seconds as the whole milliseconds PostgreSQL counts in."""
    return None if seconds is None else round(seconds * 1000)
