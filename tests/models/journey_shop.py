"""What the tests of journeys share: short definitions, the round, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from jobs.run_journeys import run_journeys
from models.base import Sessions
from models.checkout import Sale, record_purchase
from models.journey import (
    Journey,
    JourneyMove,
    JourneyVisit,
    activate_journey,
    add_journey,
    parse_definition,
)
from models.journey.templates import BASIC
from models.member import Member
from models.outbox import Owed
from models.purchase import Purchase
from tests.conftest import NOON, Maker

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def text(words: str) -> dict[str, Any]:
    """Return a content of one text."""
    return {"schema": 1, "messages": [{"type": "text", "text": {"zh-TW": words}}]}


def send(step_id: str, aim: str | None = None, words: str = "嗨 {name}", **also: Any) -> Any:
    """Return a step that sends a text."""
    return {"id": step_id, "do": "send", "content": text(words), "next": aim, **also}


def wait(step_id: str, aim: str | None, **also: Any) -> Any:
    """Return a step that waits; three days unless told."""
    return {"id": step_id, "do": "wait", "next": aim, **(also or {"for": {"days": 3}})}


def written(steps: Sequence[Any], *, on: Any = "purchase", **also: Any) -> dict[str, Any]:
    """Return a definition as somebody writes it; nobody is held out unless told."""
    trigger = {"on": on} if isinstance(on, str) else on
    told = {"schema": 1, "trigger": trigger, "steps": list(steps), "holdout_percent": 0}
    return told | also


def begin(
    session: Session, code: str, steps: Sequence[Any], *, now: datetime = NOON, **also: Any
) -> Journey:
    """Add a journey and switch it on; those every shop begins with are switched off."""
    others = update(Journey).where(Journey.code.in_(BASIC), Journey.state == "active")
    session.execute(others.values(state="paused"))
    name = {"zh-TW": code}
    add_journey(session, code, name, parse_definition(written(steps, **also)), by="阿德", now=now)
    return activate_journey(session, code, now=now)


def go(sessions: Sessions, session: Session, now: datetime) -> int:
    """Commit what the test did and run a round, in which nothing fails."""
    session.commit()
    with capture_logs() as logs:
        done = run_journeys(sessions, now=now)
    assert [line for line in logs if line["log_level"] == "error"] == []
    session.expire_all()
    return done


def buy(session: Session, member: Member, at: datetime, twd: int = 100) -> Purchase:
    """Let a member buy something."""
    sale = Sale(member.id, Maker().store(session), None, twd, str(uuid4()))
    return record_purchase(session, sale, at).purchase


def visits(session: Session, code: str | None = None) -> list[JourneyVisit]:
    """Return the visits in the order in which they began."""
    found = select(JourneyVisit).order_by(JourneyVisit.id)
    if code is not None:
        found = found.where(JourneyVisit.journey_code == code)
    return list(session.scalars(found))


def owed(session: Session) -> list[Owed]:
    """Return what journeys owe, in order."""
    found = select(Owed).where(Owed.source.startswith("journey:")).order_by(Owed.seq)
    return list(session.scalars(found))


def moves(session: Session) -> Counter[tuple[str | None, str | None, str]]:
    """Count the steps that were taken: from, to, why."""
    found = select(JourneyMove.from_step, JourneyMove.to_step, JourneyMove.why)
    return Counter((one, other, why) for one, other, why in session.execute(found))
