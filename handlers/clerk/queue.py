"""The queue: what this device still has to send, and what waits for a manager on our side."""

from dataclasses import dataclass
from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.clerk import door, pending, views
from handlers.clerk.offline_words import problem_words
from handlers.notice import Notice
from models.member import get_member_by_typed, masked_name, shown_number
from models.offline_sale import OfflineSale, accept_loss, dismiss, list_open, record_after_all

log = structlog.get_logger()


@dataclass(frozen=True)
class Waiting:
    """One item that waits, with what a manager reads of it."""

    sale: OfflineSale
    name: str | None
    """Masked; None where nobody can be told."""
    number: str | None
    words: Notice
    is_own: bool
    """Whether the one who looks made the sale, and so may not settle it."""


def show_queue() -> ResponseReturnValue:
    """Show the device's own list, which our script fills in, and what waits for a manager."""
    return _show()


def record_item(sale_id: int) -> ResponseReturnValue:
    """Record an item after all, for its member or the one whose number was typed."""
    manager = pending.get_manager()
    typed = request.form.get("member", "").strip()
    member = get_member_by_typed(g.session, typed) if typed else None
    recorded = record_after_all(g.session, sale_id, manager, member, g.now)
    log.info(
        "offline_sale_settled",
        offline_sale_id=sale_id,
        purchase_id=recorded.purchase_id,
        by=manager.id,
    )
    return _show(done="recorded")


def accept_item(sale_id: int) -> ResponseReturnValue:
    """Take note of a loss."""
    manager = pending.get_manager()
    accept_loss(g.session, sale_id, manager, g.now)
    log.info("offline_loss_accepted", offline_sale_id=sale_id, by=manager.id)
    return _show(done="accepted")


def dismiss_item(sale_id: int) -> ResponseReturnValue:
    """Record nothing for an item, for a reason."""
    manager = pending.get_manager()
    dismiss(g.session, sale_id, manager, request.form.get("reason", ""), g.now)
    log.info("offline_sale_dismissed", offline_sale_id=sale_id, by=manager.id)
    return _show(done="dismissed")


def add_routes(blueprint: door.Door) -> None:
    """Add the queue's addresses."""
    blueprint.get("/queue")(show_queue)
    for name, view in (
        ("record", record_item),
        ("accept", accept_item),
        ("dismiss", dismiss_item),
    ):
        blueprint.post(f"/queue/<int:sale_id>/{name}")(view)
        blueprint.get(f"/queue/<int:sale_id>/{name}")(views.back_to_scan)


def _show(status: int = 200, **context: Any) -> ResponseReturnValue:
    staff, t = door.current_staff(), door.clerk_texts()
    waiting = [
        Waiting(
            sale=sale,
            name=masked_name(sale.member.name) if sale.member else None,
            number=shown_number(sale.member.number) if sale.member else None,
            words=problem_words(t, sale.problem or "", sale.facts),
            is_own=sale.staff_id == staff.id,
        )
        for sale in list_open(g.session)
    ]
    fresh: dict[str, Any] = {"waiting": waiting, "done": None}
    return views.show("queue", status, **(fresh | context))


@views.shows_again("clerk.record_item", "clerk.accept_item", "clerk.dismiss_item")
def _show_again(notice: Notice, status: int) -> ResponseReturnValue:
    pending.get_manager()
    return _show(status, notice=notice)
