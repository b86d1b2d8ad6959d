"""Notes: what the shop's people write down about a member, for each other; never for the member.

A note is never changed: who wrote it may be asked. One that was wrong is removed, which empties
it; that it stood there stays. Leaving empties all of a member's notes.
"""

import unicodedata
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.audit import note as note_in_audit
from models.base import Base, BusinessError, Identifier, Moment, find_made
from models.member import Member
from models.staff import Staff

LONGEST_NOTE = 500
MOST_NOTES = 200
_LINE_BREAK = "\n"


class MemberNote(Base):
    """One note about a member: written once, and perhaps removed, which leaves no words."""

    __tablename__ = "member_note"
    __table_args__ = (
        CheckConstraint("(removed_at IS NULL) = (removed_by IS NULL)", name="removed_by_whom"),
        CheckConstraint("(words = '') = (removed_at IS NOT NULL)", name="removed_is_empty"),
        Index(None, "member_id", "id"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    words: Mapped[str]
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    written_at: Mapped[Moment]
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class NoteRefused(BusinessError):
    """The note has no words, or more than `longest` characters."""

    code = "note_refused"


class TooManyNotes(BusinessError):
    """The member has as many notes as anybody reads; `most` says how many."""

    code = "too_many_notes"


class NoSuchNote(BusinessError):
    """The member has no such note, or it was removed before."""

    code = "no_such_note"


def write_note(
    session: Session, member: Member, typed: str, *, staff: Staff, key: str, now: datetime
) -> MemberNote:
    """Write a note about a member and return it; a key seen before returns its first note.

    Raises NoteRefused or TooManyNotes.
    """
    first = find_made(session, MemberNote, key)
    if first is not None:
        return first
    words = _clean(typed)
    if not words or len(words) > LONGEST_NOTE:
        raise NoteRefused(longest=LONGEST_NOTE)
    standing = select(func.count()).where(
        MemberNote.member_id == member.id, MemberNote.removed_at.is_(None)
    )
    if (session.scalar(standing) or 0) >= MOST_NOTES:
        raise TooManyNotes(most=MOST_NOTES)
    made = MemberNote(
        member_id=member.id,
        staff_id=staff.id,
        words=words,
        idempotency_key=key,
        written_at=now,
    )
    session.add(made)
    session.flush()
    _audit(session, "member.note", made, staff, now)
    return made


def remove_note(
    session: Session, member: Member, note_id: int, *, staff: Staff, now: datetime
) -> MemberNote:
    """Empty a note; that it was there, and who removed it, stays. Raises NoSuchNote."""
    found = session.get(MemberNote, note_id, with_for_update=True)
    if found is None or found.member_id != member.id or found.removed_at is not None:
        raise NoSuchNote
    found.words, found.removed_at, found.removed_by = "", now, staff.id
    _audit(session, "member.note_removed", found, staff, now)
    session.flush()
    return found


def list_notes(session: Session, member_id: int) -> Sequence[tuple[MemberNote, str]]:
    """Return the notes that stand, each with its writer's name, newest first."""
    rows = session.execute(
        select(MemberNote, Staff.name)
        .join(Staff, Staff.id == MemberNote.staff_id)
        .where(MemberNote.member_id == member_id, MemberNote.removed_at.is_(None))
        .order_by(MemberNote.id.desc())
    )
    return [(written, name) for written, name in rows]


def forget_notes(session: Session, member_ids: Sequence[int]) -> None:
    """Delete all notes about members who leave."""
    session.execute(delete(MemberNote).where(MemberNote.member_id.in_(member_ids)))


def _audit(session: Session, what: str, written: MemberNote, staff: Staff, now: datetime) -> None:
    """Note that it was done, without its words."""
    note_in_audit(
        session,
        what,
        f"member:{written.member_id}",
        now=now,
        staff_id=staff.id,
        member_id=written.member_id,
        after={"note": written.id},
    )


def _clean(typed: str) -> str:
    """Return what was typed without control characters, its lines kept."""
    normal = unicodedata.normalize("NFC", typed.replace("\r\n", _LINE_BREAK))
    shown = (
        sign
        for sign in normal
        if sign == _LINE_BREAK or unicodedata.category(sign) not in ("Cc", "Cs", "Cn")
    )
    return "".join(shown).strip()
