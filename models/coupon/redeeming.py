"""Using coupons: each use is a row, and the database keeps it to one standing use a coupon."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import and_, or_, select, text
from sqlalchemy.orm import Session, aliased
from sqlalchemy.orm.attributes import set_committed_value

from models.base import BusinessError, find_made, in_language
from models.coupon.issuing import expiry_of, usable_from
from models.coupon.pricing import Basket, find_obstacle, price_basket
from models.coupon.refusals import (
    CouponNeedsSale,
    CouponNotUsable,
    RedemptionNotCancellable,
)
from models.coupon.table import TILL, Coupon, Redemption
from models.fraud.freezing import refuse_if_frozen
from models.fraud.own_card import check_own_card
from models.local_day import day_start, local_day
from models.member import Member
from models.outbox import owe
from models.shop import Store
from models.staff import Staff
from models.tier import Tier

RESTORED_DAYS = 7
"""A coupon given back is good for so many more days at least."""
NOTICE_USEFUL = timedelta(hours=24)
CANCEL_WITHIN = timedelta(minutes=10)
"""So long the counter may take back what it redeemed alone."""


class IdempotencyKeyOfAnother(BusinessError):
    """The key came before with another coupon."""

    code = "idempotency_key_reused"


@dataclass(frozen=True)
class Picked:
    """Coupons locked and priced for a sale, and what their packs unlock once it is made."""

    priced: tuple[tuple[Coupon, int], ...] = ()
    followers: tuple[Coupon, ...] = ()

    @property
    def discount_twd(self) -> int:
        """Return what they take off together."""
        return sum(discount_twd for _, discount_twd in self.priced)

    @property
    def coupons(self) -> list[Coupon]:
        """Return them in the order in which they are taken off."""
        return [coupon for coupon, _ in self.priced]


class Owner(Protocol):
    """A member as far as redeeming looks: their row, or what a sale read of it."""

    @property
    def id(self) -> int: ...
    @property
    def frozen_at(self) -> datetime | None: ...


class Sold(Protocol):
    """What a redemption must know of the purchase it was in."""

    @property
    def id(self) -> int: ...
    @property
    def store_id(self) -> int: ...
    @property
    def staff_id(self) -> int | None: ...


NO_COUPONS = Picked()


def lock_for_sale(
    session: Session, member: Owner, coupon_ids: Sequence[int], basket: Basket, now: datetime
) -> Picked:
    """Lock the member's coupons and price them; nothing is changed yet.

    No statement without coupons, one with any. The caller holds the member's lock and goes on
    with `redeem_for_sale` once the purchase has its row. Raises CardFrozen, CouponNotUsable
    and what `price_basket` refuses.
    """
    if not coupon_ids:
        return NO_COUPONS
    refuse_if_frozen(member)
    found = _lock_with_followers(session, member.id, coupon_ids)
    asked = [coupon for coupon in found if coupon.id in set(coupon_ids)]
    if len(asked) < len(set(coupon_ids)):
        raise CouponNotUsable(state="unknown")
    priced = price_basket(asked, basket, now)
    return Picked(tuple(priced), tuple(c for c in found if c not in asked))


def _lock_with_followers(
    session: Session, member_id: int, coupon_ids: Sequence[int]
) -> Sequence[Coupon]:
    """Lock the coupons asked for, and what is locked behind them in their packs, in id order."""
    used = aliased(Coupon)
    packs = select(used.pack_key).where(used.id.in_(coupon_ids), used.pack_key.is_not(None))
    return session.scalars(
        select(Coupon)
        .where(
            Coupon.member_id == member_id,
            or_(
                Coupon.id.in_(coupon_ids),
                and_(Coupon.state == "locked", Coupon.pack_key.in_(packs)),
            ),
        )
        .order_by(Coupon.id)
        .with_for_update(of=Coupon)
        .execution_options(populate_existing=True)
    ).all()


_REDEEM = text("""
    WITH told AS (
        SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:discounts AS integer[]),
                             CAST(:keys AS text[])) AS told(id, discount_twd, key)
    ), used AS (
        UPDATE coupon SET state = 'redeemed', redeemed_at = :now, moved_at = :now,
            moved_cause = :cause, moved_staff_id = :staff_id, moved_store_id = :store_id,
            moved_ref = :ref
        FROM told WHERE coupon.id = told.id AND coupon.state = 'issued'
        RETURNING coupon.id, coupon.member_id, told.discount_twd, told.key
    ), followers AS (
        UPDATE coupon SET state = next.state, usable_from = next.usable_from,
            expires_at = next.expires_at, moved_at = :now, moved_cause = 'unlock',
            moved_staff_id = :staff_id, moved_store_id = :store_id, moved_ref = :ref
        FROM unnest(CAST(:next_ids AS bigint[]), CAST(:next_states AS text[]),
                    CAST(:next_froms AS timestamptz[]), CAST(:next_ends AS timestamptz[]))
            AS next(id, state, usable_from, expires_at)
        WHERE coupon.id = next.id AND coupon.state = 'locked'
    )
    INSERT INTO redemption (coupon_id, purchase_id, member_id, store_id, staff_id, discount_twd,
                            redeemed_at, idempotency_key)
    SELECT id, :purchase_id, member_id, :store_id, :staff_id, discount_twd, :now, key FROM used
    RETURNING id
