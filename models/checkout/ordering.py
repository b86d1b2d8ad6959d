"""Orders of web shops: sales told by another system, each once by its source and reference (B-23).

An order is recorded as a sale of the web channel. What becomes of it later is told as a state, not
as a step: saying twice that NT$300 were given back gives them back once.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import BusinessError, constraint_of
from models.checkout.lines import Line
from models.checkout.previewing import Preview, preview_purchase
from models.checkout.reckoning import Sale
from models.checkout.recording import Recorded, record_purchase
from models.checkout.refunding import RefundRefused, Return, refund_purchase
from models.coupon import Redemption
from models.member import Member, get_member
from models.points import IdempotencyKeyReused
from models.programme import get_programme
from models.purchase.table import OrderKnown, Purchase
from models.shop import Store
from models.web_order import CANCELLED, PAID, WEB, WebOrder, find_order, is_shipped_free, status_of

LONGEST_REFERENCE = 128


@dataclass(frozen=True)
class Order:
    """What a web shop tells of an order that was paid, or asks about one that is to be."""

    source: str
    """The web shop's name, as files of its orders have it: `shopline`."""
    ref: str
    member_id: int
    store: Store
    amount_twd: int
    """Goods and shipping, before anything is taken off."""
    paid_twd: int | None = None
    """What was paid; the rest is coupons, points and the shop's own discounts. None: we reckon."""
    shipping_twd: int = 0
    """What of the amount is shipping."""
    is_shipped_free: bool = False
    """Whether shipping was waived because a preview said so."""
    lines: tuple[Line, ...] = ()
    coupon_ids: tuple[int, ...] = ()
    points_to_use: int = 0
    ordered_at: datetime | None = None

    def sale(self, now: datetime) -> Sale:
        """Return it as a sale. A shop's clock that is ahead of ours does not matter."""
        return Sale(
            member_id=self.member_id,
            store=self.store,
            staff=None,
            amount_twd=self.amount_twd,
            idempotency_key=f"order:{self.source}:{self.ref}",
            coupon_ids=self.coupon_ids,
            points_to_use=self.points_to_use,
            lines=self.lines,
            channel=WEB,
            source=self.source,
            source_ref=self.ref,
            sold_at=min(self.ordered_at, now) if self.ordered_at else None,
            shipping_twd=self.shipping_twd,
            paid_twd=self.paid_twd,
        )


@dataclass(frozen=True)
class Ordered:
    """An order as it stands. It has no purchase where it was called off before it counted."""

    purchase: Purchase | None
    order: WebOrder | None
    """None where only till or file told of it."""
    recorded: Recorded | None = None
    """What came of its sale, where that was recorded just now."""

    @property
    def status(self) -> str:
        """Where it stands: `paid`, `cancelled` or `refunded`."""
        return status_of(self.purchase, self.order)


@dataclass(frozen=True)
class Change:
    """What became of an order: called off, or so many NT$ of it given back in all."""

    source: str
    ref: str
    status: str
    reason: str
    refunded_twd: int | None = None
    """The sum of all that was given back; None for the whole order."""


@dataclass(frozen=True)
class OrderPreview:
    """What an order would come to, sent free where the member's benefit allows it."""

    preview: Preview
    is_shipped_free: bool


class NoSuchOrder(BusinessError):
    """Nobody told of this order."""

    code = "no_such_order"


class OrderCancelled(BusinessError):
    """The order was called off; it counts no more, and does not come back."""

    code = "order_cancelled"


def preview_order(session: Session, asked: Order, now: datetime) -> OrderPreview:
    """Return what an order would bring, less its shipping where tier or plan send it free.

    Raises what `preview_purchase` raises.
    """
    member = get_member(session, asked.member_id)
    goods_twd = asked.amount_twd - asked.shipping_twd
    is_free = is_shipped_free(session, get_programme(session), member, goods_twd, now)
    if is_free:
        asked = replace(asked, amount_twd=goods_twd, shipping_twd=0)
    return OrderPreview(preview_purchase(session, asked.sale(now), now), is_free)


def record_order(session: Session, asked: Order, now: datetime) -> Ordered:
    """Record an order's sale, once by its source and reference, whichever door it came through.

    An order known with the same content is returned as it stands. Raises OrderKnown where the
    content differs, OrderCancelled, and what `record_purchase` raises.
    """
    known = find_order(session, asked.source, asked.ref)
    if known is not None:
        return _known(session, asked, known[0], known[1])
    try:
        with session.begin_nested():
            recorded = record_purchase(session, asked.sale(now), now)
            if not recorded.is_repeat:
                session.add(_row(asked, recorded.purchase_id))
    except (OrderKnown, IdempotencyKeyReused):
        pass  # Another door was quicker.
    except IntegrityError as error:
        if constraint_of(error) != "pk_web_order":
            raise
    else:
        if not recorded.is_repeat:
            order = session.get_one(WebOrder, (asked.source, asked.ref))
            return Ordered(recorded.purchase, order, recorded)
    known = find_order(session, asked.source, asked.ref)
    if known is None:
        raise OrderKnown
    return _known(session, asked, known[0], known[1])


