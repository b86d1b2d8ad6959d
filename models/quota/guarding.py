"""The budget's guard (X15): a campaign stops itself when its benefits cost what they may.

It goes on only when a second person approves; that grants it another budget, counted from what it
had cost when it was stopped.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.campaign.steering import GUARD, pause_campaign
from models.campaign.table import RUNNING, SCHEDULED, Campaign
from models.quota.budget import BenefitCost, Outstanding, benefit_cost, outstanding_benefits
from models.quota.table import BudgetStop
from models.sending.steering import stop_run
from models.sending.table import CampaignRun

BUDGET = "budget"
"""The reason for which runs are stopped, and the campaign is paused."""


def stop_over_budget(session: Session, now: datetime) -> list[int]:
    """Stop the campaigns whose benefits cost as much as was granted; return their ids.

    Their open runs stop before the next batch, and later ones wait with the paused campaign.
    """
    watched = session.scalars(
        select(Campaign)
        .where(Campaign.budget_twd.is_not(None), Campaign.state.in_((SCHEDULED, RUNNING)))
        .order_by(Campaign.id)
        .with_for_update()
    ).all()
    return [campaign.id for campaign in watched if _stop(session, campaign, now)]


def granted_budget(session: Session, campaign: Campaign) -> int | None:
    """Return what a campaign's benefits may cost in all by now; None: any amount."""
    if campaign.budget_twd is None:
        return None
    stopped_at_twd = session.scalar(
        select(BudgetStop.cost_twd)
        .where(BudgetStop.campaign_id == campaign.id)
        .order_by(BudgetStop.id.desc())
        .limit(1)
    )
    return campaign.budget_twd + (stopped_at_twd or 0)


@dataclass(frozen=True)
class Spending:
    """A campaign with a budget, and how far its benefits have used it."""

    campaign: Campaign
    granted_twd: int
    cost: BenefitCost
    outstanding: Outstanding


def list_spending(session: Session, now: datetime, *, limit: int) -> list[Spending]:
    """Return the newest campaigns that have a budget, each with what its benefits cost."""
    found = session.scalars(
        select(Campaign)
        .where(Campaign.budget_twd.is_not(None))
        .order_by(Campaign.id.desc())
        .limit(limit)
    ).all()
    return [
        Spending(
            campaign,
            granted_budget(session, campaign) or 0,
            benefit_cost(session, campaign.id),
            outstanding_benefits(session, campaign.id, now),
        )
        for campaign in found
    ]


def _stop(session: Session, campaign: Campaign, now: datetime) -> bool:
    granted_twd = granted_budget(session, campaign)
    cost_twd = benefit_cost(session, campaign.id).redeemed_twd
    if granted_twd is None or cost_twd < granted_twd:
        return False
    session.add(
        BudgetStop(campaign_id=campaign.id, budget_twd=granted_twd, cost_twd=cost_twd, at=now)
    )
    open_runs = select(CampaignRun.id).where(
        CampaignRun.campaign_id == campaign.id, CampaignRun.finished_at.is_(None)
    )
    for run_id in session.scalars(open_runs.order_by(CampaignRun.id)).all():
        stop_run(session, run_id, BUDGET, now)
    pause_campaign(session, campaign.code, by=GUARD, now=now, reason=BUDGET)
    return True
