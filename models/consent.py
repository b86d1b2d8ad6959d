"""Consent: what a person was told, and each yes and no they gave, provable later.

A notice is one published version of the Article 8 text (個資法第 8 條) and never changes; a
consent row names the version, the channel, the moment and LINE's event id, and never changes
either: taking it back is a new row.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.audit import note
from models.base import Base, BusinessError, Identifier, Moment, one_of

PURPOSES = ("membership", "marketing")
NOTICE_ITEMS = 6
"""What Article 8 has us say, item by item."""
LONGEST_TITLE = 60
LONGEST_ITEM = 1_000


class Notice(Base):
    """One version of what the law has us say before we collect anything. Never changed."""

    __tablename__ = "notice"

    version: Mapped[str] = mapped_column(primary_key=True)
    items: Mapped[dict[str, list[list[str]]]] = mapped_column(JSONB)
    """Six `[title, text]` pairs a language."""
    published_at: Mapped[Moment]


class Consent(Base):
    """One yes or no. The newest row of a member and purpose is what holds."""

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint(one_of("purpose", PURPOSES), name="purpose_known"),
        Index(None, "member_id", "purpose", "id"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    purpose: Mapped[str]
    is_given: Mapped[bool]
    notice_version: Mapped[str] = mapped_column(ForeignKey("notice.version"))
    channel: Mapped[str]
    evidence: Mapped[str]
    """What proves it: LINE's webhookEventId, or the staff action's key."""
    said_at: Mapped[Moment]


class NoticeOutdated(BusinessError):
    """The person was told another notice than the one in force; `version` names that one."""

    code = "notice_outdated"


def get_notice(session: Session) -> Notice:
    """Return the notice in force: the newest one published."""
    return session.scalars(
        select(Notice).order_by(Notice.published_at.desc(), Notice.version.desc()).limit(1)
    ).one()


class NoticeRefused(BusinessError):
    """A notice has six items, each with a title and a text, in Traditional Chinese at least."""

    code = "notice_refused"


def list_notices(session: Session) -> Sequence[Notice]:
    """Return all notices there were, the one in force first."""
    newest = select(Notice).order_by(Notice.published_at.desc(), Notice.version.desc())
    return session.scalars(newest).all()


def publish_notice(
    session: Session,
    items: Mapping[str, Sequence[tuple[str, str]]],
    *,
    seen_version: str,
    staff_id: int,
    now: datetime,
) -> Notice:
    """Put a new version of the notice in force from now on; what people agreed to before stays.

    `items` are six (title, text) pairs a language. Raises NoticeRefused, or NoticeOutdated where
    another version came in force since the asker looked.
    """
    check_notice(session, seen_version)
    for language, pairs in items.items():
        is_whole = len(pairs) == NOTICE_ITEMS and all(
            0 < len(title.strip()) <= LONGEST_TITLE and 0 < len(text.strip()) <= LONGEST_ITEM
            for title, text in pairs
        )
        if not is_whole:
            raise NoticeRefused(language=language, items=NOTICE_ITEMS, longest=LONGEST_ITEM)
    if "zh-TW" not in items:
        raise NoticeRefused(language="zh-TW", items=NOTICE_ITEMS, longest=LONGEST_ITEM)
    numbers = [int(each.version) for each in list_notices(session) if each.version.isdecimal()]
    notice = Notice(
        version=str(max(numbers, default=0) + 1),
        items={
            language: [[title.strip(), text.strip()] for title, text in pairs]
            for language, pairs in items.items()
        },
        published_at=now,
    )
    session.add(notice)
    session.flush()
    what = f"notice:{notice.version}"
    note(session, "notice.publish", what, now=now, staff_id=staff_id)
    return notice


def check_notice(session: Session, told_version: str) -> None:
    """Let pass a consent to the notice in force. Raises NoticeOutdated."""
    version = get_notice(session).version
    if told_version != version:
        raise NoticeOutdated(version=version)


def notice_items(notice: Notice, language: str) -> list[tuple[str, str]]:
    """Return the notice's (title, text) pairs in a language, Traditional Chinese where missing."""
    pairs = notice.items.get(language) or notice.items["zh-TW"]
    return [(title, text) for title, text in pairs]


def note_consent(
    session: Session,
    member_id: int,
    purpose: str,
    *,
    is_given: bool,
    notice_version: str,
    channel: str,
    evidence: str,
    now: datetime,
) -> Consent:
    """Keep one yes or no with its proof."""
    row = Consent(
        member_id=member_id,
        purpose=purpose,
        is_given=is_given,
        notice_version=notice_version,
        channel=channel,
        evidence=evidence,
        said_at=now,
    )
    session.add(row)
    return row


def consent_facts(session: Session, member_id: int) -> list[dict[str, Any]]:
    """Return all a member said, oldest first, as plain facts for showing or handing out."""
    rows = session.scalars(
        select(Consent).where(Consent.member_id == member_id).order_by(Consent.id)
    )
    return [
        {
            "purpose": row.purpose,
            "is_given": row.is_given,
            "notice_version": row.notice_version,
            "said_at": row.said_at.isoformat(),
        }
        for row in rows
    ]
