"""A worker without a queue: a database with real commits, a LINE that remembers, set time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, cast
from uuid import UUID, uuid4

import aiohttp
import pytest
import structlog
from sqlalchemy import URL, Engine, select
from sqlalchemy.orm import Session

from bot import Message
from bot.client import LineClient, Outcome, Profile, Verdict
from handlers.line import Room, apologise, wants_profile, work_event
from jobs.context import JobContext
from jobs.deliver_outbox import deliver_outbox
from jobs.work_inbox import work_inbox
from models.base import Sessions
from models.database import create_database, drop_database, make_engine, make_sessions
from models.friend import Friend
from models.line_event import LineEvent
from models.member import Member
from models.member_code import derive_signing_key
from models.outbox import Owed, owe, owe_reply
from tests.conftest import Clock, Maker

ROOM = Room(derive_signing_key("a secret of the tests"), "https://shop.example")
WORK_EVENT = partial(work_event, room=ROOM)
EMPTIED = (
    "member",
    "friend",
    "outbox",
    "line_event",
    "job_run",
    "rich_menu",
    "conversation",
    "former_member",
    "ledger_seal",
    "procrastinate_jobs",
    "member_class",
    "class_night",
    "class_count",
    "class_move",
    "class_overlap",
    "class_alert",
    "rfm_cell",
    "rfm_cut",
    "repurchase_cycle",
    "favourite_mark",
    "engagement_mark",
    "tag",
    "kpi",
    "kpi_value",
    "message_plan",
    "quota_month",
    "suppression_setting",
    "tracked_link",
    "journey",
    "journey_mark",
    "outreach_setting",
    "campaign",
    "campaign_setting",
    "line_pace",
    "unit_figure",
    "prepared_figure",
)
"""What a test leaves is taken out of these, and out of whatever refers to them."""
DELETING = """
    WITH RECURSIVE emptied AS (
        SELECT to_regclass(name)::oid AS id FROM unnest(%s::text[]) AS name
        UNION
        SELECT conrelid FROM pg_constraint JOIN emptied ON confrelid = id WHERE contype = 'f'
    )
    SELECT string_agg(format('; DELETE FROM %%s', id::regclass), '') FROM emptied
"""
HELD = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND datname = current_database()
"""
PATIENCE_SECONDS = 120
PATIENT = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
"""How long a call to a server of the tests may take on a busy machine."""
ACCEPTED = Outcome(Verdict.ACCEPTED, 200, "request-1")
ALREADY = Outcome(Verdict.ALREADY_ACCEPTED, 409, reason="The retry key is already accepted")
RATE_LIMITED = Outcome(Verdict.TRY_LATER, 429, reason="The API rate limit has been exceeded.")
NO_QUOTA = Outcome(Verdict.TRY_LATER, 429, reason="You have reached your monthly limit.")
UNREACHABLE = Outcome(Verdict.TRY_LATER, reason="ClientConnectorError")
NO_ANSWER = Outcome(Verdict.UNKNOWN, reason="TimeoutError")
SERVER_ERROR = Outcome(Verdict.UNKNOWN, 500, reason="Internal Server Error")
DEAD_TOKEN = Outcome(Verdict.REFUSED, 400, reason="Invalid reply token")
REFUSED = Outcome(Verdict.REFUSED, 400, reason="The request body has 1 error(s)")
_numbers = count(1)


class Killed(BaseException):
    """The worker's process ends here: no `except Exception` sees it."""


@dataclass(frozen=True)
class Said:
    """One call to LINE."""

    via: str
    to: str
    messages: Sequence[Message] = ()
    retry_key: UUID | None = None


