"""Festivals: those everybody has, and the shop's own days (A-20)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from bot.texts import LANGUAGES
from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.refusals import explain
from models.base import BusinessError, hold
from models.draft import drop_draft
from models.festival import (
    FIRST_YEAR,
    KNOWN,
    LAST_YEAR,
    MOST_DAYS,
    OWN_NAMES,
    Festival,
    drop_festival,
    keep_festival,
    list_occasions,
)
from models.fingerprint import fingerprint
from models.local_day import local_day

LONGEST_CODE, LONGEST_NAME = 40, 40
NEW = "festival:new"
OK = 200


def show_list() -> ResponseReturnValue:
    """Show a year's festivals, and a form for a new one of the shop's own, or for `edit`."""
    festival = g.session.get(Festival, request.args.get("edit", ""))
    return _show(festival, views.draft_values(draft_name(festival)))


def draft_name(festival: Festival | None) -> str:
    """Return what the draft of a festival is called."""
    return NEW if festival is None else f"festival:{festival.code}"


def _show(
    festival: Festival | None, typed: Mapping[str, str] | None, status: int = OK, **context: Any
) -> ResponseReturnValue:
    today = local_day(g.now)
    asked = request.args.get("year", today.year, type=int)
    year = min(max(asked, FIRST_YEAR), LAST_YEAR)
    what, kept = draft_name(festival), _values_of(festival, year)
    return views.show(
        "calendar/festivals",
        status,
        year=year,
        years=(FIRST_YEAR, LAST_YEAR),
        occasions=list_occasions(g.session, year),
        known=KNOWN,
        own_names=OWN_NAMES,
        a_day=timedelta(days=1),
        languages=LANGUAGES,
        most_days=MOST_DAYS,
        longest_name=LONGEST_NAME,
        festival=festival,
        what=what,
        others=views.edited_by_others(what),
        has_draft=typed is not None and status == OK,
        base=_base(festival),
        values=typed if typed is not None else kept,
        **context,
    )


def _base(festival: Festival | None) -> str:
    """Return from which content a form is filled: the year in which it is looked at is no part."""
    return "" if festival is None else fingerprint(_values_of(festival, FIRST_YEAR))


def _values_of(festival: Festival | None, year: int) -> dict[str, str]:
    """Return a festival as the fields of its form, on its day of a year."""
    if festival is None:
        return {"days": "1"}
    occasion = festival.in_year(festival.year or year)
    values = {
        "code": festival.code,
        "day": occasion.begins_on.isoformat() if occasion is not None else "",
        "days": str(festival.days),
        "once": "1" if festival.year is not None else "",
    }
    return values | {f"name_{language}": words for language, words in festival.name.items()}


def keep() -> ResponseReturnValue:
    """Add a festival of the shop's own, or change it, unless somebody changed it meanwhile."""
    t, base = console_texts(), request.form.get("draft_base", "")
    code = form.text("code", LONGEST_CODE) or ""
    kept = hold(g.session, Festival, code)
    about, before = kept if base else None, _base(kept)
    try:
        festival = _keep(code)
    except BusinessError as refused:
        g.session.rollback()
        return _show(about, request.form, 409, notice=explain(t, refused))
    if before not in (base, _base(festival)):
        g.session.rollback()
        newer = g.session.get(Festival, code)
        return _show(newer, request.form, 409, newer=newer)
    drop_draft(g.session, current_staff(), draft_name(festival if base else None))
    year = festival.year or form.needed("day")[:4]
    return views.go(url_for("console.calendar_festivals_show_list", year=year), t("節日已儲存。"))


def _keep(code: str) -> Festival:
    day = form.day("day")
    if day is None:
        raise form.FieldRefused(field="day", why="missing")
    typed = {language: form.text(f"name_{language}", LONGEST_NAME) for language in LANGUAGES}
    names = {language: words for language, words in typed.items() if words}
    return keep_festival(
        g.session,
        code,
        OWN_NAMES.get(code, {}) | names,
        month=day.month,
        day=day.day,
        days=form.whole("days", least=1, most=MOST_DAYS) or 1,
        year=day.year if form.flag("once") else None,
        by=current_staff().username,
        now=g.now,
    )


def drop(code: str) -> ResponseReturnValue:
    """Remove a festival of the shop's own."""
    t = console_texts()
    drop_festival(g.session, code)
    url = url_for("console.calendar_festivals_show_list")
    return views.go(url, t("節日已刪除。"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the festivals."""
    blueprint.get("/festivals", right="see")(show_list)
    blueprint.post("/festivals", right="campaigns.change")(keep)
    blueprint.post("/festivals/<code>/drop", right="campaigns.change")(drop)
