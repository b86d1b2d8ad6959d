"""Notes about members: written, removed, and gone with the person."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.audit import list_audit
from models.identity import merge_members, undo_merge
from models.member import Member
from models.member_note import (
    LONGEST_NOTE,
    MOST_NOTES,
    MemberNote,
    NoSuchNote,
    NoteRefused,
    TooManyNotes,
    list_notes,
    remove_note,
    write_note,
)
from models.membership import erase_member
from models.staff import Staff
from tests.conftest import NOON

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]


def test_a_note_is_written_once_and_audited_without_its_words(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    member, staff = make_member(), make_staff("marketer")
    first = write_note(session, member, "  不喝\r\n冰的 \0", staff=staff, key="k", now=NOON)
    again = write_note(session, member, "other", staff=staff, key="k", now=NOON)
    assert again is first
    assert [(note.words, name) for note, name in list_notes(session, member.id)] == [
        ("不喝\n冰的", staff.name)
    ]
    entry = list_audit(session, limit=1)[0]
    assert (entry.what, entry.subject, entry.after) == (
        "member.note",
        f"member:{member.id}",
        {"note": first.id},
    )


@pytest.mark.parametrize("typed", ["", " \n ", "\0", "長" * (LONGEST_NOTE + 1)])
def test_a_note_needs_words_and_has_an_end(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, typed: str
) -> None:
    with pytest.raises(NoteRefused):
        write_note(session, make_member(), typed, staff=make_staff(), key="k", now=NOON)


def test_a_removed_note_keeps_no_words_and_makes_room(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    member, staff = make_member(), make_staff()
    session.add_all(
        MemberNote(
            member_id=member.id,
            staff_id=staff.id,
            words="x",
            idempotency_key=f"n{place}",
            written_at=NOON,
        )
        for place in range(MOST_NOTES)
    )
    session.flush()
    with pytest.raises(TooManyNotes):
        write_note(session, member, "one more", staff=staff, key="k", now=NOON)
    newest = list_notes(session, member.id)[0][0]
    assert remove_note(session, member, newest.id, staff=staff, now=NOON).words == ""
    write_note(session, member, "one more", staff=staff, key="k", now=NOON)
    for wanted in (newest.id, 0):
        with pytest.raises(NoSuchNote):
            remove_note(session, member, wanted, staff=staff, now=NOON)
    standing, stranger = list_notes(session, member.id)[0][0], make_member()
    with pytest.raises(NoSuchNote):
        remove_note(session, stranger, standing.id, staff=staff, now=NOON)


def test_u13_notes_go_along_with_a_merge_and_back(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """U13: nothing of the other card is lost, and a merge is taken back."""
    keep, drop, staff = make_member(), make_member(name="王小明", phone=None), make_staff("manager")
    write_note(session, drop, "愛喝無糖", staff=staff, key="k", now=NOON)
    merge = merge_members(session, keep, drop, staff=staff, reason="同一人", key="m", now=NOON)
    assert [note.words for note, _ in list_notes(session, keep.id)] == ["愛喝無糖"]
    undo_merge(session, merge, staff=staff, now=NOON)
    assert list_notes(session, keep.id) == []
    assert [note.words for note, _ in list_notes(session, drop.id)] == ["愛喝無糖"]


def test_leaving_takes_all_notes(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    member = make_member()
    write_note(session, member, "愛喝無糖", staff=make_staff(), key="k", now=NOON)
    erase_member(session, member, evidence="e", now=NOON)
    assert session.scalars(select(MemberNote)).all() == []
