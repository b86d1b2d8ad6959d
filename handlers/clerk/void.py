"""Voiding at the counter: the clerk's own last sale, with one tap and a reason from a list."""

import uuid
from dataclasses import dataclass, field

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue

from bot.texts import DEFAULT_LANGUAGE, Texts, texts_for
from handlers.clerk import door, form, second_person, views
from handlers.clerk.purchase import back_to_purchase
from models.checkout import (
    LARGE_REFUND_TWD,
    Recorded,
    compare,
    get_sheet,
    read_holding,
    void_purchase,
)

log = structlog.get_logger()


@dataclass(frozen=True)
class Offer:
    """A purchase that may be voided, with the key under which that happens once."""

    purchase_id: int
    reasons: dict[str, str]
    key: str = field(default_factory=lambda: str(uuid.uuid4()))


def offer(recorded: Recorded) -> Offer | None:
    """Return the way to void what was just recorded, or None where that is a manager's."""
    staff, paid_twd = door.current_staff(), recorded.receipt["paid_twd"]
    is_alone = paid_twd < LARGE_REFUND_TWD or second_person.manages(staff)
    return offer_of(recorded.purchase_id) if is_alone and not recorded.is_repeat else None


def offer_of(purchase_id: int) -> Offer:
    """Return the way to void a purchase that may be."""
    return Offer(purchase_id, reasons(door.clerk_texts()))


def reasons(t: Texts) -> dict[str, str]:
    """Return why a sale is voided, by what a form calls it."""
    return {
        "mistyped": t("打錯金額"),
        "wrong_member": t("掃錯會員"),
        "twice": t("重複結帳"),
        "unwanted": t("客人不要了"),
    }


def void(purchase_id: int) -> ResponseReturnValue:
    """Void the purchase; the page's key makes it happen once."""
    sheet, staff = get_sheet(g.session, purchase_id), door.current_staff()
    before = read_holding(g.session, sheet.purchase.member_id)
    done = void_purchase(
        g.session,
        purchase_id,
        store=door.current_store(),
        staff=staff,
        reason=_reason(),
        idempotency_key=form.idempotency_key("refund"),
        now=g.now,
    )
    log.info(
        "purchase_voided",
        purchase_id=purchase_id,
        refund_id=done.refund.id,
        staff_id=staff.id,
        is_repeat=done.is_repeat,
    )
    effect = compare(g.session, before, read_holding(g.session, sheet.purchase.member_id))
    return views.show("refunded", sheet=sheet, done=done, effect=effect)


def add_routes(blueprint: door.Door) -> None:
    """Add the address of voiding."""
    here = "/purchases/<int:purchase_id>/void"
    blueprint.post(here)(void)
    blueprint.get(here)(back_to_purchase)


def _reason() -> str:
    """Return the reason as it is kept, in the shop's language; "" for none of the list."""
    t = texts_for(DEFAULT_LANGUAGE)
    why = reasons(t).get(request.form.get("reason", ""))
    return t("作廢：{why}", why=why) if why else ""
