"""Purchases: a sale at the counter, and all that follows from it in one transaction.

Recording a purchase earns points and perhaps a stamp, may use a coupon and lift the tier, and
leaves the receipt in the outbox. The asker's key makes it happen once; a scanned code is good
for one purchase only. The member's row lock orders two tills; cost does not grow with history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    SQLColumnExpression,
    Text,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models import points, stamp_card, tier
from models.base import Base, BusinessError, Day, Identifier, Moment, in_language
from models.coupon import Coupon, CouponNotUsable, CouponTemplate, issue_coupon, redeem_coupon
from models.local_day import local_day
from models.member import Member, NoSuchMember
from models.outbox import owe
from models.points import IdempotencyKeyReused
from models.programme import Programme, get_programme
from models.shop import THE_SHOP, Shop, Store
from models.tier import Standing

LARGEST_AMOUNT_TWD = 200_000
RECEIPT_USEFUL = timedelta(hours=24)


class Purchase(Base):
    """One sale; what was paid after the discount counts for points and tier. Never changed."""

    __tablename__ = "purchase"
    __table_args__ = (
        CheckConstraint("amount_twd > 0", name="amount_positive"),
        CheckConstraint(
            "discount_twd >= 0 AND discount_twd <= amount_twd", name="discount_within_amount"
        ),
        CheckConstraint("paid_twd = amount_twd - discount_twd", name="paid_is_the_rest"),
        CheckConstraint("points_earned >= 0", name="points_not_negative"),
        Index(None, "member_id", "purchased_on"),
        Index("ix_purchase_store_id", "store_id", "purchased_on"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    channel: Mapped[str] = mapped_column(default="till")
    amount_twd: Mapped[int]
    discount_twd: Mapped[int] = mapped_column(default=0)
    paid_twd: Mapped[int]
    coupon_id: Mapped[int | None] = mapped_column(ForeignKey("coupon.id"), unique=True)
    points_earned: Mapped[int]
    stamps_added: Mapped[int] = mapped_column(default=0)
    code_id: Mapped[str | None] = mapped_column(Text, unique=True)
    """Which scanned code identified the member: good for one purchase."""
    purchased_at: Mapped[Moment]
    purchased_on: Mapped[Day]
    idempotency_key: Mapped[str] = mapped_column(unique=True)


class AmountRefused(BusinessError):
    """The amount is not a whole number of NT$ between 1 and the largest one sale may have."""

    code = "amount_refused"


class CodeAlreadyUsed(BusinessError):
    """The scanned code has made its one purchase."""

    code = "code_already_used"


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
    is_repeat: bool


class _TwinCameFirst(Exception):
    """A purchase with our key was committed while we waited for the member's lock."""


@dataclass(frozen=True)
class Locked:
    """A member under their row lock, with all a sale must know, in one query."""

    member: Member
    crossing_twd: int
    """What lies between the first days of the windows of `spend_on` and of today."""
    first_counted_on: date | None
    programme_version: int


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


