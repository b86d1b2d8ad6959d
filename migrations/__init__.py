"""The schema's history, and the two ways a program asks for it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

HERE = Path(__file__).parent
ONE_AT_A_TIME = 7_241_001
"""The advisory lock under which processes that start together migrate one after another."""


def make_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for these migrations."""
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
            command.upgrade(make_config(connection), revision)
        guard.exec_driver_sql(f"SELECT pg_advisory_unlock({ONE_AT_A_TIME})")
        guard.commit()


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database back to `revision`."""
    with engine.begin() as connection:
        command.downgrade(make_config(connection), revision)


def is_current(connection: Connection) -> bool:
    """Tell whether the database is at the newest revision this program knows."""
    script = ScriptDirectory.from_config(make_config())
    return MigrationContext.configure(connection).get_current_heads() == tuple(script.get_heads())
