"""Reading the line page by page: one statement, in which each source reads a page at most."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from sqlalchemy import TextClause, select, text
from sqlalchemy.orm import Session

from models.base import squeezed
from models.identity.merge import MemberMerge
from models.timeline.buying import BUYING
from models.timeline.changing import CHANGING
from models.timeline.moment import KINDS, MOST_AT_ONCE, Happening, Place
from models.timeline.source import Source
from models.timeline.talking import TALKING

SOURCES: tuple[Source, ...] = (*BUYING, *TALKING, *CHANGING)
MOST_CARDS = 20
"""So many cards of one person tell their part."""
_EVER = datetime(9999, 1, 1, tzinfo=UTC)


def list_happenings(
    session: Session,
    member_id: int,
    *,
    kind: str | None = None,
    after: Place | None = None,
    limit: int = MOST_AT_ONCE,
) -> list[Happening]:
    """Return what happened to a member, newest first, after the last thing seen.

    Without a kind, points and stamps that a sale brought are told by the sale. `kind` is one of
    KINDS.
    """
    place = after or Place(_EVER, "", 0)
    asked = {
        "ids": list_cards(session, member_id),
        "until": place.at,
        "after_source": place.source,
        "after_id": place.id,
        "with_sales": kind == "points",
        "limit": min(limit, MOST_AT_ONCE),
    }
    return [Happening(**row) for row in session.execute(_statement(kind), asked).mappings()]


def list_cards(session: Session, member_id: int) -> Sequence[int]:
    """Return the ids of a member's card and of those that were merged into it and still are."""
    merged = session.scalars(
        select(MemberMerge.dropped_id)
        .where(MemberMerge.kept_id == member_id, MemberMerge.undone_at.is_(None))
        .order_by(MemberMerge.id)
        .limit(MOST_CARDS)
    )
    return [member_id, *merged]


@cache
def _statement(kind: str | None) -> TextClause:
    assert kind is None or kind in KINDS, kind
    parts = [each.statement() for each in SOURCES if kind in (None, each.kind)]
    return text(
        squeezed(f"""
            SELECT found.at, found.source, found.id, coalesce(found.what, '') AS what, found.name,
                found.words, found.store_id, staff.name AS staff_name, found.amount_twd,
                found.points, found.balance, found.facts
            FROM (
                SELECT part.* FROM unnest(CAST(:ids AS bigint[])) AS card (id)
                CROSS JOIN LATERAL ({" UNION ALL ".join(parts)}) AS part
                ORDER BY part.at DESC, part.source COLLATE "C" DESC, part.id DESC LIMIT :limit
            ) AS found LEFT JOIN staff ON staff.id = found.staff_id
            ORDER BY found.at DESC, found.source COLLATE "C" DESC, found.id DESC
        """)  # noqa: S608  # Of our own words only.
    )
