"""From people to a campaign: what was marked is kept as a segment, and a draft is begun with it."""

from contextlib import suppress

from flask import g
from flask.typing import ResponseReturnValue

from handlers.console import form
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.segments.editing import code_of
from handlers.console.segments.links import campaign_url
from handlers.console.segments.typed import typed_names, typed_rule
from handlers.console.views import go
from models.classification import get_any_class
from models.lifecycle.action import get_action
from models.segment import parse_rule
from models.segment.keeping import add_segment, archive_segment
from models.segment.opening import class_rule
from models.segment.table import Segment, SegmentExists


def send_marked() -> ResponseReturnValue:
    """Keep the marked cells, or the rule in the form, as a segment, and begin a campaign with it.

    Sent twice, the segment is kept once.
    """
    staff, code = current_staff(), code_of(form.page_key())
    names = typed_names() or {"zh-TW": console_texts()("圈選的會員")}
    rule = typed_rule()
    with suppress(SegmentExists):  # The same page, sent again: its segment is there.
        add_segment(g.session, code, names, rule, by=staff.username, now=g.now, staff_id=staff.id)
    return go(campaign_url(code))


def send_to_class(model: str, code: str) -> ResponseReturnValue:
    """Begin a campaign to a class, with the coupon of its action; its segment is kept once."""
    each, staff = get_any_class(model, code), current_staff()
    segment = f"class-{model}-{code}"
    kept = g.session.get(Segment, segment)
    if kept is None:
        rule = parse_rule(class_rule(model, code))
        add_segment(
            g.session, segment, each.name, rule, by=staff.username, now=g.now, staff_id=staff.id
        )
    elif kept.archived_at is not None:
        archive_segment(g.session, segment, now=g.now, is_archived=False, staff_id=staff.id)
    action = get_action(g.session, model, code)
    return go(campaign_url(segment, coupon=action.template_code))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses that begin campaigns."""
    blueprint.post("/segments/send", right="campaigns.change")(send_marked)
    blueprint.post("/models/<model>/<code>/send", right="campaigns.change")(send_to_class)
