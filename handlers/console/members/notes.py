"""Notes about a member: written for colleagues, and removed where they were wrong."""

import structlog
from flask import g
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.members.links import member_url
from handlers.console.members.who import get_shown
from models.draft import drop_draft
from models.member_note import LONGEST_NOTE, remove_note, write_note

log = structlog.get_logger()


def add_note(number: str) -> ResponseReturnValue:
    """Keep a note about a member."""
    t = console_texts()
    member, staff = get_shown(number), current_staff()
    typed = form.needed("words", LONGEST_NOTE)
    key = f"console:{form.page_key()}"
    drop_draft(g.session, staff, f"note:{member.number}")
    made = write_note(g.session, member, typed, staff=staff, key=key, now=g.now)
    log.info("note_written", note_id=made.id, member_id=member.id, staff_id=staff.id)
    return views.go(member_url(member.number), t("備註已儲存"))


def drop_note(number: str, note_id: int) -> ResponseReturnValue:
    """Remove a note."""
    t = console_texts()
    member, staff = get_shown(number), current_staff()
    remove_note(g.session, member, note_id, staff=staff, now=g.now)
    log.info("note_removed", note_id=note_id, member_id=member.id, staff_id=staff.id)
    return views.go(member_url(member.number), t("備註已移除"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add what is done with notes."""
    change = "members.change"
    blueprint.post("/members/<number>/notes", right=change)(add_note)
    blueprint.post("/members/<number>/notes/<int:note_id>/remove", right=change)(drop_note)
