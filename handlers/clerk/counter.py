"""The counter: scan or type, see who it is, enter the amount, confirm, show what was earned."""

import unicodedata
from dataclasses import dataclass
from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers import settings
from handlers.clerk import coupon, door, form, plan, second_person, views, void
from handlers.clerk.carrier import carrier_on_page, find_carrier
from handlers.clerk.items import read_items
from handlers.clerk.refusals import explain
from handlers.clerk.refusals.coupon import coupon_words
from handlers.clerk.refusals.sale import pace_words
from handlers.clerk.visit import Visit, ends_at
from handlers.limiting import limiter
from models.base import BusinessError, in_language
from models.checkout import (
    PointsNotUsable,
    Recorded,
    Sale,
    approval_subject,
    preview_purchase,
    record_purchase,
)
from models.coupon import CouponNotUsable
from models.fraud import approve, ask_approval
from models.identity import BindingRequest
from models.member import (
    Member,
    NoSuchMember,
    get_member_by_typed,
    masked_name,
    shown_number,
)
from models.member_code import read_code
from models.programme import Programme, get_programme
from models.purchase import get_scanned_member

LONGEST_NUMBER_TYPED = 20
MOST_COUPONS = 20

log = structlog.get_logger()


class NothingAsked(BusinessError):
    """The look-up came without any text."""

    code = "nothing_asked"


class BindingCodeScanned(BusinessError):
    """The code is not a member's: it asks to bind a LINE account, on a member's page."""

    code = "binding_code_scanned"


class PointsUnreadable(BusinessError):
    """What was typed is no whole number of points."""

    code = "points_unreadable"


def scan() -> ResponseReturnValue:
    """Wait for the next customer."""
    return views.show_scan(code="")


@limiter.limit(door.LOOKUPS_PER_STAFF, key_func=door.session_staff)
def look_up() -> ResponseReturnValue:
    """Show whose code was scanned or typed; a coupon, a plan's code or a carrier alike."""
    return open_code(read_code_typed())


def read_code_typed() -> str:
    """Return what was scanned or typed."""
    return unicodedata.normalize("NFKC", request.form.get("code", "")).strip()


def open_code(typed: str) -> ResponseReturnValue:
    """Show what a code leads to; a carrier waits on the scan screen for its customer."""
    scanned = find_carrier(typed)
    if scanned is not None:
        return views.show_scan(code="", carrier=scanned)
    other = coupon.find(typed) or plan.find(typed)
    if other is not None:
        return other
    met = identify(typed)
    return views.show_member(
        new_visit(met), met.member, met.programme, carrier=carrier_on_page(is_early=True)
    )


@dataclass(frozen=True)
class Met:
    """A member as a scan or a number has named them."""

    member: Member
    code_id: str | None
    """The scanned code's id; None where the clerk typed."""
    programme: Programme


def identify(text: str) -> Met:
    """Return the member whom a scanned code or a typed number names."""
    if not text:
        raise NothingAsked
    has_letters = any("a" <= character <= "z" for character in text.lower())
    if not has_letters and len(text) <= LONGEST_NUMBER_TYPED:
        member = get_member_by_typed(g.session, text)
        version = door.current_shop().programme_version
        return Met(member, None, get_programme(g.session, version))
    read = read_code(settings().public_key, text, g.now)
    try:
        member, version = get_scanned_member(g.session, read.card_ref, read.code_id)
    except NoSuchMember as error:
        if g.session.get(BindingRequest, read.card_ref) is None:
            raise
        raise BindingCodeScanned from error
    return Met(member, read.code_id, get_programme(g.session, version))


def new_visit(met: Met) -> Visit:
    """Return the visit that begins with meeting a member."""
    return Visit(
        member_id=met.member.id,
        staff_id=door.current_staff().id,
        code_id=met.code_id,
        programme_version=met.programme.shop.programme_version,
        name=masked_name(met.member.name),
        number=shown_number(met.member.number),
        until=ends_at(g.now),
    )


def preview() -> ResponseReturnValue:
    """Show what the purchase on the screen would cost and earn; nothing is written."""
    t = door.clerk_texts()
    context: dict[str, Any]
    try:
        outlook = preview_purchase(g.session, _asked(form.visit()), g.now, lenient=True)
        if outlook.sold.points_used > outlook.most_points:
            raise PointsNotUsable(most=outlook.most_points)
        reasons = [reason.code for reason in outlook.verdict.reasons]
        context = {
            "outlook": outlook,
            "refused": [(coupon, coupon_words(t, why)) for coupon, why in outlook.refused],
            "warnings": pace_words(t, reasons),
        }
    except BusinessError as error:
        context = {"problem": explain(t, error), "code": error.code}
    return views.show("preview", **context)


