"""Who is, or was, on a journey: in a state, at a step, who passed one; and the way of each."""

from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from bot.content import draw_content
from handlers.console import form, paging, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.journeys.showing import flow_words
from models.journey import definition_of, get_journey, get_version
from models.journey.moving import STANDING, give_up_visit
from models.journey.numbers import get_visit, list_came, list_left, list_moves, list_visits
from models.journey.table import VISIT_STATES
from models.journey.trying import try_journey
from models.journey.wording import step_text
from models.member import get_member_by_typed

A_PAGE = 50
LONGEST_TYPED = 40


def show_people(code: str) -> ResponseReturnValue:
    """Show who is on a journey: those in a state, at a step, or who passed it in one way."""
    journey = get_journey(g.session, code)
    came, left = request.args.get("came"), request.args.get("left")
    if came or left:
        return _show_passed(code, came, left)
    state, step = request.args.get("state"), request.args.get("step")
    found = list_visits(
        g.session,
        code,
        state=state if state in VISIT_STATES else None,
        step=step,
        after_id=paging.after_id() or 0,
        limit=A_PAGE + 1,
    )
    shown = found[:A_PAGE]
    more = paging.next_url(after=shown[-1].visit.id) if len(found) > A_PAGE else None
    return views.show(
        "journeys/people",
        fragment="journeys/_visits",
        journey=journey,
        visits=shown,
        more=more,
        states=VISIT_STATES,
        asked_state=state,
        asked_step=step,
        **_words(code),
    )


def _show_passed(code: str, came: str | None, left: str | None) -> ResponseReturnValue:
    """Show who came to a step, or left it in one way, the latest first."""
    before_id = paging.after_id()
    why = request.args.get("why", "")
    if came:
        found = list_came(g.session, code, came, before_id=before_id, limit=A_PAGE + 1)
    else:
        found = list_left(g.session, code, left or "", why, before_id=before_id, limit=A_PAGE + 1)
    shown = found[:A_PAGE]
    more = paging.next_url(after=shown[-1].move.id) if len(found) > A_PAGE else None
    return views.show(
        "journeys/passed",
        fragment="journeys/_passed",
        journey=get_journey(g.session, code),
        passed=shown,
        more=more,
        came=came,
        left=left,
        why=why,
        **_words(code),
    )


def _words(code: str) -> dict[str, Any]:
    definition = definition_of(get_version(g.session, code))
    return flow_words(definition.as_json(), definition)


def show_visit(code: str, visit_id: int) -> ResponseReturnValue:
    """Show every step of one visit."""
    listed = get_visit(g.session, code, visit_id)
    definition = definition_of(get_version(g.session, code, listed.visit.version))
    return views.show(
        "journeys/visit",
        journey=get_journey(g.session, code),
        listed=listed,
        moves=list_moves(g.session, visit_id),
        stands=listed.visit.state in STANDING,
        **flow_words(definition.as_json(), definition),
    )


def give_up(code: str, visit_id: int) -> ResponseReturnValue:
    """Take one member off a journey."""
    t = console_texts()
    give_up_visit(g.session, code, visit_id, now=g.now, staff_id=current_staff().id)
    url = url_for("console.journeys_people_show_visit", code=code, visit_id=visit_id)
    return views.go(url, t("已結束這一趟；還沒送出的訊息也收回了。"))


def show_trial(code: str) -> ResponseReturnValue:
    """Ask for a member to try a journey with."""
    return _trial(code)


def try_it(code: str) -> ResponseReturnValue:
    """Show what a journey would do for a member; nothing is done."""
    member = get_member_by_typed(g.session, form.needed("member", LONGEST_TYPED))
    trial = try_journey(g.session, code, member.id, g.now)
    drawn = {
        place: draw_content(each.owed, member.language)
        for place, each in enumerate(trial.steps)
        if each.owed is not None
    }
    return _trial(code, member=member, trial=trial, drawn=drawn)


def _trial(code: str, **found: Any) -> ResponseReturnValue:
    t = console_texts()
    definition = definition_of(get_version(g.session, code))
    return views.show(
        "journeys/trial",
        journey=get_journey(g.session, code),
        step_does=lambda step_id: step_text(definition.steps[step_id], t.language),
        **_words(code),
        **found,
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the lists of people and their ways."""
    one = "/journeys/<code>"
    blueprint.get(f"{one}/people", right="members.see")(show_people)
    blueprint.get(f"{one}/visits/<int:visit_id>", right="members.see")(show_visit)
    blueprint.post(f"{one}/visits/<int:visit_id>/end", right="campaigns.change")(give_up)
    blueprint.get(f"{one}/try", right="members.see")(show_trial)
    blueprint.post(f"{one}/try", right="members.see")(try_it)
