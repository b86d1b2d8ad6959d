"""Recording a sale: the one verb from which points, stamps, coupons, tier and receipt follow."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session
from sqlalchemy.orm.util import identity_key

from models import tier
from models.checkout.closing import Sold, close_sale
from models.checkout.opening import Opened, open_sale
from models.checkout.receipt import receipt_words
from models.coupon import Coupon, CouponTemplate, issue_coupon, redeem_coupon
from models.earn_rule import Basket, Earned, earn
from models.local_day import local_day
from models.member import Member
from models.points import IdempotencyKeyReused
from models.programme import Programme, get_programme
from models.purchase.table import LARGEST_AMOUNT_TWD, AmountRefused, Purchase, PurchaseLine
from models.shop import Store
from models.tier import Standing, Tier

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
    staff_id: int | None
    amount_twd: int
    idempotency_key: str
    coupon_id: int | None = None
    code_id: str | None = None
    lines: tuple[Line, ...] = ()
    channel: str = COUNTER
    source: str | None = None
    source_ref: str | None = None


@dataclass(frozen=True)
class Recorded:
    """What came of a sale. A repeated key brings the first answer with `is_repeat`."""

    session: Session
    purchase_id: int
    receipt: dict[str, Any]
    """The receipt's facts, in the member's language."""
    standing: Standing
    coupon: CouponTemplate | None
    is_repeat: bool

    @cached_property
    def purchase(self) -> Purchase:
        """The purchase's row, read when asked for."""
        return self.session.get_one(Purchase, self.purchase_id)


def record_purchase(session: Session, sale: Sale, now: datetime) -> Recorded:
    """Record a sale with everything that follows from it; the caller's transaction keeps it.

    A key seen before returns its first purchase and changes nothing. Raises AmountRefused,
    NoSuchMember, CouponNotUsable, CouponNeedsMore, CodeAlreadyUsed, IdempotencyKeyReused.
    """
    if not 0 < sale.amount_twd <= LARGEST_AMOUNT_TWD:
        raise AmountRefused(largest_twd=LARGEST_AMOUNT_TWD)
    session.flush()  # The two statements go past the mapper, which must hold nothing back.
    opened = open_sale(session, sale.member_id, sale.idempotency_key, local_day(now))
    programme = get_programme(session, opened.programme_version)
    if opened.twin_id is not None:
        return _repeated(session, opened, sale, programme, now)
    recorded = _Recording(session, sale, opened, programme, now).run()
    _forget(session, sale.member_id)
    return recorded


