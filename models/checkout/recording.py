"""Recording a sale: the one verb from which points, stamps, coupon, tier and receipt follow."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import points, stamp_card, tier
from models.checkout.receipt import receipt_words
from models.coupon import Coupon, CouponNotUsable, CouponTemplate, issue_coupon, redeem_coupon
from models.local_day import local_day
from models.outbox import owe
from models.points import IdempotencyKeyReused
from models.programme import Programme, get_programme
from models.purchase.questions import find_purchase
from models.purchase.table import (
    LARGEST_AMOUNT_TWD,
    AmountRefused,
    CodeAlreadyUsed,
    Purchase,
)
from models.purchase.window import Locked, lock_member, roll_window
from models.shop import Store
from models.tier import Standing

RECEIPT_USEFUL = timedelta(hours=24)


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


@dataclass(frozen=True)
class Recorded:
    """What came of a sale. A repeated key brings the first answer with `is_repeat`."""

    purchase: Purchase
    receipt: dict[str, Any]
    """The receipt's facts, in the member's language."""
    standing: Standing
    coupon: CouponTemplate | None
    is_repeat: bool


class _TwinCameFirst(Exception):
    """A purchase with our key was committed while we waited for the member's lock."""


def record_purchase(session: Session, sale: Sale, now: datetime) -> Recorded:
    """Record a sale with everything that follows from it; the caller's transaction keeps it.

    A key seen before returns its first purchase and changes nothing. Raises AmountRefused,
    NoSuchMember, CouponNotUsable, CouponNeedsMore, CodeAlreadyUsed, IdempotencyKeyReused.
    """
    if not 0 < sale.amount_twd <= LARGEST_AMOUNT_TWD:
        raise AmountRefused(largest_twd=LARGEST_AMOUNT_TWD)
    today = local_day(now)
    locked, first = lock_member(session, sale.member_id, today, key=sale.idempotency_key)
    programme = get_programme(session, locked.programme_version)
    if first is None:
        try:
            return _Recording(session, sale, locked, programme, now).run()
        except (_TwinCameFirst, CouponNotUsable):
            first = find_purchase(session, sale.idempotency_key)
            if first is None:
                raise
    return _repeated(session, first, sale, locked, programme)


