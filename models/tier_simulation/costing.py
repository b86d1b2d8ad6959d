"""What lives under a ladder cost: points, gifts and discounts, notices, points still owed. Pure.

What tiers bring is taken as it is (or would be) today, for the whole time looked at: rates,
gifts, monthly coupons, discounts. Campaigns' and plans' multipliers are the same under all rules
and left out; so is what a free delivery costs, which the shop alone knows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from models.benefit import (
    MonthlyCoupon,
    OrderDiscount,
    PointsMultiplier,
    Terms,
    UpgradeGift,
)
from models.earn_rule import PLAIN_PERCENT, Policy, join_percents
from models.tier import Tier
from models.tier_simulation.history import History
from models.tier_simulation.replaying import Life

POINTS, UPGRADE, BIRTHDAY, MONTHLY, DISCOUNT, MESSAGES = (
    "points",
    "upgrade_gift",
    "birthday_gift",
    "monthly_coupon",
    "order_discount",
    "messages",
)
FALL_MESSAGES = 2
KINDS = (POINTS, UPGRADE, BIRTHDAY, MONTHLY, DISCOUNT, MESSAGES)


@dataclass(frozen=True)
class Prices:
    """What things cost the shop."""

    policy: Policy
    point_twd: int
    message_twd: Decimal
    coupons_twd: Mapping[str, Decimal]
    """By template: what one is expected to cost, with the chance that it is used."""


@dataclass(frozen=True)
class Offer:
    """What one tier brings."""

    points_percent: int
    terms: tuple[Terms, ...]
    birthday: str
    """The template of its birthday gift."""

    @property
    def gift(self) -> UpgradeGift | None:
        """Return the gift for reaching the tier; of several variants the first."""
        return next((terms for terms in self.terms if isinstance(terms, UpgradeGift)), None)


@dataclass
class Tally:
    """What all lives cost together, in NT$, with the numbers it comes from."""

    offers: Mapping[int, Offer]
    """By the tier's id."""
    prices: Prices
    first: date
    today: date
    owed_from: date
    """Points of sales before this day have lapsed by now."""
    costs: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(KINDS, Decimal(0)))
    points: int = 0
    living_points: int = 0
    """Of `points`, those that would still be good."""
    gifts: int = 0
    messages: int = 0
    ups: int = 0
    downs: int = 0
    _rates: dict[tuple[int, date], int] = field(default_factory=dict)

    def count(self, life: Life, history: History) -> None:
        """Add one member's life, from `first` through `today`."""
        months = self._count_sales(life, history)
        self._count_turns(life, history)
        self._count_birthdays(life, history, months)

    def _count_sales(self, life: Life, history: History) -> set[date]:
        """Count what sales bring; return the months, by their first day, that had some."""
        months = set[date]()
        for day, net_twd in history.sales:
            if day < self.first:
                continue
            tier = life.tier_before(day)
            offer = self.offers[tier.id]
            earned = net_twd // self.prices.policy.earn_twd * self._rate(tier, day) // PLAIN_PERCENT
            self.points += earned
            self.living_points += earned if day >= self.owed_from else 0
            self.costs[POINTS] += earned * self.prices.point_twd
            month = day.replace(day=1)
            if month not in months:
                months.add(month)
                self._count_month(offer)
            self._count_discount(offer, net_twd)
        return months

    def _rate(self, tier: Tier, day: date) -> int:
        known = self._rates.get((tier.id, day))
        if known is None:
            offer = self.offers[tier.id]
            percents = [
                terms.percent
                for terms in offer.terms
                if isinstance(terms, PointsMultiplier) and terms.holds(day)
            ]
            known = join_percents(self.prices.policy, [offer.points_percent, *percents])
            self._rates[tier.id, day] = known
        return known

    def _count_month(self, offer: Offer) -> None:
        """Give a month's coupons to who comes in it: only they can take and use them."""
        for terms in offer.terms:
            if isinstance(terms, MonthlyCoupon):
                self._give(MONTHLY, terms.template)

    def _count_discount(self, offer: Offer, net_twd: int) -> None:
        """Take the better of the tier's discounts off a sale, as the till does."""
        self.costs[DISCOUNT] += max(
            (terms.taken_off(net_twd) for terms in offer.terms if isinstance(terms, OrderDiscount)),
            default=0,
        )

    def _count_turns(self, life: Life, history: History) -> None:
        reached, sold_on = set[int](), {day for day, _ in history.sales}
        for turn in life.turns:
            is_up = turn.after.rank > turn.before.rank
            if is_up and turn.after.id not in reached:
                reached.add(turn.after.id)
                gift = self.offers[turn.after.id].gift
                if turn.on >= self.first and gift is not None:
                    self.gifts += 1
                    self._give(UPGRADE, gift.template)
            if turn.on < self.first:
                continue
            self.ups += is_up
            self.downs += not is_up
            if history.is_reachable and not turn.is_given:
                self._notify(is_up=is_up, has_receipt=turn.on in sold_on)

    def _notify(self, *, is_up: bool, has_receipt: bool) -> None:
        """Count the messages of a move: a receipt tells of a rise, a fall is warned of and told."""
        owed = int(not has_receipt) if is_up else FALL_MESSAGES
        self.messages += owed
        self.costs[MESSAGES] += owed * self.prices.message_twd

    def _count_birthdays(self, life: Life, history: History, months: set[date]) -> None:
        """Give the birthday's gift to who buys in its month: nobody else can use it."""
        if history.birthday is None:
            return
        for year in range(self.first.year, self.today.year + 1):
            month = date(year, history.birthday.month, 1)
            if month in months:
                self._give(BIRTHDAY, self.offers[life.tier_before(month).id].birthday)

    def _give(self, kind: str, template: str) -> None:
        self.costs[kind] += self.prices.coupons_twd.get(template, Decimal(0))


@dataclass
class Heads:
    """How many members stand on each tier, month by month."""

    days: Sequence[date]
    counts: list[Counter[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = [Counter() for _ in self.days]

    def count(self, life: Life, history: History) -> None:
        """Add one member where they stood on each day on which they were a member."""
        for day, counts in zip(self.days, self.counts, strict=True):
            if history.joined_on < day:
                counts[life.tier_before(day).id] += 1
