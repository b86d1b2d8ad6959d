"""From draft to version: what changes for whom, before it does; and moving those on the way."""

from dataclasses import dataclass
from datetime import timedelta

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.journeys.drafting import drop_working, open_working
from handlers.console.journeys.showing import flow_words, terms_of
from models.journey import (
    activate_journey,
    change_journey,
    definition_of,
    get_journey,
    get_version,
    parse_definition,
)
from models.journey.checking import problems_of
from models.journey.crossing import begin_crossing, list_crossings
from models.journey.moving import count_standing
from models.journey.refusals import JourneyChanged
from models.journey.stepping import LONGEST_ID
from models.journey.table import ACTIVE, LONGEST_NOTE
from models.outreach.calendar import FIGURE, read_plan
from models.prepared import find_prepared

ENDED_SHOWN = 3
LOOKED_AHEAD = timedelta(days=30)


@dataclass(frozen=True)
class StandingAt:
    """How many stand at a step of an older version, and whether the newest has it."""

    version: int
    step: str
    people: int
    is_kept: bool


def show_publish(code: str) -> ResponseReturnValue:
    """Show what a draft would change, and for whom; nothing is changed."""
    t = console_texts()
    working = open_working(code)
    newest = get_version(g.session, code)
    if newest.version != working.base:
        return _show_stale(code)
    problems = problems_of(g.session, working.told)
    if problems:
        url = url_for("console.journeys_editing_show_editor", code=code)
        return views.go(url, t("還有 {count} 個地方要補。", count=len(problems)))
    definition = parse_definition(working.told)
    old, new = definition_of(newest), definition
    words = flow_words(working.told, new)
    return views.show(
        "journeys/publish",
        journey=working.journey,
        working=working,
        newest=newest,
        added=[words["lines"][step] for step in new.steps if step not in old.steps],
        changed=[
            words["lines"][step]
            for step in new.steps
            if step in old.steps and old.steps[step] != new.steps[step]
        ],
        gone=[step for step in old.steps if step not in new.steps],
        is_new_cause=old.cause != new.cause and working.journey.state == ACTIVE,
        standing=_standing(code, set(new.steps)),
        planned=_planned(code),
        terms=terms_of(new),
        longest_note=LONGEST_NOTE,
        **words,
    )


def _standing(code: str, known: set[str]) -> list[StandingAt]:
    return [
        StandingAt(version, step, people, step in known)
        for version, step, people in count_standing(g.session, code)
    ]


def _planned(code: str) -> tuple[int, int] | None:
    """Return how many messages the plan has for this journey, and their cost in whole NT$."""
    figure = find_prepared(g.session, FIGURE)
    if figure is None or figure.body is None:
        return None
    until = g.now + LOOKED_AHEAD
    own = [
        each
        for each in read_plan(figure)
        if each.source.startswith(f"journey:{code}:") and each.at < until
    ]
    return sum(each.messages for each in own), round(sum(each.cost_twd for each in own))


def publish(code: str) -> ResponseReturnValue:
    """Keep a draft as the newest version, and switch the journey on where that is asked."""
    working, by, t = open_working(code), current_staff(), console_texts()
    try:
        journey = change_journey(
            g.session,
            code,
            parse_definition(working.told),
            made_from=working.base,
            by=by.username,
            now=g.now,
            note=form.text("note", LONGEST_NOTE) or "",
            staff_id=by.id,
        )
    except JourneyChanged:
        return _show_stale(code)
    if form.flag("activate"):
        activate_journey(g.session, code, now=g.now, staff_id=by.id)
    drop_working(code)
    url = url_for("console.journeys_showing_show_journey", code=code)
    return views.go(url, t("已存成第 {version} 版。", version=journey.version))


def _show_stale(code: str) -> ResponseReturnValue:
    """Show both versions: what somebody made meanwhile, and the draft."""
    working, newest = open_working(code), get_version(g.session, code)
    theirs, t = definition_of(newest), console_texts()
    return views.show(
        "journeys/stale",
        409 if request.method == "POST" else 200,
        journey=working.journey,
        working=working,
        newest=newest,
        theirs=flow_words(theirs.as_json(), theirs),
        mine=flow_words(working.told),
        title=t("有人剛改過這個旅程"),
    )


def show_moving(code: str) -> ResponseReturnValue:
    """Show who is on the way on an older version, and how far those are who are being moved."""
    newest = get_version(g.session, code)
    definition = definition_of(newest)
    standing = [
        each for each in _standing(code, set(definition.steps)) if each.version != newest.version
    ]
    crossings = list_crossings(g.session, code)
    under_way = {each.from_version: each for each in crossings if each.ended_at is None}
    return views.show(
        "journeys/moving",
        fragment="journeys/_moving",
        journey=get_journey(g.session, code),
        newest=newest,
        standing=standing,
        versions=sorted({each.version for each in standing} - set(under_way)),
        under_way=under_way.values(),
        ended=[each for each in crossings if each.ended_at is not None][:ENDED_SHOWN],
        **flow_words(definition.as_json(), definition),
    )


def move_all(code: str) -> ResponseReturnValue:
    """Have a worker move all on an older version; sent twice it is one order."""
    from_version = form.needed_whole("from_version", least=1)
    old = definition_of(get_version(g.session, code, from_version))
    steps = {step: form.text(f"to.{step}", LONGEST_ID) for step in old.steps}
    begin_crossing(
        g.session,
        code,
        from_version=from_version,
        to_version=get_version(g.session, code).version,
        steps={step: aim for step, aim in steps.items() if aim},
        staff=current_staff(),
        now=g.now,
    )
    return views.go(url_for("console.journeys_publishing_show_moving", code=code))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add publishing and moving."""
    one, right = "/journeys/<code>", "campaigns.change"
    blueprint.get(f"{one}/publish", right=right)(show_publish)
    blueprint.post(f"{one}/publish", right=right)(publish)
    blueprint.get(f"{one}/move", right=right)(show_moving)
    blueprint.post(f"{one}/move", right=right)(move_all)
