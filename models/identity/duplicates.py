"""Likely duplicates: cards that seem to be one person's, for a clerk to look at before merging.

A wrongly typed phone makes a ghost card; a forgotten card makes a second one. What points to it: a
phone one digit off or with two digits swapped, the same birthday with a similar name, the same
name and days of joining close together.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher

from sqlalchemy import ColumnElement, or_, select, text
from sqlalchemy.orm import Session

from models.member import Member

SIMILAR = 0.6
"""王小明 and 王曉明 are 0.67 alike, 王小明 and 王大同 0.33."""
PHONE_PREFIX = "+8869"
CLOSE_DAYS = 7
MOST_CANDIDATES = 2_000
MOST_HINTS = 5


@dataclass(frozen=True)
class Likely:
    """Two cards and why they seem one: `phone`, `birthday_and_name`, `name_and_joining`."""

    first_id: int
    second_id: int
    reasons: tuple[str, ...]


def name_likeness(first: str | None, second: str | None) -> float:
    """Return how alike two names are, 0 to 1; an unknown name is like none."""
    if not first or not second:
        return 0.0
    return SequenceMatcher(None, _folded(first), _folded(second), autojunk=False).ratio()


def phone_variants(phone: str) -> list[str]:
    """Return all numbers (E.164) that one wrong digit, or two swapped ones, make of `phone`."""
    head, digits = phone[: len(PHONE_PREFIX)], phone[len(PHONE_PREFIX) :]
    variants = {
        head + digits[:place] + digit + digits[place + 1 :]
        for place in range(len(digits))
        for digit in "0123456789"
    }
    variants |= {
        head + digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
        for place in range(len(digits) - 1)
    }
    return sorted(variants - {phone})


def find_duplicates_of(
    session: Session,
    *,
    phone: str | None = None,
    name: str | None = None,
    birthday: date | None = None,
    but_for: int | None = None,
) -> list[Member]:
    """Return cards like the one a clerk is about to make, the likeliest first; by indexes alone.

    A near phone counts unless both names are known and unlike each other.
    """
    conditions: list[ColumnElement[bool]] = []
    if phone is not None:
        conditions.append(Member.phone.in_(phone_variants(phone)))
    if birthday is not None:
        mmdd = birthday.month * 100 + birthday.day
        conditions.append((Member.birthday_mmdd == mmdd) & (Member.birthday == birthday))
    if not conditions:
        return []
    found = session.scalars(
        select(Member)
        .where(or_(*conditions), Member.erased_at.is_(None), Member.merged_into_id.is_(None))
        .limit(MOST_CANDIDATES)
    )
    hits = [
        (name_likeness(name, member.name), member)
        for member in found
        if member.id != but_for and _fits(member, name, birthday)
    ]
    hits.sort(key=lambda hit: (-hit[0], hit[1].id))
    return [member for _, member in hits[:MOST_HINTS]]


def likely_duplicates(session: Session, limit: int) -> list[Likely]:
    """Return up to `limit` pairs among all cards, those with most reasons first."""
    reasons: dict[tuple[int, int], set[str]] = {}
    for reason, pairs in (
        ("phone", _near_phones(session)),
        ("birthday_and_name", _same_birthdays(session)),
        ("name_and_joining", _same_names(session)),
    ):
        for pair in pairs:
            reasons.setdefault(pair, set()).add(reason)
    likely = [Likely(first, second, tuple(sorted(why))) for (first, second), why in reasons.items()]
    likely.sort(key=lambda one: (-len(one.reasons), one.first_id, one.second_id))
    return likely[:limit]


def _fits(member: Member, name: str | None, birthday: date | None) -> bool:
    is_known = bool(name and member.name)
    is_similar = is_known and name_likeness(name, member.name) >= SIMILAR
    if birthday is not None and member.birthday == birthday and is_similar:
        return True
    return not is_known or is_similar


_OPEN = "erased_at IS NULL AND merged_into_id IS NULL"
_NEAR_PHONES = text(f"""
    WITH open AS (SELECT id, name, phone FROM member WHERE {_OPEN} AND phone IS NOT NULL)
    SELECT least(a.id, b.id), greatest(a.id, b.id), a.name, b.name
    FROM (
        SELECT array_agg(id ORDER BY id) AS ids
        FROM open, generate_series(6, 13) AS place
        GROUP BY place, overlay(phone PLACING '_' FROM place FOR 1)
        HAVING count(*) > 1
    ) AS near
    JOIN open AS a ON a.id = ANY (near.ids)
    JOIN open AS b ON b.id = ANY (near.ids) AND a.id < b.id
    UNION
    SELECT least(a.id, b.id), greatest(a.id, b.id), a.name, b.name
    FROM open AS a, generate_series(6, 12) AS place, open AS b
    WHERE b.phone = overlay(a.phone
              PLACING substr(a.phone, place + 1, 1) || substr(a.phone, place, 1)
              FROM place FOR 2)
      AND a.id < b.id
    LIMIT {MOST_CANDIDATES}
""")  # noqa: S608 - put together from the constants above
_SAME_BIRTHDAYS = text(f"""
    SELECT a.id, b.id, a.name, b.name FROM member AS a
    JOIN member AS b ON b.birthday_mmdd = a.birthday_mmdd AND b.birthday = a.birthday
        AND a.id < b.id AND left(b.name, 1) = left(a.name, 1)
    WHERE a.erased_at IS NULL AND a.merged_into_id IS NULL
      AND b.erased_at IS NULL AND b.merged_into_id IS NULL
    LIMIT {MOST_CANDIDATES}
""")  # noqa: S608 - as above
_SAME_NAMES = text(f"""
    SELECT a.id, b.id FROM member AS a
    JOIN member AS b ON b.name = a.name AND a.id < b.id
        AND b.joined_at BETWEEN a.joined_at - interval '{CLOSE_DAYS} days'
        AND a.joined_at + interval '{CLOSE_DAYS} days'
    WHERE a.erased_at IS NULL AND a.merged_into_id IS NULL
      AND b.erased_at IS NULL AND b.merged_into_id IS NULL
    LIMIT {MOST_CANDIDATES}
""")  # noqa: S608 - as above


def _near_phones(session: Session) -> Iterable[tuple[int, int]]:
    rows: Sequence[tuple[int, int, str | None, str | None]] = [
        tuple(row) for row in session.execute(_NEAR_PHONES)
    ]
    return [
        (first, second)
        for first, second, name, other in rows
        if not (name and other) or name_likeness(name, other) >= SIMILAR
    ]


def _same_birthdays(session: Session) -> Iterable[tuple[int, int]]:
    return [
        (first, second)
        for first, second, name, other in session.execute(_SAME_BIRTHDAYS)
        if name_likeness(name, other) >= SIMILAR
    ]


def _same_names(session: Session) -> Iterable[tuple[int, int]]:
    return [(first, second) for first, second in session.execute(_SAME_NAMES)]


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
