"""Work the inbox: do what each kept event asks, then send its reply."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from bot.client import Profile
from bot.joining import join_messages
from jobs.conclusions import Conclusions
from jobs.context import JobContext
from jobs.delivery import Parcel, hand_over, words_of
from jobs.finish_all import finish_all
from models.base import take_woken
from models.line_event import LineEvent, finish_event, list_workable, note_failure, take_event
from models.outbox import Owed, try_again_at
from models.outreach.riding import carry_nudges

BATCH = 200
THREADS = 6
LONGEST_SECONDS = 30.0
"""After so long the job ends and leaves the rest to the next one: no job runs for ever."""

LONGEST_CALL = timedelta(seconds=10)
"""A call to LINE takes no longer (`bot/client.py`)."""

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True)
class Worked:
    """What came of one event: the reply to send, if it was ours to work at all."""

    reply: Owed | None
    woken: Collection[str]
    """The tasks to wake for what it left."""


async def work_inbox(context: JobContext) -> int:
    """Work waiting events until none is left; return how many were worked.

    One person's events go one after another, different people's in parallel. Safe to stop
    anywhere: an event is done in the transaction that did it, and its reply is a row. A second
    call in one process only asks the first to look once more.
    """
    if context.inbox.is_running:
        context.inbox.is_asked_again = True
        return 0
    replies = _Replies(context)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="inbox") as threads:
        context.inbox.is_running = True
        try:
            return await _drain(context, threads, replies)
        finally:
            context.inbox.is_running = False
            await replies.all_sent()


async def _drain(context: JobContext, threads: ThreadPoolExecutor, replies: "_Replies") -> int:
    until = time.monotonic() + LONGEST_SECONDS
    worked = 0
    while time.monotonic() < until:
        context.inbox.is_asked_again = False
        batch = await _in(threads, _list_batch, context)
        done = await finish_all(_work_one(context, threads, replies, event) for event in batch)
        worked += sum(done)
        if not any(done) and not context.inbox.is_asked_again:
            break
    return worked


async def _in(threads: ThreadPoolExecutor, function: Callable[..., T], *arguments: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, function, *arguments)


def _list_batch(context: JobContext) -> Sequence[LineEvent]:
    with context.sessions() as session:
        return list_workable(session, limit=BATCH, now=context.clock())


async def _work_one(
    context: JobContext, threads: ThreadPoolExecutor, replies: "_Replies", event: LineEvent
) -> bool:
    profile = await _meet(context, event)
    worked = await _in(threads, _work, context, event.id, profile)
    if worked is None:
        return False
    if worked.reply is not None:
        replies.send(event.person, worked.reply)
    for task in worked.woken:
        context.ring(task)
    return True


async def _meet(context: JobContext, event: LineEvent) -> Profile:
    """Ask LINE who someone is where the handler will want to know, before any transaction."""
    if event.person is None or not context.wants_profile(event):
        return Profile()
    return await context.line.meet(event.person)


def _work(context: JobContext, event_id: int, profile: Profile) -> Worked | None:
    now = context.clock()
    try:
        with context.sessions.begin() as session:
            event = take_event(session, event_id)
            if event is None:
                return None
            session.expunge(event)  # Its one change is written by `finish_event`.
            reply = context.work_event(session, event, profile, now)
            if reply is not None and session.info.pop("nudges", False):
                _carry(context, session, reply, now)
            finish_event(session, event)
            woken = take_woken(session)
    except Exception as error:  # The loop's edge: one broken event must not lose its neighbours.
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        log.exception("event_failed", event_id=event_id)
        return _give_up(context, event_id, error)
    log.info("event_worked", event_id=event_id, type=event.event_type, reply=reply is not None)
    return Worked(reply, woken)


def _carry(context: JobContext, session: Session, reply: Owed, now: datetime) -> None:
    """Let what waits for this person ride on the reply; whatever fails there, the reply goes."""
    try:
        with session.begin_nested():
            draw = partial(words_of, address=context.links.address)
            riders = carry_nudges(session, reply, now, draw=draw, join=join_messages)
    except DBAPIError:
        raise
    except Exception:  # An edge: one broken nudge must not keep an answer from its person.
        log.exception("nudges_left", owed=str(reply.id))
    else:
        log.info("nudges_carried", owed=str(reply.id), riders=riders)


def _give_up(context: JobContext, event_id: int, error: Exception) -> Worked | None:
    now = context.clock()
    with context.sessions.begin() as session:
        event = note_failure(session, event_id, type(error).__name__, now)
        if event is None or event.state != "failed":
            return None
        return Worked(context.apologise(session, event, now), woken=())


class _Replies:
    """Replies under way: each person's one after another, different people's all at once."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._conclusions = Conclusions(context)
        self._last: dict[str | None, asyncio.Task[None]] = {}
        self._all: set[asyncio.Task[None]] = set()

    def send(self, person: str | None, owed: Owed) -> None:
        """Begin to send, after the person's earlier reply."""
        task = asyncio.create_task(self._send(self._last.get(person), owed))
        self._last[person] = task
        self._all.add(task)
        task.add_done_callback(self._end)

    async def all_sent(self) -> None:
        """Wait for every reply; a failure in one is logged and leaves its row waiting."""
        while self._all:
            await asyncio.wait(self._all)

    def _end(self, task: "asyncio.Task[None]") -> None:
        self._all.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("reply_failed", exc_info=task.exception())

    async def _send(self, earlier: "asyncio.Task[None] | None", owed: Owed) -> None:
        if earlier is not None:
            await asyncio.wait([earlier])
        if owed.is_late(self._context.clock()):
            await asyncio.to_thread(self._leave, owed)
            return
        if owed.next_try_at - LONGEST_CALL <= self._context.clock():
            return  # Our claim could lapse during the call, and two would say it: it comes round.
        parcel = Parcel(owed, was_in_doubt=False, messages=words_of(owed))
        attempt = await hand_over(self._context.line, parcel)
        result = await self._conclusions.write(parcel, attempt)
        log.info("reply_sent", owed=str(owed.id), result=result, request=attempt.outcome.request_id)

    def _leave(self, owed: Owed) -> None:
        """Leave a reply that comes too late to the outbox, which knows whether it may be pushed."""
        with self._context.sessions.begin() as session:
            try_again_at(session, owed.id, self._context.clock(), in_doubt=False)
        self._context.ring("deliver_outbox")