""")


def redeem_for_sale(session: Session, picked: Picked, purchase: Sold, now: datetime) -> None:
    """Use up what was picked for this purchase and unlock what waits behind it in its packs.

    No statement without coupons, else one, whatever their number.
    """
    if picked.priced:
        _redeem(
            session,
            picked,
            now,
            cause="sale",
            key=f"purchase:{purchase.id}",
            purchase_id=purchase.id,
            store_id=purchase.store_id,
            staff_id=purchase.staff_id,
        )


def _redeem(
    session: Session,
    picked: Picked,
    now: datetime,
    *,
    cause: str,
    key: str,
    purchase_id: int | None,
    store_id: int | None,
    staff_id: int | None,
) -> int:
    """Write uses, transitions and unlockings in one statement; return the last use's id."""
    _unlock(picked, now)
    many = len(picked.priced) > 1 or purchase_id is not None
    ids: Sequence[int] = session.scalars(
        _REDEEM,
        {
            "ids": [coupon.id for coupon in picked.coupons],
            "discounts": [discount_twd for _, discount_twd in picked.priced],
            "keys": [f"{key}:{c.id}" if many else key for c in picked.coupons],
            "now": now,
            "cause": cause,
            "ref": key,
            "purchase_id": purchase_id,
            "store_id": store_id,
            "staff_id": staff_id,
            "next_ids": [coupon.id for coupon in picked.followers],
            "next_states": [coupon.state for coupon in picked.followers],
            "next_froms": [coupon.usable_from for coupon in picked.followers],
            "next_ends": [coupon.expires_at for coupon in picked.followers],
        },
    ).all()
    assert len(ids) == len(picked.priced), "the coupons were locked and usable"
    for coupon in picked.coupons:
        _know(coupon, state="redeemed", redeemed_at=now)
        _know(coupon, moved_at=now, moved_cause=cause, moved_ref=key)
        _know(coupon, moved_staff_id=staff_id, moved_store_id=store_id)
    return ids[-1]


def _unlock(picked: Picked, now: datetime) -> None:
    """Bring what is locked behind the used coupons of a pack to its new state, in memory.

    The next one's days begin now, unless its window is over; those behind it live as long.
    """
    for used in picked.coupons:
        behind = [c for c in picked.followers if c.pack_key == used.pack_key]
        ends = now
        for coupon in sorted(behind, key=lambda coupon: coupon.pack_place or 0):
            starts = usable_from(coupon.template, now)
            if coupon.pack_place == (used.pack_place or 0) + 1:
                ends = expiry_of(coupon.template, now)
                if starts < ends:
                    _know(coupon, state="issued", usable_from=starts, expires_at=ends)
            else:
                _know(coupon, expires_at=max(coupon.expires_at, ends))


