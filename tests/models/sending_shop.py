"""Runs for tests: a campaign's row, members to write to, and the run opened, frozen or settled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.campaign import Campaign
from models.friend import Friend
from models.member import Member
from models.programme import get_programme
from models.segment.table import Segment
from models.sending import CampaignBatch, CampaignRecipient, open_run
from models.sending.freezing import begin_run, freeze_run
from tests.conftest import NOON

SAME = {"schema": 1, "messages": [{"type": "text", "text": {"zh-TW": "雨天外送免運費"}}]}
OWN = {
    "schema": 1,
    "messages": [{"type": "text", "text": {"zh-TW": "{name|朋友}，你有 {points} 點"}}],
}
GRACE = timedelta(hours=3)


def user_id(number: int) -> str:
    """Return a LINE user id that no other maker gives."""
    return f"U{number + 0xCA0000000:032x}"


def fill(
    session: Session,
    count: int,
    *,
    first: int = 1,
    now: datetime = NOON,
    **columns: Any,
) -> list[int]:
    """Make so many members who are friends and allow marketing, in two statements."""
    tier = get_programme(session).tiers[0].id
    rows = [
        {
            "number": f"{number + 500_000_000:09d}",
            "card_ref": uuid4().hex,
            "line_user_id": user_id(number),
            "name": "王小明",
            "language": "zh-TW",
            "joined_at": now - timedelta(days=100),
            "join_source": "line",
            "marketing_allowed": True,
            "tier_id": tier,
            "points": 0,
            "spend_twd": 0,
            "spend_on": now.date(),
            "purchase_count": 0,
        }
        | columns
        for number in range(first, first + count)
    ]
    friends = [
        {"line_user_id": row["line_user_id"], "is_following": True, "changed_at": row["joined_at"]}
        for row in rows
        if row["line_user_id"] is not None
    ]
    ids = session.scalars(insert(Member).returning(Member.id), rows).all()
    session.execute(insert(Friend), friends)
    return sorted(ids)


def plan(
    session: Session,
    *,
    content: dict[str, Any] = SAME,
    now: datetime = NOON,
    grace: timedelta = GRACE,
    holdout: int = 0,
    slot: str | None = None,
    **spec: Any,
) -> int:
    """Open a run of a campaign of its own to all members, due now; return its id."""
    campaign = Campaign(
        code=f"c-{uuid4().hex[:12]}",
        name={"zh-TW": "雨天"},
        state="scheduled",
        segment_code=session.scalars(select(Segment.code).limit(1)).one(),
        variants=[{"code": "A", "share": 1, "content": content}],
        schedule={"on": "now"},
        holdout_percent=holdout,
        created_by="owner",
        created_at=now,
    )
    session.add(campaign)
    session.flush()
    told = {
        "code": campaign.code,
        "kind": "marketing",
        "priority": 50,
        "channel": "line",
        "holdout_percent": holdout,
        "audience": None,
        "variants": [{"code": "A", "share": 1, "content": content}],
    } | spec
    run_id = open_run(session, campaign.id, told, now, now + grace, slot or "1", now)
    assert run_id is not None
    return run_id


def frozen(session: Session, *, now: datetime = NOON, **also: Any) -> int:
    """Open a run and freeze it; return its id."""
    run_id = plan(session, now=now, **also)
    assert begin_run(session, run_id, now)
    freeze_run(session, run_id, now)
    return run_id


def batches_of(session: Session, run_id: int) -> Sequence[CampaignBatch]:
    """Return a run's batches as they stand, in their order."""
    return session.scalars(
        select(CampaignBatch)
        .where(CampaignBatch.run_id == run_id)
        .order_by(CampaignBatch.number, CampaignBatch.id)
        .execution_options(populate_existing=True)
    ).all()


def recipients_of(session: Session, run_id: int) -> dict[int, CampaignRecipient]:
    """Return a run's recipients as they stand, by member."""
    found = session.scalars(
        select(CampaignRecipient)
        .where(CampaignRecipient.run_id == run_id)
        .execution_options(populate_existing=True)
    )
    return {row.member_id: row for row in found}