@dataclass
class FakeLine:
    """Remembers what was said; answers as scripted, then with acceptance."""

    script: list[Outcome | BaseException] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    profiles: dict[str, Profile] = field(default_factory=dict)
    asked_for: list[str] = field(default_factory=list)

    async def reply(self, reply_token: str, messages: Sequence[Message]) -> Outcome:
        return await self._answer(Said("reply", reply_token, messages))

    async def push(self, to: str, messages: Sequence[Message], *, retry_key: UUID) -> Outcome:
        return await self._answer(Said("push", to, messages, retry_key))

    async def link_rich_menu(self, line_user_id: str, rich_menu_id: str) -> Outcome:
        return await self._answer(Said(f"link {rich_menu_id}", line_user_id))

    async def unlink_rich_menu(self, line_user_id: str) -> Outcome:
        return await self._answer(Said("unlink", line_user_id))

    async def meet(self, line_user_id: str) -> Profile:
        self.asked_for.append(line_user_id)
        return self.profiles.get(line_user_id, Profile())

    async def _answer(self, said: Said) -> Outcome:
        await asyncio.sleep(0)
        self.said.append(said)
        outcome = self.script.pop(0) if self.script else ACCEPTED
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


@dataclass
class Worker:
    """The jobs with all they are handed."""

    sessions: Sessions
    engine: Engine
    url: URL
    clock: Clock
    line: FakeLine = field(default_factory=FakeLine)
    rung: list[str] = field(default_factory=list)
    work_event: Any = WORK_EVENT
    maker: Maker = field(default_factory=Maker)

    @property
    def context(self) -> JobContext:
        return JobContext(
            sessions=self.sessions,
            line=cast("LineClient", self.line),
            clock=self.clock,
            ring=self.rung.append,
            wants_profile=wants_profile,
            work_event=self.work_event,
            apologise=apologise,
        )

    def work_inbox(self) -> int:
        return asyncio.run(work_inbox(self.context))

    def deliver_outbox(self) -> int:
        return asyncio.run(deliver_outbox(self.context))

    def receive(
        self, person: str | None, event_type: str = "message", *, late: float = 0, **fields: Any
    ) -> int:
        """Keep an event as the webhook does, `late` seconds ago; return its id."""
        number = next(_numbers)
        raw = {
            "type": event_type,
            "timestamp": int(self.clock.now.timestamp() * 1000) + number,
            "source": {"type": "user", "userId": person},
            "replyToken": f"token-{number}",
            "webhookEventId": f"01JOBS{number}",
            **fields,
        }
        with self.sessions.begin() as session:
            event = LineEvent(
                webhook_event_id=f"01JOBS{number}",
                person=person,
                event_type=event_type,
                raw=raw,
                received_at=self.clock.now - timedelta(seconds=late),
            )
            session.add(event)
        return event.id

    def say(self, person: str, text: str, *, late: float = 0) -> int:
        """Keep what a person typed."""
        message = {"id": "1", "type": "text", "text": text}
        return self.receive(person, "message", late=late, message=message)

    def member(self, **told: Any) -> Member:
        """Make a member."""
        with self.sessions.begin() as session:
            return self.maker.member(session, **told)

    def befriend(self, person: str, *, is_following: bool = True) -> None:
        """Make somebody a friend."""
        with self.sessions.begin() as session:
            friend = Friend(
                line_user_id=person, is_following=is_following, changed_at=self.clock.now
            )
            session.add(friend)

    def owe(self, person: str, kind: str = "welcome_back", **also: Any) -> UUID:
        """Owe a push; return the row's id."""
        with self.sessions.begin() as session:
            row = owe(
                session,
                person,
                kind,
                also.pop("words", {"shop_name": "茶日子"}),
                language="zh-TW",
                idempotency_key=f"test:{uuid4()}",
                now=self.clock.now,
                **also,
            )
        return row.id

    def owe_reply(self, person: str, *, push_if_late: bool = False) -> UUID:
        """Owe a reply whose worker died right after the commit."""
        with self.sessions.begin() as session:
            row = owe_reply(
                session,
                person,
                [{"type": "text", "text": "你好"}],
                reply_token=f"token-{next(_numbers)}",
                received_at=self.clock.now,
                language="zh-TW",
                push_if_late=push_if_late,
                idempotency_key=f"test:{uuid4()}",
                now=self.clock.now,
            )
        return row.id

    def row(self, owed_id: UUID) -> Owed:
        """Return an outbox row as it stands."""
        with self.sessions() as session:
            return session.get_one(Owed, owed_id)

    def rows(self, *conditions: Any) -> list[Owed]:
        """Return all outbox rows, oldest first."""
        with self.sessions() as session:
            return list(session.scalars(select(Owed).where(*conditions).order_by(Owed.seq)))

    def event(self, event_id: int) -> LineEvent:
        """Return an event as it stands."""
        with self.sessions() as session:
            return session.get_one(LineEvent, event_id)

    def change(self, model: Any, key: Any, **columns: Any) -> None:
        """Change a row behind everybody's back."""
        with self.sessions.begin() as session:
            row = session.get_one(model, key)
            for name, value in columns.items():
                setattr(row, name, value)

    def run(self, function: Callable[[Session], Any]) -> Any:
        """Call a function with a session of its own, and commit."""
        with self.sessions.begin() as session:
            return function(session)


