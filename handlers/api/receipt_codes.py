"""Receipt codes: for who forgot to scan, a code on the receipt, good for some days (U15)."""

from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers import settings
from handlers.api.answering import Answer
from handlers.api.declaring import declare
from handlers.api.door import caller
from handlers.api.purchases import clerk_of, lines_of
from handlers.api.schemas.receipt_codes import (
    ReceiptCodeAsked,
    ReceiptCodeIssued,
    ReceiptCodePath,
    ReceiptCodeTold,
)
from handlers.api.tags import RECEIPT_CODES
from models.api_key import WRITE_PURCHASES
from models.points import IdempotencyKeyReused
from models.purchase import AmountRefused
from models.receipt_code import (
    InvoiceKnown,
    InvoiceNumberRefused,
    ReceiptAsked,
    ReceiptCode,
    ReceiptCodeClaimed,
    ReceiptCodeLimit,
    ReceiptCodeUnknown,
    cancel_receipt_code,
    derive_code_secret,
    get_receipt_code,
    issue_receipt_code,
)
from models.staff import NoSuchStaff

URL = "/api/v1/receipt-codes"


def issue_code(body: ReceiptCodeAsked) -> Answer:
    """Issue a code for a sale whose buyer did not scan; they claim it in the chat.

    Needs no Idempotency-Key: the same `reference` brings the same code again, which is made anew
    each time, because nobody keeps it.
    """
    who = caller()
    asked = ReceiptAsked(
        store=who.store,
        staff=clerk_of(body.clerk),
        amount_twd=body.amount_twd,
        idempotency_key=f"api:{who.key_id}:receipt:{body.reference}",
        secret=derive_code_secret(settings().signing_key),
        lines=lines_of(body.lines, body.amount_twd),
        invoice_number=body.invoice_number,
    )
    issued = issue_receipt_code(g.session, asked, g.now)
    told = ReceiptCodeIssued(id=issued.id, code=issued.code, good_until=issued.good_until)
    return Answer(told, 200 if issued.is_repeat else 201, f"{URL}/{issued.id}")


def get_issued_code(path: ReceiptCodePath) -> ReceiptCodeTold:
    """Read what became of a code of the key's store."""
    return _tell(get_receipt_code(g.session, path.receipt_code_id, caller().store))


def cancel_code(path: ReceiptCodePath) -> ReceiptCodeTold:
    """Take a code back, so that nobody can claim it."""
    cancelled = cancel_receipt_code(
        g.session, path.receipt_code_id, store=caller().store, staff=None, now=g.now
    )
    return _tell(cancelled)


def _tell(found: ReceiptCode) -> ReceiptCodeTold:
    return ReceiptCodeTold(
        id=found.id,
        state=found.state(g.now),  # type: ignore[arg-type]  # One of the four it names.
        amount_twd=found.amount_twd,
        issued_at=found.issued_at,
        good_until=found.expires_at,
        purchase_id=found.purchase_id,
    )


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the addresses of receipt codes."""
    declare(
        blueprint,
        "POST",
        "/receipt-codes",
        issue_code,
        tag=RECEIPT_CODES,
        scope=WRITE_PURCHASES,
        answers={201: ReceiptCodeIssued, 200: ReceiptCodeIssued},
        refusals=(
            AmountRefused,
            InvoiceNumberRefused,
            InvoiceKnown,
            ReceiptCodeLimit,
            IdempotencyKeyReused,
            NoSuchStaff,
            "lines_differ",
        ),
        once=False,
    )
    declare(
        blueprint,
        "GET",
        "/receipt-codes/<int:receipt_code_id>",
        get_issued_code,
        tag=RECEIPT_CODES,
        scope=WRITE_PURCHASES,
        answers={200: ReceiptCodeTold},
        refusals=(ReceiptCodeUnknown,),
    )
    declare(
        blueprint,
        "DELETE",
        "/receipt-codes/<int:receipt_code_id>",
        cancel_code,
        tag=RECEIPT_CODES,
        scope=WRITE_PURCHASES,
        answers={200: ReceiptCodeTold},
        refusals=(ReceiptCodeUnknown, ReceiptCodeClaimed),
    )
