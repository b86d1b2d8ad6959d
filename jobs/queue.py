"""The queue: Procrastinate on our own PostgreSQL, its tasks, and how they are woken.

Tasks carry batches, not rows: one waiting "work the inbox" is enough for any number of events, so
a wake-up while one waits is a no-op (queueing lock). What must survive is in our tables; a lost
wake-up is made good by the clock's sweep.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable

import procrastinate
import psycopg
import structlog
from procrastinate import JobContext as QueueContext
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Status
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from jobs.check_channel import check_channel as look_at_channel
from jobs.context import JobContext
from jobs.cross_journeys import cross_journeys as cross_all_journeys
from jobs.deliver_mail import deliver_mail as deliver_all_mail
from jobs.deliver_outbox import deliver_outbox as deliver_all
from jobs.deliver_texts import deliver_texts as deliver_all_texts
from jobs.deliver_webhooks import deliver_webhooks as deliver_all_webhooks
from jobs.move_files import move_files as move_all_files
from jobs.offerings import hand_out_coupons as hand_out_all
from jobs.prepare_figures import prepare_figures as prepare_all_figures
from jobs.reconcile_quota import reconcile_quota as reconcile_all
from jobs.send_campaigns import send_campaigns as send_all_campaigns
from jobs.timetable import get_call, get_entry, get_round
from jobs.work_inbox import work_inbox as work_all
from models.job_run import begin_run, finish_run

IDLE_TRANSACTION_MILLISECONDS = 10_000
HEARTBEAT_SECONDS = 2.0
DEAD_AFTER_SECONDS = 10.0
"""A worker silent for so long is dead, and what it held is given to another."""
CONCURRENCY = 6
SHORTEST_RING_SECONDS = 0.1
TASK_PREFIX = "regulars:"

log = structlog.get_logger()


def _known(context: QueueContext) -> JobContext:
    known: JobContext = context.additional_context["regulars"]
    return known


async def work_inbox(context: QueueContext) -> None:
    """Work the events that wait."""
    await work_all(_known(context))


async def deliver_outbox(context: QueueContext) -> None:
    """Deliver what is owed and due; what made it due may concern other systems too."""
    known = _known(context)
    await deliver_all(known)
    if known.couriers.has_listeners:
        known.ring("deliver_webhooks")
    if known.mailer is not None:
        known.ring("deliver_mail")


async def deliver_mail(context: QueueContext) -> None:
    """Send the mails that are owed and due, where the shop sends any."""
    await deliver_all_mail(_known(context))


async def deliver_texts(context: QueueContext) -> None:
    """Send the codes we owe to phones, where the shop has a sender."""
    known = _known(context)
    if known.text_sender is not None:
        await deliver_all_texts(known.sessions, known.text_sender, known.clock)


async def deliver_webhooks(context: QueueContext) -> None:
    """Tell other systems what happened."""
    await deliver_all_webhooks(_known(context))


async def send_campaigns(context: QueueContext) -> None:
    """Begin and end campaigns' runs; the crew sends what is due beside the queue's jobs."""
    await send_all_campaigns(_known(context))


async def reconcile_quota(context: QueueContext) -> None:
    """Ask LINE for its count of the month's messages at once, where it is due."""
    await reconcile_all(_known(context))


async def prepare_figures(context: QueueContext) -> None:
    """Make the figures that pages wait for."""
    known = _known(context)
    await asyncio.to_thread(prepare_all_figures, known.sessions, known.clock)


async def move_files(context: QueueContext) -> None:
    """Work on the files that come in and go out."""
    known = _known(context)
    await asyncio.to_thread(move_all_files, known.sessions, known.clock)


async def check_channel(context: QueueContext) -> None:
    """Look at the LINE channel for somebody who waits."""
    await look_at_channel(_known(context))


async def hand_out_coupons(context: QueueContext) -> None:
    """Hand coupons out to the segments they are meant for."""
    known = _known(context)
    await asyncio.to_thread(hand_out_all, known.sessions, now=known.clock())


async def cross_journeys(context: QueueContext) -> None:
    """Move those who are on an older version of a journey."""
    known = _known(context)
    await asyncio.to_thread(cross_all_journeys, known.sessions, now=known.clock())


async def run_entry(context: QueueContext, name: str, slot: str) -> None:
    """Run one slot of the timetable, unless it was finished before, or is being run here."""
    known = _known(context)
    if (name, slot) in known.slots:
        return
    known.slots.add((name, slot))
    try:
        await asyncio.to_thread(run_slot, known, name, slot)
    finally:
        known.slots.remove((name, slot))
    known.ring("deliver_outbox")


