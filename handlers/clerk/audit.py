"""The store's audit for who manages: who did what, when, on which device, and why; searched."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from bot.texts import Texts
from handlers.clerk import door, pending, views
from handlers.clerk.form import read_id
from handlers.clerk.paging import asked_day, asked_place, written_place
from handlers.deed_words import deed_title, figure_words, noun_title
from models.audit import AuditEntry, list_audit
from models.local_day import by_day, day_start
from models.member import Member, masked_name, shown_number
from models.staff import list_staff

PAGE = 50
NOUNS = ("purchase.", "coupon.", "points.", "receipt_code.", "member.", "staff.", "device.")
"""What one may narrow the list to."""


@dataclass(frozen=True)
class Line:
    """One entry as the list shows it."""

    entry: AuditEntry
    title: str
    by: str | None
    member: str | None
    number: str | None
    before: str
    after: str


def show_audit() -> ResponseReturnValue:
    """Show this store's newest entries that match what is asked for."""
    pending.get_manager()
    t, asked = door.clerk_texts(), request.args
    what = asked.get("what", "") if asked.get("what") in NOUNS else ""
    since = asked_day("since")
    staff_id = read_id(asked.get("by", ""))
    place = asked_place()
    found = list_audit(
        g.session,
        store_id=door.current_store().id,
        staff_id=staff_id,
        what=what or None,
        since=day_start(since) if since else None,
        before=(place.at, place.id) if place else None,
        limit=PAGE + 1,
    )
    shown = found[:PAGE]
    people = {person.id: person.name for person in list_staff(g.session)}
    chosen = {"what": what, "since": since.isoformat() if since else "", "by": staff_id or ""}
    last = shown[-1] if len(found) > PAGE else None
    return views.show(
        "audit",
        days=list(by_day(_lines(t, shown, people), lambda line: line.entry.at)),
        people=people,
        nouns={noun: noun_title(t, noun) for noun in NOUNS},
        chosen=chosen,
        next_place=written_place(last.at, "audit", last.id) if last else None,
    )


def add_routes(blueprint: door.Door) -> None:
    """Add the audit's address."""
    blueprint.get("/audit")(show_audit)


def _lines(t: Texts, entries: Sequence[AuditEntry], people: dict[int, str]) -> list[Line]:
    ids = {entry.member_id for entry in entries if entry.member_id is not None}
    members = {
        member.id: member for member in g.session.scalars(select(Member).where(Member.id.in_(ids)))
    }
    return [_line(t, entry, people, members.get(entry.member_id)) for entry in entries]


def _line(t: Texts, entry: AuditEntry, people: dict[int, str], member: Member | None) -> Line:
    return Line(
        entry=entry,
        title=deed_title(t, entry.what),
        by=people.get(entry.staff_id) if entry.staff_id else None,
        member=masked_name(member.name) if member else None,
        number=shown_number(member.number) if member else None,
        before=figure_words(t, entry.before),
        after=figure_words(t, entry.after),
    )
