"""A member's tags: given by hand, perhaps for some time, and taken away."""

from datetime import datetime, timedelta

import structlog
from flask import g
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.members.links import member_url
from handlers.console.members.who import get_shown
from models.base import in_language
from models.leaving import refuse_gone
from models.local_day import day_start
from models.tag import BY_STAFF, get_tag, give_tag, take_tag

LONGEST_CODE = 80

log = structlog.get_logger()


def add_tag(number: str) -> ResponseReturnValue:
    """Give a member a tag, through a day where one is told."""
    member, staff, t = get_shown(number), current_staff(), console_texts()
    refuse_gone(member)
    tag = get_tag(g.session, form.needed("tag", LONGEST_CODE))
    give_tag(
        g.session,
        member.id,
        tag,
        source=BY_STAFF,
        now=g.now,
        expires_at=_end(),
        staff_id=staff.id,
    )
    log.info("tag_given", tag=tag.code, member_id=member.id, staff_id=staff.id)
    return views.go(
        member_url(member.number), t("已加上標籤「{name}」", name=in_language(tag.name, t.language))
    )


def drop_tag(number: str) -> ResponseReturnValue:
    """Take a tag off a member."""
    member, staff, t = get_shown(number), current_staff(), console_texts()
    tag = get_tag(g.session, form.needed("tag", LONGEST_CODE))
    take_tag(g.session, member.id, tag, now=g.now, staff_id=staff.id)
    log.info("tag_taken", tag=tag.code, member_id=member.id, staff_id=staff.id)
    return views.go(
        member_url(member.number), t("已移除標籤「{name}」", name=in_language(tag.name, t.language))
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add what is done with tags."""
    change = "members.change"
    blueprint.post("/members/<number>/tags", right=change)(add_tag)
    blueprint.post("/members/<number>/tags/remove", right=change)(drop_tag)


def _end() -> datetime | None:
    """Return the end of the last day told, or None."""
    day = form.day("until")
    return day_start(day + timedelta(days=1)) if day is not None else None
