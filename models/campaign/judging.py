"""Judging variants: once, when each has reached as many members as was set beforehand (E-15).

A member counts once their hours since the message are over, so that all had the same time; a hit
is a click of theirs, or a purchase that stands, within those hours. Nothing is looked at before.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Text, bindparam, func, or_, select, text
from sqlalchemy.orm import Session

from models.base import squeezed
from models.campaign.arm import REST
from models.campaign.stop_rule import Figure, judge
from models.campaign.table import CLICK, RUNNING, SCHEDULED, Campaign, CampaignDecision
from models.sending.table import CampaignRun

MOST_AT_ONCE = 20
LOOKED_AT = timedelta(minutes=15)
"""A recurring campaign is looked at in the minutes after a run's hours are over, and not again
before the next run's."""


def find_decision(session: Session, campaign_id: int) -> CampaignDecision | None:
    """Return how the campaign's variants were judged, or None where they were not yet."""
    return session.get(CampaignDecision, campaign_id)


def decide_campaigns(session: Session, now: datetime) -> list[str]:
    """Judge the campaigns whose stop rule is met; return their codes."""
    return [
        campaign.code
        for campaign, ended_at in _candidates(session)
        if _is_due(campaign, ended_at, now) and _decide(session, campaign, now)
    ]


def _candidates(session: Session) -> list[tuple[Campaign, datetime]]:
    """Return undecided campaigns whose runs have all ended, with the moment of the last end."""
    last = func.max(CampaignRun.finished_at)
    runs = (
        select(CampaignRun.campaign_id, last.label("ended_at"))
        .group_by(CampaignRun.campaign_id)
        .having(func.count() == func.count(CampaignRun.finished_at))
        .subquery()
    )
    found = session.execute(
        select(Campaign, runs.c.ended_at)
        .join(runs, runs.c.campaign_id == Campaign.id)
        .join(CampaignDecision, CampaignDecision.campaign_id == Campaign.id, isouter=True)
        .where(
            Campaign.stop_rule.is_not(None),
            or_(Campaign.state == RUNNING, Campaign.state == SCHEDULED),
            CampaignDecision.campaign_id.is_(None),
        )
        .order_by(Campaign.id)
        .limit(MOST_AT_ONCE)
        .with_for_update(of=Campaign, skip_locked=True)
    )
    return [(campaign, ended_at) for campaign, ended_at in found]


def _is_due(campaign: Campaign, ended_at: datetime, now: datetime) -> bool:
    over_at = ended_at + _wait(campaign)
    return over_at <= now and (campaign.next_slot_at is None or now < over_at + LOOKED_AT)


def _wait(campaign: Campaign) -> timedelta:
    rule = campaign.stop_rule
    assert rule is not None, "only campaigns with a stop rule are judged"
    return timedelta(hours=rule["wait_hours"])


def _decide(session: Session, campaign: Campaign, now: datetime) -> bool:
    """Judge one campaign, unless another run may still bring the members that are missing."""
    rule = campaign.stop_rule
    assert rule is not None, "only campaigns with a stop rule are judged"
    figures = figures_of(session, campaign, now)
    is_short = any(each.members < rule["size"] for each in figures)
    if is_short and campaign.next_slot_at is not None:
        return False
    judged = judge(figures, rule["size"])
    session.add(
        CampaignDecision(
            campaign_id=campaign.id,
            at=now,
            metric=campaign.metric,
            figures=[each.as_json() for each in figures],
            verdict=judged.verdict,
            chosen=judged.chosen,
            low=judged.low,
            high=judged.high,
        )
    )
    session.flush()
    return True


def figures_of(session: Session, campaign: Campaign, now: datetime) -> list[Figure]:
    """Return what each variant came to, in their order, among members whose hours are over."""
    runs = session.scalars(
        select(CampaignRun.id).where(
            CampaignRun.campaign_id == campaign.id, CampaignRun.slot.not_like(f"%:{REST}")
        )
    ).all()
    codes: list[str] = [each["code"] for each in campaign.variants]
    wait = _wait(campaign)
    asked = {"runs": list(runs), "wait": wait, "matured_at": now - wait}
    if campaign.metric == CLICK:
        asked["sources"] = _sources(runs, codes)
    found = session.execute(_FIGURES[campaign.metric], asked)
    counted = {variant: (members, hits) for variant, members, hits in found}
    return [Figure(code, *counted.get(code, (0, 0))) for code in codes]


def _sources(runs: Sequence[int], codes: Sequence[str]) -> list[str]:
    return [f"campaign:{run}:{code}" for run in runs for code in codes]


_REACHED = """
    WITH reached AS (
        SELECT recipient.variant, recipient.member_id,
            min(coalesce(recipient.settled_at, batch.settled_at)) AS at
        FROM campaign_recipient AS recipient
        LEFT JOIN campaign_batch AS batch ON batch.id = recipient.batch_id
        WHERE recipient.run_id = ANY(:runs) AND recipient.variant IS NOT NULL
            AND coalesce(recipient.state, batch.state) = 'accepted'
        GROUP BY recipient.variant, recipient.member_id
    )
    SELECT variant, count(*), count(*) FILTER (WHERE EXISTS ({hits}))
    FROM reached WHERE at <= :matured_at GROUP BY variant
"""
_HITS = {
    CLICK: """
        SELECT FROM link_click AS click JOIN tracked_link AS link ON link.id = click.link_id
        WHERE click.member_id = reached.member_id AND link.source = ANY(:sources)
            AND click.at >= reached.at AND click.at <= reached.at + :wait
    """,
    "conversion": """
        SELECT FROM purchase AS sale
        WHERE sale.member_id = reached.member_id AND sale.undone_at IS NULL
            AND sale.refunded_twd < sale.paid_twd
            AND sale.purchased_at > reached.at AND sale.purchased_at <= reached.at + :wait
    """,
}


def _statement(hits: str) -> Any:
    statement = text(squeezed(_REACHED.replace("{hits}", hits)))
    statement = statement.bindparams(bindparam("runs", type_=ARRAY(BigInteger)))
    if ":sources" in hits:
        statement = statement.bindparams(bindparam("sources", type_=ARRAY(Text)))
    return statement


_FIGURES = {metric: _statement(hits) for metric, hits in _HITS.items()}
