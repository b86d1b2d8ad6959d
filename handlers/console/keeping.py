"""What pages send by themselves: drafts while somebody types, and figures wanted anew."""

import json
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from models import prepared_figures as prepared_figures  # Registers them.
from models.draft import drop_draft, keep_draft
from models.prepared import find_prepared, want

IGNORED = {"csrf_token", "key", "draft_base"}
"""Fields of a form that belong to its page, not to what was typed."""
LONGEST_ASKED = 2_000


def save_draft(what: str) -> ResponseReturnValue:
    """Keep what stands in a form right now; a page sends it a moment after somebody typed."""
    typed: dict[str, Any] = {
        name: values if len(values) > 1 else values[0]
        for name, values in request.form.lists()
        if name not in IGNORED
    }
    base = request.form.get("draft_base", "")
    keep_draft(g.session, current_staff(), what, typed, base, g.now)
    others = views.edited_by_others(what)
    return views.show("kept/draft_saved", fragment="kept/_draft_saved", others=others)


def throw_draft(what: str) -> ResponseReturnValue:
    """Throw a draft away and open the page as it is saved."""
    t = console_texts()
    drop_draft(g.session, current_staff(), what)
    return views.go(views.came_from(), t("草稿已丟棄"))


def want_figure(name: str) -> ResponseReturnValue:
    """Have a figure made anew; the page asks now and then whether it is there."""
    want(g.session, name, _asked(), g.now)
    return _figure_state(name)


def show_figure(name: str) -> ResponseReturnValue:
    """Tell how far a figure is; once it is made, the whole page is asked for again."""
    return _figure_state(name)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses that pages of every topic send to."""
    blueprint.post("/drafts/<path:what>/throw", right="see")(throw_draft)
    blueprint.post("/drafts/<path:what>", right="see")(save_draft)
    blueprint.post("/prepared/<name>", right="see")(want_figure)
    blueprint.get("/prepared/<name>", right="see")(show_figure)


def _figure_state(name: str) -> ResponseReturnValue:
    asked = _asked()
    found = find_prepared(g.session, name, asked)
    is_done = found is not None and not found.is_wanted and not found.failed
    if found is not None and is_done and str(found.made_at) != request.values.get("made_at"):
        return views.reload()
    return views.show(
        "kept/figure", fragment="kept/_figure", found=found, name=name, asked=json.dumps(asked)
    )


def _asked() -> dict[str, Any]:
    asked = form.decoded(request.values.get("asked", "{}"), "asked", LONGEST_ASKED)
    return asked if isinstance(asked, dict) else {}
