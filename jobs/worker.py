"""The worker process: take tasks from the queue until told to stop, whatever the database does."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable

import procrastinate
import psycopg
import structlog
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import DBAPIError

from jobs.context import JobContext
from jobs.presence import among_workers
from jobs.queue import CONCURRENCY, DEAD_AFTER_SECONDS, HEARTBEAT_SECONDS, defer_once
from jobs.send_campaigns import keep_looking

GRACE_SECONDS = 20.0
PAUSE_SECONDS = 1.0
FIRST_TASKS = (
    "work_inbox",
    "deliver_outbox",
    "deliver_webhooks",
    "reconcile_quota",
    "send_campaigns",
)
"""What a worker looks at before anything rings: work left waiting, and what LINE still allows."""

log = structlog.get_logger()


async def run_worker(
    make_queue: Callable[[], procrastinate.App],
    make_context: Callable[[], Awaitable[JobContext]],
) -> None:
    """Work until SIGTERM or SIGINT; begin again when the database was away."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    context = await make_context()
    try:
        while not stop.is_set():
            await _run_once(make_queue(), context, stop)
    finally:
        await asyncio.gather(context.couriers.close(), context.crew.close())
        await context.line.close()
        if context.mailer is not None:
            await context.mailer.close()


async def _run_once(queue: procrastinate.App, context: JobContext, stop: asyncio.Event) -> None:
    try:
        async with queue.open_async(), among_workers(context):
            for task in FIRST_TASKS:
                await _defer_first(queue, task)
            worker = asyncio.create_task(
                queue.run_worker_async(
                    concurrency=CONCURRENCY,
                    delete_jobs="always",
                    install_signal_handlers=False,
                    update_heartbeat_interval=HEARTBEAT_SECONDS,
                    stalled_worker_timeout=DEAD_AFTER_SECONDS,
                    shutdown_graceful_timeout=GRACE_SECONDS,
                    fetch_job_polling_interval=1.0,
                    additional_context={"regulars": context},
                )
            )
            looking = asyncio.create_task(keep_looking(context))
            log.info("worker_ready")
            try:
                await _until_stopped(worker, stop)
            finally:
                looking.cancel()
    except (ConnectorException, DBAPIError, psycopg.Error, OSError) as error:
        log.warning("worker_lost_database", error=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PAUSE_SECONDS)


async def _defer_first(queue: procrastinate.App, task: str) -> None:
    """Look at once for what was left while no worker ran."""
    await asyncio.to_thread(defer_once, queue, task)


async def _until_stopped(worker: "asyncio.Task[None]", stop: asyncio.Event) -> None:
    """End the worker at `stop`, letting its tasks finish; pass on what it fails with."""
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({worker, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not worker.done():
        worker.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await worker