def _know(coupon: Coupon, **values: object) -> None:
    """Take over values a statement of ours has written or is about to write."""
    for name, value in values.items():
        set_committed_value(coupon, name, value)


def redeem_alone(
    session: Session,
    coupon_code: str,
    *,
    store: Store,
    staff: Staff | None,
    idempotency_key: str,
    now: datetime,
    channel: str = TILL,
) -> Redemption:
    """Use up an item or gift coupon scanned alone, and tell its owner at once (U12).

    A key seen before returns its first redemption. Raises CouponNotUsable, CouponNeedsSale for
    one that lowers an amount, CouponNotHere, CardFrozen, OwnCard, IdempotencyKeyOfAnother.
    """
    member, tier_code, first = _lock_owner(session, coupon_code, idempotency_key)
    if first is not None:
        return _same(first, coupon_code)
    coupon = session.scalars(
        select(Coupon)
        .where(Coupon.code == coupon_code)
        .with_for_update(of=Coupon)
        .execution_options(populate_existing=True)
    ).one()
    if coupon.state == "redeemed":  # Perhaps by a twin that came first while we waited.
        first = find_made(session, Redemption, idempotency_key)
        if first is not None:
            return _same(first, coupon_code)
    refuse_if_frozen(member)
    if staff is not None:
        check_own_card(staff, member)
    _check_alone(coupon, Basket(0, store.code, tier_code, channel), now)
    picked = Picked(((coupon, 0),), _followers_of(session, coupon))
    redemption_id = _redeem(
        session,
        picked,
        now,
        cause="alone",
        key=idempotency_key,
        purchase_id=None,
        store_id=store.id,
        staff_id=staff.id if staff else None,
    )
    _tell_owner(session, member, coupon, redemption_id, store, staff, now)
    return session.get_one(Redemption, redemption_id)


