"""What else a clerk does for a member: points and stamps by hand, plans, LINE, a frozen card."""

import uuid
from dataclasses import replace
from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue

from handlers import settings
from handlers.clerk import door, form, plan, second_person, views
from handlers.clerk.visit import Visit, sign_visit
from handlers.limiting import limiter
from handlers.notice import Notice
from models.base import BusinessError
from models.checkout import list_bought
from models.fraud import check_own_card
from models.fraud.adjusting import PaceExceeded, ask_within_pace
from models.fraud.not_me import release_member
from models.identity import get_binding_request, rebind_by_clerk
from models.local_day import local_day
from models.member import Member, get_member
from models.plan import PlanPayment, find_latest, list_payments, list_plans, refund_payment
from models.points import PointsAdjustment
from models.programme import get_programme
from models.staff import Staff
from models.stamp_card import (
    NoSuchStampProgramme,
    StampProgramme,
    give_stamps,
    list_held_cards,
)

TAKES = "take"

log = structlog.get_logger()


class CountUnreadable(BusinessError):
    """What was typed is no whole number above zero."""

    code = "count_unreadable"


def show_service() -> ResponseReturnValue:
    """Show all that can be done for the member of a visit, once the clerk knows who it is."""
    visit = form.visit()
    if not visit.is_known:
        if not (request.form.get("name_checked") or request.form.get("name_checked_here")):
            raise form.NameUnchecked
        visit = replace(visit, is_checked=True)
    return _show(visit)


def show_sale() -> ResponseReturnValue:
    """Go on to a sale for the same member, whose name was checked."""
    visit = form.checked_visit()
    programme = get_programme(g.session)
    return views.show_member(visit, get_member(g.session, visit.member_id), programme)


@limiter.limit(
    second_person.TRIES,
    key_func=second_person.typed_manager,
    exempt_when=second_person.no_manager_typed,
)
def adjust_points() -> ResponseReturnValue:
    """Give or take points with a reason the member reads; above the limit it waits."""
    visit, staff = form.checked_visit(), door.current_staff()
    member = get_member(g.session, visit.member_id)
    try:
        wish = _ask(member, staff, allowed_by=None)
    except PaceExceeded:
        manager = second_person.ask_manager(staff, ["pace"])
        wish = _ask(member, staff, allowed_by=manager)
        second_person.note_consent(manager, staff, f"member:{member.id}", "adjustment.allow", g.now)
    log.info("points_adjusted", adjustment_id=wish.id, state=wish.state, staff_id=staff.id)
    return _show(visit, done="adjusted" if wish.state == "posted" else "waits", moved=wish.points)


def _ask(member: Member, staff: Staff, *, allowed_by: Staff | None) -> PointsAdjustment:
    return ask_within_pace(
        g.session,
        member,
        _count("points"),
        reason=request.form.get("reason", ""),
        asked_by=staff,
        allowed_by=allowed_by,
        idempotency_key=form.idempotency_key("adjust"),
        now=g.now,
    )


def stamp_by_hand() -> ResponseReturnValue:
    """Give or take stamps with a reason."""
    visit, staff = form.checked_visit(), door.current_staff()
    check_own_card(staff, get_member(g.session, visit.member_id))
    stamps = _count("stamps")
    give_stamps(
        g.session,
        visit.member_id,
        _programme(visit),
        stamps,
        staff_id=staff.id,
        note=request.form.get("reason", ""),
        idempotency_key=form.idempotency_key("stamps"),
        now=g.now,
    )
    log.info("stamps_given", member_id=visit.member_id, stamps=stamps, staff_id=staff.id)
    return _show(visit, done="stamped", moved=stamps)


def bind_line() -> ResponseReturnValue:
    """Bind the member to the LINE account whose code was scanned from their phone."""
    visit, staff = form.checked_visit(), door.current_staff()
    asked = get_binding_request(
        g.session, settings().public_key, request.form.get("code", ""), g.now
    )
    member = get_member(g.session, visit.member_id)
    rebind_by_clerk(
        g.session,
        member,
        asked,
        staff=staff,
        reason=request.form.get("reason", ""),
        now=g.now,
    )
    log.info("line_bound", member_id=member.id, staff_id=staff.id, store_id=door.current_store().id)
    return _show(visit, done="bound")


@limiter.limit(
    second_person.TRIES,
    key_func=second_person.typed_manager,
    exempt_when=second_person.no_manager_typed,
)
def release_card() -> ResponseReturnValue:
    """Let a frozen card spend again: a manager, or a clerk with one beside them."""
    visit, staff = form.checked_visit(), door.current_staff()
    member = get_member(g.session, visit.member_id)
    check_own_card(staff, member)
    manager = (
        staff if second_person.manages(staff) else second_person.ask_manager(staff, ["frozen"])
    )
    why = request.form.get("reason", "").strip() or None
    release_member(g.session, member, staff=manager, note_text=why, now=g.now)
    log.info("card_released", member_id=member.id, staff_id=staff.id, manager_id=manager.id)
    return _show(visit, done="released")


