"""Reckoning a sale: what pays it, what it earns, stamps and reaches; nothing is written.

Recording and preview ask the same steps, so what the clerk is shown is what will be recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from models.base import BusinessError
from models.benefit import multipliers, order_discount
from models.checkout.closing import Sold
from models.checkout.opening import Opened
from models.checkout.receipt import receipt_words
from models.coupon import NO_COUPONS, Picked, pricing
from models.earn_rule import Basket, Earned, earn
from models.local_day import local_day
from models.plan import held_plan
from models.points import InsufficientPoints, spendable_points
from models.points.entry import pending_until
from models.programme import Programme
from models.shop import Store
from models.staff import Staff
from models.stamp_card import Stamped, earned_stamps, stamp
from models.tier import Standing, Step
from models.tier_evaluation import figures_for, lift

COUNTER = "till"


@dataclass(frozen=True)
class Line:
    """One item of a sale; `amount_twd` is what all `quantity` of them cost, before discounts."""

    name: str
    amount_twd: int
    quantity: int = 1
    sku: str | None = None
    category: str | None = None
    cost_twd: int | None = None


@dataclass(frozen=True)
class Sale:
    """What a till reports."""

    member_id: int
    store: Store
    staff: Staff | None
    amount_twd: int
    idempotency_key: str
    coupon_ids: tuple[int, ...] = ()
    points_to_use: int = 0
    code_id: str | None = None
    lines: tuple[Line, ...] = ()
    channel: str = COUNTER
    source: str | None = None
    source_ref: str | None = None
    device: str | None = None
    approval_code: str | None = None
    """What a manager gave for a sale beyond the limits of pace."""


class PointsNotUsable(BusinessError):
    """More points than the sale has left to pay, or fewer than none."""

    code = "points_not_usable"


class Reckoning:
    """The steps of one sale in their order, over one member; each reads what those before left."""

    def __init__(
        self, session: Session, sale: Sale, opened: Opened, programme: Programme, now: datetime
    ) -> None:
        """Bring the member's figures to today."""
        self.session = session
        self.sale = sale
        self.opened = opened
        self.programme = programme
        self.now = now
        self.today = local_day(now)
        self.is_first = opened.purchase_count == 0
        self.tier_before = programme.tier(opened.tier_id)
        plan = held_plan(programme.plans, opened.plan_code, opened.plan_until, now)
        self.plan_code = plan.code if plan else None
        self.plan_percents = (plan.points_percent,) if plan else ()
        self.pending_until = pending_until(programme.shop, self.today)
        self.picked: Picked = NO_COUPONS
        self.member_discount_twd = 0
        self.points_twd = 0
        self.paid_twd = sale.amount_twd
        self.stamped: list[Stamped] = []
        self.steps: Sequence[Step] = ()
        opened.roll(self.today)

    @property
    def basket(self) -> pricing.Basket:
        """What coupons must know of the sale."""
        sale = self.sale
        return pricing.Basket(
            sale.amount_twd, sale.store.code, self.tier_before.code, sale.channel, sale.lines
        )

    def pay(self, picked: Picked) -> None:
        """Take coupons off the amount, then what tier or plan take off, then points.

        Raises PointsNotUsable, or InsufficientPoints: what the sale itself earns cannot pay for it.
        """
        self.picked = picked
        left_twd = self.sale.amount_twd - picked.discount_twd
        self.member_discount_twd = order_discount(
            self.programme, self.opened.tier_id, self.plan_code, self.today, left_twd
        )
        left_twd -= self.member_discount_twd
        worth_twd = self.programme.shop.point_value_twd
        self.points_twd = self.sale.points_to_use * worth_twd
        if not 0 <= self.points_twd <= left_twd:
            raise PointsNotUsable(most=left_twd // worth_twd)
        self.paid_twd = left_twd - self.points_twd
        if self.sale.points_to_use:
            self._check_points(self.sale.points_to_use)

    def _check_points(self, asked: int) -> None:
        opened = self.opened
        balance = spendable_points(self.session, opened.id, opened.points, self.today)
        if asked > balance:
            raise InsufficientPoints(balance=balance, needed=asked)

    def earn(self) -> Earned:
        """Work out the points."""
        sale, opened = self.sale, self.opened
        basket = Basket(
            amount_twd=sale.amount_twd,
            paid_twd=self.paid_twd,
            at=self.now,
            day=self.today,
            store_code=sale.store.code,
            channel=sale.channel,
            tier_code=self.tier_before.code,
            lines=self._line_amounts,
        )
        by_day = multipliers(self.programme, opened.tier_id, self.plan_code, self.today)
        return earn(
            self.programme.earn_policy,
            self.programme.earn_rules,
            basket,
            own_percents=(self.tier_before.points_percent, *self.plan_percents, *by_day),
            earned_today=opened.day_points,
        )

    @property
    def _line_amounts(self) -> tuple[tuple[str | None, int], ...]:
        return tuple((line.category, line.amount_twd) for line in self.sale.lines)

    def count(self, earned: Earned) -> None:
        """Count the sale on stamp cards and in the figures, and lift the member where it does."""
        opened = self.opened
        cards = earned_stamps(
            self.programme.stamp_programmes,
            self.paid_twd,
            self._line_amounts,
            self.sale.channel,
            self.today,
            is_first=self.is_first,
        )
        self.stamped = [
            stamp(each, opened.held_card(each.programme.id), self.today) for each in cards
        ]
        opened.spend_twd += self.paid_twd
        opened.year_twd += self.paid_twd
        opened.lifetime_twd += self.paid_twd
        opened.day_points += earned.points
        opened.day_purchases += 1
        self.steps = lift(self.session, opened, self.programme, self.today, self.paid_twd)

    def standing(self) -> Standing:
        """Return where the member stands after the sale."""
        return standing_of_opened(self.session, self.opened, self.programme, first=self.today)

    def sold(self, earned: Earned) -> Sold:
        """Return the purchase's columns."""
        sale = self.sale
        return Sold(
            member_id=sale.member_id,
            store_id=sale.store.id,
            staff_id=sale.staff.id if sale.staff else None,
            channel=sale.channel,
            amount_twd=sale.amount_twd,
            discount_twd=self.picked.discount_twd + self.member_discount_twd,
            points_used=sale.points_to_use,
            points_twd=self.points_twd,
            paid_twd=self.paid_twd,
            coupon_id=self.picked.coupons[0].id if self.picked.coupons else None,
            points_earned=earned.points,
            earn_twd=self.programme.earn_policy.earn_twd if earned.is_uniform else None,
            earn_percent=earned.percent if earned.is_uniform else None,
            stamps_added=sum(each.added for each in self.stamped),
            code_id=sale.code_id,
            purchased_at=self.now,
            purchased_on=self.today,
            key=sale.idempotency_key,
            source=sale.source,
            source_ref=sale.source_ref,
            earned=earned.words(),
        )

    def receipt(self, sold: Sold, earned: Earned, standing: Standing) -> dict[str, Any]:
        """Return what the member is told."""
        active = sold.points_earned if self.pending_until is None else 0
        return receipt_words(
            sold,
            self.sale.store,
            standing,
            language=self.opened.language,
            points_balance=self.opened.points + active - sold.points_used,
            pending_until=self.pending_until if sold.points_earned else None,
            programme=self.programme,
            coupons=[coupon.template for coupon in self.picked.coupons],
            coupon_twd=self.picked.discount_twd,
            stamped=self.stamped,
            rules=earned.rules,
            lifted_from=self.tier_before if standing.tier.id != self.tier_before.id else None,
        )


def standing_of_opened(
    session: Session, opened: Opened, programme: Programme, *, first: date | None = None
) -> Standing:
    """Return where the member stands; no statement unless a metric or a score decides."""
    return programme.standing(
        opened.tier_id,
        figures_for(session, opened, programme),
        first_counted_on=opened.first_counted_on or first,
        kept_until=opened.tier_kept_until,
    )