class _Recording:
    """The steps of one sale, in order, over one locked member."""

    def __init__(
        self, session: Session, sale: Sale, locked: Locked, programme: Programme, now: datetime
    ) -> None:
        self.session = session
        self.sale = sale
        self.locked = locked
        self.member = locked.member
        self.programme = programme
        self.now = now
        self.today = local_day(now)
        self.tier_before = programme.tier(self.member.tier_id)
        self.coupon: CouponTemplate | None = None
        self.discount_twd = 0
        self.stamps: int | None = None
        self.reward: CouponTemplate | None = None

    def run(self) -> Recorded:
        with self.session.no_autoflush:  # The member's row is written once, at the end.
            self.use_coupon()
            purchase = self.insert_purchase()
            self.earn(purchase)
            self.stamp(purchase)
            self.count_spend(purchase)
            self.lift_tier()
            standing = self.standing()
            receipt = self.receipt(purchase, standing)
            self.owe_receipt(purchase, receipt)
        self.session.flush()
        return Recorded(purchase, receipt, standing, self.coupon, is_repeat=False)

    def use_coupon(self) -> None:
        if self.sale.coupon_id is not None:
            self.coupon, self.discount_twd = redeem_coupon(
                self.session, self.member.id, self.sale.coupon_id, self.sale.amount_twd, self.now
            )

    def insert_purchase(self) -> Purchase:
        sale, paid_twd = self.sale, self.sale.amount_twd - self.discount_twd
        values = {
            "member_id": self.member.id,
            "store_id": sale.store.id,
            "staff_id": sale.staff_id,
            "amount_twd": sale.amount_twd,
            "discount_twd": self.discount_twd,
            "paid_twd": paid_twd,
            "coupon_id": sale.coupon_id,
            "points_earned": self.programme.points_for(paid_twd, self.tier_before),
            "stamps_added": int(paid_twd >= self.programme.stamp_programme.min_spend_twd),
            "code_id": sale.code_id,
            "purchased_at": self.now,
            "purchased_on": self.today,
            "idempotency_key": sale.idempotency_key,
        }
        statement = (
            insert(Purchase)
            .values(values)
            .on_conflict_do_nothing(index_elements=[Purchase.idempotency_key])
            .returning(Purchase)
        )
        try:
            purchase = self.session.scalars(statement).one_or_none()
        except IntegrityError as error:
            if "code_id" not in str(error.orig):
                raise
            raise CodeAlreadyUsed from error
        if purchase is None:
            raise _TwinCameFirst
        return purchase

    def earn(self, purchase: Purchase) -> None:
        if purchase.points_earned:
            points.add_entry(
                self.session,
                self.member,
                purchase.points_earned,
                "purchase",
                f"purchase:{purchase.id}",
                self.now,
                expires_on=self.programme.points_expire_on(self.today),
                purchase_id=purchase.id,
            )

    def stamp(self, purchase: Purchase) -> None:
        if not purchase.stamps_added:
            return
        card = self.programme.stamp_programme
        self.stamps = stamp_card.add_stamp(self.session, self.member.id, card)
        if self.stamps % card.size == 0:
            self.reward = self.programme.stamp_reward
            issue_coupon(
                self.session,
                self.member.id,
                self.reward,
                issue_key=f"stamps:{self.member.id}:{card.id}:{self.stamps // card.size}",
                now=self.now,
            )

    def count_spend(self, purchase: Purchase) -> None:
        roll_window(self.locked, self.today)
        self.member.spend_twd += purchase.paid_twd
        self.member.purchase_count += 1
        self.member.last_purchase_on = self.today

    def lift_tier(self) -> None:
        reached = tier.tier_for_spend(self.programme.tiers, self.member.spend_twd)
        if reached.rank > self.tier_before.rank:
            self.member.tier_id = reached.id
            self.member.tier_kept_until = tier.kept_until(self.today)
            self.session.add(
                tier.note_change(
                    self.member.id, self.tier_before, reached, self.member.spend_twd, self.now
                )
            )

    def standing(self) -> Standing:
        return self.programme.standing(
            self.member.tier_id,
            self.member.spend_twd,
            first_counted_on=self.locked.first_counted_on or self.today,
            kept_until=self.member.tier_kept_until,
        )

    def receipt(self, purchase: Purchase, standing: Standing) -> dict[str, Any]:
        return receipt_words(
            purchase,
            self.member,
            self.sale.store,
            standing,
            programme=self.programme,
            coupon=self.coupon,
            stamps=self.stamps,
            reward=self.reward,
            lifted_from=self.tier_before if standing.tier.id != self.tier_before.id else None,
        )

    def owe_receipt(self, purchase: Purchase, receipt: dict[str, Any]) -> None:
        if self.member.line_user_id is not None:
            owe(
                self.session,
                self.member.line_user_id,
                "receipt",
                receipt,
                language=self.member.language,
                idempotency_key=f"receipt:{purchase.id}",
                now=self.now,
                member_id=self.member.id,
                useful_until=self.now + RECEIPT_USEFUL,
            )


def _repeated(
    session: Session, first: Purchase, sale: Sale, locked: Locked, programme: Programme
) -> Recorded:
    asked = (sale.member_id, sale.amount_twd, sale.coupon_id, sale.store.id)
    if asked != (first.member_id, first.amount_twd, first.coupon_id, first.store_id):
        raise IdempotencyKeyReused
    member = locked.member
    coupon = session.get(Coupon, first.coupon_id) if first.coupon_id else None
    standing = programme.standing(
        member.tier_id,
        member.spend_twd,
        first_counted_on=locked.first_counted_on,
        kept_until=member.tier_kept_until,
    )
    receipt = receipt_words(
        first,
        member,
        sale.store,
        standing,
        programme=programme,
        coupon=coupon.template if coupon else None,
        stamps=stamp_card.count_stamps(session, member.id, programme.stamp_programme),
    )
    return Recorded(first, receipt, standing, coupon.template if coupon else None, is_repeat=True)
