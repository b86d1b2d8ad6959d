"""The benefit budget (C-08): what is left of a profit once the benefits it pays for are counted.

A sheet is of a year, of one member or of a whole tier alike. Profits are rounded down and costs
up. A sheet is red as soon as nothing is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from sqlalchemy.orm import Session

from models.analysis.refusals import MarginUnknown, NoSuchTier, ParameterRefused
from models.analysis.tier_report import TierReport, read_tier_report
from models.analysis.told import Note, Told
from models.shop import Shop, get_shop
from models.tier import Tier, list_tiers
from models.tier_evaluation import Draft, count_new_steps

REBATE = "rebate"
KINDS = ("coupon", "gift", "event", "message")
WHOLE = Decimal(100)
CENT = Decimal("0.01")
MESSAGE_TWD = Decimal("0.2")
"""What one pushed message costs beyond the plan's own, at most (LINE Taiwan, since 2023-09)."""
LARGEST_TWD = 1_000_000_000_000
LARGEST_TIMES = 1_000_000_000


@dataclass(frozen=True)
class Benefit:
    """Something given so many times a year, at so much each, of which a part is made use of."""

    kind: str
    """One of KINDS."""
    times: int
    each_twd: Decimal
    redeemed_percent: Decimal = WHOLE
    """So much of it is expected to be used; what nobody uses costs nothing."""


@dataclass(frozen=True)
class Sheet:
    """What a year brings, and what is given back of it."""

    revenue_twd: int
    margin_percent: Decimal
    """The profit before benefits, in percent of the revenue."""
    rebate_percent: Decimal
    rebate_redeemed_percent: Decimal = WHOLE
    benefits: tuple[Benefit, ...] = ()


@dataclass(frozen=True)
class Cost(Told):
    """What one kind of benefit costs a year."""

    kind: str
    cost_twd: int


@dataclass(frozen=True)
class Budget(Told):
    """What a sheet comes to."""

    revenue_twd: int
    profit_twd: int
    costs: tuple[Cost, ...]
    cost_twd: int
    left_twd: int
    is_red: bool
    """Whether nothing is left: one more benefit makes a loss, or there is one already."""
    most_rebate_percent: Decimal
    """The rebate that would use up the profit, beside the other benefits; rounded down."""
    notes: tuple[Note, ...] = ()


def work_out(sheet: Sheet) -> Budget:
    """Work a sheet out. Raises ParameterRefused where its numbers cannot be."""
    _check(sheet)
    profit_twd = _down(sheet.revenue_twd * sheet.margin_percent / WHOLE)
    rebate_twd = _up(
        sheet.revenue_twd * sheet.rebate_percent / WHOLE * sheet.rebate_redeemed_percent / WHOLE
    )
    others = [Cost(kind, _of_kind(sheet.benefits, kind)) for kind in KINDS]
    other_twd = sum(cost.cost_twd for cost in others)
    left_twd = profit_twd - rebate_twd - other_twd
    return Budget(
        revenue_twd=sheet.revenue_twd,
        profit_twd=profit_twd,
        costs=(Cost(REBATE, rebate_twd), *others),
        cost_twd=rebate_twd + other_twd,
        left_twd=left_twd,
        is_red=left_twd <= 0,
        most_rebate_percent=_most_rebate(sheet, profit_twd - other_twd),
        notes=_notes(profit_twd, left_twd),
    )


def _check(sheet: Sheet) -> None:
    numbers = {
        "revenue_twd": 0 <= sheet.revenue_twd <= LARGEST_TWD,
        "margin_percent": -WHOLE <= sheet.margin_percent <= WHOLE,
        "rebate_percent": 0 <= sheet.rebate_percent <= WHOLE,
        "rebate_redeemed_percent": 0 <= sheet.rebate_redeemed_percent <= WHOLE,
    }
    for benefit in sheet.benefits:
        numbers |= {
            f"{benefit.kind}_times": 0 <= benefit.times <= LARGEST_TIMES,
            f"{benefit.kind}_twd": 0 <= benefit.each_twd <= LARGEST_TWD,
            f"{benefit.kind}_redeemed_percent": 0 <= benefit.redeemed_percent <= WHOLE,
        }
    for name, is_possible in numbers.items():
        if not is_possible:
            raise ParameterRefused(name=name, why="range")


def _of_kind(benefits: Sequence[Benefit], kind: str) -> int:
    return sum(
        _up(benefit.times * benefit.each_twd * benefit.redeemed_percent / WHOLE)
        for benefit in benefits
        if benefit.kind == kind
    )


