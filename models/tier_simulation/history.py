"""What a simulation reads of members: their sales, what was given to them, where they stand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from models.lifecycle.figures import is_here
from models.local_day import local_day
from models.member import Member
from models.programme import Programme
from models.tier import Held, Sale, TierChange
from models.tier_evaluation.anew import held_by, is_grant
from models.tier_simulation.replaying import Given

MOST_MEMBERS = 50_000
"""Of more members a random part of so many is replayed, and told with an interval."""
READ_AT_ONCE = 2_000


@dataclass(frozen=True)
class History:
    """One member: where they stand, and all that the replay needs."""

    member_id: int
    tier_id: int
    sales: tuple[Sale, ...]
    given: tuple[Given, ...]
    joined_on: date
    birthday: date | None
    is_reachable: bool
    """Whether a notice would reach them by LINE."""


def count_members(session: Session) -> int:
    """Return how many members there are; scans them all, so not while somebody waits."""
    return session.scalar(select(func.count()).select_from(Member).where(is_here())) or 0


_DRAWN = text("""
SELECT m.id, m.tier_id, m.joined_at, m.birthday, coalesce(f.is_following, false) AS is_reachable
FROM member AS m LEFT JOIN friend AS f ON f.line_user_id = m.line_user_id
WHERE m.erased_at IS NULL AND m.merged_into_id IS NULL
ORDER BY hashint8(m.id) LIMIT :most
""")
_SALES = text("""
SELECT member_id, purchased_on, paid_twd - refunded_twd AS net_twd
FROM purchase
WHERE member_id = ANY(:ids) AND refunded_twd < paid_twd
ORDER BY member_id, purchased_on, purchased_at, id
""")


def read_histories(session: Session, programme: Programme, most: int) -> Iterator[History]:
    """Yield members with their histories, drawn by their hashed ids: the same ones every time."""
    drawn = session.execute(_DRAWN, {"most": most}).all()
    for first in range(0, len(drawn), READ_AT_ONCE):
        part = drawn[first : first + READ_AT_ONCE]
        ids = [row.id for row in part]
        sales, given = _sales_of(session, ids), _given_to(session, programme, ids)
        for row in part:
            yield _history(row, sales.get(row.id, ()), given.get(row.id, ()))


def _history(row: Row[Any], sales: tuple[Sale, ...], given: tuple[Given, ...]) -> History:
    return History(
        member_id=row.id,
        tier_id=row.tier_id,
        sales=sales,
        given=given,
        joined_on=local_day(row.joined_at),
        birthday=row.birthday,
        is_reachable=row.is_reachable,
    )


def _sales_of(session: Session, ids: Sequence[int]) -> dict[int, tuple[Sale, ...]]:
    rows = session.execute(_SALES, {"ids": list(ids)}).all()
    return {
        member_id: tuple((day, net_twd) for _, day, net_twd in own)
        for member_id, own in groupby(rows, key=lambda row: row[0])
    }


def _given_to(
    session: Session, programme: Programme, ids: Sequence[int]
) -> dict[int, tuple[Given, ...]]:
    """Return what was given to these members; one taken back was not."""
    changes = session.scalars(
        select(TierChange)
        .where(TierChange.member_id.in_(ids), is_grant())
        .order_by(TierChange.member_id, TierChange.id)
    )
    found: dict[int, dict[date, Held]] = {}
    for change in changes:
        day = local_day(change.changed_at)
        found.setdefault(change.member_id, {})[day] = held_by(programme, change)
    return {member_id: tuple(sorted(days.items())) for member_id, days in found.items()}
