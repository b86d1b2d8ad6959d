"""Recording a sale: the one verb from which points, stamps, coupons, tier and receipt follow."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.util import identity_key

from models.checkout.closing import Sold, close_sale, payment_key
from models.checkout.consequences import AFTER_PURCHASE
from models.checkout.lines import Line
from models.checkout.opening import Named, Opened, open_sale
from models.checkout.pace import check_pace
from models.checkout.receipt import receipt_words
from models.checkout.reckoning import Reckoning, Sale, standing_of_opened
from models.coupon import Coupon, CouponTemplate, Redemption, lock_for_sale, redeem_for_sale
from models.fraud import refuse_if_frozen
from models.fraud.checking import OK, Verdict
from models.local_day import local_day
from models.member import Member
from models.points import IdempotencyKeyReused, post_points
from models.programme import Programme, get_programme
from models.purchase.facts import Made
from models.purchase.table import LARGEST_AMOUNT_TWD, AmountRefused, Purchase, PurchaseLine
from models.stamp_card import EarnedStamps, Stamped, StampEntry, give_rewards, stamp, stamp_values
from models.tier import Standing
from models.tier_evaluation import keep_steps


@dataclass(frozen=True)
class Recorded:
    """What came of a sale. A repeated key brings the first answer with `is_repeat`."""

    session: Session
    purchase_id: int
    member_number: str
    receipt: dict[str, Any]
    """The receipt's facts, in the member's language."""
    standing: Standing
    coupons: tuple[CouponTemplate, ...]
    verdict: Verdict
    """What the limits of pace say to the clerk."""
    is_repeat: bool

    @cached_property
    def purchase(self) -> Purchase:
        """The purchase's row, read when asked for."""
        return self.session.get_one(Purchase, self.purchase_id)


def record_purchase(
    session: Session, sale: Sale, now: datetime, *, named: Named | None = None
) -> Recorded:
    """Record a sale with everything that follows from it; the caller's transaction keeps it.

    With `named` the member is the one named, and not the sale's `member_id`. A key seen before
    returns its first purchase and changes nothing. Raises AmountRefused, NoSuchMember,
    CodeAlreadyUsed, OrderKnown, IdempotencyKeyReused, PointsNotUsable, InsufficientPoints,
    SoldTooLongAgo, what coupons refuse (`price_basket`), and what keeps fraud out: OwnCard,
    CardFrozen, ApprovalNeeded.
    """
    if not 0 < sale.amount_twd <= LARGEST_AMOUNT_TWD:
        raise AmountRefused(largest_twd=LARGEST_AMOUNT_TWD)
    session.flush()  # The two statements go past the mapper, which must hold nothing back.
    opened = open_sale(
        session,
        named or sale.member_id,
        sale.idempotency_key,
        local_day(now),
        sold_on=local_day(sale.sold_at or now),
    )
    sale = replace(sale, member_id=opened.id) if named else sale
    programme = get_programme(session, opened.programme_version)
    if opened.twin_id is not None:
        return _repeated(session, opened, sale, programme, now)
    made = Reckoning(session, sale, opened, programme, now)
    if sale.points_to_use or sale.coupon_ids:
        refuse_if_frozen(opened)
    made.pay(lock_for_sale(session, opened, sale.coupon_ids, made.basket, made.at))
    earned = made.earn()
    verdict = check_pace(made, earned.points)
    made.count(earned)
    standing, sold = made.standing(), made.sold(earned)
    receipt = made.receipt(sold, earned, standing)
    purchase_id = close_sale(
        session,
        opened,
        sold,
        stamps=stamp_values(made.stamped, now, is_first=made.is_first),
        expires_on=programme.points_expire_on(made.sold_on),
        pending_until=made.pending_until,
        receipt=receipt,
        now=now,
    )
    _forget(session, opened.id)
    _follow_up(made, purchase_id, sold)
    templates = tuple(coupon.template for coupon in made.picked.coupons)
    return Recorded(
        session,
        purchase_id,
        opened.number,
        receipt,
        standing,
        templates,
        verdict,
        is_repeat=False,
    )


