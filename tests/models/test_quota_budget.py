"""What campaigns cost: benefits against their budget, messages, ROAS; who stops them (X15, T9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.campaign.refusals import NotTheirCampaign
from models.campaign.steering import resume_campaign
from models.campaign.table import Campaign
from models.checkout import Return, Sale, record_purchase, refund_purchase
from models.coupon import Coupon, CouponTemplate, issue_coupon
from models.member import Member
from models.quota import (
    BenefitCost,
    BudgetStop,
    Outstanding,
    benefit_cost,
    message_cost,
    outstanding_benefits,
    reserve,
    roas_of,
    settle_use,
)
from models.quota.guarding import granted_budget, list_spending, stop_over_budget
from models.segment.table import Segment
from models.sending.table import CampaignRun
from models.staff import Staff
from tests.conftest import NOON
from tests.models.coupon_maker import make_template, the_store

MakeMember = Callable[..., Member]
HOUR = timedelta(hours=1)
HELLO = {"schema": 1, "messages": [{"type": "text", "text": {"zh-TW": "今天第二杯半價"}}]}
NAMED = {"zh-TW": "第二杯半價"}


@pytest.fixture
def campaign(session: Session, make_staff: Callable[..., Staff]) -> Campaign:
    """Return a running campaign with a budget of NT$100, submitted by a marketer."""
    marketer = make_staff("marketer", username="marketer-of-the-guard")
    campaign = Campaign(
        code="second-cup",
        name=NAMED,
        state="running",
        segment_code=session.scalars(select(Segment.code).limit(1)).one(),
        variants=[{"code": "A", "share": 100, "content": HELLO}],
        schedule={"when": "now"},
        budget_twd=100,
        created_by=marketer.username,
        created_at=NOON,
        submitted_by=marketer.username,
        submitted_at=NOON,
    )
    session.add(campaign)
    session.flush()
    return campaign


@pytest.fixture
def run(session: Session, campaign: Campaign) -> CampaignRun:
    """Return a run of it that is being sent."""
    run = CampaignRun(
        campaign_id=campaign.id,
        slot="1",
        state="sending",
        spec={},
        unit_name="second_cup",
        send_at=NOON,
        until=NOON + HOUR,
        created_at=NOON,
        started_at=NOON,
    )
    session.add(run)
    session.flush()
    return run


@pytest.fixture
def template(session: Session) -> CouponTemplate:
    return make_template(session, value=60)


@dataclass(frozen=True)
class Shopper:
    """Members who get a coupon of a run and may use it."""

    session: Session
    make_member: MakeMember
    template: CouponTemplate

    def get(self, run: CampaignRun | None) -> Coupon:
        """Let another member get a coupon, of the run or of something else."""
        member = self.make_member()
        source = f"campaign:{run.id}:A" if run is not None else "welcome"
        key = f"{source}:{self.template.code}:{member.id}"
        coupon = issue_coupon(self.session, member.id, self.template, issue_key=key, now=NOON)
        assert coupon is not None
        return coupon

    def use(self, run: CampaignRun | None, amount_twd: int = 200) -> int:
        """Let another member get one and use it; return their purchase's id."""
        coupon = self.get(run)
        sale = Sale(
            coupon.member_id,
            the_store(self.session),
            None,
            amount_twd,
            f"sale:{coupon.id}",
            coupon_ids=(coupon.id,),
        )
        return record_purchase(self.session, sale, NOON).purchase.id

    def give_back(self, purchase_id: int, amount_twd: int | None = None) -> None:
        """Let a sale be taken back, wholly or in part."""
        store, key = the_store(self.session), f"back:{purchase_id}"
        asked = Return(purchase_id, store, None, "退貨", key, amount_twd=amount_twd)
        refund_purchase(self.session, asked, NOON)


@pytest.fixture
def shopper(session: Session, make_member: MakeMember, template: CouponTemplate) -> Shopper:
    return Shopper(session, make_member, template)


# --- benefits ---


