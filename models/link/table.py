"""Tracked links and their clicks."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identifier, Moment

TAP = "tap:"
"""What stands before the word of a button that answers in the chat instead of opening a page."""


class TrackedLink(Base):
    """Where one button of one sending leads: an https address, or `tap:<word>` for a postback.

    Written when the sending is made ready, and never changed: a click is led to this address and
    to nothing that the request says.
    """

    __tablename__ = "tracked_link"
    __table_args__ = (
        CheckConstraint("url LIKE 'https://%' OR url LIKE 'tap:%'", name="leads_safely"),
        UniqueConstraint("source", "url"),
    )

    id: Mapped[Identifier]
    source: Mapped[str]
    """What was sent: `campaign:<run id>:<variant>`, `journey:<code>:<version>:<step>`, …"""
    url: Mapped[str]
    label: Mapped[str]


class LinkClick(Base):
    """One click, counted once a person and minute; whose it is only where they allow marketing.

    `visitor` is a keyed digest of person and minute: it keeps the second click of a minute out,
    and tells nobody who it was. Kept for 180 days.
    """

    __tablename__ = "link_click"
    __table_args__ = (
        UniqueConstraint("link_id", "visitor"),
        Index(None, "member_id", "at", postgresql_where="member_id IS NOT NULL"),
        Index(None, "at", postgresql_using="brin"),
    )

    id: Mapped[Identifier]
    link_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("tracked_link.id"))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    visitor: Mapped[str]
    at: Mapped[Moment]
