"""Drafts: what somebody typed into a form and has not saved; kept so that nothing typed is lost.

One a person and thing. That others draft the same thing is told to whoever opens it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, delete, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Moment
from models.staff import Staff

LONGEST_WHAT = 80
LARGEST_BODY = 200_000
"""Characters of JSON."""
KEPT = timedelta(days=30)
EDITING = timedelta(minutes=30)
"""Who typed within this time is said to be at it now."""


class Draft(Base):
    """What one person typed about one thing, such as `campaign:new` or `tiers`."""

    __tablename__ = "draft"
    __table_args__ = (
        CheckConstraint(f"length(what) BETWEEN 1 AND {LONGEST_WHAT}", name="what_short"),
        Index("ix_draft_what", "what", "saved_at"),
        Index("ix_draft_saved_at", "saved_at"),
    )

    staff_id: Mapped[int] = mapped_column(
        ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True
    )
    what: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    base: Mapped[str] = mapped_column(default="", server_default="")
    """The version of the thing when the form was opened, as its page writes it."""
    saved_at: Mapped[Moment]


class DraftTooLarge(BusinessError):
    """A draft has at most `largest` characters, its name at most `longest`."""

    code = "draft_too_large"


@dataclass(frozen=True)
class Drafting:
    """Somebody else who has the same thing open."""

    name: str
    saved_at: datetime


def keep_draft(
    session: Session, staff: Staff, what: str, body: dict[str, Any], base: str, now: datetime
) -> None:
    """Keep what a person typed, in place of what they typed before. Raises DraftTooLarge."""
    if not 0 < len(what) <= LONGEST_WHAT or len(str(body)) > LARGEST_BODY:
        raise DraftTooLarge(largest=LARGEST_BODY, longest=LONGEST_WHAT)
    kept = {"body": body, "base": base[:LONGEST_WHAT], "saved_at": now}
    session.execute(
        insert(Draft)
        .values(staff_id=staff.id, what=what, **kept)
        .on_conflict_do_update(index_elements=["staff_id", "what"], set_=kept)
    )


def find_draft(session: Session, staff: Staff, what: str) -> Draft | None:
    """Return what a person typed and did not save, or None."""
    return session.get(Draft, (staff.id, what), populate_existing=True)


def drop_draft(session: Session, staff: Staff, what: str) -> None:
    """Forget a draft: it was saved, or thrown away."""
    session.execute(delete(Draft).where(Draft.staff_id == staff.id, Draft.what == what))


def others_drafting(session: Session, staff: Staff, what: str, now: datetime) -> list[Drafting]:
    """Return who else typed into the same form lately, the latest first."""
    found = session.execute(
        select(Staff.name, Draft.saved_at)
        .join(Staff, Staff.id == Draft.staff_id)
        .where(Draft.what == what, Draft.staff_id != staff.id, Draft.saved_at > now - EDITING)
        .order_by(Draft.saved_at.desc(), Draft.staff_id)
    )
    return [Drafting(name, saved_at) for name, saved_at in found]


def forget_drafts(session: Session, now: datetime) -> int:
    """Forget drafts nobody touched for long; return how many."""
    old = delete(Draft).where(Draft.saved_at < now - KEPT).returning(Draft.staff_id)
    return len(session.scalars(old).all())
