"""Send campaigns: begin, freeze and end runs, and let the crew send what is due.

Every worker does; what keeps them apart are rows claimed with SKIP LOCKED, and LINE's pace is one
row for all. Safe to stop anywhere: claims lapse, and keys keep LINE from saying anything twice.
"""

import asyncio
import time
from collections.abc import Collection
from functools import partial

import structlog
from sqlalchemy.exc import DBAPIError

from jobs.campaign_calls import BEGIN_SECONDS, Work, carry, hold
from jobs.context import JobContext
from models.campaign.opening import open_due_runs
from models.sending.claiming import claim_chunk, list_sending, seconds_until_due
from models.sending.ending import (
    MOST_BATCHES,
    end_batches,
    finish_runs,
    list_planned,
    miss_runs,
)
from models.sending.freezing import begin_run, freeze_run

TASK = "send_campaigns"
CLAIMS_AT_ONCE = 2
"""One is being asked of the database while another's answer is taken in."""
MOST_CHUNKS = 6
"""So many chunks are claimed or under way at once: while some are on their way to LINE, others are
made ready or written down. A process's memory does not grow with the run."""
LONGEST_PAUSE_SECONDS = 5.0
"""The crew waits so long for what is due next; then the clock's sweep sends it out again."""
SHORTEST_PAUSE_SECONDS = 0.05
LOOK_SECONDS = 1.0
"""So often each worker looks by itself: one question of two indexes."""

log = structlog.get_logger()


async def send_campaigns(context: JobContext) -> None:
    """Begin what is due, end what is over, and send the crew out; does not wait for it."""
    await asyncio.to_thread(begin_runs, context)
    await asyncio.to_thread(end_runs, context)
    context.crew.send_out(partial(send_due, context))


def begin_runs(context: JobContext) -> None:
    """Open the runs whose moment has come, miss those that come too late, freeze the others."""
    now = context.clock()
    with context.sessions.begin() as session:
        open_due_runs(session, now)
        missed = miss_runs(session, now)
    if missed:
        log.info("runs_missed", runs=len(missed))
    with context.sessions() as session:
        planned = list_planned(session, now)
    for run_id in planned:
        with context.sessions.begin() as session:
            begin_run(session, run_id, now)
        started = time.monotonic()
        with context.sessions.begin() as session:
            people = freeze_run(session, run_id, now)
        log.info("run_frozen", run=run_id, people=people, seconds=time.monotonic() - started)


def end_runs(context: JobContext) -> None:
    """End what is not to be tried any more, and finish runs of which nothing waits."""
    is_more = True
    while is_more:
        with context.sessions.begin() as session:
            is_more = end_batches(session, context.clock()) == MOST_BATCHES
    with context.sessions.begin() as session:
        finished = finish_runs(session, context.clock())
    for run_id in finished:
        log.info("run_finished", run=run_id)


async def keep_looking(context: JobContext) -> None:
    """Send this process's crew out whenever a run has something due, until cancelled.

    The queue wakes one worker with one job; in a large run all of them are to help.
    """
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            seconds = await asyncio.to_thread(_seconds_until_due, context)
        except DBAPIError:  # Whoever works the queue notices too, and begins anew.
            continue
        if seconds is not None and seconds <= 0:
            context.crew.send_out(partial(send_due, context))


async def send_due(context: JobContext) -> None:
    """Send what is due of all runs until nothing more is, those of high priority first.

    The next chunks are claimed while earlier ones are on their way.
    """
    claiming: set[asyncio.Task[Work | None]] = set()
    under_way: set[asyncio.Task[None]] = set()
    is_more = True
    try:
        while not context.crew.is_closing:
            while is_more and _may_claim(claiming, under_way):
                claiming.add(asyncio.create_task(asyncio.to_thread(_claim_next, context)))
            if not claiming and not under_way:
                if not await _is_more_due(context):
                    return
                is_more = True
                continue
            done, claiming = await _done_of(claiming, under_way)
            found = [task.result() for task in done]
            under_way = _still(under_way)
            under_way |= {asyncio.create_task(carry(context, work)) for work in found if work}
            is_more = None not in found
    finally:
        await _end(context, claiming, under_way)


def _may_claim(claiming: Collection[object], under_way: Collection[object]) -> bool:
    return len(claiming) < CLAIMS_AT_ONCE and len(claiming) + len(under_way) < MOST_CHUNKS


async def _done_of(
    claiming: set[asyncio.Task[Work | None]], under_way: set[asyncio.Task[None]]
) -> tuple[set[asyncio.Task[Work | None]], set[asyncio.Task[Work | None]]]:
    """Wait until something is done, for a second at most; return claims made and being made."""
    await asyncio.wait({*claiming, *under_way}, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
    done = {task for task in claiming if task.done()}
    return done, claiming - done


def _still(under_way: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """Return the chunks still under way, and tell of those that failed: their claims lapse."""
    for task in under_way:
        if task.done() and not task.cancelled() and task.exception() is not None:
            log.error(
                "chunk_lost", error=type(task.exception()).__name__, exc_info=task.exception()
            )
    return {task for task in under_way if not task.done()}


async def _end(
    context: JobContext,
    claiming: set[asyncio.Task[Work | None]],
    under_way: set[asyncio.Task[None]],
) -> None:
    """Let what is under way end; what was claimed at the last moment is sent too."""
    if claiming:
        await asyncio.wait(claiming)
    last = [task.result() for task in claiming if task.exception() is None]
    under_way |= {asyncio.create_task(carry(context, work)) for work in last if work}
    if under_way:
        await asyncio.wait(under_way)
    _still(under_way)


async def _is_more_due(context: JobContext) -> bool:
    """End what is over, and wait a little for what is due next; tell whether there is any."""
    await asyncio.to_thread(end_runs, context)
    seconds = await asyncio.to_thread(_seconds_until_due, context)
    if seconds is None or seconds > LONGEST_PAUSE_SECONDS:
        return False
    await asyncio.sleep(max(seconds, SHORTEST_PAUSE_SECONDS))
    return True


def _claim_next(context: JobContext) -> Work | None:
    """Claim the next chunk of the most important run that has one."""
    with context.sessions() as session:
        run_ids = list_sending(session)
    for run_id in run_ids:
        begin_until = time.monotonic() + BEGIN_SECONDS
        with context.sessions.begin() as session:
            chunk = claim_chunk(session, run_id, context.clock())
        if chunk is None:
            continue
        if chunk.is_short:
            hold(context, chunk)
        return Work(chunk, begin_until)
    return None


def _seconds_until_due(context: JobContext) -> float | None:
    with context.sessions() as session:
        return seconds_until_due(session, list_sending(session), context.clock())
