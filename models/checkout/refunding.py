"""Refunding: taking a purchase back, whole or in part, and with it everything it brought.

What a partial refund takes is worked out from the purchase's net before and after, never from
the step between them, so that many small refunds end exactly where one large one does.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import BusinessError, find_made, in_language
from models.checkout.closing import RECEIPT_USEFUL, payment_key
from models.checkout.consequences import AFTER_REFUND
from models.local_day import local_day
from models.member import Member
from models.outbox import owe
from models.points import (
    IdempotencyKeyReused,
    MoreThanEarned,
    PointsEntry,
    give_back,
    post_points,
    take_back,
)
from models.programme import Programme, get_programme
from models.purchase.facts import Undone
from models.purchase.figures import count_undone
from models.purchase.table import Purchase, PurchaseLine, Refund
from models.purchase.window import Locked, lock_member, roll_window, standing_of
from models.shop import Store
from models.tier import Standing, Tier, window_start

LONGEST_REASON = 200


@dataclass(frozen=True)
class Return:
    """What is asked: all of a purchase that is left, an amount of it, or some of its lines."""

    purchase_id: int
    store: Store
    staff_id: int | None
    reason: str
    idempotency_key: str
    amount_twd: int | None = None
    """NT$ to give back; None with no `lines` means all that is left."""
    lines: tuple[tuple[int, int], ...] = ()
    """Line number and quantity."""


class Told(TypedDict):
    """What the ledger is told of a movement."""

    reason: str
    idempotency_key: str
    now: datetime
    staff_id: int | None
    store_id: int


@dataclass(frozen=True)
class Refunded:
    """What came of it. A repeated key brings the first refund with `is_repeat`."""

    refund: Refund
    purchase: Purchase
    receipt: dict[str, Any]
    """What the member is told, in their language."""
    standing: Standing
    is_repeat: bool


class NoSuchPurchase(BusinessError):
    """There is no purchase with this id."""

    code = "no_such_purchase"


class NothingLeft(BusinessError):
    """All of the purchase was taken back before."""

    code = "nothing_left_to_refund"


class RefundRefused(BusinessError):
    """The refund is for nothing, or for more than is left."""

    code = "refund_refused"


class ReasonMissing(BusinessError):
    """A refund needs a reason, in a few words."""

    code = "reason_missing"


def refund_purchase(session: Session, asked: Return, now: datetime) -> Refunded:
    """Take a purchase back and undo what it brought; the caller's transaction keeps it.

    Points go back or are clawed back, stamps, tier, coupons and rewards follow, and the member is
    told. A key seen before returns its first refund. Raises NoSuchPurchase, NothingLeft,
    RefundRefused, ReasonMissing, IdempotencyKeyReused.
    """
    if not asked.reason.strip() or len(asked.reason) > LONGEST_REASON:
        raise ReasonMissing(longest=LONGEST_REASON)
    purchase = session.get(Purchase, asked.purchase_id)
    if purchase is None:
        raise NoSuchPurchase
    today = local_day(now)
    locked, _ = lock_member(session, purchase.member_id, today, even_erased=True)
    session.refresh(purchase)
    programme = get_programme(session, locked.programme_version)
    first = find_made(session, Refund, asked.idempotency_key)
    if first is not None:
        return _repeated(session, first, asked, purchase, locked, programme)
    if purchase.undone_at is not None:
        raise NothingLeft
    roll_window(locked, today)
    tier_before = locked.member.tier_id
    undone = _undo(session, purchase, asked, locked.member, programme, now)
    for consequence in AFTER_REFUND:
        consequence(session, undone)
    session.flush()
    standing = standing_of(session, locked.member, programme, today)
    receipt = _receipt(undone, asked.store, standing, held=programme.tier(tier_before))
    _tell(session, undone, receipt)
    return Refunded(undone.refund, purchase, receipt, standing, is_repeat=False)


def _undo(
    session: Session,
    purchase: Purchase,
    asked: Return,
    member: Member,
    programme: Programme,
    now: datetime,
) -> Undone:
    """Move money, figures and points back, and note the refund."""
    net_before_twd, kept_before = purchase.net_twd, purchase.points_kept(purchase.net_twd)
    amount_twd = _amount_of(session, purchase, asked)
    today = local_day(now)
    purchase.refunded_twd += amount_twd
    if purchase.refunded_twd == purchase.paid_twd:
        purchase.undone_at = now
    _count_back(session, member, purchase, amount_twd, today)
    session.flush()
    given_back = _give_used_points_back(session, member, purchase, net_before_twd, asked, now)
    taken = _take_earned_points_back(session, member, purchase, kept_before, asked, now)
    refund = Refund(
        purchase_id=purchase.id,
        member_id=member.id,
        store_id=asked.store.id,
        staff_id=asked.staff_id,
        amount_twd=amount_twd,
        reason=asked.reason.strip(),
        is_full=purchase.undone_at is not None,
        lines=[{"line_no": number, "quantity": count} for number, count in asked.lines] or None,
        points_taken=taken,
        points_given_back=given_back,
        refunded_at=now,
        refunded_on=today,
        idempotency_key=asked.idempotency_key,
    )
    session.add(refund)
    session.flush()
    return Undone(
        member=member,
        purchase=purchase,
        refund=refund,
        net_before_twd=net_before_twd,
        net_after_twd=purchase.net_twd,
        programme=programme,
        now=now,
        today=today,
    )


def _amount_of(session: Session, purchase: Purchase, asked: Return) -> int:
    """Return the NT$ to give back. Raises RefundRefused."""
    left = purchase.net_twd
    if asked.lines:
        return _amount_of_lines(session, purchase, asked)
    amount_twd = left if asked.amount_twd is None else asked.amount_twd
    if not 0 <= amount_twd <= left or (amount_twd == 0 and left):
        raise RefundRefused(left_twd=left)
    return amount_twd


def _amount_of_lines(session: Session, purchase: Purchase, asked: Return) -> int:
    """Return what the named items cost after the sale's discounts, and note them as returned.

    An item's share is rounded down; with the last item everything that is left goes back.
    """
    lines = {
        line.line_no: line
        for line in session.scalars(
            select(PurchaseLine).where(PurchaseLine.purchase_id == purchase.id).with_for_update()
        )
    }
    before_discounts = 0
    for number, quantity in asked.lines:
        line = lines.get(number)
        if line is None or not 0 < quantity <= line.quantity - line.refunded_quantity:
            raise RefundRefused(left_twd=purchase.net_twd)
        before = line.amount_twd * line.refunded_quantity // line.quantity
        line.refunded_quantity += quantity
        before_discounts += line.amount_twd * line.refunded_quantity // line.quantity - before
    if all(line.refunded_quantity == line.quantity for line in lines.values()):
        return purchase.net_twd
    share = before_discounts * purchase.paid_twd // purchase.amount_twd
    return min(share, purchase.net_twd)


def _count_back(
    session: Session, member: Member, purchase: Purchase, amount_twd: int, today: date
) -> None:
    """Take the refund out of the member's running figures.

    The day's caps keep what was earned and bought: whoever buys and returns all day has used
    their day up.
    """
    if window_start(today) <= purchase.purchased_on <= today:
        member.spend_twd -= amount_twd
    if purchase.purchased_on.year == member.spend_on.year:
        member.year_twd -= amount_twd
    member.lifetime_twd -= amount_twd
    if purchase.undone_at is not None:
        session.flush()
        count_undone(session, member, purchase)


def _kept(whole: int, net_twd: int, paid_twd: int) -> int:
    """Return the part of `whole` that a net of `net_twd` keeps, rounded down."""
    return whole * net_twd // paid_twd if paid_twd else 0


def _give_used_points_back(
    session: Session,
    member: Member,
    purchase: Purchase,
    net_before_twd: int,
    asked: Return,
    now: datetime,
) -> int:
    """Give back, to the lots they came from, the points that paid for what was returned."""
    if not purchase.points_used:
        return 0
    before = _kept(purchase.points_used, net_before_twd, purchase.paid_twd)
    if not purchase.paid_twd:
        before = purchase.points_used
    back = before - _kept(purchase.points_used, purchase.net_twd, purchase.paid_twd)
    if not back:
        return 0
    spending = session.scalars(
        select(PointsEntry).where(PointsEntry.idempotency_key == payment_key(purchase.id))
    ).one()
    told = _told(asked, now, "back")
    if spending.member_id == member.id:
        give_back(session, member, spending, back, **told)
    else:  # Spent on a card that was merged into this one: its lots are not here.
        post_points(session, member, back, **told)
    return back


def _take_earned_points_back(
    session: Session,
    member: Member,
    purchase: Purchase,
    kept_before: int,
    asked: Return,
    now: datetime,
) -> int:
    """Claw back what the purchase no longer earns; the ledger keeps it within what was earned."""
    back = kept_before - purchase.points_kept(purchase.net_twd)
    if not back:
        return 0
    told = _told(asked, now, "take")
    try:
        return take_back(session, member, purchase, back, **told).taken
    except MoreThanEarned as more:
        # Earned on a card that was merged into this one after some of it was spent: of the rest,
        # what is here cannot be told apart.
        left: int = more.facts["left"]
    taken = take_back(session, member, purchase, left, **told).taken
    rest = min(back - left, max(member.points, 0))
    if rest:
        post_points(session, member, -rest, **_told(asked, now, "take-rest"))
    return taken + rest


def _told(asked: Return, now: datetime, what: str) -> Told:
    """Return what the ledger is told of either movement."""
    return {
        "reason": "refund",
        "idempotency_key": f"refund-{what}:{asked.idempotency_key}",
        "now": now,
        "staff_id": asked.staff_id,
        "store_id": asked.store.id,
    }


def _receipt(undone: Undone, store: Store, standing: Standing, *, held: Tier) -> dict[str, Any]:
    """Put the refund into the facts its owner is told, in their language; times are ISO."""
    member, refund = undone.member, undone.refund
    language = member.language
    return {
        "store_name": in_language(store.name, language),
        "at": refund.refunded_at.isoformat(),
        "purchased_at": undone.purchase.purchased_at.isoformat(),
        "amount_twd": refund.amount_twd,
        "left_twd": undone.net_after_twd,
        "points_taken": refund.points_taken,
        "points_given_back": refund.points_given_back,
        "points_balance": member.points,
        "standing": standing.words(language),
        "tier_before": (in_language(held.name, language) if held.id != standing.tier.id else None),
    }


def _tell(session: Session, undone: Undone, receipt: dict[str, Any]) -> None:
    member = undone.member
    if member.line_user_id is not None:
        owe(
            session,
            member.line_user_id,
            "refund",
            receipt,
            language=member.language,
            idempotency_key=f"refund:{undone.refund.id}",
            now=undone.now,
            member_id=member.id,
            useful_until=undone.now + RECEIPT_USEFUL,
        )


def _repeated(
    session: Session,
    first: Refund,
    asked: Return,
    purchase: Purchase,
    locked: Locked,
    programme: Programme,
) -> Refunded:
    """Answer a key that came before with what came of it. Raises IdempotencyKeyReused."""
    lines = [{"line_no": number, "quantity": count} for number, count in asked.lines] or None
    same_amount = asked.amount_twd in (None, first.amount_twd)
    if first.purchase_id != asked.purchase_id or first.lines != lines or not same_amount:
        raise IdempotencyKeyReused
    today = local_day(first.refunded_at)
    standing = standing_of(session, locked.member, programme, today)
    undone = Undone(
        member=locked.member,
        purchase=purchase,
        refund=first,
        net_before_twd=purchase.net_twd + first.amount_twd,
        net_after_twd=purchase.net_twd,
        programme=programme,
        now=first.refunded_at,
        today=today,
    )
    receipt = _receipt(undone, asked.store, standing, held=standing.tier)
    return Refunded(first, purchase, receipt, standing, is_repeat=True)