async def run_round(context: QueueContext, name: str) -> None:
    """Run a job that comes round all day."""
    known = _known(context)
    done = await asyncio.to_thread(get_round(name).job, known.sessions, now=known.clock())
    log.info("round_run", job=name, done=done)


async def run_call(context: QueueContext, name: str) -> None:
    """Run a job that comes round and asks LINE something."""
    done = await get_call(name).job(_known(context))
    log.info("call_run", job=name, done=done)


async def rescue_stalled(context: QueueContext) -> None:
    """Give back to the queue what dead workers held."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER_SECONDS):
        try:
            await manager.retry_job(job)
        except UniqueViolation:  # An equal one waits already: that one will do this one's work.
            await manager.finish_job(job, status=Status.FAILED, delete_job=True)
        log.info("job_rescued", task=job.task_name)


def run_slot(context: JobContext, name: str, slot: str) -> int:
    """Run one slot of one timetable entry and note it; return how much it did.

    Two workers on one slot are harmless: the job marks what it did on its rows.
    """
    with context.sessions.begin() as session:
        if not begin_run(session, name, slot, context.clock()):
            return 0
    done = get_entry(name).job(context.sessions, now=context.clock())
    with context.sessions.begin() as session:
        finish_run(session, name, slot, done, context.clock())
    log.info("job_run", job=name, slot=slot, done=done)
    return done


TASKS = (
    work_inbox,
    deliver_outbox,
    deliver_mail,
    deliver_texts,
    deliver_webhooks,
    send_campaigns,
    reconcile_quota,
    prepare_figures,
    hand_out_coupons,
    cross_journeys,
    move_files,
    check_channel,
    run_entry,
    run_round,
    run_call,
    rescue_stalled,
)


def make_queue(conninfo: str) -> procrastinate.App:
    """Make the queue for a process with an event loop: workers."""
    return _with_tasks(
        procrastinate.PsycopgConnector(conninfo=_bounded(conninfo), min_size=1, max_size=4)
    )


def make_sync_queue(conninfo: str) -> procrastinate.App:
    """Make the queue for a process that only defers: web and clock."""
    return _with_tasks(
        procrastinate.SyncPsycopgConnector(conninfo=_bounded(conninfo), min_size=1, max_size=2)
    )


def _bounded(conninfo: str) -> str:
    """Return `conninfo` with a limit on transactions that stand still.

    A process that is frozen while it defers a job would keep everybody else's equal job waiting.
    """
    limit = f"-c idle_in_transaction_session_timeout={IDLE_TRANSACTION_MILLISECONDS}"
    known = conninfo_to_dict(conninfo).get("options")
    return make_conninfo(conninfo, options=f"{known} {limit}" if known else limit)


def _with_tasks(connector: procrastinate.BaseConnector) -> procrastinate.App:
    queue = procrastinate.App(connector=connector)
    for task in TASKS:  # No Blueprint: it can be given to one App only, and a worker has several.
        queue.task(name=TASK_PREFIX + task.__name__, pass_context=True)(task)
    return queue


def defer_once(
    queue: procrastinate.App, task: str, *, lock: str | None = None, **arguments: str
) -> None:
    """Put a task into the queue unless an equal one waits there."""
    with contextlib.suppress(AlreadyEnqueued):
        queue.configure_task(TASK_PREFIX + task, queueing_lock=lock or task).defer(**arguments)


class Bell:
    """Wakes workers from a process that just left them work, many rings in one.

    Ringing costs the caller nothing: a thread defers the task, at most one each few milliseconds.
    A ring lost with its process is made good by the clock's sweep.
    """

    def __init__(self, make: Callable[[], procrastinate.App]) -> None:
        self._make = make
        self._queue: procrastinate.App | None = None
        self._wanted: set[str] = set()
        self._lock = threading.Lock()
        self._rung = threading.Event()
        self._thread: threading.Thread | None = None

    def ring(self, task: str) -> None:
        """Ask for a task to be run soon."""
        with self._lock:
            self._wanted.add(task)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
                self._thread.start()
        self._rung.set()

    def ring_now(self, task: str) -> None:
        """Put a task into the queue before returning: for commands, which end right after."""
        self._defer({task})

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._rung.wait()
            self._rung.clear()
            with self._lock:
                wanted, self._wanted = self._wanted, set()
            try:
                self._defer(wanted)
            except (ConnectorException, psycopg.Error) as error:  # The clock's sweep rings again.
                log.warning("bell_unheard", error=type(error).__name__)
            pause.wait(SHORTEST_RING_SECONDS)

    def _defer(self, wanted: set[str]) -> None:
        if self._queue is None:
            queue = self._make()
            queue.open()  # The pool's own time-out, where the database is away.
            self._queue = queue
        for task in wanted:
            defer_once(self._queue, task)
