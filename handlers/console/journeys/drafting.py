"""A journey while somebody edits it: the draft, kept with every change, and its way back."""

from dataclasses import dataclass, replace
from typing import Any

from flask import g

from handlers.console.door import current_staff
from models.draft import drop_draft, find_draft, keep_draft
from models.journey import Journey, definition_of, get_journey, get_version
from models.journey.editing import Json

MOST_UNDONE = 10
LARGEST_KEPT = 120_000
"""Characters of what can be taken back: a draft has room for more, but not without end."""


@dataclass(frozen=True)
class Working:
    """A journey as it stands in somebody's editor."""

    journey: Journey
    told: Json
    """The definition, which may not do yet."""
    base: int
    """The version it was made from."""
    undo: tuple[Json, ...] = ()
    """The definitions before, the latest last."""
    is_draft: bool = False
    """Whether anything was changed and is not kept as a version."""


def draft_name(code: str) -> str:
    """Return under which name a journey's draft is kept."""
    return f"journey:{code}"


def open_working(code: str) -> Working:
    """Return a journey as this person last left it. Raises NoSuchJourney."""
    journey = get_journey(g.session, code)
    found = find_draft(g.session, current_staff(), draft_name(code))
    if found is None:
        newest = get_version(g.session, code)
        return Working(journey, definition_of(newest).as_json(), newest.version)
    body: dict[str, Any] = found.body
    return Working(journey, body["definition"], int(found.base), tuple(body["undo"]), is_draft=True)


def keep_working(working: Working, told: Json) -> Working:
    """Keep a change; what was before can be taken back."""
    if told == working.told:
        return working
    undo = (*working.undo, working.told)[-MOST_UNDONE:]
    while len(str(undo)) > LARGEST_KEPT:
        undo = undo[1:]
    return _kept(replace(working, told=told, undo=undo, is_draft=True))


def take_back(working: Working) -> Working:
    """Take the last change back, if there is one."""
    if not working.undo:
        return working
    return _kept(replace(working, told=working.undo[-1], undo=working.undo[:-1]))


def rebase(working: Working) -> Working:
    """Let a draft stand on the newest version: what is in the draft replaces it."""
    return _kept(replace(working, base=working.journey.version))


def drop_working(code: str) -> None:
    """Forget a draft: it was kept as a version, or is thrown away."""
    drop_draft(g.session, current_staff(), draft_name(code))


def _kept(working: Working) -> Working:
    body = {"definition": working.told, "undo": list(working.undo)}
    name = draft_name(working.journey.code)
    keep_draft(g.session, current_staff(), name, body, str(working.base), g.now)
    return working
