"""Clicks: counted once a person and minute, whose they are kept only with consent, for 180 days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.orm import Session

from models.base import squeezed
from models.link.table import TAP, LinkClick, TrackedLink
from models.link.token import Named

KEPT_DAYS = 180
_VISITOR_BYTES = 12


@dataclass(frozen=True)
class LinkReport:
    """One link's clicks (taps, where `url` begins with `tap:`)."""

    link_id: int
    source: str
    url: str
    label: str
    clicks: int
    """One a person and minute."""
    members: int
    """How many members they are of, as far as we may know whose they are."""
    first_at: datetime | None
    last_at: datetime | None

    @property
    def is_tap(self) -> bool:
        """Tell whether this is a button that answers in the chat."""
        return self.url.startswith(TAP)


def find_target(session: Session, link_id: int) -> str | None:
    """Return the https address a link leads to; None where there is no such page."""
    url = session.scalar(select(TrackedLink.url).where(TrackedLink.id == link_id))
    return None if url is None or url.startswith(TAP) else url


def note_click(session: Session, key: bytes, named: Named, told: str, now: datetime) -> bool:
    """Count a click, unless this person clicked in the same minute; tell whether it counted.

    `told` is what tells visitors apart where the token names no member; only a digest of it and
    the minute is kept. A member who does not allow marketing is counted and not remembered; a
    merged one is who they became.
    """
    who = f"member:{named.member_id}" if named.member_id is not None else f"visitor:{told}"
    minute = int(now.timestamp()) // 60
    visitor = blake2b(f"{who}:{minute}".encode(), key=key, digest_size=_VISITOR_BYTES).hexdigest()
    asked = {
        "link_id": named.link_id,
        "member_id": named.member_id,
        "visitor": visitor,
        "now": now,
    }
    return session.scalar(_KEEP, asked) is not None


def clicks_of(session: Session, source: str) -> Sequence[LinkReport]:
    """Return each link of a source and of all below it (`campaign:12`, `campaign:12:A`, …)."""
    rows = session.execute(
        select(
            TrackedLink.id,
            TrackedLink.source,
            TrackedLink.url,
            TrackedLink.label,
            func.count(LinkClick.id),
            func.count(LinkClick.member_id.distinct()),
            func.min(LinkClick.at),
            func.max(LinkClick.at),
        )
        .outerjoin(LinkClick, LinkClick.link_id == TrackedLink.id)
        .where(
            or_(
                TrackedLink.source == source,
                TrackedLink.source.startswith(f"{source}:", autoescape=True),
            )
        )
        .group_by(TrackedLink.id)
        .order_by(TrackedLink.id)
    )
    return [LinkReport(*row) for row in rows]


def forget_clicks(session: Session, member_id: int) -> None:
    """Take a member off their clicks; that somebody clicked stays, whoever it was does not."""
    session.execute(
        update(LinkClick)
        .where(LinkClick.member_id == member_id)
        .values(member_id=None, visitor=func.gen_random_uuid().cast(LinkClick.visitor.type))
        .execution_options(synchronize_session=False)
    )


def move_clicks(session: Session, from_id: int, to_id: int) -> list[int]:
    """Give one member's clicks to another; return their ids, by which they can go back."""
    moved = session.scalars(
        update(LinkClick)
        .where(LinkClick.member_id == from_id)
        .values(member_id=to_id)
        .returning(LinkClick.id)
        .execution_options(synchronize_session=False)
    )
    return sorted(moved)


def return_clicks(session: Session, ids: Sequence[int], from_id: int, to_id: int) -> None:
    """Give clicks back to whom they were of, where they still are the other's."""
    session.execute(
        update(LinkClick)
        .where(LinkClick.id == func.any(list(ids)), LinkClick.member_id == from_id)
        .values(member_id=to_id)
        .execution_options(synchronize_session=False)
    )


def forget_old_clicks(session: Session, now: datetime, *, limit: int) -> int:
    """Delete up to `limit` clicks older than we keep any; return how many."""
    old = select(LinkClick.id).where(LinkClick.at < now - timedelta(days=KEPT_DAYS)).limit(limit)
    gone = session.scalars(
        delete(LinkClick)
        .where(LinkClick.id.in_(old))
        .returning(LinkClick.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


_KEEP = text(
    squeezed("""
        INSERT INTO link_click (link_id, member_id, visitor, at)
        SELECT link.id, (
            SELECT held.id FROM member AS named
            JOIN member AS held ON held.id = coalesce(named.merged_into_id, named.id)
            WHERE named.id = CAST(:member_id AS bigint) AND held.marketing_allowed
        ), :visitor, :now FROM tracked_link AS link WHERE link.id = :link_id
        ON CONFLICT (link_id, visitor) DO NOTHING RETURNING id
    """)
)