def test_benefits_are_what_a_campaigns_own_coupons_took_off(
    session: Session, campaign: Campaign, run: CampaignRun, shopper: Shopper
) -> None:
    """X15: by the key under which they were given; those of other causes are not its cost."""
    assert benefit_cost(session, campaign.id) == BenefitCost(0, 0, 0)
    shopper.use(run)
    shopper.use(None)
    shopper.get(run)
    assert benefit_cost(session, campaign.id) == BenefitCost(2, 1, 60)
    spending = list_spending(session, NOON, limit=9)[0]
    assert (spending.campaign, spending.granted_twd) == (campaign, 100)
    assert spending.cost == benefit_cost(session, campaign.id)
    assert spending.outstanding == Outstanding(1, 60)
    assert outstanding_benefits(session, campaign.id, NOON + 40 * 24 * HOUR) == Outstanding(0, 0)


def test_refunds_are_taken_off_the_benefits(
    session: Session, campaign: Campaign, run: CampaignRun, shopper: Shopper
) -> None:
    """X15: what was given back cost nothing; of half a sale, half."""
    whole, half = shopper.use(run, 200), shopper.use(run, 200)
    shopper.give_back(whole)
    shopper.give_back(half, 70)
    assert benefit_cost(session, campaign.id) == BenefitCost(2, 1, 30)


def test_a_campaign_that_was_never_sent_costs_nothing(session: Session, campaign: Campaign) -> None:
    assert benefit_cost(session, campaign.id) == BenefitCost(0, 0, 0)
    assert outstanding_benefits(session, campaign.id, NOON) == Outstanding(0, 0)


def test_a_budget_stops_the_campaign_and_approval_lets_it_go_on(
    session: Session,
    make_staff: Callable[..., Staff],
    campaign: Campaign,
    run: CampaignRun,
    shopper: Shopper,
) -> None:
    """X15: stops at the limit, resumes on approval, which grants another budget."""
    shopper.use(run)
    assert stop_over_budget(session, NOON) == []
    shopper.use(run)
    assert stop_over_budget(session, NOON) == [campaign.id]
    assert (run.state, run.stop_reason, campaign.state) == ("stopped", "budget", "paused")
    kept = session.scalars(select(BudgetStop)).one()
    assert (kept.budget_twd, kept.cost_twd) == (100, 120)
    assert stop_over_budget(session, NOON) == []

    with pytest.raises(NotTheirCampaign):
        resume_campaign(session, campaign.code, by=campaign.submitted_by or "", now=NOON)
    owner = make_staff("owner")
    resume_campaign(session, campaign.code, by=owner.username, now=NOON)
    assert (run.state in ("paused", "stopped"), campaign.state) == (False, "running")
    shopper.use(run)
    assert stop_over_budget(session, NOON) == []
    assert granted_budget(session, campaign) == 220
    shopper.use(run)
    assert stop_over_budget(session, NOON) == [campaign.id]


def test_without_a_budget_nothing_is_stopped(
    session: Session, campaign: Campaign, run: CampaignRun, shopper: Shopper
) -> None:
    campaign.budget_twd = None
    shopper.use(run)
    shopper.use(run)
    assert stop_over_budget(session, NOON) == []
    assert granted_budget(session, campaign) is None
    assert run.state == "sending"


# --- messages and what came of them ---


def test_free_messages_cost_nothing_and_are_counted(session: Session, run: CampaignRun) -> None:
    """T9: the message cost of a run is what its messages added to the month's bill."""
    source = f"campaign:{run.id}"
    for key, messages in (("a", 5_900), ("b", 600)):
        reserve(session, source=source, key=key, wanted=messages, is_service=False, now=NOON)
        settle_use(session, {key: messages}, NOON)
    cost = message_cost(session, [source])
    assert (cost.messages, cost.paid_twd) == (6_500, Decimal(100))
    assert message_cost(session, [f"{source}0"]).messages == 0
    assert message_cost(session, []).messages == 0


def test_roas_is_net_sales_over_all_that_was_spent() -> None:
    """T9: attributed net sales ÷ (message cost + benefit cost), a multiple."""
    assert roas_of(4_160, Decimal("400.00"), 600) == Decimal("4.16")
    assert roas_of(-50, Decimal(0), 100) == Decimal("-0.50")
    assert roas_of(5_000, Decimal(0), 0) is None
