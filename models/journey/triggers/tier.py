"""The ladder: a step up and its gift, a step that is near, a step that is about to be lost."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    case,
    cast,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from models.base import said
from models.journey.table import JourneyVisit
from models.journey.trigger import Exit, Param, Params, Span, Trigger, add_exit, add_trigger
from models.journey.triggers.due_days import MOMENT, cause, due_rows, in_their_language
from models.member import Member
from models.programme import get_programme
from models.purchase import Purchase
from models.segment import Context, condition_of, parse_rule
from models.tier import LIFETIME, TIER_POINTS, Rules, Tier, TierChange, Upgrade
from models.tier_evaluation.warning import counted_from, falls_on_sql

MOST_DAYS = 90


def _upgrades(session: Session, params: Params, span: Span) -> Select[Any]:
    """Tell of upgrades, once each; `has_gift` says whether one waits to be claimed (T10)."""
    waits = Upgrade.claimed_at.is_(None)
    told = cause(
        Upgrade.member_id,
        func.concat("tier_up:", Upgrade.id),
        Upgrade.qualified_at,
        upgrade_id=Upgrade.id,
        tier_id=Upgrade.tier_id,
        new_tier=in_their_language(Tier.name, Member.language),
        has_gift=waits,
    )
    return (
        told.join(Tier, Tier.id == Upgrade.tier_id)
        .join(Member, Member.id == Upgrade.member_id)
        .where(
            Upgrade.id > span.after_id("upgrade"),
            Upgrade.qualified_at >= span.since,
            Upgrade.voided_at.is_(None),
            *([waits] if params["with_gift"] else []),
        )
    )


add_trigger(
    Trigger(
        "tier_up",
        said("升等", "Reached a higher tier", "ランクアップ"),
        _upgrades,
        params=(
            Param(
                "with_gift",
                "boolean",
                said("只限有升等禮未領", "Only with a gift to claim", "特典未受取のみ"),
                usual=False,
            ),
        ),
        reads=("upgrade",),
        facts=("upgrade_id", "tier_id", "new_tier", "has_gift"),
    )
)


def _claimed(session: Session, params: Params, now: datetime) -> ColumnElement[bool]:
    """Tell whether the gift of the visit's upgrade was claimed, or the upgrade taken back."""
    upgrade_id = cast(JourneyVisit.facts["upgrade_id"].astext, BigInteger)
    done = select(Upgrade.id).where(
        Upgrade.id == upgrade_id,
        or_(Upgrade.claimed_at.is_not(None), Upgrade.voided_at.is_not(None)),
    )
    return done.correlate(JourneyVisit).exists()


def _stepped_up(session: Session, params: Params, now: datetime) -> ColumnElement[bool]:
    """Tell whether the member reached a higher tier since the cause."""
    before, after = aliased(Tier), aliased(Tier)
    stepped = (
        select(TierChange.id)
        .join(before, before.id == TierChange.from_tier_id)
        .join(after, after.id == TierChange.to_tier_id)
        .where(
            TierChange.member_id == JourneyVisit.member_id,
            TierChange.changed_at > JourneyVisit.cause_at,
            after.rank > before.rank,
        )
    )
    return stepped.correlate(JourneyVisit).exists()


add_exit(
    Exit(
        "gift_claimed",
        said("升等禮已領取", "The gift was claimed", "特典受取済み"),
        _claimed,
    )
)
add_exit(Exit("tier_up", said("已升等", "Reached a higher tier", "ランクアップ済み"), _stepped_up))


def _near(session: Session, params: Params, span: Span) -> Select[Any]:
    """Tell of purchases that brought a member near the next tier: what is missing is that small."""
    gap = {"field": "tier_gap", "is": "between", "value": [1, params["within_twd"]]}
    is_near = condition_of(parse_rule({"schema": 1, "where": gap}), Context(session, span.now))
    return (
        cause(
            Purchase.member_id,
            func.concat("near_upgrade:", Purchase.id),
            Purchase.purchased_at,
            purchase_id=Purchase.id,
        )
        .join(Member, Member.id == Purchase.member_id)
        .where(
            Purchase.id > span.after_id("purchase"),
            Purchase.purchased_at >= span.since,
            Purchase.undone_at.is_(None),
            is_near,
        )
    )


add_trigger(
    Trigger(
        "near_upgrade",
        said("快升等", "Near the next tier", "もうすぐランクアップ"),
        _near,
        params=(
            Param(
                "within_twd",
                "integer",
                said("差距不超過", "Missing at most", "不足額の上限"),
                usual=1_000,
                minimum=1,
            ),
        ),
        reads=("purchase",),
        facts=("purchase_id",),
    )
)


def _falling(session: Session, params: Params, span: Span) -> Select[Any] | None:
    """Tell of those who lose their tier in so many days unless they come up with what is missing.

    By rules over a metric or score nobody is told: no amount would be sure to keep the tier.
    """
    rules = get_programme(session).ladder.on(span.today)
    if rules.basis == LIFETIME or not (rules.is_money or rules.basis == TIER_POINTS):
        return None
    rows = [
        (falls_on, counted_from(rules, falls_on, span.today), span.moment_of(day))
        for day in span.days()
        for falls_on in (day + timedelta(days=params["days"]),)
    ]
    if not rows:
        return None
    due = due_rows(rows, falls_on=Date(), counted_from=Date(), at=MOMENT)
    gap = _threshold(rules) - _counted(rules, due.c.counted_from)
    told = cause(
        Member.id,
        func.concat("tier_falling:", Member.id, ":", due.c.falls_on),
        due.c.at,
        keep_gap=_written(rules, gap),
        keep_by=cast(due.c.falls_on - 1, Date),
        tier_id=Member.tier_id,
    )
    return told.join(due, due.c.falls_on == falls_on_sql(rules)).where(
        Member.tier_kept_until <= span.today + timedelta(days=params["days"]), gap > 0
    )


def _written(rules: Rules, gap: ColumnElement[int]) -> ColumnElement[str]:
    """Return what is missing as a text says it: NT$1,200, or the bare number of points."""
    number = func.to_char(gap, "FM999,999,999")
    return func.concat("NT$", number) if rules.is_money else number


def _threshold(rules: Rules) -> ColumnElement[int]:
    """Return what keeps a member's tier; the lowest is everybody's."""
    steps = [(Member.tier_id == tier.id, rules.threshold(tier)) for tier in rules.tiers]
    return case(*steps, else_=0)


def _counted(rules: Rules, first: ColumnElement[date]) -> ColumnElement[int]:
    if not rules.is_money:
        return Member.tier_points.expression
    net = func.sum(Purchase.paid_twd - Purchase.refunded_twd)
    counted = select(func.coalesce(net, 0)).where(
        Purchase.member_id == Member.id, Purchase.purchased_on >= first
    )
    return counted.correlate(Member, first.table).scalar_subquery()


add_trigger(
    Trigger(
        "tier_falling",
        said("快降等", "About to lose the tier", "ランクダウン間近"),
        _falling,
        params=(
            Param(
                "days",
                "integer",
                said("提前天數", "Days before", "何日前"),
                usual=10,
                minimum=1,
                maximum=MOST_DAYS,
            ),
        ),
        every=timedelta(minutes=10),
        facts=("keep_gap", "keep_by"),
    )
)