def _follow_up(made: Reckoning, purchase_id: int, sold: Sold) -> None:
    """Write what only some sales bring, each at no cost to the others."""
    session, opened, now = made.session, made.opened, made.now
    if made.sale.lines:
        session.execute(insert(PurchaseLine), _line_rows(purchase_id, made.sale.lines))
    redeem_for_sale(session, made.picked, Used(purchase_id, sold.store_id, sold.staff_id), now)
    give_rewards(session, opened.id, made.stamped, now)
    if sold.points_used:
        _spend_points(made, purchase_id, sold)
    if made.steps:
        told_by = f"receipt:{purchase_id}" if opened.line_user_id else None
        keep_steps(session, opened.id, made.steps, made.programme, now, told_by=told_by)
    _tell_others(made, purchase_id)


def _spend_points(made: Reckoning, purchase_id: int, sold: Sold) -> None:
    post_points(
        made.session,
        made.session.get_one(Member, made.opened.id),
        -sold.points_used,
        reason="redemption",
        idempotency_key=payment_key(purchase_id),
        now=made.now,
        purchase_id=purchase_id,
        staff_id=sold.staff_id,
        store_id=sold.store_id,
    )


def _tell_others(made: Reckoning, purchase_id: int) -> None:
    """Let the mechanics that this sale concerns do their part."""
    session = made.session
    concerned = [each.do for each in AFTER_PURCHASE if each.concerns(made.opened, made.programme)]
    if not concerned:
        return
    facts = Made(
        member=session.get_one(Member, made.opened.id),
        purchase=session.get_one(Purchase, purchase_id),
        programme=made.programme,
        now=made.now,
        today=made.sold_on,
        is_first=made.is_first,
        tier_before=made.tier_before,
    )
    for do in concerned:
        do(session, facts)
    session.flush()


@dataclass(frozen=True)
class Used:
    """The purchase a coupon was used in."""

    id: int
    store_id: int
    staff_id: int | None


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
    uses = _uses_in(session, first)
    asked = (sale.member_id, sale.amount_twd, sale.store.id, sale.points_to_use)
    done = (first.member_id, first.amount_twd, first.store_id, first.points_used)
    if asked != done or set(sale.coupon_ids) != {coupon.id for coupon, _ in uses}:
        raise IdempotencyKeyReused
    opened.roll(local_day(now))
    standing = standing_of_opened(session, opened, programme)
    templates = tuple(coupon.template for coupon, _ in uses)
    receipt = receipt_words(
        first,
        sale.store,
        standing,
        language=opened.language,
        points_balance=opened.points,
        programme=programme,
        coupons=templates,
        coupon_twd=sum(discount_twd for _, discount_twd in uses),
        stamped=_stamped_by(session, opened, first, programme),
        rules=tuple((first.earned or {}).get("rules", ())),
    )
    return Recorded(
        session, first.id, opened.number, receipt, standing, templates, OK, is_repeat=True
    )


def _uses_in(session: Session, purchase: Purchase) -> list[tuple[Coupon, int]]:
    """Return the coupons used in a purchase, each with what it took off."""
    if purchase.coupon_id is None:
        return []
    rows = session.execute(
        select(Coupon, Redemption.discount_twd)
        .join(Redemption, Redemption.coupon_id == Coupon.id)
        .where(Redemption.purchase_id == purchase.id)
        .order_by(Redemption.id)
    )
    return [(coupon, discount_twd) for coupon, discount_twd in rows]


def _stamped_by(
    session: Session, opened: Opened, purchase: Purchase, programme: Programme
) -> list[Stamped]:
    """Return what a purchase of before stamped, on the cards as they are now."""
    if not purchase.stamps_added:
        return []
    added = session.execute(
        select(StampEntry.programme_id, func.sum(StampEntry.delta))
        .where(StampEntry.purchase_id == purchase.id, StampEntry.delta > 0)
        .group_by(StampEntry.programme_id)
        .order_by(StampEntry.programme_id)
    )
    cards = {card.id: card for card in programme.stamp_programmes}
    stamped = []
    for programme_id, stamps in added:
        kept, ends = opened.held_card(programme_id)
        earned = EarnedStamps(cards[programme_id], int(stamps))
        stamped.append(stamp(earned, (max(kept - int(stamps), 0), ends), opened.spend_on))
    return stamped
