"""Paid plans at the counter: a request's code scanned, or a plan sold from the member's page."""

import uuid
from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers.clerk import door, form, second_person, views
from handlers.notice import Notice
from models.base import BusinessError
from models.fraud import check_own_card
from models.member import get_member, masked_name, shown_number
from models.plan import (
    REQUEST_PREFIX,
    NoSuchRequest,
    Paid,
    RenewalRequest,
    find_request,
    get_plan,
    pay_request,
    read_request_code,
    sell_plan,
)

LONGEST_REFERENCE = 60

log = structlog.get_logger()


class MethodMissing(BusinessError):
    """How the fee was paid was not said."""

    code = "method_missing"


def methods(t: Texts) -> dict[str, str]:
    """Return how a fee may be paid; only who manages can say that a transfer has come."""
    known = {"counter": t("櫃台收款"), "linepay": "LINE Pay", "other": t("其他方式")}
    if second_person.manages(door.current_staff()):
        known["transfer"] = t("已入帳的轉帳")
    return known


def find(typed: str) -> ResponseReturnValue | None:
    """Return the page of the request whose code was scanned or typed, or None.

    Raises NoSuchRequest for a request's QR that names none.
    """
    is_ours = typed.upper().startswith(REQUEST_PREFIX)
    asked = find_request(g.session, typed) if read_request_code(typed) else None
    if asked is not None:
        return _show(asked)
    if is_ours:
        raise NoSuchRequest(state="unknown")
    return None


def pay(code: str) -> ResponseReturnValue:
    """Take the fee of a member's request; the page's key makes it happen once."""
    asked = _get(code)
    check_own_card(door.current_staff(), get_member(g.session, asked.member_id))
    paid = pay_request(
        g.session,
        code,
        method=_method(),
        reference=_reference(),
        staff=door.current_staff(),
        idempotency_key=form.idempotency_key("plan"),
        now=g.now,
    )
    return show_paid(paid)


def sell() -> ResponseReturnValue:
    """Sell a plan to the member on the page, or renew theirs."""
    visit = form.checked_visit()
    check_own_card(door.current_staff(), get_member(g.session, visit.member_id))
    paid = sell_plan(
        g.session,
        visit.member_id,
        get_plan(g.session, request.form.get("plan", "")),
        method=_method(),
        reference=_reference(),
        staff=door.current_staff(),
        idempotency_key=form.idempotency_key("plan"),
        now=g.now,
    )
    return show_paid(paid)


def show_paid(paid: Paid) -> ResponseReturnValue:
    """Show what a fee brought."""
    staff = door.current_staff()
    log.info(
        "plan_paid",
        payment_id=paid.payment.id,
        store_id=door.current_store().id,
        staff_id=staff.id,
        is_repeat=paid.is_repeat,
    )
    member = get_member(g.session, paid.subscription.member_id)
    return views.show(
        "plan_paid",
        paid=paid,
        name=masked_name(member.name),
        number=shown_number(member.number),
        methods=methods(door.clerk_texts()),
    )


def add_routes(blueprint: door.Door) -> None:
    """Add the plans' addresses."""
    blueprint.post("/plan-requests/<code>/payments")(pay)
    blueprint.post("/service/plan")(sell)
    for answer in ("/plan-requests/<code>/payments", "/service/plan"):
        blueprint.get(answer)(views.back_to_scan)


def _get(code: str) -> RenewalRequest:
    asked = find_request(g.session, code)
    if asked is None:
        raise NoSuchRequest(state="unknown")
    return asked


def _method() -> str:
    method = request.form.get("method", "")
    if method not in methods(door.clerk_texts()):
        raise MethodMissing
    return method


def _reference() -> str | None:
    return request.form.get("reference", "").strip()[:LONGEST_REFERENCE] or None


def _show(asked: RenewalRequest, status: int = 200, **context: Any) -> ResponseReturnValue:
    member = get_member(g.session, asked.member_id)
    fresh = {
        "asked": asked,
        "is_open": asked.payment_id is None and g.now < asked.good_until,
        "name": masked_name(member.name),
        "number": shown_number(member.number),
        "methods": methods(door.clerk_texts()),
        "key": str(uuid.uuid4()),
        "typed": {},
    }
    return views.show("plan", status, **(fresh | context))


@views.shows_again("clerk.pay")
def _show_again(notice: Notice, status: int) -> ResponseReturnValue:
    asked = _get((request.view_args or {})["code"])
    key = request.form.get("key", "")
    return _show(asked, status, notice=notice, typed=request.form, key=key)