@limiter.limit(
    second_person.TRIES,
    key_func=second_person.typed_manager,
    exempt_when=second_person.no_manager_typed,
)
def refund_plan() -> ResponseReturnValue:
    """Give a plan's newest fee back: a manager, or a clerk with one beside them."""
    visit, staff = form.checked_visit(), door.current_staff()
    check_own_card(staff, get_member(g.session, visit.member_id))
    manager = staff if second_person.manages(staff) else second_person.ask_manager(staff, ["fee"])
    back = refund_payment(
        g.session,
        form.read_id(request.form.get("payment", "")) or 0,
        staff=manager,
        reason=request.form.get("reason", "").strip() or "-",
        idempotency_key=form.idempotency_key("plan-refund"),
        now=g.now,
    )
    log.info("plan_fee_returned", payment_id=back.id, staff_id=staff.id, manager_id=manager.id)
    return _show(visit, done="fee_back", moved=-back.amount_twd)


def add_routes(blueprint: door.Door) -> None:
    """Add the addresses of the member's services."""
    views_by_path = {
        "/service": show_service,
        "/sale": show_sale,
        "/service/points": adjust_points,
        "/service/stamps": stamp_by_hand,
        "/service/line": bind_line,
        "/service/release": release_card,
        "/service/plan-refund": refund_plan,
    }
    for path, view in views_by_path.items():
        blueprint.post(path)(view)
        blueprint.get(path)(views.back_to_scan)


def _count(field: str) -> int:
    """Return the signed count a form asks for. Raises CountUnreadable."""
    count = form.read_whole(request.form.get(field, ""))
    if count is None or count <= 0:
        raise CountUnreadable
    return -count if request.form.get("way") == TAKES else count


def _programme(visit: Visit) -> StampProgramme:
    known = get_programme(g.session, visit.programme_version).stamp_programmes
    wanted = request.form.get("programme", "")
    found = next((card for card in known if card.code == wanted), None)
    if found is None:
        raise NoSuchStampProgramme(code=wanted)
    return found


def _show(visit: Visit, status: int = 200, **context: Any) -> ResponseReturnValue:
    member = get_member(g.session, visit.member_id)
    g.session.refresh(member)
    programme = get_programme(g.session)
    fresh: dict[str, Any] = {
        "visit": visit,
        "token": sign_visit(settings().secret_key, visit),
        "key": str(uuid.uuid4()),
        "member": member,
        "tier": programme.tier(member.tier_id),
        "bought": list_bought(g.session, member.id),
        "cards": list_held_cards(
            g.session, member.id, programme.stamp_programmes, local_day(g.now)
        ),
        "plans": list_plans(g.session, active_only=True),
        "methods": plan.methods(door.clerk_texts()),
        "is_manager": second_person.manages(door.current_staff()),
        "typed": {},
        "open": "",
        "done": None,
        "moved": 0,
    }
    return views.show("service", status, **(fresh | _subscription(member) | context))


def _subscription(member: Member) -> dict[str, Any]:
    """Return the plan a member holds, with the fee that can be given back."""
    held = find_latest(g.session, member.id)
    if held is None or not held.is_good(g.now):
        return {"held": None, "payment": None}
    return {"held": held, "payment": _newest(list_payments(g.session, held.id))}


def _newest(payments: list[PlanPayment]) -> PlanPayment | None:
    returned = {payment.refunds_id for payment in payments}
    left = [row for row in payments if row.amount_twd > 0 and row.id not in returned]
    return left[-1] if left else None


@views.shows_again(
    "clerk.adjust_points",
    "clerk.stamp_by_hand",
    "clerk.bind_line",
    "clerk.release_card",
    "clerk.refund_plan",
    "clerk.sell",
)
def _show_again(notice: Notice, status: int) -> ResponseReturnValue:
    here = (request.endpoint or "").rpartition(".")[2]
    key = request.form.get("key", "")
    return _show(
        form.checked_visit(), status, notice=notice, typed=request.form, key=key, open=here
    )


@views.shows_again("clerk.show_service")
def _show_member_again(notice: Notice, status: int) -> ResponseReturnValue:
    visit = form.visit()
    member = get_member(g.session, visit.member_id)
    programme = get_programme(g.session, visit.programme_version)
    return views.show_member(visit, member, programme, status, notice=notice)
