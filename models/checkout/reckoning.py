"""Reckoning a sale: what pays it, what it earns, stamps and reaches; nothing is written.

Recording and preview ask the same steps, so what the clerk is shown is what will be recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from models.base import BusinessError
from models.benefit import multipliers, order_discount
from models.checkout.closing import Sold
from models.checkout.lines import Line, known_lines
from models.checkout.opening import Opened, begin_day
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
from models.tier_evaluation import figures_for, lift, lift_late

COUNTER = "till"
LATEST_REPORT = timedelta(days=7)
"""A sale may be told so long after it happened: by a tablet that had no network, or a till."""


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
    device: int | None = None
    """The id of the device it is made on."""
    approval_code: str | None = None
    """What a manager gave for a sale beyond the limits of pace."""
    sold_at: datetime | None = None
    """When it happened, where that is before it is told. Prices, points, stamps and figures are
    those of that moment; ledger and messages are of the moment in which it is recorded."""
    is_claimed: bool = False
    """Whether its buyer claims it by a receipt code: the clerk, who is not asked any more, was
    held to their limits when they issued it."""

    shipping_twd: int = 0
    """What of the amount is shipping, for coupons that send free of charge."""
    paid_twd: int | None = None
    """What was paid, where the asker has cashed in: what it leaves of the amount is their own
    discount, and tier and plan take nothing off."""

    def happened_at(self, now: datetime) -> datetime:
        """Return when the sale happened, told of at `now`. Raises SoldTooLongAgo."""
        at = self.sold_at or now
        if not now - LATEST_REPORT <= at <= now:
            raise SoldTooLongAgo(most_days=LATEST_REPORT.days)
        return at


class SoldTooLongAgo(BusinessError):
    """The sale is told of too late, or before it happened."""

    code = "sold_too_long_ago"


class PaymentRefused(BusinessError):
    """More was paid than the amount has left after coupons and points."""

    code = "payment_refused"


class PointsNotUsable(BusinessError):
    """More points than the sale has left to pay, or fewer than none."""

    code = "points_not_usable"


class Reckoning:
    """The steps of one sale in their order, over one member; each reads what those before left."""

    def __init__(
        self, session: Session, sale: Sale, opened: Opened, programme: Programme, now: datetime
    ) -> None:
        """Bring the member's figures to today, and those of a day to the day of the sale.

        Raises SoldTooLongAgo.
        """
        self.session = session
        self.sale = replace(sale, lines=known_lines(session, sale.lines)) if sale.lines else sale
        self.opened = opened
        self.programme = programme
        self.now = now
        self.today = local_day(now)
        self.at = sale.happened_at(now)
        self.sold_on = local_day(self.at)
        self.is_first = opened.purchase_count == 0
        self.tier_before = programme.tier(opened.tier_id)
        plan = held_plan(programme.plans, opened.plan_code, opened.plan_until, self.at)
        self.plan_code = plan.code if plan else None
        self.plan_percents = (plan.points_percent,) if plan else ()
        self.pending_until = self._pending_until()
        self.picked: Picked = NO_COUPONS
        self.member_discount_twd = 0
        self.points_twd = 0
        self.paid_twd = sale.amount_twd
        self.stamped: list[Stamped] = []
        self.steps: Sequence[Step] = ()
        opened.roll(self.today)
        begin_day(session, opened, self.sold_on)

    def _pending_until(self) -> date | None:
        """Return until when the points wait; those told of after that day do not."""
        until = pending_until(self.programme.shop, self.sold_on)
        return until if until is not None and until > self.today else None

    @property
    def basket(self) -> pricing.Basket:
        """What coupons must know of the sale."""
        sale = self.sale
        return pricing.Basket(
            sale.amount_twd,
            sale.store.code,
            self.tier_before.code,
            sale.channel,
            sale.lines,
            sale.shipping_twd,
        )

    def pay(self, picked: Picked) -> None:
        """Take coupons off the amount, then what tier or plan take off, then points.

        Raises PointsNotUsable, PaymentRefused where what the asker cashed in does not fit, or
        InsufficientPoints: what the sale itself earns cannot pay for it.
        """
        self.picked = picked
        left_twd = self.sale.amount_twd - picked.discount_twd
        worth_twd = self.programme.shop.point_value_twd
        self.points_twd = self.sale.points_to_use * worth_twd
        self.member_discount_twd = self._own_discount(left_twd)
        left_twd -= self.member_discount_twd
        if not 0 <= self.points_twd <= left_twd:
            raise PointsNotUsable(most=left_twd // worth_twd)
        self.paid_twd = left_twd - self.points_twd
        if self.sale.points_to_use:
            self._check_points(self.sale.points_to_use)

    def _own_discount(self, left_twd: int) -> int:
        """Return what tier or plan take off, or what the asker did before they cashed in."""
        paid_twd = self.sale.paid_twd
        if paid_twd is None:
            return order_discount(
                self.programme, self.opened.tier_id, self.plan_code, self.sold_on, left_twd
            )
        most_twd = left_twd - self.points_twd
        if not 0 <= paid_twd <= max(most_twd, 0):
            raise PaymentRefused(most_twd=max(most_twd, 0))
        return max(most_twd, 0) - paid_twd

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
            at=self.at,
            day=self.sold_on,
            store_code=sale.store.code,
            channel=sale.channel,
            tier_code=self.tier_before.code,
            lines=self._line_amounts,
        )
        by_day = multipliers(self.programme, opened.tier_id, self.plan_code, self.sold_on)
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
            self.sold_on,
            is_first=self.is_first,
        )
        self.stamped = [
            stamp(each, opened.held_card(each.programme.id), self.sold_on) for each in cards
        ]
        opened.count(self.sold_on, self.paid_twd, earned.points)
        if self.sold_on == self.today:
            self.steps = lift(self.session, opened, self.programme, self.today, self.paid_twd)
        else:
            late = (self.sold_on, self.paid_twd)
            self.steps = lift_late(self.session, opened, self.programme, late, self.now)

    def standing(self) -> Standing:
        """Return where the member stands after the sale."""
        return standing_of_opened(self.session, self.opened, self.programme, first=self.sold_on)

    def sold(self, earned: Earned) -> Sold:
        """Return the purchase's columns."""
        sale = self.sale
        return Sold(
            member_id=sale.member_id,
            store_id=sale.store.id,
            staff_id=sale.staff.id if sale.staff else None,
            device_id=sale.device,
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
            purchased_at=self.at,
            purchased_on=self.sold_on,
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
            is_shop_discount=self.sale.paid_twd is not None,
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
