"""The counter: scan or type, see who it is, enter the amount, confirm, show what was earned."""

import unicodedata
import uuid
from typing import Any

import structlog
from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers import settings
from handlers.clerk import door, views
from handlers.clerk.amount import read_amount
from handlers.clerk.refusals import explain
from handlers.clerk.visit import Visit, VisitNotOurs, ends_at, read_visit
from models.base import BusinessError, in_language
from models.checkout import Recorded, Sale, record_purchase
from models.coupon import Coupon, CouponNeedsMore, CouponNotUsable, get_own_coupon
from models.local_day import local_day
from models.member import (
    Member,
    get_member,
    get_member_by_card,
    get_member_by_typed,
    masked_name,
    shown_number,
)
from models.member_code import read_code
from models.programme import Programme, get_programme
from models.purchase import CodeAlreadyUsed, is_code_used, standing_of
from models.shop import get_shop
from models.tier import tier_for_spend

LONGEST_NUMBER_TYPED = 20
LONGEST_ID_DIGITS = 18

log = structlog.get_logger()


class NothingAsked(BusinessError):
    """The look-up came without any text."""

    code = "nothing_asked"


class NameUnchecked(BusinessError):
    """The member was typed, and the clerk has not said that the name is right."""

    code = "name_unchecked"


def scan() -> ResponseReturnValue:
    """Wait for the next customer."""
    return views.show_scan(code="")


def back_to_scan() -> ResponseReturnValue:
    """Bring whoever reloads an answer's address back to the start."""
    return redirect(url_for("clerk.scan"))


@door.limiter.limit(door.LOOKUPS_PER_STAFF, key_func=door.session_staff)
def look_up() -> ResponseReturnValue:
    """Show whose code was scanned, or whose number was typed."""
    member, code_id = _identify(request.form.get("code", ""))
    programme = get_programme(g.session, get_shop(g.session).programme_version)
    visit = Visit(
        member_id=member.id,
        staff_id=door.current_staff().id,
        code_id=code_id,
        programme_version=programme.shop.programme_version,
        name=masked_name(member.name),
        number=shown_number(member.number),
        until=ends_at(g.now),
    )
    return views.show_member(visit, member, programme)


def preview() -> ResponseReturnValue:
    """Show what the purchase on the screen would cost and earn; nothing is written."""
    try:
        context = _preview(_visit(), read_amount(request.form.get("amount", "")))
    except BusinessError as error:
        context = {"problem": explain(door.clerk_texts(), error), "code": error.code}
    return views.show("preview", **context)


def record() -> ResponseReturnValue:
    """Record the purchase; the page's key makes it happen once."""
    visit, staff = _visit(), door.current_staff()
    amount_twd = read_amount(request.form.get("amount", ""))
    if visit.is_typed and not request.form.get("name_checked"):
        raise NameUnchecked
    sale = Sale(
        member_id=visit.member_id,
        store=staff.store,
        staff_id=staff.id,
        amount_twd=amount_twd,
        idempotency_key=f"till:{staff.store_id}:{_page_key()}",
        coupon_id=_chosen_coupon_id(),
        code_id=visit.code_id,
    )
    recorded = record_purchase(g.session, sale, g.now)
    log.info(
        "purchase_recorded",
        purchase_id=recorded.purchase.id,
        store_id=staff.store_id,
        staff_id=staff.id,
        is_repeat=recorded.is_repeat,
    )
    programme = get_programme(g.session, visit.programme_version)
    return views.show("result", visit=visit, **_result(recorded, programme, door.clerk_texts()))


def add_routes(blueprint: door.Door) -> None:
    """Add the counter's addresses."""
    blueprint.get("")(scan)
    blueprint.post("/lookup")(look_up)
    blueprint.post("/preview")(preview)
    blueprint.post("/purchases")(record)
    for answer in ("/", "/lookup", "/preview", "/purchases"):
        blueprint.get(answer)(back_to_scan)


def _identify(typed: str) -> tuple[Member, str | None]:
    """Return the member whom a scanned code or a typed number names, and the code's id."""
    text = unicodedata.normalize("NFKC", typed).strip()
    if not text:
        raise NothingAsked
    has_letters = any("a" <= character <= "z" for character in text.lower())
    if not has_letters and len(text) <= LONGEST_NUMBER_TYPED:
        return get_member_by_typed(g.session, text), None
    read = read_code(settings().public_key, text, g.now)
    if is_code_used(g.session, read.code_id):
        raise CodeAlreadyUsed
    return get_member_by_card(g.session, read.card_ref), read.code_id


def _visit() -> Visit:
    return read_visit(
        settings().secret_key,
        request.form.get("visit", ""),
        staff_id=door.current_staff().id,
        now=g.now,
    )


def _page_key() -> str:
    try:
        return str(uuid.UUID(request.form.get("key", "")))
    except ValueError as error:
        raise VisitNotOurs from error


def _chosen_coupon_id() -> int | None:
    chosen = request.form.get("coupon", "")
    if not chosen:
        return None
    if not (chosen.isascii() and chosen.isdecimal() and len(chosen) <= LONGEST_ID_DIGITS):
        raise CouponNotUsable(state="unknown")
    return int(chosen)


def _preview(visit: Visit, amount_twd: int) -> dict[str, Any]:
    member = get_member(g.session, visit.member_id)
    programme = get_programme(g.session, visit.programme_version)
    coupon = _coupon_for(member, amount_twd)
    discount_twd = coupon.template.discount_on(amount_twd) if coupon else 0
    paid_twd = amount_twd - discount_twd
    tier = programme.tier(member.tier_id)
    spend_twd = standing_of(g.session, member, programme, local_day(g.now)).spend_twd + paid_twd
    reached = tier_for_spend(programme.tiers, spend_twd)
    return {
        "amount_twd": amount_twd,
        "discount_twd": discount_twd,
        "paid_twd": paid_twd,
        "coupon": coupon,
        "points": programme.points_for(paid_twd, tier),
        "has_stamp": paid_twd >= programme.stamp_programme.min_spend_twd,
        "lifted_to": reached if reached.rank > tier.rank else None,
    }


def _coupon_for(member: Member, amount_twd: int) -> Coupon | None:
    coupon_id = _chosen_coupon_id()
    if coupon_id is None:
        return None
    coupon = get_own_coupon(g.session, member.id, coupon_id)
    if not coupon.is_usable(g.now):
        raise CouponNotUsable(state=coupon.state)
    if amount_twd < coupon.template.min_spend_twd:
        raise CouponNeedsMore(min_spend_twd=coupon.template.min_spend_twd)
    return coupon


def _result(recorded: Recorded, programme: Programme, t: Texts) -> dict[str, Any]:
    """Put what came of a sale into the clerk's language; without a query."""
    receipt, standing, coupon = recorded.receipt, recorded.standing, recorded.coupon
    tier_name = in_language(standing.tier.name, t.language)
    next_tier = standing.next_tier
    reward = in_language(programme.stamp_reward.name, t.language)
    return {
        "receipt": receipt,
        "is_repeat": recorded.is_repeat,
        "tier_name": tier_name,
        "next_name": in_language(next_tier.name, t.language) if next_tier else None,
        "upgraded_to": tier_name if receipt["upgraded_to"] else None,
        "coupon_name": in_language(coupon.name, t.language) if coupon else None,
        "reward_name": reward if receipt["reward_name"] else None,
    }
