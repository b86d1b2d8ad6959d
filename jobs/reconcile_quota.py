"""Every night: hold LINE's count of messages against ours, and take over what LINE still allows."""

import asyncio
from datetime import datetime, time, timedelta

import structlog

from jobs.context import JobContext
from models.local_day import TAIPEI
from models.quota import is_figure_due, list_leftovers, note_line_figure

READ_AT = time(2, 5)
"""Taipei's time: LINE's count of a day is complete two hours after its end."""

log = structlog.get_logger()


async def reconcile_quota(context: JobContext) -> int:
    """Read LINE's figure where it is due, and note it; return 1 where it was.

    Due each night, in a month not read yet, and after LINE refused a push for its quota. Comes
    round all day, so what LINE did not tell now is asked again.
    """
    if not await asyncio.to_thread(_is_due, context):
        return 0
    limit, used = await context.line.quota(), await context.line.consumption()
    if limit is None or used is None:
        log.warning("quota_not_told")
        return 0
    return await asyncio.to_thread(_note, context, used, limit.messages)


def last_reading(now: datetime) -> datetime:
    """Return the newest moment not after `now` at which LINE's figure is to be read."""
    local = now.astimezone(TAIPEI)
    due = datetime.combine(local.date(), READ_AT, TAIPEI)
    return due if due <= local else due - timedelta(days=1)


def _is_due(context: JobContext) -> bool:
    now = context.clock()
    with context.sessions() as session:
        return is_figure_due(session, last_reading(now), now)


def _note(context: JobContext, used: int, limit: int | None) -> int:
    now = context.clock()
    with context.sessions.begin() as session:
        leftovers = len(list_leftovers(session, now))
        is_kept = note_line_figure(session, used, limit, now)
    log.info("quota_reconciled", used=used, limit=limit, kept=is_kept, leftovers=leftovers)
    return int(is_kept)
