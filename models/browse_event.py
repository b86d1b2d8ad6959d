"""Browsing: what members looked at in the web shop, so that a follow-up can name it (B-02, B-09).

Only members who allowed marketing are followed; nobody else leaves a row, and whoever takes their
yes back, or leaves, takes the rows along. After 180 days they are gone.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    delete,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Moment, one_of
from models.member import Member, is_member_number
from models.phone import normal_phone

KINDS = ("view", "cart", "checkout", "search")
KEPT_DAYS = 180
MOST_AT_ONCE = 500
CLOCK_SKEW = timedelta(minutes=10)
"""A shop's clock may be so much ahead of ours; what it dates later has not happened."""
LONGEST_PATH = 300
LONGEST_WORD = 200
_PATH_END = re.compile(r"[?#]")


class BrowseEvent(Base):
    """One look of a member at a page or an item; each event of a source is kept once."""

    __tablename__ = "browse_event"
    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind_known"),
        Index(None, "member_id", "occurred_at"),
        Index(None, "occurred_at", postgresql_using="brin"),
    )

    source: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    """In the order in which they were kept, which is not that in which they happened."""
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    kind: Mapped[str]
    sku: Mapped[str | None]
    category: Mapped[str | None]
    path: Mapped[str | None]
    """Of the page, without its query, in which people's data may stand."""
    occurred_at: Mapped[Moment]


@dataclass(frozen=True)
class Look:
    """What a web shop tells; `who` is a member's number or mobile number."""

    event_id: str
    who: str
    kind: str
    occurred_at: datetime
    sku: str | None = None
    category: str | None = None
    path: str | None = None


@dataclass(frozen=True)
class Noted:
    """What came of a batch: newly kept, known before, and of nobody whom we may follow."""

    kept: int
    known: int
    ignored: int


class TooManyEvents(BusinessError):
    """A batch has more events than one statement takes."""

    code = "too_many_events"


_KEEP = text("""
    WITH told AS (
        SELECT * FROM json_to_recordset(CAST(:looks AS json)) AS told (event_id text, number text,
            phone text, kind text, sku text, category text, path text, occurred_at timestamptz)
    ), ours AS (
        SELECT told.*, held.id AS member_id FROM told
        LEFT JOIN member AS numbered ON numbered.number = told.number
        LEFT JOIN member AS phoned ON phoned.phone = told.phone
        JOIN member AS held ON held.id = coalesce(numbered.merged_into_id, numbered.id, phoned.id)
        WHERE held.marketing_allowed
    ), kept AS (
        INSERT INTO browse_event (source, event_id, member_id, kind, sku, category, path,
            occurred_at)
        SELECT :source, event_id, member_id, kind, sku, category, path, occurred_at FROM ours
        ORDER BY event_id
        ON CONFLICT (source, event_id) DO NOTHING RETURNING event_id
    )
    SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM kept)
""")
"""Erased and merged members have taken their yes back; a closed card's number leads to the kept."""


def keep_looks(session: Session, source: str, looks: Sequence[Look], now: datetime) -> Noted:
    """Keep what members looked at; one statement for up to 500, safe to send again.

    Events older than we keep any, or of the future, are ignored like those of nobody we may
    follow, and which they were is not told. Raises TooManyEvents.
    """
    if len(looks) > MOST_AT_ONCE:
        raise TooManyEvents(most=MOST_AT_ONCE)
    oldest, newest = now - timedelta(days=KEPT_DAYS), now + CLOCK_SKEW
    told = [_told(look) for look in looks if oldest <= look.occurred_at <= newest]
    if not told:
        return Noted(0, 0, len(looks))
    ours, kept = session.execute(_KEEP, {"looks": json.dumps(told), "source": source}).one()
    return Noted(kept, ours - kept, len(looks) - ours)


def _told(look: Look) -> dict[str, str | None]:
    """Return a look as the statement reads it; who is nobody's number names nobody."""
    number = phone = None
    if is_member_number(look.who):
        number = look.who
    else:
        try:
            phone = normal_phone(look.who)
        except BusinessError:
            phone = None
    return {
        "event_id": look.event_id,
        "number": number,
        "phone": phone,
        "kind": look.kind,
        "sku": look.sku,
        "category": look.category,
        "path": _PATH_END.split(look.path, maxsplit=1)[0][:LONGEST_PATH] if look.path else None,
        "occurred_at": look.occurred_at.isoformat(),
    }


def list_looks(session: Session, member_id: int, *, limit: int) -> Sequence[BrowseEvent]:
    """Return what a member looked at, the latest first, where they allow marketing."""
    return session.scalars(
        select(BrowseEvent)
        .join(Member, Member.id == BrowseEvent.member_id)
        .where(BrowseEvent.member_id == member_id, Member.marketing_allowed)
        .order_by(BrowseEvent.occurred_at.desc(), BrowseEvent.source, BrowseEvent.event_id)
        .limit(limit)
    ).all()


def find_last_look(session: Session, member_id: int) -> BrowseEvent | None:
    """Return what a member looked at last, or None."""
    found = list_looks(session, member_id, limit=1)
    return found[0] if found else None


def forget_looks(session: Session, member_id: int) -> None:
    """Delete what is known of a member's browsing."""
    session.execute(
        delete(BrowseEvent)
        .where(BrowseEvent.member_id == member_id)
        .execution_options(synchronize_session=False)
    )


def forget_old_looks(session: Session, now: datetime, *, limit: int) -> int:
    """Delete up to `limit` looks older than we keep any; return how many."""
    key = (BrowseEvent.source, BrowseEvent.event_id)
    old = select(*key).where(BrowseEvent.occurred_at < now - timedelta(days=KEPT_DAYS)).limit(limit)
    gone = session.scalars(
        delete(BrowseEvent)
        .where(tuple_(*key).in_(old))
        .returning(BrowseEvent.event_id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
