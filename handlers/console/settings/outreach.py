"""When members are written to at all: caps, quiet hours, who goes first, whom we leave in peace."""

from datetime import time
from typing import Any

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.makers import maker_name
from models.base import BusinessError, most_first
from models.lifecycle.action import list_actions
from models.lifecycle.names import MODELS
from models.outreach import change_rules, get_rules, list_rules
from models.outreach.setting import LIMITS, LONGEST_NOTE
from models.suppression import MOST_UNANSWERED, get_threshold, set_threshold

HIGHEST = 100
LONGEST_INTENT = 100

log = structlog.get_logger()


def show_outreach() -> ResponseReturnValue:
    """Show the rules in force, the versions there were, and whom nothing paid is sent to."""
    rules = get_rules(g.session)
    return views.show(
        "settings/outreach",
        rules=rules,
        limits=LIMITS,
        priorities=most_first(rules.priorities),
        versions=list_rules(g.session),
        unanswered=get_threshold(g.session),
        most_unanswered=MOST_UNANSWERED,
        unpaid=[
            action
            for model in MODELS
            for action in list_actions(g.session, model)
            if not action.paid_push
        ],
        longest=LONGEST_NOTE,
    )


def change() -> ResponseReturnValue:
    """Keep a new version of the rules."""
    staff, seen = current_staff(), form.whole("seen")
    if seen != get_rules(g.session).version:
        raise _stale()
    changes: dict[str, Any] = {
        name: form.whole(name, least=least, most=most) for name, (least, most) in LIMITS.items()
    }
    changes |= {name: _time(name) for name in ("quiet_from", "quiet_until")}
    changes["priorities"] = _priorities()
    note = form.needed("note", LONGEST_NOTE)
    change_rules(g.session, changes, note=note, by=staff.username, now=g.now)
    log.info("outreach_rules_changed", by=staff.id)
    return _back()


def change_suppression() -> ResponseReturnValue:
    """Keep after how many unanswered messages sleeping members are left in peace."""
    staff = current_staff()
    unanswered = form.whole("unanswered", least=1, most=MOST_UNANSWERED)
    if form.flag("is_off"):
        unanswered = None
    elif unanswered is None:
        raise form.FieldRefused(field="unanswered", why="missing")
    note = form.needed("note", LONGEST_NOTE)
    set_threshold(g.session, unanswered, note=note, by=staff.username, now=g.now)
    log.info("suppression_changed", by=staff.id)
    return _back()


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of outreach."""
    blueprint.get("/settings/outreach", right="settings.see")(show_outreach)
    blueprint.post("/settings/outreach", right="settings.change")(change)
    blueprint.post("/settings/suppression", right="settings.change")(change_suppression)


def _priorities() -> dict[str, int | None]:
    """Return who goes first: a number for each name, and for one that was typed anew."""
    told: dict[str, int | None] = {
        name: form.whole(f"priority.{name}", least=0, most=HIGHEST)
        for name in get_rules(g.session).priorities
    }
    new = form.text("new_intent", LONGEST_INTENT)
    if new is not None:
        told[new] = form.needed_whole("new_priority", least=0, most=HIGHEST)
    return told


def _time(name: str) -> time:
    try:
        return time.fromisoformat(request.form.get(name, ""))
    except ValueError as error:
        raise form.FieldRefused(field=name, why="moment") from error


def _stale() -> BusinessError:
    newest = next(iter(list_rules(g.session, limit=1)), None)
    if newest is None:
        return form.PageTooOld()  # The rules are still those that came with us: nobody saved any.
    return form.Stale(name=maker_name(newest.set_by), at=console_texts().moment(newest.set_at))


def _back() -> ResponseReturnValue:
    t = console_texts()
    return views.go(url_for("console.settings_outreach_show_outreach"), t("已儲存"))
