"""The editor of a journey: every change is a request of its own, and is kept in the draft at once.

Dragging, buttons and forms all come here, so what one can do with the mouse one can do without.
Our script asks for the editor alone (`_editor.html`); without it the page is shown again.
"""

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff, is_fragment
from handlers.console.journeys.drafting import (
    Working,
    draft_name,
    drop_working,
    keep_working,
    open_working,
    rebase,
    take_back,
)
from handlers.console.journeys.panel import asked_place, opened
from handlers.console.journeys.showing import flow_words
from handlers.console.journeys.step_form import read_step
from handlers.console.journeys.terms_form import read_terms
from handlers.console.journeys.words import kind_hints, names_in_shop
from models.base import in_language
from models.journey import get_version, rename_journey
from models.journey.checking import problems_of
from models.journey.definition import read_cause
from models.journey.editing import (
    KINDS,
    NO_SUCH_STEP,
    EditRefused,
    Json,
    find_step,
    insert_step,
    lead_to,
    move_step,
    remove_step,
    replace_step,
    shift_step,
)
from models.journey.stepping import LANGUAGES, LONGEST_ID
from models.journey.table import LONGEST_NAME
from models.journey.wording import cause_text


def show_editor(code: str) -> ResponseReturnValue:
    """Show a journey to be changed; `step`, `add` or `open` say what is open beside it."""
    return _show(open_working(code), request.args.get("step"))


def _show(working: Working, step_id: str | None) -> ResponseReturnValue:
    t = console_texts()
    told = working.told
    problems = problems_of(g.session, told)
    newest = get_version(g.session, working.journey.code)
    return views.show(
        "journeys/edit",
        fragment="journeys/_editor",
        journey=working.journey,
        working=working,
        newest=newest,
        is_stale=newest.version != working.base,
        others=views.edited_by_others(draft_name(working.journey.code)),
        palette=KINDS,
        hints=kind_hints(t),
        problems=problems,
        kind_of={step["id"]: step["do"] for step in told["steps"]},
        at_step={problem.step: problem for problem in reversed(problems) if problem.step},
        trigger=cause_text(
            read_cause(told["trigger"]), t.language, names_in_shop(g.session, t.language)
        ),
        advice=lambda problem: in_language(dict(problem.advice), t.language),
        **flow_words(told),
        **opened(told, step_id, asked_place()),
    )


# --- changes ---


def insert(code: str) -> ResponseReturnValue:
    """Put a new step into a way."""
    working = open_working(code)
    do = form.needed_choice("do", KINDS)
    told, step_id = insert_step(working.told, do, asked_place())
    return _changed(working, told, step_id)


def move(code: str) -> ResponseReturnValue:
    """Take a step to another place."""
    working = open_working(code)
    step_id = form.needed("id", LONGEST_ID)
    return _changed(working, move_step(working.told, step_id, asked_place()), step_id)


def shift(code: str) -> ResponseReturnValue:
    """Take a step one place further up or down."""
    working = open_working(code)
    step_id = form.needed("id", LONGEST_ID)
    up = form.needed_choice("way", ("up", "down")) == "up"
    return _changed(working, shift_step(working.told, step_id, up=up), step_id)


def remove(code: str) -> ResponseReturnValue:
    """Take a step out, with what only it led to."""
    working = open_working(code)
    return _changed(working, remove_step(working.told, form.needed("id", LONGEST_ID)), None)


def lead(code: str) -> ResponseReturnValue:
    """Let a way lead to a step there is, or to the end."""
    working = open_working(code)
    place = asked_place()
    aim = form.text("aim", LONGEST_ID)
    return _changed(working, lead_to(working.told, place, aim), place.step)


def save_step(code: str) -> ResponseReturnValue:
    """Keep what the form of a step says."""
    working = open_working(code)
    step_id = form.needed("id", LONGEST_ID)
    step = find_step(working.told, step_id)
    if step is None:
        raise EditRefused(why=NO_SUCH_STEP, step=step_id)
    told = replace_step(working.told, step_id, read_step(step))
    return _changed(working, told, step_id)


def save_terms(code: str) -> ResponseReturnValue:
    """Keep what the form of the whole journey says; its name is kept at once."""
    working = open_working(code)
    name = {"zh-TW": form.needed("name", LONGEST_NAME)}
    for language in LANGUAGES[1:]:
        typed = form.text(f"name_{language}", LONGEST_NAME)
        name |= {language: typed} if typed else {}
    told = read_terms(working.told)
    staff_id = current_staff().id
    rename_journey(g.session, code, name, now=g.now, staff_id=staff_id)
    return _changed(working, told, None)


def undo(code: str) -> ResponseReturnValue:
    """Take the last change back."""
    return _after(take_back(open_working(code)), None)


def drop(code: str) -> ResponseReturnValue:
    """Throw the draft away."""
    t = console_texts()
    drop_working(code)
    url = url_for("console.journeys_showing_show_journey", code=code)
    return views.go(url, t("草稿已丟棄。"))


def overrule(code: str) -> ResponseReturnValue:
    """Let the draft stand on the newest version, which somebody made meanwhile."""
    return _after(rebase(open_working(code)), None)


def _changed(working: Working, told: Json, step_id: str | None) -> ResponseReturnValue:
    return _after(keep_working(working, told), step_id)


def _after(working: Working, step_id: str | None) -> ResponseReturnValue:
    """Show the editor with a change, to our script alone; else lead to its page."""
    code = working.journey.code
    if is_fragment():
        return _show(working, step_id)
    return views.go(url_for("console.journeys_editing_show_editor", code=code, step=step_id))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the editor and its changes."""
    one, right = "/journeys/<code>/edit", "campaigns.change"
    blueprint.get(one, right=right)(show_editor)
    for word, view in (
        ("insert", insert),
        ("move", move),
        ("shift", shift),
        ("remove", remove),
        ("lead", lead),
        ("step", save_step),
        ("terms", save_terms),
        ("undo", undo),
        ("drop", drop),
        ("overrule", overrule),
    ):
        blueprint.post(f"{one}/{word}", right=right)(view)
