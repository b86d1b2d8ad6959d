"""What one person did: their own day by day; for who manages, anybody's, back to the first."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers.clerk import door, pending, views
from handlers.clerk.paging import FIRST_DAY, asked_day, asked_place, written_place
from handlers.deed_words import deed_title
from models.base import BusinessError, in_language
from models.deed import PAGE, Deed, list_deeds
from models.local_day import by_day, day_start, local_day
from models.member import masked_name, shown_number
from models.shop import list_stores
from models.staff import Staff


class NoSuchPerson(BusinessError):
    """Nobody of the shop has this number."""

    code = "no_such_person"


@dataclass(frozen=True)
class Line:
    """One deed as the list shows it."""

    deed: Deed
    title: str
    member: str | None
    number: str | None
    store: str | None
    details: str
    """Why it was done, or how it ended."""


@dataclass(frozen=True)
class Day:
    """The deeds of one Taipei day, newest first."""

    day: date
    lines: tuple[Line, ...]


def show_mine() -> ResponseReturnValue:
    """Show what who is logged in did on a day, today where none is named."""
    today = local_day(g.now)
    day = min(asked_day("day") or today, today)
    return _show(
        door.current_staff(),
        since=day_start(day),
        until=day_start(day + timedelta(days=1)),
        day=day,
        more={"day": day.isoformat()},
        before=day - timedelta(days=1),
        after=day + timedelta(days=1) if day < today else None,
    )


def show_deeds(staff_id: int) -> ResponseReturnValue:
    """Show a manager what anybody did, newest first, from a day backwards where one is named."""
    pending.get_manager()
    person = g.session.get(Staff, staff_id)
    if person is None:
        raise NoSuchPerson
    until = day_start((asked_day("day") or local_day(g.now)) + timedelta(days=1))
    return _show(
        person, since=day_start(FIRST_DAY), until=until, day=None, more={"staff_id": staff_id}
    )


def add_routes(blueprint: door.Door) -> None:
    """Add both lists."""
    blueprint.get("/mine")(show_mine)
    blueprint.get("/people/<int:staff_id>/deeds")(show_deeds)


def _show(
    person: Staff, *, since: datetime, until: datetime, **context: Any
) -> ResponseReturnValue:
    found = list_deeds(
        g.session, person.id, since=since, until=until, after=asked_place(), limit=PAGE + 1
    )
    shown = found[:PAGE]
    return views.show(
        "deeds",
        person=person,
        days=_by_day(door.clerk_texts(), shown),
        is_begun="after" in request.args,
        next_place=written_place(*astuple(shown[-1].place)) if len(found) > PAGE else None,
        **context,
    )


def _by_day(t: Texts, deeds: Sequence[Deed]) -> list[Day]:
    stores = {store.id: in_language(store.name, t.language) for store in list_stores(g.session)}
    return [
        Day(day, tuple(_line(t, deed, stores) for deed in of_day))
        for day, of_day in by_day(deeds, lambda deed: deed.at)
    ]


def _line(t: Texts, deed: Deed, stores: dict[int, str]) -> Line:
    return Line(
        deed=deed,
        title=deed_title(t, deed.kind),
        member=masked_name(deed.member_name) if deed.member_number else None,
        number=shown_number(deed.member_number) if deed.member_number else None,
        store=stores.get(deed.store_id) if deed.store_id else None,
        details=_details(t, deed),
    )


def _details(t: Texts, deed: Deed) -> str:
    """Return why it was done, and for a question to a manager which one."""
    if deed.kind == "sign_out":
        ended_by = (deed.after or {}).get("ended_by")
        ends = {
            "next": t("由下一位登入結束"),
            "revoked": t("裝置被停用"),
            "clock": t("太久沒有使用"),
        }
        return ends.get(str(ended_by), "")
    if deed.kind == "asked":
        return ""
    return deed.reason or ""
