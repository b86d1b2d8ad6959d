"""Working a member's past out again: what each imported sale earns in the tier of its day.

In memory, because the database would need a trip a sale. It asks the same rules as the counter
(`models/earn_rule.py`, `models/tier/`), and a test holds both to the same result.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any

from models.benefit import multipliers
from models.earn_rule import Basket, earn
from models.local_day import day_start
from models.plan import Plan
from models.programme import Programme
from models.tier import Held, Tier, window_start, year_start
from models.tier.replay import Walk

_ONE_DAY = timedelta(days=1)


@dataclass(slots=True)
class Sale:
    """A sale in a member's past, imported or recorded before."""

    bought_at: datetime
    bought_on: date
    net_twd: int
    order: Any = None
    """The imported row; None for a sale that was recorded before."""
    points: int = 0
    """What it earned before any refund."""
    percent: int | None = None
    """The one multiplier it was earned by, where there was one."""
    earned: dict[str, Any] | None = None


@dataclass(slots=True)
class Step:
    """A tier gained or lost on the way."""

    before: Tier
    after: Tier
    value: int
    on: date
    at: datetime


class Past:
    """One member's sales in order, worked through once; afterwards it holds their figures."""

    def __init__(
        self,
        programme: Programme,
        sales: Sequence[Sale],
        today: date,
        *,
        store_codes: dict[int, str],
        is_earning: bool,
        recorded: Sequence[tuple[datetime, Tier]] = (),
        plans: Sequence[tuple[datetime, datetime, Plan]] = (),
    ) -> None:
        """Begin on the lowest step; `sales` are all there are, earliest first.

        `recorded` are the tiers the books show, each from a moment on; `plans` are paid plans
        with start and end.
        """
        self.programme = programme
        self.sales = sales
        self.today = today
        self.steps: list[Step] = []
        self._store_codes = store_codes
        self._is_earning = is_earning
        self._recorded = recorded
        self._plans = plans
        self._ladder = programme.ladder
        self._starts = self._ladder.starts
        lowest = programme.tiers[0]
        self._is_money = all(rules.is_money for rules in self._ladder.versions)
        days = [sale.bought_on for sale in sales]
        sums = [0, *accumulate(sale.net_twd for sale in sales)]
        self._walk = Walk(self._ladder, Held(lowest, None), days, sums, seen=0)
        self._next_night = days[0] if days else today
        self._day_on: date | None = None
        self._day_points = 0
        policy = programme.earn_policy
        is_capped = policy.daily_cap is not None or policy.cap_percent is not None
        self._is_plain = not programme.earn_rules and not is_capped

    @property
    def held(self) -> Held:
        """Return the tier the sales give today, and until when."""
        return self._walk.held

    @property
    def spend_twd(self) -> int:
        """Return what the last 365 days count."""
        return self._walk.total(window_start(self.today))

    @property
    def year_twd(self) -> int:
        """Return what this calendar year counts."""
        return self._walk.total(year_start(self.today))

    def run(self) -> None:
        """Work through the sales and nights up to today's."""
        for sale in self.sales:
            if self._is_money:
                self._pass_to(sale.bought_on)
            self._earn(sale)
            self._count(sale)
        if self._is_money:
            self._pass_to(self.today)

    def _pass_to(self, day: date) -> None:
        """Do the nights through `day`, each stretch under its own version of the rules."""
        if self._walk.held.tier.rank == 0 and len(self._starts) == 1:
            self._next_night = day + _ONE_DAY  # Nothing to lose, and no new rules to rise by.
            return
        while self._next_night <= day:
            place = bisect_right(self._starts, self._next_night)
            end = day if place == len(self._starts) else min(day, self._starts[place] - _ONE_DAY)
            self._walk.nights(self._ladder.on(self._next_night), self._next_night, end)
            self._next_night = end + _ONE_DAY
        self._note_steps(None)

    def _count(self, sale: Sale) -> None:
        if not self._is_money:
            self._walk.seen += 1
            return
        self._walk.sell(self._ladder.on(sale.bought_on), sale.bought_on)
        self._note_steps(sale.bought_at)

    def _note_steps(self, at: datetime | None) -> None:
        """Take over what the walk has just noted; a night's step is of the day's beginning."""
        for step in self._walk.steps[len(self.steps) :]:
            moment = at or day_start(step.on)
            self.steps.append(Step(step.before, step.after, step.value, step.on, moment))

    # --- points ---

    def _earn(self, sale: Sale) -> None:
        if self._day_on != sale.bought_on:
            self._day_on, self._day_points = sale.bought_on, 0
        if sale.order is not None and self._is_earning:
            tier = self._tier_at(sale.bought_at)
            others = self._other_percents(sale, tier)
            if self._is_plain and not others:
                sale.points = self.programme.points_for(sale.order.amount_twd, tier)
                sale.percent = tier.points_percent
            else:
                self._earn_by_rules(sale, tier, others)
        self._day_points += sale.points

    def _tier_at(self, moment: datetime) -> Tier:
        """Return the higher of what the sales give and what the books show for that moment."""
        worked_out = self._walk.held.tier
        shown = [tier for since, tier in self._recorded if since <= moment]
        return max(shown[-1], worked_out, key=_rank) if shown else worked_out

    def _other_percents(self, sale: Sale, tier: Tier) -> list[int]:
        """Return the multipliers beside the tier's own: of a paid plan, and of the day."""
        at = sale.bought_at
        plan = next((plan for start, end, plan in self._plans if start <= at < end), None)
        code = plan.code if plan else None
        by_day = multipliers(self.programme, tier.id, code, sale.bought_on)
        return [*([plan.points_percent] if plan else ()), *by_day]

    def _earn_by_rules(self, sale: Sale, tier: Tier, others: Sequence[int]) -> None:
        earned = earn(
            self.programme.earn_policy,
            self.programme.earn_rules,
            self._basket(sale, tier),
            own_percents=(tier.points_percent, *others),
            earned_today=self._day_points,
        )
        sale.points, sale.earned = earned.points, earned.words()
        sale.percent = earned.percent if earned.is_uniform else None

    def _basket(self, sale: Sale, tier: Tier) -> Basket:
        return Basket(
            amount_twd=sale.order.amount_twd,
            paid_twd=sale.order.amount_twd,
            at=sale.bought_at,
            day=sale.bought_on,
            store_code=self._store_codes[sale.order.store_id],
            channel=sale.order.channel,
            tier_code=tier.code,
        )


def _rank(tier: Tier) -> int:
    return tier.rank
