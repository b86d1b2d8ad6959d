"""Finding members while somebody types: part of a name, start or end of a phone, a number.

The database keeps each name's characters and pairs of neighbours in an index of its own
(`name_grams`), so that a name's middle is found as fast as its beginning, and each phone number
turned round, so that its last digits are. Whatever is typed, a handful of rows is read.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Select, SQLColumnExpression, Text, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from models.lifecycle.figures import is_here
from models.member import LONGEST_NAME, NUMBER_DIGITS, Member, kept_member
from models.phone import SHOWN_FIRST, SHOWN_LAST

MOST_FOUND = 20
CANDIDATES = 200
"""Of so many who have the name the likeliest are shown."""
FEWEST_DIGITS = 3
MOST_DIGITS = 13
_BETWEEN_DIGITS = " -()+"
_COUNTRY, _TRUNK = "886", "0"
_FIRST_SHOWN = f"+{_COUNTRY}" + "9" * (SHOWN_FIRST - len(_TRUNK))
"""As long as what a masked phone shows of its start."""
_BEGINS = "^"
"""Before a character: a name that begins with it, as `name_grams` tells it."""
_BEYOND = "9" * MOST_DIGITS
"""After every number that begins alike, in whichever way the database sorts."""


def search_members(
    session: Session, typed: str, *, limit: int = MOST_FOUND, is_masked: bool = False
) -> list[Member]:
    """Return members who fit what was typed so far, the likeliest first; none for too little.

    Three digits or more are a member number or a phone, from its start or at its end; all else is
    part of a name. Who sees phones masked finds them by the digits that are shown or by all, so
    that nobody reads the others off by trying.
    """
    text = _folded(typed)
    digits = "".join(sign for sign in text if sign not in _BETWEEN_DIGITS)
    if digits.isascii() and digits.isdigit():
        if len(digits) < FEWEST_DIGITS:
            return []
        return _first_of(session, _asked_of_digits(digits[:MOST_DIGITS], is_masked), limit)
    return _by_name(session, text, limit) if 0 < len(text) <= LONGEST_NAME else []


def _folded(typed: str) -> str:
    """Return typed text as `name_folded` has names: one width, one case, no blanks."""
    normal = unicodedata.normalize("NFKC", typed[: LONGEST_NAME * 4])
    return "".join(normal.lower().split()).replace("\0", "")


def _first_of(session: Session, questions: Iterable[Select[Member]], limit: int) -> list[Member]:
    found: dict[int, Member] = {}
    for asked in questions:
        for member in session.scalars(asked.limit(limit)):
            kept = kept_member(session, member)
            found.setdefault(kept.id, kept)
        if len(found) >= limit:
            break
    return list(found.values())[:limit]


def _asked_of_digits(digits: str, is_masked: bool) -> Iterator[Select[Member]]:
    """Yield who has such a number, such a phone, or a phone that ends so, each by an index."""
    if len(digits) <= NUMBER_DIGITS:
        yield _that_begins(Member.number, digits).where(Member.erased_at.is_(None))
    phone = "+" + _international(digits)
    if not is_masked or len(phone) <= len(_FIRST_SHOWN):
        yield _that_begins(Member.phone, phone)
    else:
        yield select(Member).where(Member.phone == phone)
    if not is_masked or len(digits) <= SHOWN_LAST:
        yield _that_begins(func.reverse(Member.phone), digits[::-1])


def _that_begins(column: SQLColumnExpression[Any], start: str) -> Select[Member]:
    return select(Member).where(column.between(start, start + _BEYOND)).order_by(column)


def _international(digits: str) -> str:
    """Return the start of a phone as it is stored: 0912 and 912 are 886912."""
    return digits if digits.startswith(_COUNTRY) else _COUNTRY + digits.removeprefix(_TRUNK)


def _by_name(session: Session, text: str, limit: int) -> list[Member]:
    """Return whose name begins so, and where they are few, also whose name has it elsewhere."""
    parts = [text[place : place + 2] for place in range(len(text) - 1)] or [text]
    found = _likeliest(_having(session, [_BEGINS + text[0], *parts], text), text)
    if len(found) < limit:
        known = {member.id for member in found}
        others = [each for each in _having(session, parts, text) if each.id not in known]
        found += _likeliest(others, text)
    return found[:limit]


def _having(session: Session, grams: list[str], text: str) -> Sequence[Member]:
    return session.scalars(
        select(Member)
        .where(
            Member.name.is_not(None),
            func.name_grams(Member.name, type_=ARRAY(Text)).contains(literal(grams, ARRAY(Text))),
            func.strpos(func.name_folded(Member.name), text) > 0,
            is_here(),
        )
        .limit(CANDIDATES)
    ).all()


def _likeliest(found: Sequence[Member], text: str) -> list[Member]:
    """Sort by how well the name fits, then by who came last, then by who joined first."""

    def place(member: Member) -> tuple[int, int, int]:
        name = _folded(member.name or "")
        fit = 0 if name == text else 1 if name.startswith(text) else 2
        day = member.last_purchase_on
        return fit, -(day.toordinal() if day is not None else 0), member.id

    return sorted(found, key=place)
