"""A member's line of time: page by page, narrowed by kind, and as a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers.console import paging, views
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.members.codes import kind_names
from handlers.console.members.story_words import Line, in_words
from handlers.console.members.who import facts_of, get_shown
from handlers.csv_file import csv_answer, written
from models.base import in_language
from models.exchange.readable import Cells
from models.local_day import by_day
from models.member import Member
from models.shop import list_stores
from models.timeline import KINDS, MOST_AT_ONCE, Place, list_happenings

PAGE = 30
MOST_PAGES_IN_FILE = 100
ENDED = ("points", "expiry")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_DIGITS = 18


@dataclass(frozen=True)
class Day:
    """What happened on one Taipei day, newest first."""

    day: date
    lines: tuple[Line, ...]


def show_story(number: str) -> ResponseReturnValue:
    """Show what happened to a member, newest first; to our script only the next page of it."""
    member = get_shown(number)
    is_more = paging.after() is not None
    return views.show(
        "members/story",
        fragment="members/_story_days" if is_more else "members/_story",
        member=member,
        who=facts_of(member),
        **story_of(member),
    )


def send_story(number: str) -> ResponseReturnValue:
    """Send what happened to a member as a CSV file, newest first."""
    member = get_shown(number)
    file = written(_rows(console_texts(), member))
    return csv_answer(file, f"member-{member.number}.csv")


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the line of time and its file."""
    blueprint.get("/members/<number>/story", right="members.see")(show_story)
    blueprint.get("/members/<number>/story.csv", right="members.export")(send_story)


def story_of(member: Member) -> dict[str, Any]:
    """Return the page of a member's line that the address asks for, by days."""
    t = console_texts()
    kind = request.args.get("kind")
    kind = kind if kind in KINDS else None
    found = list_happenings(g.session, member.id, kind=kind, after=_read_place(), limit=PAGE + 1)
    lines = [in_words(t, happening) for happening in found[:PAGE]]
    grouped = by_day(_folded(t, lines), lambda line: line.happening.at)
    more = {"after": _written(lines[-1].happening.place)} if len(found) > PAGE else None
    return {
        "days": [Day(day, tuple(of_day)) for day, of_day in grouped],
        "kind": kind,
        "kinds": kind_names(t),
        "next_place": more,
        "stores": {
            store.id: in_language(store.name, t.language) for store in list_stores(g.session)
        },
    }


def _folded(t: Texts, lines: Sequence[Line]) -> Iterator[Line]:
    """Make one of what happened to several lots at one moment, such as their end."""

    def cause(line: Line) -> tuple[str, str, datetime]:
        happening = line.happening
        return happening.source, happening.what, happening.at

    for (source, what, _), of_cause in groupby(lines, key=cause):
        alike = list(of_cause)
        if (source, what) == ENDED and len(alike) > 1:
            moved = sum(line.happening.points or 0 for line in alike)
            parts = t("{count} 筆", count=len(alike))
            yield replace(
                alike[0],
                details=(*alike[0].details, parts),
                points=t("{points} 點", points=t.signed(moved)),
            )
        else:
            yield from alike


def _written(place: Place) -> str:
    """Write where a page ended, for the address of the next."""
    return f"{(place.at - _EPOCH) // _MICROSECOND}.{place.source}.{place.id}"


def _read_place() -> Place | None:
    """Return where the page before ended; None where the address names nothing readable."""
    parts = (paging.after() or "").split(".")
    if len(parts) != len(("at", "source", "id")):
        return None
    at, source, row_id = parts
    numbers = (at, row_id.removeprefix("-"))
    if not all(each.isascii() and each.isdigit() for each in numbers):
        return None
    if max(map(len, numbers)) > _LONGEST_DIGITS:
        return None
    try:
        moment = _EPOCH + timedelta(microseconds=int(at))
    except OverflowError:
        return None
    return Place(moment, source, int(row_id))


def _rows(t: Texts, member: Member) -> Iterator[Cells]:
    """Yield the rows of the file, its headings first."""
    yield [t("時間"), t("事件"), t("說明"), t("金額"), t("點數"), t("門市"), t("經手人")]
    stores = {store.id: in_language(store.name, t.language) for store in list_stores(g.session)}
    after: Place | None = None
    for _ in range(MOST_PAGES_IN_FILE):
        found = list_happenings(g.session, member.id, after=after)
        for happening in found:
            line = in_words(t, happening)
            yield [
                t.moment(happening.at),
                line.title,
                " / ".join(line.details),
                happening.amount_twd if happening.amount_twd is not None else "",
                happening.points if happening.points is not None else "",
                stores.get(happening.store_id or 0, ""),
                happening.staff_name or "",
            ]
        if len(found) < MOST_AT_ONCE:
            return
        after = found[-1].place
