"""Everybody taps at once: a thousand members ask for their card in the same moment.

Web and worker run as in the Procfile; LINE's side answers each reply after 50 ms and remembers it.
"""

import json
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass

from sqlalchemy import func, insert, select

from benchmarks.figure import BenchmarkError, Figure, Goal
from benchmarks.load import Load, measure_load
from benchmarks.sale_request import member_number
from benchmarks.webhook_request import user_id
from benchmarks.workshop import OPENED_AT, Database, Workshop
from models.database import make_sessions
from models.friend import Friend
from models.line_event import LineEvent
from models.member import Member
from models.outbox import Owed
from models.tier import list_tiers

TAPS = 1_000
TURNS = 3
LINE_ANSWERS_AFTER_SECONDS = 0.05
GIVE_UP_SECONDS = 60
ASK_EACH_SECONDS = 0.1
CALL_SECONDS = 10

LAST_ANSWER_S = Goal(most=10)
ANSWERED_ONCE = Goal(least=TAPS, most=TAPS)


@dataclass(frozen=True)
class Seen:
    """What LINE's side took: replies, for so many different taps, so many of them cards."""

    replies: int
    tokens: int
    cards: int
    last_at: float

    @property
    def answered_once(self) -> int:
        """Return how many taps had their card, less every reply too many."""
        return self.cards - 2 * (self.replies - self.tokens)


def measure_taps(workshop: Workshop) -> list[Figure]:
    """Time from the first tap to the last answer, and how many had exactly one; the worst turn."""
    with ExitStack() as running:
        database = running.enter_context(workshop.database())
        add_members(database, TAPS)
        line_port = running.enter_context(workshop.line(LINE_ANSWERS_AFTER_SECONDS))
        environment = workshop.environment(database, line_port=line_port)
        port = running.enter_context(workshop.web(environment))
        running.enter_context(workshop.worker(environment))
        turns = [_tap(database, port, line_port) for _ in range(TURNS)]
    return [
        Figure("taps_last_answer_s", max(seconds for seconds, _ in turns), "s", LAST_ANSWER_S),
        Figure("taps_answered_once", min(once for _, once in turns), "taps", ANSWERED_ONCE),
    ]


def add_members(database: Database, count: int) -> None:
    """Make `count` members who are friends."""
    with make_sessions(database.engine).begin() as session:
        lowest = list_tiers(session)[0]
        session.execute(
            insert(Friend),
            [{"line_user_id": user_id(n), "changed_at": OPENED_AT} for n in range(count)],
        )
        session.execute(
            insert(Member),
            [
                {
                    "number": member_number(n),
                    "line_user_id": user_id(n),
                    "name": "王小明",
                    "phone": f"+8869{10_000_000 + n}",
                    "joined_at": OPENED_AT,
                    "join_source": "line",
                    "tier_id": lowest.id,
                    "spend_on": OPENED_AT.date(),
                }
                for n in range(count)
            ],
        )


def _tap(database: Database, port: int, line_port: int) -> tuple[float, int]:
    """Let everybody tap once; return the seconds to the last answer, and who had exactly one."""
    _ask(line_port, "forget", b"")
    began_at = measure_load(Load("burst", port, TAPS, requests=TAPS)).began_at
    until = time.monotonic() + GIVE_UP_SECONDS
    while not _is_settled(database):
        if time.monotonic() > until:
            raise BenchmarkError(f"the taps were not worked within {GIVE_UP_SECONDS} s")
        time.sleep(ASK_EACH_SECONDS)
    seen = Seen(**json.loads(_ask(line_port, "seen")))
    return seen.last_at - began_at, seen.answered_once


def _is_settled(database: Database) -> bool:
    """Tell whether no event waits and no reply may still be sent, so that counts are final."""
    with database.engine.connect() as connection:
        waiting = connection.scalar(select(func.count()).where(LineEvent.state == "waiting"))
        owed = connection.scalar(select(func.count()).where(Owed.state == "waiting"))
    return not waiting and not owed


def _ask(port: int, path: str, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", body, CALL_SECONDS) as answer:
        whole: bytes = answer.read()
        return whole
