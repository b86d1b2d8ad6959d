"""The door to the sandbox: made when first asked for, renewed on request, entered by key."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import URL, Connection, Engine, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

import migrations
from models.api_key import ApiKey
from models.base import Sessions
from models.database import DEFAULT_POOL_SIZE, make_engine, make_sessions
from models.sandbox import (
    SCHEMA,
    create_sandbox,
    drop_sandbox,
    fill_sandbox,
    has_sandbox,
    mirror_key,
)

KEPT_CONNECTIONS = 2
"""Kept open a process; while more calls are at work there are more."""


@dataclass
class Sandbox:
    """A world beside the shop's, in the same database; see `models/sandbox.py`."""

    shop: Sessions
    engine: Engine
    """Its connections see the sandbox alone."""
    clock: Callable[[], datetime]

    @cached_property
    def sessions(self) -> Sessions:
        """The maker of sessions that work in the sandbox."""
        return make_sessions(self.engine)

    def enter(self, key: ApiKey) -> Session:
        """Return a session in the sandbox for the holder of a key, its transaction open.

        Where there is no sandbox, as after a restore, one is made first.
        """
        try:
            return self._enter(key)
        except ProgrammingError:
            if not self.open():
                raise  # There is one; something else is wrong.
        return self._enter(key)

    def _enter(self, key: ApiKey) -> Session:
        session = self.sessions()
        try:
            mirror_key(session, key)
        except ProgrammingError:
            session.close()
            raise
        return session

    def open(self) -> bool:
        """Make the sandbox unless there is one; tell whether this call made it.

        Raises NoShopYet.
        """
        with self.engine.begin() as connection:
            _wait_for_others(connection)
            if has_sandbox(connection):
                return False
            self._make(connection)
        return True

    def renew(self) -> None:
        """Make the sandbox anew, with the shop's rules of now and nothing done in it.

        Who works in it meanwhile waits, or finds the old one as it was. Raises NoShopYet.
        """
        with self.engine.begin() as connection:
            _wait_for_others(connection)
            self._make(connection)

    def upgrade(self, revision: str = "head") -> bool:
        """Bring the sandbox to `revision`; tell whether there is one."""
        with self.engine.begin() as connection:
            _wait_for_others(connection)
            if not has_sandbox(connection):
                return False
            migrations.upgrade_within(connection, revision)
        return True

    def close(self) -> bool:
        """Remove the sandbox; tell whether there was one."""
        with self.engine.begin() as connection:
            _wait_for_others(connection)
            is_there = has_sandbox(connection)
            drop_sandbox(connection)
        return is_there

    def _make(self, connection: Connection) -> None:
        with self.shop() as shop:
            source = shop.scalar(text("SELECT current_schema()"))
            keys = shop.scalars(select(ApiKey).where(ApiKey.is_sandbox)).all()
        assert source is not None, "the shop's own schema is seen"
        version = drop_sandbox(connection)
        create_sandbox(connection)
        migrations.upgrade_within(connection)
        with Session(connection) as session:
            fill_sandbox(session, source, self.clock(), version=version)
            for key in keys:
                mirror_key(session, key)
            session.commit()


def make_sandbox(
    database_url: str | URL,
    shop: Sessions,
    clock: Callable[[], datetime],
    *,
    statement_timeout_seconds: float | None = None,
) -> Sandbox:
    """Return the sandbox beside a shop's tables; nothing is connected before it is asked for."""
    engine = make_engine(
        database_url,
        pool_size=KEPT_CONNECTIONS,
        max_overflow=DEFAULT_POOL_SIZE - KEPT_CONNECTIONS,
        statement_timeout_seconds=statement_timeout_seconds,
        schema=SCHEMA,
    )
    return Sandbox(shop, engine, clock)


def _wait_for_others(connection: Connection) -> None:
    """Let one process at a time make or change tables, until the transaction ends."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({migrations.ONE_AT_A_TIME})")
