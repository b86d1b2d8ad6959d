"""Receipt codes at the counter: for who forgot to scan, given away on the screen or a slip."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue

from handlers import settings
from handlers.chat_link import chat_link
from handlers.clerk import door, form, second_person, views
from handlers.clerk.items import BLANK_ROWS, read_items, typed_rows
from handlers.limiting import limiter
from handlers.notice import Notice
from handlers.pictures import qr_picture
from models.receipt_code import (
    Issued,
    ReceiptAsked,
    ReceiptCode,
    ReceiptCodeLimit,
    cancel_receipt_code,
    code_of,
    derive_code_secret,
    get_receipt_code,
    issue_receipt_code,
    list_receipt_codes,
)
from models.shop import get_shop

LISTED_FOR = timedelta(days=7)

log = structlog.get_logger()


def show_receipts() -> ResponseReturnValue:
    """Ask for the amount of a sale without a member, and list what was given away."""
    return _show_form()


@limiter.limit(
    second_person.TRIES,
    key_func=second_person.typed_manager,
    exempt_when=second_person.no_manager_typed,
)
def issue_receipt() -> ResponseReturnValue:
    """Give a code for the sale on the page; the page's key makes it happen once."""
    lines, amount_twd = read_items()
    asked = ReceiptAsked(
        store=door.current_store(),
        staff=door.current_staff(),
        amount_twd=amount_twd,
        idempotency_key=form.idempotency_key("receipt-code"),
        secret=derive_code_secret(settings().signing_key),
        lines=lines,
        invoice_number=request.form.get("invoice_number", ""),
    )
    issued = _issue(asked)
    log.info(
        "receipt_code_issued",
        receipt_code_id=issued.id,
        store_id=asked.store.id,
        staff_id=door.current_staff().id,
        is_repeat=issued.is_repeat,
    )
    return _show_code(get_receipt_code(g.session, issued.id, asked.store), is_new=True)


def show_receipt(receipt_code_id: int) -> ResponseReturnValue:
    """Show a code of this store again."""
    return _show_code(get_receipt_code(g.session, receipt_code_id, door.current_store()))


def cancel_receipt(receipt_code_id: int) -> ResponseReturnValue:
    """Take a code back, so that nobody can claim it."""
    store, staff = door.current_store(), door.current_staff()
    gone = cancel_receipt_code(g.session, receipt_code_id, store=store, staff=staff, now=g.now)
    log.info("receipt_code_cancelled", receipt_code_id=gone.id, staff_id=staff.id)
    return _show_form(done="cancelled")


def add_routes(blueprint: door.Door) -> None:
    """Add the addresses of receipt codes."""
    blueprint.get("/receipts")(show_receipts)
    blueprint.post("/receipts")(issue_receipt)
    blueprint.get("/receipts/<int:receipt_code_id>")(show_receipt)
    blueprint.post("/receipts/<int:receipt_code_id>/cancel")(cancel_receipt)
    blueprint.get("/receipts/<int:receipt_code_id>/cancel")(views.back_to_scan)


def _issue(asked: ReceiptAsked) -> Issued:
    """Issue a code; above a clerk's limits the manager who typed themselves in allows it."""
    try:
        return issue_receipt_code(g.session, asked, g.now)
    except ReceiptCodeLimit as limit:
        if not second_person.is_manager_typed():
            raise
        manager = second_person.ask_manager(door.current_staff(), limit.facts["why"])
        return issue_receipt_code(g.session, replace(asked, allowed_by=manager), g.now)


def _show_code(receipt: ReceiptCode, *, is_new: bool = False) -> ResponseReturnValue:
    shop = get_shop(g.session)
    code = code_of(derive_code_secret(settings().signing_key), receipt)
    said = f"補登 {code}"
    return views.show(
        "receipt_code",
        receipt=receipt,
        state=receipt.state(g.now),
        code=code,
        qr=qr_picture(chat_link(shop.basic_id, said)),
        shop=shop,
        is_new=is_new,
    )


def _show_form(status: int = 200, **context: Any) -> ResponseReturnValue:
    store = door.current_store()
    fresh = {
        "key": str(uuid.uuid4()),
        "typed": {},
        "rows": [],
        "blank_rows": BLANK_ROWS,
        "days": get_shop(g.session).receipt_code_days,
        "receipts": [
            (receipt, receipt.state(g.now))
            for receipt in list_receipt_codes(g.session, store, since=g.now - LISTED_FOR)
        ],
        "done": None,
    }
    return views.show("receipts", status, **(fresh | context))


@views.shows_again("clerk.issue_receipt")
def _show_form_again(notice: Notice, status: int) -> ResponseReturnValue:
    return _show_form(
        status,
        notice=notice,
        typed=request.form,
        rows=typed_rows(),
        key=request.form.get("key", ""),
    )


@views.shows_again("clerk.cancel_receipt")
def _show_list_again(notice: Notice, status: int) -> ResponseReturnValue:
    return _show_form(status, notice=notice)
