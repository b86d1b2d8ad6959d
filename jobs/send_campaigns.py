"""Send campaigns: begin, freeze and end runs, and let the crew send what is due.

Every worker does; what keeps them apart are rows claimed with SKIP LOCKED, and LINE's pace is one
row for all. Safe to stop anywhere: claims lapse, and keys keep LINE from saying anything twice.
"""

import asyncio
import time
from functools import partial

import structlog

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
MOST_CHUNKS = 4
"""So many chunks are under way at once in one process: its memory does not grow with the run."""
LONGEST_PAUSE_SECONDS = 5.0
"""The crew waits so long for what is due next; then the clock's sweep sends it out again."""
SHORTEST_PAUSE_SECONDS = 0.05

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


async def send_due(context: JobContext) -> None:
    """Send what is due of all runs until nothing more is, those of high priority first."""
    under_way: set[asyncio.Task[None]] = set()
    try:
        while not context.crew.is_closing:
            if len(under_way) >= MOST_CHUNKS:
                under_way = await _some_done(under_way)
                continue
            work = await asyncio.to_thread(_claim_next, context)
            if work is not None:
                under_way.add(asyncio.create_task(carry(context, work)))
            elif under_way:
                under_way = await _some_done(under_way)
            elif not await _is_more_due(context):
                return
    finally:
        await asyncio.wait(under_way) if under_way else None
        _report(under_way)


async def _some_done(under_way: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """Wait for a chunk to be done, for a second at most; return those still under way."""
    done, left = await asyncio.wait(under_way, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
    _report(done)
    return left


def _report(done: set[asyncio.Task[None]]) -> None:
    """Tell of chunks that failed: their claims lapse, and others are not held up."""
    for task in done:
        if not task.cancelled() and task.exception() is not None:
            log.error(
                "chunk_lost", error=type(task.exception()).__name__, exc_info=task.exception()
            )


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
