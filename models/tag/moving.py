"""Tags when two cards of a person become one, and when that is taken back.

What a segment gave is judged anew by night; all else goes along, for as long as either card had it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.local_day import day_text, read_moment
from models.tag.ending import take_off
from models.tag.table import ADDED, EXTENDED, RULE_PREFIX, MemberTag, TagEvent

_Journal = list[dict[str, Any]]


@dataclass(frozen=True)
class _Ends:
    """When a tag of both cards ends on either; None where it stays."""

    kept: datetime | None
    brought: datetime | None

    @property
    def later(self) -> datetime | None:
        """Return the later end."""
        if self.kept is None or self.brought is None:
            return None
        return max(self.kept, self.brought)


def merge_tags(session: Session, keep_id: int, drop_id: int, now: datetime) -> _Journal:
    """Give the kept card what the other one has; return what would undo it."""
    journal: _Journal = []
    for row in _rows(session, drop_id):
        held = session.get(MemberTag, (keep_id, row.tag_code, row.source), populate_existing=True)
        journal.append(
            {
                "tag": row.tag_code,
                "source": row.source,
                "added_at": row.added_at.isoformat(),
                "expires_at": day_text(row.expires_at),
                "staff_id": row.staff_id,
                "kept": held is not None,
                "kept_until": day_text(held.expires_at) if held is not None else None,
            }
        )
        if held is None:
            _put(session, keep_id, row, row.expires_at, "merged", now)
        elif (later := _Ends(held.expires_at, row.expires_at).later) != held.expires_at:
            held.expires_at = later
            _note(session, held, EXTENDED, "merged", now)
    session.flush()
    take_off(session, [drop_id], "merged", now)
    return journal


def unmerge_tags(
    session: Session, keep_id: int, drop_id: int, journal: Sequence[dict[str, Any]], now: datetime
) -> None:
    """Give each card its own tags again; what was changed since stays as it was changed."""
    for told in journal:
        row = MemberTag(
            member_id=drop_id,
            tag_code=told["tag"],
            source=told["source"],
            added_at=datetime.fromisoformat(told["added_at"]),
            expires_at=read_moment(told["expires_at"]),
            staff_id=told["staff_id"],
        )
        held = session.get(MemberTag, (keep_id, row.tag_code, row.source), populate_existing=True)
        if held is None:
            continue  # Taken off since, or ended: it is not to come back on the other card.
        _put(session, drop_id, row, row.expires_at, "unmerged", now)
        kept_until = read_moment(told["kept_until"])
        if not told["kept"] and held.expires_at == row.expires_at:
            take_off(session, [keep_id], "unmerged", now, code=row.tag_code, source=row.source)
        elif told["kept"] and held.expires_at == _Ends(kept_until, row.expires_at).later:
            held.expires_at = kept_until
    session.flush()


def _rows(session: Session, member_id: int) -> Sequence[MemberTag]:
    return session.scalars(
        select(MemberTag)
        .where(MemberTag.member_id == member_id, ~MemberTag.source.startswith(RULE_PREFIX))
        .order_by(MemberTag.tag_code, MemberTag.source)
    ).all()


def _put(
    session: Session,
    member_id: int,
    row: MemberTag,
    expires_at: datetime | None,
    why: str,
    now: datetime,
) -> None:
    put = MemberTag(
        member_id=member_id,
        tag_code=row.tag_code,
        source=row.source,
        added_at=row.added_at,
        expires_at=expires_at,
        staff_id=row.staff_id,
    )
    session.add(put)
    _note(session, put, ADDED, why, now)


def _note(session: Session, row: MemberTag, what: str, why: str, now: datetime) -> None:
    session.add(
        TagEvent(
            member_id=row.member_id,
            tag_code=row.tag_code,
            source=row.source,
            what=what,
            why=why,
            expires_at=row.expires_at,
            staff_id=row.staff_id,
            at=now,
        )
    )
