"""A copy of everything kept about one person, to hand out when they ask for it."""

import json
from io import BytesIO

import structlog
from flask import g, send_file
from flask.typing import ResponseReturnValue

from handlers.console.door import ConsoleDoor, current_staff
from handlers.console.members.who import get_shown
from models.leaving import refuse_gone
from models.member_file import write_file

log = structlog.get_logger()


def hand_out(number: str) -> ResponseReturnValue:
    """Send all that is kept of a member as JSON; who took it is noted."""
    member, staff = get_shown(number), current_staff()
    refuse_gone(member)
    content = write_file(g.session, member, staff=staff, now=g.now)
    log.info("member_handed_out", member_id=member.id, staff_id=staff.id)
    text = json.dumps(content, ensure_ascii=False, indent=2)
    return send_file(
        BytesIO(text.encode()),
        "application/json",
        as_attachment=True,
        download_name=f"member-{member.number}.json",
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the file."""
    blueprint.post("/members/<number>/file", right="members.export")(hand_out)
