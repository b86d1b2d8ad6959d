"""One purchase at the counter: what it was, what of it was taken back, and taking it back.

A refund is tried first and undone again, so that the clerk sees exactly what it would take; only
then is it confirmed. What a clerk may not do alone a manager allows on the spot.
"""

import uuid
from dataclasses import dataclass
from typing import Any

import structlog
from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.texts import DEFAULT_LANGUAGE, Texts, texts_for
from handlers.clerk import door, form, second_person, views
from handlers.clerk.amount import read_amount
from handlers.limiting import limiter
from handlers.notice import Notice
from models.base import BusinessError, rehearse
from models.checkout import (
    LARGE_REFUND_TWD,
    Effect,
    Refunded,
    Return,
    Sheet,
    compare,
    get_sheet,
    read_holding,
    refund_purchase,
    why_manager,
)
from models.fraud import check_own_card
from models.local_day import local_day
from models.member import get_member
from models.purchase import Purchase
from models.staff import Staff

OTHER = "other"

log = structlog.get_logger()


class NothingPicked(BusinessError):
    """Some of the items were to go back, and none was ticked."""

    code = "nothing_picked"


@dataclass(frozen=True)
class Checked:
    """A refund that was tried and undone again."""

    amount_twd: int
    left_twd: int
    effect: Effect


@limiter.limit(door.LOOKUPS_PER_STAFF, key_func=door.session_staff)
def show_purchase(purchase_id: int) -> ResponseReturnValue:
    """Show one purchase with its items, and the form to take it back."""
    return _show(get_sheet(g.session, purchase_id), typed={}, key=str(uuid.uuid4()))


def check_refund(purchase_id: int) -> ResponseReturnValue:
    """Show what the refund would give back and take; nothing is written."""
    sheet, staff = get_sheet(g.session, purchase_id), door.current_staff()
    asked = _asked(purchase_id, staff)
    check_own_card(staff, get_member(g.session, sheet.purchase.member_id))
    return _show_check(sheet, _try_out(g.session, asked))


def edit_refund(purchase_id: int) -> ResponseReturnValue:
    """Go back from a checked refund to its form, with what was typed."""
    sheet = get_sheet(g.session, purchase_id)
    return _show(sheet, typed=request.form, key=form.page_key())


@limiter.limit(
    second_person.TRIES,
    key_func=second_person.typed_manager,
    exempt_when=second_person.no_manager_typed,
)
def refund(purchase_id: int) -> ResponseReturnValue:
    """Take the purchase back; the page's key makes it happen once."""
    sheet, staff = get_sheet(g.session, purchase_id), door.current_staff()
    check_own_card(staff, get_member(g.session, sheet.purchase.member_id))
    asked = _asked(purchase_id, staff)
    before = read_holding(g.session, sheet.purchase.member_id)
    done = refund_purchase(g.session, asked, g.now)
    _have_it_allowed(done, staff)
    log.info(
        "purchase_refunded",
        purchase_id=purchase_id,
        refund_id=done.refund.id,
        store_id=door.current_store().id,
        staff_id=staff.id,
        is_repeat=done.is_repeat,
    )
    effect = compare(g.session, before, read_holding(g.session, sheet.purchase.member_id))
    return views.show("refunded", sheet=sheet, done=done, effect=effect)


def back_to_purchase(purchase_id: int) -> ResponseReturnValue:
    """Bring whoever reloads an answer's address back to the purchase."""
    return redirect(url_for("clerk.show_purchase", purchase_id=purchase_id))


def add_routes(blueprint: door.Door) -> None:
    """Add one purchase's addresses."""
    here = "/purchases/<int:purchase_id>"
    blueprint.get(here)(show_purchase)
    blueprint.post(f"{here}/check")(check_refund)
    blueprint.post(f"{here}/edit")(edit_refund)
    blueprint.post(f"{here}/refunds")(refund)
    for answer in ("check", "edit", "refunds"):
        blueprint.get(f"{here}/{answer}")(back_to_purchase)