@limiter.limit(
    second_person.TRIES,
    key_func=second_person.typed_manager,
    exempt_when=second_person.no_manager_typed,
)
def record() -> ResponseReturnValue:
    """Record the purchase; the page's key makes it happen once."""
    visit, staff = form.visit(), door.current_staff()
    sale = _asked(visit)
    if not visit.is_known and not request.form.get("name_checked"):
        raise form.NameUnchecked
    recorded = record_purchase(g.session, sale, g.now)
    log.info(
        "purchase_recorded",
        purchase_id=recorded.purchase_id,
        store_id=door.current_store().id,
        staff_id=staff.id,
        is_repeat=recorded.is_repeat,
    )
    programme = get_programme(g.session, visit.programme_version)
    return views.show(
        "result",
        visit=visit,
        carrier=carrier_on_page(),
        void=void.offer(recorded),
        **_result(recorded, programme, door.clerk_texts()),
    )


def ask_for_approval() -> ResponseReturnValue:
    """Ask a manager, who is not at hand, to allow the sale on the screen."""
    visit = form.visit()
    _, amount_twd = read_items()
    approval = ask_approval(
        g.session,
        door.current_staff(),
        approval_subject(visit.member_id, amount_twd, _ticked_coupons()),
        reason="pace",
        now=g.now,
    )
    return views.show_asked(visit, approval)


def add_routes(blueprint: door.Door) -> None:
    """Add the counter's addresses."""
    blueprint.get("")(scan)
    blueprint.post("/lookup")(look_up)
    blueprint.post("/preview")(preview)
    blueprint.post("/purchases")(record)
    blueprint.post("/approvals")(ask_for_approval)
    for answer in ("/", "/lookup", "/preview", "/purchases", "/approvals"):
        blueprint.get(answer)(views.back_to_scan)


def _asked(visit: Visit) -> Sale:
    """Read the sale on the page."""
    lines, amount_twd = read_items()
    return Sale(
        member_id=visit.member_id,
        store=door.current_store(),
        staff=door.current_staff(),
        device=door.current_device().id,
        amount_twd=amount_twd,
        lines=lines,
        idempotency_key=form.idempotency_key("till"),
        coupon_ids=_ticked_coupons(),
        points_to_use=_points_to_use(),
        code_id=visit.code_id,
        approval_code=_approval_code(visit, amount_twd),
    )


def _ticked_coupons() -> tuple[int, ...]:
    """Return the ids of the coupons ticked. Raises CouponNotUsable where one is no id."""
    ticked = [typed for typed in request.form.getlist("coupon") if typed]
    found = [form.read_id(typed) for typed in ticked]
    if len(found) > MOST_COUPONS:
        raise CouponNotUsable(state="unknown")
    ids = tuple(coupon_id for coupon_id in found if coupon_id is not None)
    if len(ids) < len(found):
        raise CouponNotUsable(state="unknown")
    return tuple(sorted(set(ids)))


def _points_to_use() -> int:
    """Return how many points shall pay. Raises PointsUnreadable."""
    typed = unicodedata.normalize("NFKC", request.form.get("points", "")).strip()
    points = form.read_id(typed.replace(",", "")) if typed else 0
    if points is None:
        raise PointsUnreadable
    return points


def _approval_code(visit: Visit, amount_twd: int) -> str | None:
    """Return the code of a manager's yes: given before, or by their login on the spot."""
    if request.endpoint == "clerk.record" and second_person.is_manager_typed():
        staff = door.current_staff()
        manager = second_person.ask_manager(staff, ["pace"])
        subject = approval_subject(visit.member_id, amount_twd, _ticked_coupons())
        asked = ask_approval(g.session, staff, subject, reason="pace", now=g.now)
        return approve(g.session, asked.code, manager, g.now).code
    return request.form.get("approval_code", "").strip() or None


def _result(recorded: Recorded, programme: Programme, t: Texts) -> dict[str, Any]:
    """Put what came of a sale into the clerk's language; without a query."""
    receipt, standing = recorded.receipt, recorded.standing
    tier_name = in_language(standing.tier.name, t.language)
    next_tier = standing.next_tier
    # What is beyond a limit was recorded because a manager saw it and said yes.
    warned_of = recorded.verdict.reasons if recorded.verdict.may_go_on else ()
    return {
        "receipt": receipt,
        "purchase_id": recorded.purchase_id,
        "is_repeat": recorded.is_repeat,
        "tier_name": tier_name,
        "next_name": in_language(next_tier.name, t.language) if next_tier else None,
        "upgraded_to": tier_name if receipt["upgraded_to"] else None,
        "coupon_names": [in_language(coupon.name, t.language) for coupon in recorded.coupons],
        "reward_names": _rewards(receipt, programme, t.language),
        "warnings": pace_words(t, [reason.code for reason in warned_of]),
    }


def _rewards(receipt: dict[str, Any], programme: Programme, language: str) -> list[str]:
    """Return the rewards of the cards a sale filled.

    The receipt names them in the member's language; the programme's own names are the clerk's.
    """
    own = {
        name: in_language(card.reward.name, language)
        for card in programme.stamp_programmes
        for name in card.reward.name.values()
    }
    told = [card["reward_name"] for card in receipt["stamp_cards"] if card["reward_name"]]
    return [own.get(name, name) for name in told]
