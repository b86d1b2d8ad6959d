"""The month, and one day of it: what is sent, to how many, at what cost, who is skipped and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask import abort, g, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from handlers.console import views
from handlers.console.calendar.words import entry_words
from handlers.console.door import ConsoleDoor, console_texts
from models.festival import FIRST_YEAR, LAST_YEAR
from models.local_day import local_day
from models.member import Member
from models.outreach import get_rules
from models.outreach.calendar import FIGURE, Calendar, Entry, calendar_of

A_WEEK = 7
MOST_ON_A_DAY = 6
"""So many entries a day of the month shows; the day's page shows all."""


@dataclass(frozen=True)
class Sums:
    """What is planned in all: people times messages, LINE's messages, what they add to the bill."""

    people: int
    messages: int
    cost_twd: int


def show_calendar() -> ResponseReturnValue:
    """Show a month, the present one unless told."""
    today = local_day(g.now)
    first = _asked_month() or today.replace(day=1)
    until = _next_month(first)
    begins = first - timedelta(days=first.weekday())
    ends = until + timedelta(days=-until.weekday() % A_WEEK)
    calendar = calendar_of(g.session, begins, ends, g.now)
    days = [begins + timedelta(days=ahead) for ahead in range((ends - begins).days)]
    return views.show(
        "calendar/month",
        calendar=calendar,
        month=first,
        before=first - timedelta(days=1),
        after=until,
        days=days,
        today=today,
        sums=_sums([entry for entry in calendar.entries if first <= entry.day < until]),
        most=MOST_ON_A_DAY,
        figure_name=FIGURE,
        **entry_words(console_texts()),
    )


def _asked_month() -> date | None:
    try:
        month = date.fromisoformat(f"{request.args.get('month', '')}-01")
    except ValueError:
        return None
    return month if FIRST_YEAR < month.year < LAST_YEAR else None


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _sums(entries: Sequence[Entry]) -> Sums:
    planned = [entry.planned for entry in entries if entry.planned is not None]
    return Sums(
        sum(each.people for each in planned),
        sum(each.messages for each in planned),
        round(sum(each.cost_twd for each in planned)),
    )


def show_day(day: str) -> ResponseReturnValue:
    """Show all that is on a day, with some of the members of each sending."""
    on = _read_day(day)
    calendar = calendar_of(g.session, on, on + timedelta(days=1), g.now)
    return views.show(
        "calendar/day",
        calendar=calendar,
        day=on,
        today=local_day(g.now),
        numbers=_numbers(calendar),
        rules=get_rules(g.session),
        sums=_sums(calendar.entries),
        figure_name=FIGURE,
        **entry_words(console_texts()),
    )


def _read_day(written: str) -> date:
    try:
        day = date.fromisoformat(written)
    except ValueError:
        abort(404)
    if not FIRST_YEAR < day.year < LAST_YEAR:
        abort(404)
    return day


def _numbers(calendar: Calendar) -> dict[int, str]:
    """Return the numbers of the members that the plan names, by their ids."""
    ids = {
        member_id
        for entry in calendar.entries
        if entry.planned is not None
        for member_id in entry.planned.member_ids
    }
    rows = g.session.execute(select(Member.id, Member.number).where(Member.id.in_(ids)))
    return dict(rows.all())


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the month and the day."""
    blueprint.get("/calendar", right="see", endpoint="calendar_show_calendar")(show_calendar)
    blueprint.get("/calendar/day/<day>", right="see")(show_day)
