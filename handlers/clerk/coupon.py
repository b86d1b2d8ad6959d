"""A coupon scanned alone: what it is and whose, using it up, and taking that back for a while."""

import uuid
from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.clerk import door, form, views
from handlers.clerk.carrier import carrier_on_page
from handlers.notice import Notice
from models.coupon import (
    CODE_LENGTH,
    Coupon,
    CouponNotUsable,
    cancel_at_counter,
    find_code_in_scan,
    find_coupon,
    find_standing_redemption,
    is_cancellable,
    redeem_alone,
)
from models.member import get_member, masked_name, shown_number

log = structlog.get_logger()


def find(typed: str) -> ResponseReturnValue | None:
    """Return the page of the coupon whose code was scanned or typed, or None where it is none's.

    Raises CouponNotUsable for a coupon's QR that names no coupon.
    """
    code = find_code_in_scan(typed)
    coupon = find_coupon(g.session, code or typed) if code or _may_be_code(typed) else None
    if coupon is not None:
        return _show(coupon)
    if code is not None:
        raise CouponNotUsable(state="unknown")
    return None


def redeem(code: str) -> ResponseReturnValue:
    """Use the coupon up; the page's key makes it happen once."""
    staff = door.current_staff()
    redemption = redeem_alone(
        g.session,
        code,
        store=door.current_store(),
        staff=staff,
        idempotency_key=form.idempotency_key("coupon"),
        now=g.now,
    )
    log.info(
        "coupon_redeemed",
        redemption_id=redemption.id,
        store_id=door.current_store().id,
        staff_id=staff.id,
    )
    coupon = g.session.get_one(Coupon, redemption.coupon_id)
    return _show(coupon, done="redeemed")


def cancel(redemption_id: int) -> ResponseReturnValue:
    """Take back a use of minutes ago: the coupon is the member's again."""
    staff, store = door.current_staff(), door.current_store()
    undone = cancel_at_counter(g.session, redemption_id, store=store, staff=staff, now=g.now)
    log.info("redemption_cancelled", redemption_id=redemption_id, staff_id=staff.id)
    return _show(g.session.get_one(Coupon, undone.coupon_id), done="cancelled")


def add_routes(blueprint: door.Door) -> None:
    """Add a coupon's addresses."""
    blueprint.post("/coupons/<code>/redemptions")(redeem)
    blueprint.post("/redemptions/<int:redemption_id>/cancel")(cancel)
    for answer in ("/coupons/<code>/redemptions", "/redemptions/<int:redemption_id>/cancel"):
        blueprint.get(answer)(views.back_to_scan)


def _may_be_code(typed: str) -> bool:
    code = "".join(typed.split())
    return len(code) == CODE_LENGTH and any(character.isalpha() for character in code)


def _show(coupon: Coupon, status: int = 200, **context: Any) -> ResponseReturnValue:
    member = get_member(g.session, coupon.member_id)
    used = find_standing_redemption(g.session, coupon.id)
    fresh = {
        "coupon": coupon,
        "facts": coupon.words(door.clerk_texts().language, g.now),
        "name": masked_name(member.name),
        "number": shown_number(member.number),
        "is_frozen": member.frozen_at is not None,
        "used": used,
        "is_cancellable": used is not None and is_cancellable(used, door.current_store(), g.now),
        "key": str(uuid.uuid4()),
        "done": None,
        "carrier": carrier_on_page(),
    }
    return views.show("coupon", status, **(fresh | context))


@views.shows_again("clerk.redeem")
def _show_again(notice: Notice, status: int) -> ResponseReturnValue:
    coupon = find_coupon(g.session, (request.view_args or {})["code"])
    if coupon is None:
        raise CouponNotUsable(state="unknown")
    return _show(coupon, status, notice=notice)
