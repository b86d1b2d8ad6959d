"""Stopping marketing at a member's wish, and erasing them: seen first, then confirmed."""

import structlog
from flask import g
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.members.links import member_url
from handlers.console.members.who import facts_of, get_shown
from models.leaving import erase_for, preview_leaving, stop_marketing
from models.local_day import last_day
from models.points.adjustment import LONGEST_REASON

LONGEST_NUMBER = 20

log = structlog.get_logger()


def block(number: str) -> ResponseReturnValue:
    """Stop all marketing to a member who asked for it."""
    t = console_texts()
    member, staff = get_shown(number), current_staff()
    stop_marketing(
        g.session,
        member,
        reason=form.text("reason", LONGEST_REASON) or "",
        staff=staff,
        key=form.page_key(),
        now=g.now,
    )
    log.info("marketing_stopped", member_id=member.id, staff_id=staff.id)
    return views.go(member_url(member.number), t("已停止行銷訊息；只有會員本人能再打開。"))


def show_erasing(number: str) -> ResponseReturnValue:
    """Show what erasing a member takes, and ask for their number to be typed."""
    member = get_shown(number)
    return views.show(
        "members/erase",
        member=member,
        who=facts_of(member),
        seen=preview_leaving(g.session, member, g.now),
        last_day=last_day,
    )


def erase(number: str) -> ResponseReturnValue:
    """Erase a member's personal data, for good."""
    t = console_texts()
    member, staff = get_shown(number), current_staff()
    erase_for(
        g.session,
        member,
        typed_number=form.text("typed_number", LONGEST_NUMBER) or "",
        reason=form.text("reason", LONGEST_REASON) or "",
        staff=staff,
        key=form.page_key(),
        now=g.now,
    )
    log.info("member_erased", member_id=member.id, staff_id=staff.id)
    return views.go(member_url(member.number), t("個人資料已刪除；消費數字保留，不再連到任何人。"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add what ends marketing, or membership."""
    blueprint.post("/members/<number>/block", right="members.change")(block)
    blueprint.get("/members/<number>/erase", right="members.erase")(show_erasing)
    blueprint.post("/members/<number>/erase", right="members.erase")(erase)
