"""Being known as a live worker, so that a new one can tell what only dead ones had claimed.

Every worker shares an advisory lock while it lives; PostgreSQL drops it with the connection of a
worker that was killed. Who gets the lock alone is the only worker there is: then no claim has an
owner, and what lay on its way to LINE goes on at once instead of after its lease.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jobs.context import JobContext
from models import webhook
from models.outbox import release_claims
from models.sending import claiming

LIVE_WORKERS = 7_241_003
"""The advisory lock that live workers share."""

log = structlog.get_logger()


@asynccontextmanager
async def among_workers(context: JobContext) -> AsyncIterator[None]:
    """Be known as alive inside; the only one alive first releases what dead ones had claimed.

    Raises SQLAlchemy's DBAPIError where the database is away.
    """
    session = await asyncio.to_thread(_come_in, context)
    try:
        yield
    finally:
        await asyncio.to_thread(session.invalidate)


def _come_in(context: JobContext) -> Session:
    """Return a session whose connection holds the lock until it is invalidated."""
    session = context.sessions()
    try:
        connection = session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        if connection.scalar(select(func.pg_try_advisory_lock(LIVE_WORKERS))):
            _release(context)
            connection.execute(select(func.pg_advisory_lock_shared(LIVE_WORKERS)))
            connection.execute(select(func.pg_advisory_unlock(LIVE_WORKERS)))
        else:
            connection.execute(select(func.pg_advisory_lock_shared(LIVE_WORKERS)))
    except BaseException:
        session.invalidate()
        raise
    return session


def _release(context: JobContext) -> None:
    with context.sessions.begin() as session:
        now = context.clock()
        released = release_claims(session, now) + webhook.release_claims(session, now)
        released += claiming.release_claims(session, now)
    if released:
        log.info("claims_released", rows=released)