def lock_member(
    session: Session, member_id: int, today: date, *, key: str | None = None
) -> tuple[Locked, Purchase | None]:
    """Lock a member, read what `today` makes of their 365 days, and find the `key`'s purchase.

    One statement. What it reads beside the locked row is as old as the statement, so a twin that
    committed while we waited for the lock is not seen: the purchase's unique key finds it.
    Raises NoSuchMember.
    """
    counted_from = tier.window_start(today)
    crossing = _crossing(Member.id, Member.spend_on, today).correlate(Member).scalar_subquery()
    first_counted = (
        select(func.min(Purchase.purchased_on))
        .where(Purchase.member_id == Member.id, Purchase.purchased_on >= counted_from)
        .correlate(Member)
        .scalar_subquery()
    )
    found = session.execute(
        select(Member, crossing, first_counted, Shop.programme_version, Purchase)
        .select_from(Member)
        .join(Shop, Shop.id == THE_SHOP)
        .join(Purchase, Purchase.idempotency_key == key, isouter=True)
        .where(Member.id == member_id, Member.erased_at.is_(None))
        .with_for_update(of=Member)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NoSuchMember
    member, crossing_twd, first_counted_on, version, first = found
    return Locked(member, int(crossing_twd), first_counted_on, version), first


def _crossing(
    member_id: SQLColumnExpression[int], spend_on: SQLColumnExpression[date], today: date
) -> Select[int]:
    """Sum up what lies between the first days of the windows of `spend_on` and of `today`."""
    first_days = (spend_on - (tier.WINDOW_DAYS - 1), literal(tier.window_start(today)))
    return select(func.coalesce(func.sum(Purchase.paid_twd), 0)).where(
        Purchase.member_id == member_id,
        Purchase.purchased_on >= func.least(*first_days),
        Purchase.purchased_on < func.greatest(*first_days),
    )


def _spend_on(member: Member, crossing_twd: int, today: date) -> int:
    """Return what the window of `today` counts: less with time, more where a job is played back."""
    return member.spend_twd + (crossing_twd if member.spend_on > today else -crossing_twd)


def roll_window(locked: Locked, today: date) -> None:
    """Bring the member's 365-day figure to `today`."""
    member = locked.member
    member.spend_twd = _spend_on(member, locked.crossing_twd, today)
    member.spend_on = today


def find_purchase(session: Session, idempotency_key: str) -> Purchase | None:
    """Return the purchase recorded under this key, or None."""
    return session.scalars(
        select(Purchase).where(Purchase.idempotency_key == idempotency_key)
    ).one_or_none()


def is_code_used(session: Session, code_id: str) -> bool:
    """Tell whether a scanned code has made its one purchase."""
    return session.scalar(select(Purchase.id).where(Purchase.code_id == code_id)) is not None


def stores_of(session: Session, purchase_ids: Sequence[int]) -> dict[int, Store]:
    """Return the store of each of these purchases, by purchase id."""
    rows = session.execute(
        select(Purchase.id, Store)
        .join(Store, Store.id == Purchase.store_id)
        .where(Purchase.id.in_(purchase_ids))
    )
    return dict(rows.all())


def first_counted_on(session: Session, member_id: int, today: date) -> date | None:
    """Return the day of the oldest purchase that counts on `today`, or None."""
    return session.scalar(
        select(func.min(Purchase.purchased_on)).where(
            Purchase.member_id == member_id, Purchase.purchased_on >= tier.window_start(today)
        )
    )


def standing_of(session: Session, member: Member, programme: Programme, today: date) -> Standing:
    """Return where the member stands `today`, without changing their row."""
    crossing_twd = session.scalar(_crossing(literal(member.id), literal(member.spend_on), today))
    return programme.standing(
        member.tier_id,
        _spend_on(member, int(crossing_twd or 0), today),
        first_counted_on=first_counted_on(session, member.id, today),
        kept_until=member.tier_kept_until,
    )


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
        self.use_coupon()
        purchase = self.insert_purchase()
        self.earn(purchase)
        self.stamp(purchase)
        self.count_spend(purchase)
        self.lift_tier()
        receipt = self.receipt(purchase)
        self.owe_receipt(purchase, receipt)
        self.session.flush()
        return Recorded(purchase, receipt, is_repeat=False)

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

    def receipt(self, purchase: Purchase) -> dict[str, Any]:
        standing = self.programme.standing(
            self.member.tier_id,
            self.member.spend_twd,
            first_counted_on=self.locked.first_counted_on or self.today,
            kept_until=self.member.tier_kept_until,
        )
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
    return Recorded(first, receipt, is_repeat=True)


def receipt_words(
    purchase: Purchase,
    member: Member,
    store: Store,
    standing: Standing,
    *,
    programme: Programme,
    coupon: CouponTemplate | None = None,
    stamps: int | None = None,
    reward: CouponTemplate | None = None,
    lifted_from: tier.Tier | None = None,
) -> dict[str, Any]:
    """Put a purchase into the facts its receipt shows, in the member's language; times are ISO."""
    language = member.language
    size = programme.stamp_programme.size
    return {
        "store_name": in_language(store.name, language),
        "amount_twd": purchase.amount_twd,
        "discount_twd": purchase.discount_twd,
        "paid_twd": purchase.paid_twd,
        "coupon_name": in_language(coupon.name, language) if coupon else None,
        "points_earned": purchase.points_earned,
        "points_balance": member.points,
        "stamps_added": purchase.stamps_added,
        "stamps": stamp_card.shown_stamps(stamps or 0, size),
        "stamp_size": size,
        "at": purchase.purchased_at.isoformat(),
        "standing": standing.words(language),
        "upgraded_to": (
            standing.tier.words(language, at_rank=standing.tier.rank) if lifted_from else None
        ),
        "upgraded_from": in_language(lifted_from.name, language) if lifted_from else None,
        "reward_name": in_language(reward.name, language) if reward else None,
    }
