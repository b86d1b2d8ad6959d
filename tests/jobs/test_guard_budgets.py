"""The round that stops campaigns whose benefits cost what they may."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.guard_budgets import guard_budgets
from models.campaign.table import Campaign
from models.coupon import Redemption, get_template, issue_coupon
from models.segment.table import Segment
from models.sending.table import CampaignRun
from tests.conftest import NOON
from tests.jobs.conftest import Worker


def open_campaign(session: Session) -> int:
    """Add a campaign that may cost NT$50, with a run under way; return the run's id."""
    campaign = Campaign(
        code="too-dear",
        name={"zh-TW": "太貴"},
        state="running",
        segment_code=session.scalars(select(Segment.code).limit(1)).one(),
        variants=[{"code": "A"}],
        schedule={"when": "now"},
        budget_twd=50,
        created_by="system:test",
        created_at=NOON,
    )
    session.add(campaign)
    session.flush()
    run = CampaignRun(
        campaign_id=campaign.id,
        slot="1",
        state="sending",
        spec={},
        unit_name="too_dear",
        send_at=NOON,
        until=NOON,
        created_at=NOON,
    )
    session.add(run)
    session.flush()
    return run.id


def use_coupon(session: Session, run_id: int, member_id: int) -> None:
    """Let a member have used a coupon of the run, for NT$50."""
    key = f"campaign:{run_id}:A:welcome:{member_id}"
    coupon = issue_coupon(
        session, member_id, get_template(session, "welcome"), issue_key=key, now=NOON
    )
    assert coupon is not None
    session.add(
        Redemption(
            coupon_id=coupon.id,
            member_id=member_id,
            discount_twd=50,
            redeemed_at=NOON,
            idempotency_key=key,
        )
    )


def test_the_round_stops_what_costs_too_much_once(worker: Worker) -> None:
    """X15: while a run is being sent, without anybody at a screen."""
    member_id = worker.member().id
    run_id = worker.run(open_campaign)
    assert guard_budgets(worker.sessions, now=NOON) == 0
    worker.run(lambda session: use_coupon(session, run_id, member_id))
    assert guard_budgets(worker.sessions, now=NOON) == 1
    assert guard_budgets(worker.sessions, now=NOON) == 0
    with worker.sessions() as session:
        run = session.get_one(CampaignRun, run_id)
        campaign = session.get_one(Campaign, run.campaign_id)
        assert (run.state, run.stop_reason, campaign.state) == ("stopped", "budget", "paused")