def _row(asked: Order, purchase_id: int) -> WebOrder:
    return WebOrder(
        source=asked.source,
        source_ref=asked.ref,
        purchase_id=purchase_id,
        shipping_twd=asked.shipping_twd,
        is_shipped_free=asked.is_shipped_free,
    )


def _known(
    session: Session, asked: Order, purchase: Purchase | None, order: WebOrder | None
) -> Ordered:
    """Return a known order where what is told now agrees with it."""
    if purchase is None:
        raise OrderCancelled
    if asked.paid_twd is None:
        agrees = asked.amount_twd == purchase.amount_twd
    else:  # A file knows no more than what was paid.
        agrees = asked.paid_twd == purchase.paid_twd
    agrees = (
        agrees
        and asked.member_id == purchase.member_id
        and asked.points_to_use == purchase.points_used
        and set(asked.coupon_ids) == _coupons_in(session, purchase)
    )
    if not agrees:
        raise OrderKnown(purchase_id=purchase.id)
    return Ordered(purchase, order)


def _coupons_in(session: Session, purchase: Purchase) -> set[int]:
    if purchase.coupon_id is None:
        return set()
    used = select(Redemption.coupon_id).where(Redemption.purchase_id == purchase.id)
    return set(session.scalars(used))


def get_order(session: Session, source: str, ref: str) -> Ordered:
    """Return an order as it stands. Raises NoSuchOrder."""
    known = find_order(session, source, ref)
    if known is None:
        raise NoSuchOrder
    return Ordered(known[0], known[1])


def change_order(session: Session, asked: Change, now: datetime) -> Ordered:
    """Bring an order to what its shop says became of it, and return it; safe to say again.

    One called off before its sale was told never counts, and telling a refund of one that is
    called off changes nothing. Raises NoSuchOrder, OrderCancelled for one that is to be paid
    again, and RefundRefused where more is given back than was paid, or less than was before.
    """
    known = find_order(session, asked.source, asked.ref)
    if known is None and asked.status == CANCELLED and _call_off_early(session, asked, now):
        return get_order(session, asked.source, asked.ref)
    found = get_order(session, asked.source, asked.ref)
    purchase = found.purchase
    if found.status == CANCELLED and asked.status == PAID:
        raise OrderCancelled
    if found.status == CANCELLED or asked.status == PAID:
        return found
    if purchase is not None:
        _give_back(session, asked, purchase, now)
        if asked.status == CANCELLED:
            _note_cancelled(session, asked, purchase.id, now)
    return get_order(session, asked.source, asked.ref)


def _call_off_early(session: Session, asked: Change, now: datetime) -> bool:
    """Note that an order nobody told of is called off; tell whether it was not told meanwhile."""
    noted = session.scalar(
        insert(WebOrder)
        .values(
            source=asked.source,
            source_ref=asked.ref,
            shipping_twd=0,
            is_shipped_free=False,
            cancelled_at=now,
        )
        .on_conflict_do_nothing()
        .returning(WebOrder.source)
    )
    return noted is not None


def _give_back(session: Session, asked: Change, purchase: Purchase, now: datetime) -> None:
    """Refund what is missing to the sum that was given back."""
    session.execute(select(Member.id).where(Member.id == purchase.member_id).with_for_update())
    session.refresh(purchase)
    is_whole = asked.refunded_twd is None or asked.refunded_twd == purchase.paid_twd
    if is_whole and purchase.undone_at is not None:
        return
    total_twd = purchase.paid_twd if asked.refunded_twd is None else asked.refunded_twd
    missing_twd = total_twd - purchase.refunded_twd
    if missing_twd < 0 or total_twd > purchase.paid_twd:
        raise RefundRefused(left_twd=purchase.net_twd)
    if missing_twd or is_whole:
        told = Return(
            purchase_id=purchase.id,
            store=session.get_one(Store, purchase.store_id),
            staff_id=None,
            reason=asked.reason,
            idempotency_key=f"order:{asked.source}:{asked.ref}:refund:{total_twd}",
            amount_twd=None if is_whole else missing_twd,
        )
        refund_purchase(session, told, now)


def _note_cancelled(session: Session, asked: Change, purchase_id: int, now: datetime) -> None:
    order = session.get(WebOrder, (asked.source, asked.ref))
    if order is None:  # Till or file told of its sale.
        order = WebOrder(source=asked.source, source_ref=asked.ref, purchase_id=purchase_id)
        session.add(order)
    order.cancelled_at = order.cancelled_at or now
    session.flush()