@pytest.fixture(scope="module", autouse=True)
def _plain_traces() -> Iterator[None]:
    """Write the traces of the bugs that tests make without colours, which take half a second."""
    heard = structlog.get_config()
    renderer = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])
    yield
    structlog.configure(**heard)


@dataclass(frozen=True)
class JobDatabase:
    """A database of this process with real commits, for jobs work in threads."""

    url: URL
    engine: Engine
    emptying: str
    """The statements that take away what a test left.

    They delete: to truncate makes the files of a hundred tables anew, a quarter of a second a
    test. As a replica does, so that no ledger refuses and no reference asks.
    """


@pytest.fixture(scope="session")
def job_database(server_url: str, pristine: str) -> Iterator[JobDatabase]:
    """Yield the database that all workers of this process share, one after another."""
    name = f"regulars_jobs_{uuid4().hex[:12]}"
    url = create_database(server_url, name, pristine)
    engine = make_engine(
        url,
        pool_size=16,
        pool_timeout_seconds=PATIENCE_SECONDS,
        connect_timeout_seconds=PATIENCE_SECONDS,
    )
    with engine.connect() as connection:
        deleting = connection.exec_driver_sql(DELETING, (list(EMPTIED),)).scalar_one()
    yield JobDatabase(url, engine, f"SET LOCAL session_replication_role = replica{deleting}")
    engine.dispose()
    drop_database(server_url, name)


@pytest.fixture
def worker(
    job_database: JobDatabase, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Worker]:
    """Yield a worker at an empty inbox and outbox; what it leaves is taken away.

    However slow the machine is, no job of it ends before its work does.
    """
    for job in ("work_inbox", "deliver_outbox", "deliver_mail"):
        monkeypatch.setattr(f"jobs.{job}.LONGEST_SECONDS", float(PATIENCE_SECONDS))
    url, engine = job_database.url, job_database.engine
    yield Worker(make_sessions(engine), engine, url, clock)
    with engine.begin() as connection:
        connection.exec_driver_sql(job_database.emptying)
    _wait_for_locks(engine)


def _wait_for_locks(engine: Engine) -> None:
    """Wait until no clock or worker holds its lock: the server ends a session a moment later.

    The next test's would take it for another one that is alive.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while connection.exec_driver_sql(HELD).scalar_one():
            assert time.monotonic() < until, "somebody still holds a lock"
            time.sleep(0.01)


def a_person() -> str:
    """Return another LINE user id."""
    return f"U{next(_numbers) + 0xAB0000:032x}"


def texts_of(said: Sequence[Said]) -> list[str]:
    """Return the first text of each call."""
    return [str(call.messages[0].get("text", call.messages[0].get("altText"))) for call in said]


def seconds_until(row: Owed, now: datetime) -> float:
    """Return how long a row still waits."""
    return (row.next_try_at - now).total_seconds()
