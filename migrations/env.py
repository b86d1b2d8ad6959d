"""Alembic's door: migrates the database whose connection the caller hands in.

`flask --app app db …` and the tests are the callers; there is no alembic.ini.
"""

import importlib
import pkgutil

from alembic import context
from sqlalchemy import Connection

import models
from models.base import Base

for module in pkgutil.iter_modules(models.__path__):
    importlib.import_module(f"models.{module.name}")

LOCK_TIMEOUT = "5s"
"""A migration that cannot have its lock soon gives up instead of stopping the counter."""


def is_ours(name: str | None, type_: str, _parents: object) -> bool:
    """Leave the queue's own tables out of every comparison."""
    return type_ != "table" or name in Base.metadata.tables


connection: Connection = context.config.attributes["connection"]
connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_name=is_ours,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
