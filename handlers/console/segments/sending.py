"""From people to a campaign: one is begun with what was marked, or with a class's segment."""

from flask import g
from flask.typing import ResponseReturnValue

from handlers.console.door import ConsoleDoor, current_staff
from handlers.console.segments.links import campaign_to_url, campaign_url
from handlers.console.segments.typed import typed_rule
from handlers.console.views import go
from models.classification import get_any_class
from models.lifecycle.action import get_action
from models.segment import parse_rule
from models.segment.keeping import add_segment, archive_segment
from models.segment.opening import class_rule
from models.segment.table import Segment


def send_marked() -> ResponseReturnValue:
    """Begin a campaign to the marked cells; nothing is kept before the campaign is."""
    return go(campaign_to_url(typed_rule().as_json()))


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
