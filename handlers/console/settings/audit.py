"""The audit: who did what, where and why; searched, and its chain checked."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Response, g, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from bot.texts import Texts
from handlers.address import read_id
from handlers.console import views
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.form import read_day
from handlers.console.paging import after, next_url
from handlers.deed_words import deed_title, figure_words, noun_title
from models.audit import MOST_LISTED, AuditEntry, list_audit
from models.base import in_language
from models.exchange.readable import BYTE_ORDER_MARK, safe_cell
from models.local_day import TAIPEI, by_day, day_start
from models.member import Member
from models.prepared import find_prepared
from models.shop import list_stores
from models.staff import list_staff

PAGE = 50
MOST_WRITTEN = 10_000
LONGEST_SUBJECT = 60
FIGURE = "audit_chain"
NOUNS = (
    "member.",
    "points.",
    "coupon.",
    "purchase.",
    "campaign.",
    "journey.",
    "segment.",
    "tier.",
    "staff.",
    "shop.",
    "exchange.",
    "api_key.",
    "webhook.",
    "device.",
)
"""What one may narrow the list to."""


@dataclass(frozen=True)
class Line:
    """One entry as the list shows it."""

    entry: AuditEntry
    title: str
    by: str | None
    number: str | None
    """Of the member it was done to."""
    store: str | None
    before: str
    after: str


def show_audit() -> ResponseReturnValue:
    """Show the newest entries that match what is asked for, page by page."""
    t = console_texts()
    found = list_audit(g.session, **_asked(), before=_place(), limit=PAGE + 1)
    shown = found[:PAGE]
    last = shown[-1] if len(found) > PAGE else None
    return views.show(
        "settings/audit",
        fragment="settings/_audit_lines" if after() else None,
        days=list(by_day(_lines(t, shown), lambda line: line.entry.at)),
        next_url=next_url(after=f"{last.at.isoformat()} {last.id}") if last else None,
        people=[(one.id, one.name) for one in list_staff(g.session)],
        stores=list_stores(g.session),
        nouns=[(noun, noun_title(t, noun)) for noun in NOUNS],
        asked=request.args,
        chain=find_prepared(g.session, FIGURE),
        figure=FIGURE,
        csv_url=_csv_url(),
    )


def write_csv() -> ResponseReturnValue:
    """Write the entries that match as CSV, the newest first."""
    t = console_texts()
    whole = io.StringIO(newline="")
    whole.write(BYTE_ORDER_MARK)
    writer = csv.writer(whole)
    head = (t("時間"), t("誰"), t("做了什麼"), t("對象"), t("之前"), t("之後"))
    writer.writerow((*head, t("門市"), t("裝置"), t("原因")))
    writer.writerows(_rows(t))
    answer = Response(whole.getvalue(), mimetype="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return answer


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the audit's addresses."""
    blueprint.get("/settings/audit", right="audit.see")(show_audit)
    blueprint.get("/settings/audit.csv", right="audit.see")(write_csv)


def _asked() -> dict[str, Any]:
    """Return what `list_audit` is asked for; what cannot be is not asked."""
    asked = request.args
    what = asked.get("what", "")
    return {
        "what": what if what in NOUNS else None,
        "staff_id": read_id(asked.get("by")),
        "store_id": read_id(asked.get("store")),
        "subject": asked.get("subject", "").strip()[:LONGEST_SUBJECT] or None,
        "since": _start(asked.get("since", "")),
    }


def _start(typed: str) -> datetime | None:
    try:
        return day_start(read_day(typed)) if typed else None
    except ValueError:
        return None


def _place() -> tuple[datetime, int] | None:
    """Return the last entry of the page before, or of the last day that is asked for."""
    moment, _, typed = (after() or "").partition(" ")
    number = read_id(typed)
    try:
        if moment and number is not None:
            return datetime.fromisoformat(moment), number
        until = request.args.get("until", "")
        return (day_start(read_day(until) + timedelta(days=1)), 0) if until else None
    except ValueError:
        return None


def _csv_url() -> str:
    return next_url().replace("/settings/audit", "/settings/audit.csv", 1)


def _lines(t: Texts, entries: Sequence[AuditEntry]) -> list[Line]:
    people = {person.id: person.name for person in list_staff(g.session)}
    stores = {store.id: in_language(store.name, t.language) for store in list_stores(g.session)}
    numbers = _numbers(entries)
    return [
        Line(
            entry=entry,
            title=deed_title(t, entry.what),
            by=people.get(entry.staff_id) if entry.staff_id else None,
            number=numbers.get(entry.subject),
            store=stores.get(entry.store_id) if entry.store_id else None,
            before=figure_words(t, entry.before),
            after=figure_words(t, entry.after),
        )
        for entry in entries
    ]


def _numbers(entries: Sequence[AuditEntry]) -> dict[str, str]:
    """Return the numbers of the members something was done to, by `member:12`."""
    subjects = (entry.subject.partition(":") for entry in entries)
    ids = {int(number) for noun, _, number in subjects if noun == "member" and number.isdecimal()}
    found = g.session.execute(select(Member.id, Member.number).where(Member.id.in_(ids)))
    return {f"member:{member_id}": number for member_id, number in found}


def _rows(t: Texts) -> Iterator[list[str | int]]:
    place, written = _place(), 0
    while written < MOST_WRITTEN:
        found = list_audit(g.session, **_asked(), before=place, limit=MOST_LISTED)
        for line in _lines(t, found):
            entry = line.entry
            cells = (
                f"{entry.at.astimezone(TAIPEI):%Y-%m-%d %H:%M:%S}",
                line.by or entry.actor,
                line.title,
                entry.subject,
                line.before,
                line.after,
                line.store or "",
                entry.device or "",
                entry.reason or "",
            )
            yield [safe_cell(cell) for cell in cells]
        if len(found) < MOST_LISTED:
            return
        written += len(found)
        place = (found[-1].at, found[-1].id)
