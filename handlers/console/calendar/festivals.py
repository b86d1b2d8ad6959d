"""Festivals: those everybody has, and the shop's own days (A-20)."""

from datetime import timedelta

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from bot.texts import LANGUAGES
from handlers.console import form, views
from handlers.console.calendar.words import weekdays
from handlers.console.door import ConsoleDoor, console_texts
from models.festival import (
    FIRST_YEAR,
    KNOWN,
    LAST_YEAR,
    MOST_DAYS,
    OWN_NAMES,
    drop_festival,
    keep_festival,
    list_occasions,
)
from models.local_day import local_day

LONGEST_CODE, LONGEST_NAME = 40, 40


def show_list() -> ResponseReturnValue:
    """Show a year's festivals, and a form for one of the shop's own."""
    t = console_texts()
    today = local_day(g.now)
    asked = request.args.get("year", today.year, type=int)
    year = min(max(asked, FIRST_YEAR), LAST_YEAR)
    return views.show(
        "calendar/festivals",
        year=year,
        years=(FIRST_YEAR, LAST_YEAR),
        occasions=list_occasions(g.session, year),
        known=KNOWN,
        own_names=OWN_NAMES,
        a_day=timedelta(days=1),
        weekdays=weekdays(t),
        languages=LANGUAGES,
        most_days=MOST_DAYS,
        longest_name=LONGEST_NAME,
        today=today,
    )


def keep() -> ResponseReturnValue:
    """Add a festival of the shop's own, or set its day anew."""
    day = form.day("day")
    if day is None:
        raise form.FieldRefused(field="day", why="missing")
    code = form.needed("code", LONGEST_CODE)
    typed = {language: form.text(f"name_{language}", LONGEST_NAME) for language in LANGUAGES}
    names = {language: words for language, words in typed.items() if words}
    keep_festival(
        g.session,
        code,
        OWN_NAMES.get(code, {}) | names,
        month=day.month,
        day=day.day,
        days=form.whole("days", least=1, most=MOST_DAYS) or 1,
        year=day.year if form.flag("once") else None,
    )
    url = url_for("console.calendar_festivals_show_list", year=day.year)
    return views.go(url, console_texts()("節日已儲存。"))


def drop(code: str) -> ResponseReturnValue:
    """Remove a festival of the shop's own."""
    drop_festival(g.session, code)
    url = url_for("console.calendar_festivals_show_list")
    return views.go(url, console_texts()("節日已刪除。"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the festivals."""
    blueprint.get("/festivals", right="see")(show_list)
    blueprint.post("/festivals", right="campaigns.change")(keep)
    blueprint.post("/festivals/<code>/drop", right="campaigns.change")(drop)
