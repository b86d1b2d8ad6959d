"""A new phone or LINE account: a person's card moves to the account that shows a code (U14)."""

import structlog
from flask import g
from flask.typing import ResponseReturnValue

from handlers import settings
from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.members.links import member_url
from handlers.console.members.who import facts_of, get_shown
from models.identity import get_binding_request, rebind_by_clerk
from models.leaving import refuse_gone
from models.line_binding import list_bindings
from models.points.adjustment import LONGEST_REASON

LONGEST_CODE = 400

log = structlog.get_logger()


def show_binding(number: str) -> ResponseReturnValue:
    """Show which LINE accounts a card was on, and the form that moves it."""
    member = get_shown(number)
    refuse_gone(member)
    return views.show(
        "members/line",
        member=member,
        who=facts_of(member),
        bindings=list_bindings(g.session, member.id),
    )


def bind(number: str) -> ResponseReturnValue:
    """Put a card on the LINE account whose code was told; the old one is released."""
    t = console_texts()
    member, staff = get_shown(number), current_staff()
    refuse_gone(member)
    asked = get_binding_request(
        g.session, settings().public_key, form.needed("code", LONGEST_CODE), g.now
    )
    rebind_by_clerk(
        g.session,
        member,
        asked,
        staff=staff,
        reason=form.text("reason", LONGEST_REASON) or "",
        now=g.now,
    )
    log.info("line_bound", member_id=member.id, staff_id=staff.id)
    return views.go(member_url(member.number), t("會員卡已換到新的 LINE。"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the form and what it does."""
    correct = "members.correct"
    blueprint.get("/members/<number>/line", right=correct)(show_binding)
    blueprint.post("/members/<number>/line", right=correct)(bind)