class _Recording:
    """The steps of one sale, in order, over one locked member."""

    def __init__(
        self, session: Session, sale: Sale, opened: Opened, programme: Programme, now: datetime
    ) -> None:
        self.session = session
        self.sale = sale
        self.opened = opened
        self.programme = programme
        self.now = now
        self.today = local_day(now)
        self.tier_before = programme.tier(opened.tier_id)
        self.coupon: CouponTemplate | None = None
        self.discount_twd = 0

    def run(self) -> Recorded:
        self.use_coupon()
        paid_twd = self.sale.amount_twd - self.discount_twd
        self.opened.roll(self.today)
        earned = self.earn(paid_twd)
        stamps = self.stamps_for(paid_twd)
        self.count(paid_twd, earned)
        reached = self.lift()
        standing = _standing(self.opened, self.programme, first=self.today)
        sold = self.sold(paid_twd, earned, stamps)
        receipt = self.receipt(sold, stamps, standing)
        purchase_id = close_sale(
            self.session,
            self.opened,
            sold,
            stamps=stamps,
            expires_on=self.programme.points_expire_on(self.today),
            receipt=receipt,
        )
        self.follow_up(purchase_id, stamps, reached)
        return Recorded(self.session, purchase_id, receipt, standing, self.coupon, is_repeat=False)

    def use_coupon(self) -> None:
        if self.sale.coupon_id is not None:
            self.coupon, self.discount_twd = redeem_coupon(
                self.session, self.opened.id, self.sale.coupon_id, self.sale.amount_twd, self.now
            )

    def earn(self, paid_twd: int) -> Earned:
        sale = self.sale
        basket = Basket(
            amount_twd=sale.amount_twd,
            paid_twd=paid_twd,
            at=self.now,
            day=self.today,
            store_code=sale.store.code,
            channel=sale.channel,
            tier_code=self.tier_before.code,
            lines=tuple((line.category, line.amount_twd) for line in sale.lines),
        )
        return earn(
            self.programme.earn_policy,
            self.programme.earn_rules,
            basket,
            own_percents=(self.tier_before.points_percent,),
            earned_today=self.opened.day_points,
        )

    def stamps_for(self, paid_twd: int) -> dict[int, int]:
        """Return how many stamps each card gets, by programme."""
        card = self.programme.stamp_programme
        return {card.id: 1} if paid_twd >= card.min_spend_twd else {}

    def count(self, paid_twd: int, earned: Earned) -> None:
        opened = self.opened
        opened.spend_twd += paid_twd
        opened.year_twd += paid_twd
        opened.lifetime_twd += paid_twd
        opened.day_points += earned.points
        opened.day_purchases += 1

    def lift(self) -> Tier | None:
        """Lift the member where the sale reaches a higher tier; return that tier."""
        reached = tier.tier_for_spend(self.programme.tiers, self.opened.spend_twd)
        if reached.rank <= self.tier_before.rank:
            return None
        self.opened.tier_id = reached.id
        self.opened.tier_kept_until = tier.kept_until(self.today)
        return reached

    def sold(self, paid_twd: int, earned: Earned, stamps: dict[int, int]) -> Sold:
        sale = self.sale
        return Sold(
            member_id=sale.member_id,
            store_id=sale.store.id,
            staff_id=sale.staff_id,
            channel=sale.channel,
            amount_twd=sale.amount_twd,
            discount_twd=self.discount_twd,
            points_used=0,
            points_twd=0,
            paid_twd=paid_twd,
            coupon_id=sale.coupon_id,
            points_earned=earned.points,
            stamps_added=sum(stamps.values()),
            code_id=sale.code_id,
            purchased_at=self.now,
            purchased_on=self.today,
            key=sale.idempotency_key,
            source=sale.source,
            source_ref=sale.source_ref,
            earned=earned.words(),
        )

    def receipt(self, sold: Sold, stamps: dict[int, int], standing: Standing) -> dict[str, Any]:
        collected, is_full = self.collected(stamps)
        return receipt_words(
            sold,
            self.sale.store,
            standing,
            language=self.opened.language,
            points_balance=self.opened.points + sold.points_earned,
            programme=self.programme,
            coupon=self.coupon,
            stamps=collected,
            reward=self.programme.stamp_reward if is_full else None,
            lifted_from=self.tier_before if standing.tier.id != self.tier_before.id else None,
        )

    def collected(self, stamps: dict[int, int]) -> tuple[int, bool]:
        """Return the stamps on the card after this sale, and whether it filled one."""
        card = self.programme.stamp_programme
        added = stamps.get(card.id, 0)
        collected = self.opened.stamps_on(card.id) + added
        return collected, added > 0 and collected % card.size == 0

    def follow_up(self, purchase_id: int, stamps: dict[int, int], reached: Tier | None) -> None:
        """Write what only some sales bring: lines, a full card's reward, a change of tier."""
        if self.sale.lines:
            self.session.execute(insert(PurchaseLine), _line_rows(purchase_id, self.sale.lines))
        collected, is_full = self.collected(stamps)
        if is_full:
            card = self.programme.stamp_programme
            issue_coupon(
                self.session,
                self.opened.id,
                self.programme.stamp_reward,
                issue_key=f"stamps:{self.opened.id}:{card.id}:{collected // card.size}",
                now=self.now,
            )
        if reached is not None:
            self.session.add(
                tier.note_change(
                    self.opened.id, self.tier_before, reached, self.opened.spend_twd, self.now
                )
            )
            self.session.flush()


def _line_rows(purchase_id: int, lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    return [
        {
            "purchase_id": purchase_id,
            "line_no": number,
            "sku": line.sku,
            "name": line.name,
            "category": line.category,
            "quantity": line.quantity,
            "amount_twd": line.amount_twd,
            "cost_twd": line.cost_twd,
        }
        for number, line in enumerate(lines, start=1)
    ]


def _standing(opened: Opened, programme: Programme, *, first: Any = None) -> Standing:
    return programme.standing(
        opened.tier_id,
        opened.spend_twd,
        first_counted_on=opened.first_counted_on or first,
        kept_until=opened.tier_kept_until,
    )


def _forget(session: Session, member_id: int) -> None:
    """Have a member's mapped row, where the session holds it, read anew: we wrote past it."""
    held = session.identity_map.get(identity_key(Member, member_id))
    if held is not None:
        session.expire(held)


def _repeated(
    session: Session, opened: Opened, sale: Sale, programme: Programme, now: datetime
) -> Recorded:
    """Answer a key that came before with what came of it. Raises IdempotencyKeyReused."""
    first = session.get_one(Purchase, opened.twin_id)
    asked = (sale.member_id, sale.amount_twd, sale.coupon_id, sale.store.id)
    if asked != (first.member_id, first.amount_twd, first.coupon_id, first.store_id):
        raise IdempotencyKeyReused
    coupon = session.get(Coupon, first.coupon_id) if first.coupon_id else None
    opened.roll(local_day(now))
    standing = _standing(opened, programme)
    receipt = receipt_words(
        first,
        sale.store,
        standing,
        language=opened.language,
        points_balance=opened.points,
        programme=programme,
        coupon=coupon.template if coupon else None,
        stamps=opened.stamps_on(programme.stamp_programme.id),
    )
    template = coupon.template if coupon else None
    return Recorded(session, first.id, receipt, standing, template, is_repeat=True)