def reasons(t: Texts) -> dict[str, str]:
    """Return the usual reasons of a refund, by what a form calls them."""
    return {
        "faulty": t("商品有誤"),
        "unwanted": t("客人不要了"),
        "mistyped": t("打錯金額"),
        "twice": t("重複結帳"),
        OTHER: t("其他"),
    }


def _have_it_allowed(done: Refunded, staff: Staff) -> None:
    """Ask for a manager where a clerk may not refund alone; a refusal undoes the refund."""
    if done.is_repeat:
        return
    refunded_twd, store = done.purchase.refunded_twd, door.current_store()
    why = why_manager(done.purchase, staff, store, refunded_twd, local_day(g.now))
    if why:
        manager = second_person.ask_manager(staff, why)
        second_person.note_consent(
            manager, staff, f"refund:{done.refund.id}", "refund.allow", g.now
        )


def _asked(purchase_id: int, staff: Staff) -> Return:
    """Read from the form what is to be taken back."""
    how = request.form.get("how", "all")
    lines = _picked_lines() if how == "lines" else ()
    if how == "lines" and not lines:
        raise NothingPicked
    return Return(
        purchase_id=purchase_id,
        store=door.current_store(),
        staff_id=staff.id,
        reason=_reason(),
        idempotency_key=form.idempotency_key("refund"),
        amount_twd=read_amount(request.form.get("amount", "")) if how == "amount" else None,
        lines=lines,
    )


def _picked_lines() -> tuple[tuple[int, int], ...]:
    """Return line number and quantity of each item with a quantity."""
    picked = []
    for name, typed in request.form.items():
        number = form.read_id(name.removeprefix("line-")) if name.startswith("line-") else None
        quantity = form.read_id(typed)
        if number is not None and quantity:
            picked.append((number, quantity))
    return tuple(sorted(picked))


def _reason() -> str:
    """Return the reason as it is kept: a usual one in the shop's language, or what was typed."""
    picked = request.form.get("reason", "")
    if picked == OTHER:
        return request.form.get("reason_text", "").strip()
    return reasons(texts_for(DEFAULT_LANGUAGE)).get(picked, "")


def _try_out(session: Session, asked: Return) -> Checked:
    """Refund, look, and undo it all."""

    def attempt() -> Checked:
        member_id = session.get_one(Purchase, asked.purchase_id).member_id
        before = read_holding(session, member_id)
        done = refund_purchase(session, asked, g.now)
        effect = compare(session, before, read_holding(session, member_id))
        return Checked(done.refund.amount_twd, done.purchase.net_twd, effect)

    return rehearse(session, attempt)


def _show(sheet: Sheet, status: int = 200, **context: Any) -> ResponseReturnValue:
    return views.show(
        "purchase", status, sheet=sheet, reasons=reasons(door.clerk_texts()), **context
    )


def _show_check(
    sheet: Sheet, checked: Checked, status: int = 200, **context: Any
) -> ResponseReturnValue:
    refunded_twd = sheet.purchase.refunded_twd + checked.amount_twd
    staff, store = door.current_staff(), door.current_store()
    why = why_manager(sheet.purchase, staff, store, refunded_twd, local_day(g.now))
    return views.show(
        "refund_check",
        status,
        sheet=sheet,
        checked=checked,
        why=why,
        largest_twd=LARGE_REFUND_TWD,
        typed=request.form,
        reason=_reason_shown(),
        **context,
    )


def _reason_shown() -> str:
    picked = request.form.get("reason", "")
    if picked == OTHER:
        return request.form.get("reason_text", "")
    return reasons(door.clerk_texts()).get(picked, "")


@views.shows_again("clerk.check_refund")
def _show_form_again(notice: Notice, status: int) -> ResponseReturnValue:
    sheet = get_sheet(g.session, int((request.view_args or {})["purchase_id"]))
    key = request.form.get("key", "")
    return _show(sheet, status, typed=request.form, key=key, notice=notice)


@views.shows_again("clerk.refund")
def _show_check_again(notice: Notice, status: int) -> ResponseReturnValue:
    purchase_id = int((request.view_args or {})["purchase_id"])
    sheet = get_sheet(g.session, purchase_id)
    checked = _try_out(g.session, _asked(purchase_id, door.current_staff()))
    return _show_check(sheet, checked, status, notice=notice)
