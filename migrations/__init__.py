"""The schema's history, and the two ways a program asks for it."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent
REVISION_DIGITS = 4
ONE_AT_A_TIME = 7_241_001
"""The advisory lock under which processes that start together migrate one after another."""


def make_config(connection: Connection | None = None) -> "Config":
    """Return Alembic's configuration for these migrations."""
    from alembic.config import Config  # Loaded by who migrates, not by every process.

    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to `revision`; a second caller waits and then finds nothing to do."""
    with engine.connect() as guard:
        guard.exec_driver_sql(f"SELECT pg_advisory_lock({ONE_AT_A_TIME})")
        guard.commit()
        with engine.begin() as connection:
            upgrade_within(connection, revision)
        guard.exec_driver_sql(f"SELECT pg_advisory_unlock({ONE_AT_A_TIME})")
        guard.commit()


def upgrade_within(connection: Connection, revision: str = "head") -> None:
    """Bring the schema that the connection sees to `revision`, inside its transaction."""
    from alembic import command

    command.upgrade(make_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database back to `revision`."""
    from alembic import command

    with engine.begin() as connection:
        command.downgrade(make_config(connection), revision)


@cache
def newest_revision() -> str:
    """Return the newest revision this program knows: its files are numbered in order."""
    return max(path.name[:REVISION_DIGITS] for path in (HERE / "versions").glob("[0-9]*.py"))


def is_current(connection: Connection) -> bool:
    """Tell whether the database is at the newest revision this program knows."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return False
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return found == [newest_revision()]
