"""Earn rules: how many points a payment brings, and how several rules at once add up.

Every payment brings whole steps of the shop's rate. Multipliers (the tier's, a plan's, and each
rule that holds for this sale) are joined by the shop's stated policy: the highest of them (the
default), their extras added up, or all multiplied; a ceiling may stand above them. Fixed points
a visit come on top. What a member may earn on one Taipei day may be capped.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from typing import Any

from sqlalchemy import CheckConstraint, Integer, Text, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Identifier, Translated, admits

POLICIES = ("max", "add", "multiply")
PLAIN_PERCENT = 100


class EarnRule(Base):
    """One rule beyond the plain rate. An empty condition holds for every sale.

    It gives either a multiplier (`percent` above 100) or fixed `points` a visit.
    """

    __tablename__ = "earn_rule"
    __table_args__ = (
        CheckConstraint("(percent > 100) <> (points > 0)", name="gives_one_thing"),
        CheckConstraint("percent >= 100 AND points >= 0", name="never_takes"),
        CheckConstraint("min_spend_twd >= 0", name="min_spend_not_negative"),
        CheckConstraint("starts_at < ends_at", name="lives"),
        CheckConstraint("weekdays <@ ARRAY[1, 2, 3, 4, 5, 6, 7]", name="weekdays_known"),
        CheckConstraint("categories = '{}' OR points = 0", name="categories_multiply"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[Translated]
    percent: Mapped[int] = mapped_column(default=PLAIN_PERCENT)
    points: Mapped[int] = mapped_column(default=0)
    min_spend_twd: Mapped[int] = mapped_column(default=0)
    store_codes: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default=list, server_default=text("'{}'")
    )
    channels: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default=list, server_default=text("'{}'")
    )
    tier_codes: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default=list, server_default=text("'{}'")
    )
    categories: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default=list, server_default=text("'{}'")
    )
    """A multiplier for lines of these categories only; the rest of the sale goes without it."""
    weekdays: Mapped[list[int]] = mapped_column(
        ARRAY(Integer), default=list, server_default=text("'{}'")
    )
    """ISO weekdays, 1 for Monday."""
    month_days: Mapped[list[int]] = mapped_column(
        ARRAY(Integer), default=list, server_default=text("'{}'")
    )
    """Days of the month, such as the 8th and 18th: a member day."""
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    is_active: Mapped[bool] = mapped_column(default=True)

    def holds(self, basket: "Basket") -> bool:
        """Tell whether the rule is in force for this sale."""
        return (
            basket.paid_twd >= self.min_spend_twd
            and (self.starts_at is None or self.starts_at <= basket.at)
            and (self.ends_at is None or basket.at < self.ends_at)
            and admits(self.store_codes, basket.store_code)
            and admits(self.channels, basket.channel)
            and admits(self.tier_codes, basket.tier_code)
            and admits(self.weekdays, basket.day.isoweekday())
            and admits(self.month_days, basket.day.day)
        )


@dataclass(frozen=True)
class Basket:
    """What the earn rules must know of a sale."""

    amount_twd: int
    """Before discounts: what the lines add up to."""
    paid_twd: int
    at: datetime
    day: date
    store_code: str
    channel: str
    tier_code: str
    lines: tuple[tuple[str | None, int], ...] = ()
    """Category and amount of each line, where the asker told them."""


@dataclass(frozen=True)
class Policy:
    """How a shop joins its multipliers, and what bounds them."""

    earn_twd: int
    stacking: str = "max"
    cap_percent: int | None = None
    """No multiplier goes above this, whatever joins."""
    daily_cap: int | None = None
    """So many points may a member earn with purchases on one Taipei day."""


@dataclass(frozen=True)
class Earned:
    """The points of a sale and how they came about."""

    points: int
    steps: int
    """Whole steps of the shop's rate that were paid."""
    percent: int
    """The multiplier joined for what no category rule touched."""
    is_uniform: bool
    """Whether that multiplier held for the whole sale."""
    bonus: int
    """Fixed points for the visit."""
    capped_from: int | None
    """What it would have been without the day's cap."""
    rules: tuple[str, ...]
    """Codes of the rules that had a part."""

    def words(self) -> dict[str, Any] | None:
        """Return what the purchase keeps of this; None where only the tier's rate had a part."""
        if not self.rules and self.capped_from is None:
            return None
        return {
            "steps": self.steps,
            "percent": self.percent,
            "bonus": self.bonus,
            "capped_from": self.capped_from,
            "rules": list(self.rules),
        }


def join_percents(policy: Policy, percents: Iterable[int]) -> int:
    """Join multipliers (100 means once) by the shop's policy, below its ceiling; rounds down."""
    each = [percent for percent in percents if percent != PLAIN_PERCENT]
    if policy.stacking == "max":
        joined = max(each, default=PLAIN_PERCENT)
    elif policy.stacking == "add":
        joined = PLAIN_PERCENT + sum(percent - PLAIN_PERCENT for percent in each)
    else:
        joined = reduce(lambda all_, one: all_ * one // PLAIN_PERCENT, each, PLAIN_PERCENT)
    return joined if policy.cap_percent is None else min(joined, policy.cap_percent)


def earn(
    policy: Policy,
    rules: Sequence[EarnRule],
    basket: Basket,
    *,
    own_percents: Sequence[int],
    earned_today: int = 0,
) -> Earned:
    """Work out what a sale earns. `own_percents` are the member's: tier, plan, benefits.

    Points are whole steps paid, times the multiplier, rounded down once, plus fixed points. A
    category's multiplier weighs by its lines' share of the sale.
    """
    in_force = [rule for rule in rules if rule.holds(basket)]
    whole = [rule for rule in in_force if not rule.categories]
    base = [*own_percents, *(rule.percent for rule in whole)]
    percent = join_percents(policy, base)
    steps = basket.paid_twd // policy.earn_twd
    points, by_category = _multiplied(policy, in_force, basket, base, steps)
    bonus = sum(rule.points for rule in whole)
    total = points + bonus
    allowed = total
    if policy.daily_cap is not None:
        allowed = max(min(total, policy.daily_cap - earned_today), 0)
    return Earned(
        points=allowed,
        steps=steps,
        percent=percent,
        is_uniform=not by_category,
        bonus=bonus,
        capped_from=total if allowed < total else None,
        rules=tuple(rule.code for rule in whole) + by_category,
    )


def _multiplied(
    policy: Policy, in_force: list[EarnRule], basket: Basket, base: list[int], steps: int
) -> tuple[int, tuple[str, ...]]:
    """Return the steps times their multipliers, and the category rules that had a part."""
    by_category = [rule for rule in in_force if rule.categories]
    plain = join_percents(policy, base)
    if not by_category or not basket.lines:
        return steps * plain // PLAIN_PERCENT, ()
    weighed, seen, used = 0, 0, dict[str, None]()
    for category, amount_twd in basket.lines:
        matching = [rule for rule in by_category if category in rule.categories]
        used.update(dict.fromkeys(rule.code for rule in matching))
        weighed += amount_twd * join_percents(policy, [*base, *(r.percent for r in matching)])
        seen += amount_twd
    rest = max(basket.amount_twd - seen, 0)
    weighed += rest * plain
    return steps * weighed // (PLAIN_PERCENT * (seen + rest or 1)), tuple(used)


def list_earn_rules(session: Session) -> list[EarnRule]:
    """Return the active rules in the order of their codes."""
    return list(session.scalars(select(EarnRule).where(EarnRule.is_active).order_by(EarnRule.code)))
