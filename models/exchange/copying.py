"""Writing many rows at once: COPY on the session's own connection, inside its transaction."""

from collections.abc import Iterable, Sequence

from psycopg import Connection, sql
from sqlalchemy import text
from sqlalchemy.orm import Session

_NEXT_IDS = text(
    "SELECT nextval(pg_get_serial_sequence(:table_name, 'id')) FROM generate_series(1, :count)"
)


def driver(session: Session) -> Connection[tuple[object, ...]]:
    """Return the driver's connection on which the session's transaction runs."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, Connection)
    return connection


def copy_rows(
    session: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Append rows to a table; its triggers and constraints hold as ever."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with driver(session).cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def next_ids(session: Session, table: str, count: int) -> list[int]:
    """Draw `count` ids of a table, rising."""
    if not count:
        return []
    return sorted(session.scalars(_NEXT_IDS, {"table_name": table, "count": count}))


def columns_of(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    """Return rows turned into columns, one array a column, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)]
