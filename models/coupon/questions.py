"""What may be asked of coupons, and what their owner's looking does to them."""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, case, func, select, update
from sqlalchemy.orm import Session

from models.coupon.issuing import (
    CODE_ALPHABET,
    CODE_LENGTH,
    expiry_once_opened,
    return_piece,
)
from models.coupon.refusals import CouponNotUsable, NoSuchRedemption
from models.coupon.table import Coupon, CouponEvent, CouponTemplate, Redemption
from models.local_day import local_day

MOST_SHOWN = 12
QR_PREFIX = "C:"
"""What a coupon's QR says before its code, so that a till tells it from a member's."""
_QR_TEXT = re.compile(rf"{QR_PREFIX}([{CODE_ALPHABET}]{{{CODE_LENGTH}}})")

_IS_USABLE = and_(
    Coupon.member_id == bindparam("member_id"),
    Coupon.state == "issued",
    Coupon.usable_from <= bindparam("now"),
    Coupon.expires_at > bindparam("now"),
)
_USABLE = select(Coupon).where(_IS_USABLE).order_by(Coupon.expires_at, Coupon.id).limit(MOST_SHOWN)
_COUNT_USABLE = select(func.count()).select_from(Coupon).where(_IS_USABLE)
_IS_LATER = Coupon.usable_from > bindparam("now")
_WALLET = (
    select(Coupon)
    .where(
        Coupon.member_id == bindparam("member_id"),
        Coupon.state.in_(("issued", "locked")),
        Coupon.expires_at > bindparam("now"),
    )
    .order_by(
        case((Coupon.state == "locked", 2), (_IS_LATER, 1), else_=0),
        case((Coupon.state == "locked", Coupon.pack_place)),
        Coupon.expires_at,
        Coupon.id,
    )
    .limit(MOST_SHOWN)
)


def qr_text(code: str) -> str:
    """Return what the QR of a coupon says."""
    return QR_PREFIX + code


def find_code_in_scan(scanned: str) -> str | None:
    """Return the coupon code in a scanned or typed text, or None where it is no coupon's."""
    found = _QR_TEXT.fullmatch("".join(scanned.split()).upper())
    return found.group(1) if found else None


def list_usable_coupons(session: Session, member_id: int, now: datetime) -> Sequence[Coupon]:
    """Return what the member can redeem at `now`, the first to expire first."""
    return session.scalars(_USABLE, {"member_id": member_id, "now": now}).all()


def list_wallet(session: Session, member_id: int, now: datetime) -> Sequence[Coupon]:
    """Return what the member can use now, then what they can use later, then what is locked."""
    return session.scalars(_WALLET, {"member_id": member_id, "now": now}).all()


def list_coupons(
    session: Session, member_id: int, *, limit: int, before_id: int | None = None
) -> Sequence[Coupon]:
    """Return up to `limit` of all a member's coupons, newest first, older than one of them."""
    asked = select(Coupon).where(Coupon.member_id == member_id)
    if before_id is not None:
        asked = asked.where(Coupon.id < before_id)
    return session.scalars(asked.order_by(Coupon.id.desc()).limit(limit)).all()


def count_usable_coupons(session: Session, member_id: int, now: datetime) -> int:
    """Return how many coupons the member can redeem at `now`."""
    return session.scalars(_COUNT_USABLE, {"member_id": member_id, "now": now}).one()


def get_own_coupon(session: Session, member_id: int, coupon_id: int) -> Coupon:
    """Return the member's coupon with this id. Raises CouponNotUsable for another's."""
    coupon = session.scalars(
        select(Coupon).where(Coupon.id == coupon_id, Coupon.member_id == member_id)
    ).one_or_none()
    if coupon is None:
        raise CouponNotUsable(state="unknown")
    return coupon


def open_coupon(session: Session, member_id: int, coupon_id: int, now: datetime) -> Coupon:
    """Return the member's coupon as they open it, which may start its days.

    Opening twice, or at once from two phones, starts them once. Raises CouponNotUsable for
    another's.
    """
    coupon = get_own_coupon(session, member_id, coupon_id)
    if coupon.waits_for_opening() and coupon.is_usable(now):
        session.execute(
            update(Coupon)
            .where(Coupon.id == coupon.id, Coupon.opened_at.is_(None), Coupon.state == "issued")
            .values(
                opened_at=now,
                expires_at=expiry_once_opened(coupon.template, now),
                reminded_at=None,
            )
            .execution_options(synchronize_session=False)
        )
        session.refresh(coupon)
    return coupon


def get_redemption(session: Session, redemption_id: int) -> Redemption:
    """Return a use of a coupon. Raises NoSuchRedemption."""
    found = session.get(Redemption, redemption_id)
    if found is None:
        raise NoSuchRedemption
    return found


def find_coupon(session: Session, code: str) -> Coupon | None:
    """Return the coupon with this code, as a person reads it or as its QR says it, or None."""
    wanted = "".join(code.split()).upper().removeprefix(QR_PREFIX)
    return session.scalars(select(Coupon).where(Coupon.code == wanted)).one_or_none()


def trace_coupon(session: Session, coupon_id: int) -> Sequence[CouponEvent]:
    """Return every step of a coupon's life, oldest first."""
    return session.scalars(
        select(CouponEvent).where(CouponEvent.coupon_id == coupon_id).order_by(CouponEvent.id)
    ).all()


def list_templates(session: Session) -> Sequence[CouponTemplate]:
    """Return all templates by code."""
    return session.scalars(select(CouponTemplate).order_by(CouponTemplate.code)).all()


def count_by_state(session: Session, template_id: int, now: datetime) -> dict[str, int]:
    """Return how many coupons of a template are locked, issued, redeemed, void and expired."""
    is_over = and_(Coupon.state.in_(("issued", "locked")), Coupon.expires_at <= now)
    state = case((is_over, "expired"), else_=Coupon.state)
    rows = session.execute(
        select(state, func.count()).where(Coupon.template_id == template_id).group_by(state)
    )
    return dict(rows.all())


def void_coupons(session: Session, member_id: int, now: datetime) -> None:
    """Take back all that a leaving member has not used."""
    session.execute(
        update(Coupon)
        .where(Coupon.member_id == member_id, Coupon.state.in_(("issued", "locked")))
        .values(state="void", moved_at=now, moved_cause="leave")
    )


def void_coupon(
    session: Session,
    coupon: Coupon,
    *,
    cause: str,
    now: datetime,
    staff_id: int | None = None,
    ref: str | None = None,
) -> None:
    """Take back one unused coupon; its template's stock has it again.

    Raises CouponNotUsable where it was used or taken back before.
    """
    session.refresh(coupon, with_for_update={"of": Coupon})
    if coupon.state not in ("issued", "locked"):
        raise CouponNotUsable(state=coupon.state)
    coupon.move("void", cause, now, staff_id=staff_id, ref=ref)
    session.flush()
    if coupon.template.is_limited:
        return_piece(session, coupon.template_id, local_day(coupon.issued_at))