def _down(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_FLOOR))


def _up(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_CEILING))


def _most_rebate(sheet: Sheet, free_twd: int) -> Decimal:
    redeemed_twd = sheet.revenue_twd * sheet.rebate_redeemed_percent / WHOLE
    if not redeemed_twd or free_twd <= 0:
        return Decimal(0)
    return min((free_twd * WHOLE / redeemed_twd).quantize(CENT, ROUND_FLOOR), WHOLE)


def _notes(profit_twd: int, left_twd: int) -> tuple[Note, ...]:
    found = [Note("no_profit")] if profit_twd <= 0 else []
    if left_twd < 0:
        found.append(Note("a_loss", {"loss_twd": -left_twd}))
    elif left_twd == 0 and profit_twd > 0:
        found.append(Note("nothing_left"))
    return tuple(found)


def rebate_of(shop: Shop, tier: Tier) -> Decimal:
    """Return what a tier's points give back, in percent of what is paid, at their full worth."""
    return Decimal(tier.points_percent * shop.point_value_twd) / shop.earn_twd


def margin_of(session: Session, now: datetime) -> Decimal | None:
    """Return the shop's margin of the last year in percent; None where no costs are known."""
    return _margin(read_tier_report(session, now))


def _margin(report: TierReport) -> Decimal | None:
    percent = report.margin_percent
    return None if percent is None else Decimal(str(percent)).quantize(CENT, ROUND_FLOOR)


def read_budget(
    session: Session,
    now: datetime,
    *,
    tier_code: str | None,
    revenue_twd: int | None,
    margin_percent: Decimal | None,
    rebate_percent: Decimal | None,
    rebate_redeemed_percent: Decimal,
    benefits: tuple[Benefit, ...],
) -> Budget:
    """Work a sheet out; what is not told is the shop's own, of one member of a tier (the highest).

    Raises ParameterRefused, NoSuchTier, or MarginUnknown.
    """
    tier = _tier(session, tier_code)
    notes = list[Note]()
    if revenue_twd is None or margin_percent is None:
        report = read_tier_report(session, now)
        if revenue_twd is None:
            line = next(line for line in report.tiers if line.tier_code == tier.code)
            revenue_twd = int(line.per_member_twd or 0)
        if margin_percent is None:
            margin_percent = _margin(report)
            notes.append(Note("margin_of_goods", {"percent": margin_percent}))
    if margin_percent is None:
        raise MarginUnknown(parameter="margin_percent")
    if rebate_percent is None:
        rebate_percent = rebate_of(get_shop(session), tier)
    sheet = Sheet(revenue_twd, margin_percent, rebate_percent, rebate_redeemed_percent, benefits)
    found = work_out(sheet)
    return replace(found, notes=(*found.notes, *notes))


def _tier(session: Session, code: str | None) -> Tier:
    """Return the tier of a code, the highest without one. Raises NoSuchTier."""
    ladder = list_tiers(session)
    found = next((tier for tier in ladder if tier.code == (code or ladder[-1].code)), None)
    if found is None:
        raise NoSuchTier(tier=code, known=[tier.code for tier in ladder])
    return found


@dataclass(frozen=True)
class NewTierBudget:
    """What a new tier costs a year at the present figures (C-05)."""

    tier_code: str
    members: int
    spend_twd: int
    extra_points: int
    """Points a year beyond those of the tier below, at the same spend."""
    margin_percent: Decimal | None
    budget: Budget | None
    """What all its points come to against the margin; None where no margin is known."""


def budget_of_draft(
    session: Session, draft: Draft, now: datetime, *, margin_percent: Decimal | None = None
) -> list[NewTierBudget]:
    """Return the budget of each new tier of a draft; the margin is the shop's own unless told."""
    steps = count_new_steps(session, draft, now)
    if not steps:
        return []
    shop = get_shop(session)
    if margin_percent is None:
        margin_percent = margin_of(session, now)
    found = []
    for step in steps:
        extra = (step.tier.points_percent - step.below.points_percent) * step.spend_twd
        sheet = None
        if margin_percent is not None:
            sheet = Sheet(step.spend_twd, margin_percent, rebate_of(shop, step.tier))
        found.append(
            NewTierBudget(
                step.tier.code,
                step.members,
                step.spend_twd,
                extra // shop.earn_twd // 100,
                margin_percent,
                None if sheet is None else work_out(sheet),
            )
        )
    return found
