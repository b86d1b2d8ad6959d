"""The stage of a played week: a database of its own, LINE simulated in this process, our own parts.

`app.py` builds the parts for it; nothing of the shop that the command was typed in is touched.
"""

import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from sqlalchemy import Engine
from werkzeug.test import Client

import migrations
from bot.mail import FileMailer
from bot.simulator import Channel, SimulatorServer
from jobs.context import JobContext
from jobs.demo_week.playing import PlayedClock, Progress, Stage, play_week
from jobs.demo_week.webhooks import DirectWebhooks
from jobs.queue import Bell
from models.base import Sessions
from models.database import create_database, drop_database
from models.demo import load_demo
from models.demo.week import Day
from models.local_day import day_start

URL = "https://tea-days.example"
"""Where the played shop's links lead; it answers in this process alone."""
SENDER = "茶日子 Tea Days <hello@tea-days.example>"


class Home(Protocol):
    """The parts of a process, as `app.py` makes them."""

    @property
    def engine(self) -> Engine: ...
    @property
    def sessions(self) -> Sessions: ...
    async def make_job_context(self) -> JobContext: ...


Build = Callable[[dict[str, Any], PlayedClock, Bell], tuple[Home, Client]]
"""Makes a process's parts by these settings, clock and bell, and a browser of its pages."""


@dataclass(frozen=True)
class Week:
    """A week about to be played: `play` yields each day with what it brought."""

    sessions: Sessions
    clock: PlayedClock
    database: str
    play: Callable[[Progress], Iterator[tuple[date, Day]]]


class _Bell(Bell):
    """Remembers which tasks were rung for; the week works the queue itself."""

    def __init__(self) -> None:
        self.rung: set[str] = set()

    def ring(self, task: str) -> None:
        self.rung.add(task)


@contextmanager
def set_stage(
    server_url: str, build: Build, first: date, *, days: int, seed: int, keep: bool = False
) -> Iterator[Week]:
    """Yield a demo shop that opens on `first`; its database is dropped afterwards, unless kept."""
    clock = PlayedClock(day_start(first))
    bell = _Bell()
    name = f"regulars_week_{uuid4().hex[:8]}"
    channel = Channel(secrets.token_hex(16), secrets.token_hex(16))
    line = SimulatorServer(
        channel, rate_limits=False, clock=lambda: int(clock().timestamp() * 1000)
    )
    webhooks = line.world.webhooks = DirectWebhooks(channel.secret)
    with line, tempfile.TemporaryDirectory() as mails:
        url = create_database(server_url, name)
        home, browser = build(
            {
                "database_url": url.render_as_string(hide_password=False),
                "line_api_base": line.url,
                "line_channel_secret": channel.secret,
                "line_channel_access_token": channel.access_token,
                "public_base_url": URL,
                "demo": False,
                "log_level": "CRITICAL",
            },
            clock,
            bell,
        )
        try:
            _spare_the_disk(home.engine, name)
            migrations.upgrade(home.engine)
            load_demo(home.sessions, clock())
            stage = _stage(home, browser, line.url, webhooks, clock, bell.rung, Path(mails))
            play = partial(play_week, stage, first, days, seed)
            yield Week(home.sessions, clock, name, play)
        finally:
            home.engine.dispose()
            if not keep:
                drop_database(server_url, name)


def _spare_the_disk(engine: Engine, name: str) -> None:
    """Wait for no disk at a commit: the week's database is thrown away, and time is short."""
    with engine.begin() as connection:
        connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET synchronous_commit TO off')
    engine.dispose()


def _stage(
    home: Home,
    browser: Client,
    line_url: str,
    webhooks: DirectWebhooks,
    clock: PlayedClock,
    rung: set[str],
    mails: Path,
) -> Stage:
    webhooks.receive = partial(_receive, browser)

    async def make_context() -> JobContext:
        context = await home.make_job_context()
        return replace(context, mailer=FileMailer(mails, SENDER))

    return Stage(clock, make_context, line_url, webhooks, partial(_browse, browser), rung)


def _receive(browser: Client, body: bytes, signature: str) -> int:
    headers = {"X-Line-Signature": signature}
    return browser.post("/callback", data=body, headers=headers).status_code


def _browse(browser: Client, url: str) -> None:
    if url.startswith(URL):
        browser.get(url.removeprefix(URL), headers={"User-Agent": "Mozilla/5.0 Line/14.0"})
