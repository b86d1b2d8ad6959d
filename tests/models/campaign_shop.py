"""Campaigns for tests: a segment of everybody, two persons, and runs with their recipients."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from models.campaign import Campaign, add_campaign
from models.segment import parse_rule
from models.segment.keeping import add_segment
from models.sending import CampaignBatch, CampaignRecipient, CampaignRun
from models.staff import Staff
from tests.bot.gallery_samples import content, said
from tests.conftest import NOON, Maker

Json = dict[str, Any]

MARKETER, MANAGER, OWNER, CLERK = "mei", "kai", "boss", "counter"
EVERYBODY, NOBODY, RICH = "everybody", "nobody", "rich"
RULES: Mapping[str, Json] = {
    EVERYBODY: {"field": "points", "is": "at_least", "value": 0},
    NOBODY: {"field": "points", "is": "more_than", "value": 999_999},
    RICH: {"field": "points", "is": "at_least", "value": 500},
}


def open_office(session: Session) -> None:
    """Make the persons and the segments that campaigns of tests name."""
    roles = {MARKETER: "marketer", MANAGER: "manager", OWNER: "owner", CLERK: "clerk"}
    for login, role in roles.items():
        made: Staff = Maker().staff(session, role, username=login)
        assert made.username == login
    for code, where in RULES.items():
        rule = parse_rule({"schema": 1, "where": where})
        add_segment(session, code, said(code), rule, by=OWNER, now=NOON)


def text(words: str = "今日第二杯半價") -> Json:
    """Return content of one text."""
    return content({"type": "text", "text": said(words)})


def variant(code: str, share: int, words: str = "", **more: Any) -> Json:
    """Return a variant with a text of its own."""
    return {"code": code, "share": share, "content": text(words or f"方案 {code}")} | more


def told(**changes: Any) -> Json:
    """Return what a small campaign says, sent now, with some of it changed."""
    details = {
        "name": said("冬日第二杯", "Second cup in winter", "冬の2杯目"),
        "segment": EVERYBODY,
        "variants": [variant("A", 100)],
        "schedule": {"when": "now"},
    }
    return {key: value for key, value in (details | changes).items() if value is not ...}


def make(session: Session, code: str = "winter", now: datetime = NOON, **changes: Any) -> Campaign:
    """Keep a draft by the marketer."""
    return add_campaign(session, code, told(**changes), by=MARKETER, now=now)


def end_run(
    session: Session,
    run: CampaignRun,
    got: Mapping[str, Iterable[int]],
    at: datetime,
    *,
    state: str = "accepted",
) -> None:
    """End a run as if each variant's members had been written to at one moment."""
    for number, (code, member_ids) in enumerate(got.items()):
        batch = CampaignBatch(
            id=uuid.uuid4(),
            run_id=run.id,
            number=number,
            variant=code,
            language="zh-TW",
            channel="line",
            is_personal=False,
            members=0,
            state=state,
            next_try_at=at,
            settled_at=at,
        )
        session.add(batch)
        session.flush()
        for member_id in member_ids:
            session.add(
                CampaignRecipient(
                    run_id=run.id, member_id=member_id, variant=code, batch_id=batch.id
                )
            )
            batch.members += 1
    run.state, run.finished_at = "finished", at + timedelta(minutes=1)
    session.flush()