def _lock_owner(
    session: Session, coupon_code: str, key: str
) -> tuple[Member, str, Redemption | None]:
    """Lock the member before the coupon, as every verb does; find the key's redemption too."""
    found = session.execute(
        select(Member, Tier.code, Redemption)
        .join(Coupon, Coupon.member_id == Member.id)
        .join(Tier, Tier.id == Member.tier_id)
        .join(Redemption, Redemption.idempotency_key == key, isouter=True)
        .where(Coupon.code == coupon_code)
        .with_for_update(of=Member)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise CouponNotUsable(state="unknown")
    return found[0], found[1], found[2]


def find_standing_redemption(session: Session, coupon_id: int) -> Redemption | None:
    """Return the use of a coupon that was not taken back, or None."""
    return session.scalars(
        select(Redemption).where(
            Redemption.coupon_id == coupon_id, Redemption.reversed_at.is_(None)
        )
    ).one_or_none()


def _same(first: Redemption, coupon_code: str) -> Redemption:
    if first.coupon.code != coupon_code:
        raise IdempotencyKeyOfAnother
    return first


def _check_alone(coupon: Coupon, basket: Basket, now: datetime) -> None:
    if coupon.is_usable(now) and coupon.template.is_for_sale:
        raise CouponNeedsSale(kind=coupon.template.kind)
    refusal = find_obstacle(coupon, basket, now)
    if refusal is not None:
        raise refusal


def _followers_of(session: Session, coupon: Coupon) -> tuple[Coupon, ...]:
    if coupon.pack_key is None:
        return ()
    found = _lock_with_followers(session, coupon.member_id, [coupon.id])
    return tuple(other for other in found if other is not coupon)


def _tell_owner(
    session: Session,
    member: Member,
    coupon: Coupon,
    redemption_id: int,
    store: Store,
    staff: Staff | None,
    now: datetime,
) -> None:
    if member.line_user_id is None:
        return
    language = member.language
    words = {
        "redemption_id": redemption_id,
        "coupon_name": in_language(coupon.template.name, language),
        "value_text": in_language(coupon.template.headline, language),
        "store_name": in_language(store.name, language),
        "staff_id": staff.id if staff else None,
        "at": now.isoformat(),
    }
    owe(
        session,
        member.line_user_id,
        "coupon_redeemed",
        words,
        language=language,
        idempotency_key=f"coupon_redeemed:{redemption_id}",
        now=now,
        member_id=member.id,
        useful_until=now + NOTICE_USEFUL,
    )


def is_cancellable(redemption: Redemption, store: Store, now: datetime) -> bool:
    """Tell whether this store may take a use back: its own, scanned alone, minutes ago."""
    is_alone = redemption.purchase_id is None and redemption.reversed_at is None
    is_fresh = now < redemption.redeemed_at + CANCEL_WITHIN
    return is_alone and is_fresh and redemption.store_id == store.id


def cancel_at_counter(
    session: Session, redemption_id: int, *, store: Store, staff: Staff | None, now: datetime
) -> Redemption:
    """Take back what this store used up minutes ago; `staff` is None where a till asks.

    Done before: nothing changes. Raises RedemptionNotCancellable for an unknown id, another
    store's, one in a purchase or one of long ago, and OwnCard.
    """
    redemption = session.get(Redemption, redemption_id)
    if redemption is None or redemption.store_id != store.id:
        raise RedemptionNotCancellable
    if staff is not None:
        check_own_card(staff, session.get_one(Member, redemption.member_id))
    if redemption.reversed_at is None and not is_cancellable(redemption, store, now):
        raise RedemptionNotCancellable(purchase_id=redemption.purchase_id)
    staff_id = staff.id if staff is not None else None
    return cancel_redemption(session, redemption_id, staff_id=staff_id, now=now)


def cancel_redemption(
    session: Session, redemption_id: int, *, staff_id: int | None, now: datetime
) -> Redemption:
    """Undo a use of a coupon scanned alone: it is the member's again, for 7 days at least.

    Done before: nothing changes. Raises RedemptionNotCancellable for one used in a purchase,
    which only a refund gives back, and NoResultFound for an unknown id.
    """
    redemption = session.get_one(Redemption, redemption_id)
    if redemption.purchase_id is not None:
        raise RedemptionNotCancellable(purchase_id=redemption.purchase_id)
    session.execute(select(Member.id).where(Member.id == redemption.member_id).with_for_update())
    session.refresh(redemption, with_for_update=True)
    if redemption.reversed_at is None:
        coupon = session.get_one(Coupon, redemption.coupon_id, with_for_update=True)
        give_back(session, redemption, coupon, "cancel", now, staff_id=staff_id)
    return redemption


def give_back(
    session: Session,
    redemption: Redemption,
    coupon: Coupon,
    cause: str,
    now: datetime,
    *,
    staff_id: int | None = None,
    store_id: int | None = None,
    ref: str | None = None,
) -> None:
    """Reverse a use: the coupon can be used again, and what it unlocked is locked if unused.

    The caller holds the locks of member, redemption and coupon.
    """
    redemption.reversed_at = now
    ref = ref or f"redemption:{redemption.id}"
    coupon.move("issued", cause, now, staff_id=staff_id, store_id=store_id, ref=ref)
    coupon.expires_at = max(
        coupon.expires_at, day_start(local_day(now) + timedelta(days=RESTORED_DAYS + 1))
    )
    coupon.reminded_at = None
    if coupon.pack_key is not None:
        for behind in _unused_behind(session, coupon):
            behind.move("locked", "relock", now, staff_id=staff_id, store_id=store_id, ref=ref)
            behind.expires_at = max(behind.expires_at, coupon.expires_at)
    session.flush()


def _unused_behind(session: Session, coupon: Coupon) -> Sequence[Coupon]:
    return session.scalars(
        select(Coupon)
        .where(
            Coupon.pack_key == coupon.pack_key,
            Coupon.pack_place == (coupon.pack_place or 0) + 1,
            Coupon.state == "issued",
        )
        .with_for_update(of=Coupon)
    ).all()
