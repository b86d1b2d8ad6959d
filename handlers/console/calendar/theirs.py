"""One member's calendar: what they will be sent in the next thirty days, and what not, and why."""

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.console import views
from handlers.console.calendar.words import entry_words
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.refusals import explain
from models.member import NoSuchMember, get_member_by_typed
from models.outreach.calendar import PLANNED_DAYS
from models.outreach.plan import plan_of

LONGEST_TYPED = 40


def show_theirs() -> ResponseReturnValue:
    """Show what a member, by number or phone, will be sent."""
    typed = request.args.get("member", "").strip()[:LONGEST_TYPED]
    t = console_texts()
    found: dict[str, object] = {"member": None, "plan": []}
    if typed:
        try:
            member = get_member_by_typed(g.session, typed)
        except NoSuchMember as error:
            found["notice"] = explain(t, error)
        else:
            plan = plan_of(g.session, PLANNED_DAYS, g.now, member_id=member.id)
            found = {"member": member, "plan": plan}
    return views.show("calendar/theirs", typed=typed, **entry_words(t) | found)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add one member's calendar."""
    blueprint.get("/calendar/member", right="members.see")(show_theirs)
