"""The audit: only ever added to, chained at the commit, and empty of personal data."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.audit import HIDDEN, hide_persons, list_audit, note, verify_audit
from models.staff import Staff
from tests.conftest import NOON, Committed, Maker


@pytest.fixture
def clerk(session: Session) -> Staff:
    return Maker().staff(session)


def seal(session: Session) -> None:
    """Do now what the database does at the commit."""
    session.flush()
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    session.execute(text("SET CONSTRAINTS ALL DEFERRED"))


def test_an_entry_says_who_did_what_to_whom_and_why(session: Session, clerk: Staff) -> None:
    """Audit: who, what, before, after, reason, store and device."""
    note(
        session,
        "points.adjust",
        "member:12",
        now=NOON,
        staff_id=clerk.id,
        before={"points": 5},
        after={"points": 9, "until": date(2027, 1, 1)},
        reason="補登",
        store_id=clerk.store_id,
        device="192.0.2.7",
    )
    note(session, "programme.change", "shop:1", now=NOON)
    newest, first = list_audit(session)
    assert (newest.actor, newest.staff_id) == ("system", None)
    assert (first.actor, first.staff_id, first.reason) == ("staff", clerk.id, "補登")
    assert (first.before, first.after) == ({"points": 5}, {"points": 9, "until": "2027-01-01"})
    assert list_audit(session, subject="member:12") == [first]
    assert list_audit(session, staff_id=clerk.id) == [first]


def test_entries_are_found_page_by_page_by_when_they_were_done(session: Session) -> None:
    """Audit: what is carried later stands where it happened."""
    for minutes in (3, 1, 2, 1):
        note(session, "a.b", f"c:{minutes}", now=NOON + timedelta(minutes=minutes))
    session.flush()
    whole = list(list_audit(session))
    assert [entry.subject for entry in whole] == ["c:3", "c:2", "c:1", "c:1"]
    seen = list_audit(session, limit=2)[-1]
    assert list(list_audit(session, before=(seen.at, seen.id))) == whole[2:]
    assert list_audit(session, since=NOON + timedelta(minutes=3)) == whole[:1]


def test_nothing_personal_is_kept(session: Session) -> None:
    """Privacy: names, phones and accounts are hidden, wherever somebody put them."""
    entry = note(
        session,
        "member.change",
        "member:12",
        now=NOON,
        before={"name": "王小明", "phone": None, "old": {"birthday": "1990-01-01"}},
        after={"note": "打 0912-345-678 給她", "all": ["U" + "a" * 32, 3]},
        reason="客人 amy@shop.example 說 +886912345678",
    )
    assert entry.before == {"name": HIDDEN, "phone": None, "old": {"birthday": HIDDEN}}
    assert entry.after == {"note": f"打 {HIDDEN} 給她", "all": [HIDDEN, 3]}
    assert entry.reason == f"客人 {HIDDEN} 說 {HIDDEN}"


@given(st.integers(0, 99_999_999), st.sampled_from(["", " ", "-"]), st.booleans())
def test_no_phone_slips_through(number: int, gap: str, is_abroad: bool) -> None:
    """Privacy: whatever way a mobile number is written."""
    digits = f"9{number:08}"
    written = gap.join(["+886" if is_abroad else "", digits[:3], digits[3:6], digits[6:]])
    typed = written if is_abroad else "0" + written.lstrip(" -")
    assert hide_persons(f"打{typed}") == f"打{HIDDEN}"


@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
@pytest.mark.parametrize(("table", "column"), [("audit_entry", "id"), ("audit_seal", "seq")])
def test_it_is_append_only(session: Session, table: str, column: str, change: str) -> None:
    """Audit: the database refuses every change."""
    note(session, "a.b", "c:1", now=NOON)
    seal(session)
    with pytest.raises(DBAPIError, match="is append-only"), session.begin_nested():
        session.execute(text(change.format(table, column, column)))


def test_the_chain_holds_and_its_head_names_it(session: Session) -> None:
    """Audit: hash-chained."""
    for number in range(5):
        note(session, "a.b", f"c:{number}", now=NOON)
    seal(session)
    first = verify_audit(session)
    assert (first.entries, first.is_whole, len(first.head)) == (5, True, 64)
    note(session, "a.b", "c:9", now=NOON)
    seal(session)
    assert verify_audit(session).head != first.head


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_entry SET reason = 'x' WHERE subject = 'c:2'",
        "UPDATE audit_entry SET before = '{\"points\": 1}' WHERE subject = 'c:2'",
        "DELETE FROM audit_seal WHERE seq = 2",
        "DELETE FROM audit_seal WHERE seq = 1",
        "UPDATE audit_seal SET digest = sha256('x') WHERE seq = 3",
    ],
)
def test_whoever_gets_round_the_guards_is_found(session: Session, tampering: str) -> None:
    """Audit: changed, taken out or slipped in, even by who may switch triggers off."""
    for number in range(5):
        note(session, "a.b", f"c:{number}", now=NOON)
    seal(session)
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text(tampering))
    session.execute(text("SET LOCAL session_replication_role = origin"))
    assert not verify_audit(session).is_whole


def test_an_empty_audit_is_whole(session: Session) -> None:
    found = verify_audit(session)
    assert (found.entries, found.is_whole, found.head) == (0, True, "")


def test_many_at_once_make_one_chain(committed: Committed) -> None:
    """Audit: commits in parallel are sealed one after the other; what is rolled back is not."""

    def write(number: int) -> None:
        session = committed.sessions()
        note(session, "a.b", f"c:{number}", now=NOON)
        session.flush()
        if number % 5:
            session.commit()
        session.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    with committed.sessions() as session:
        found = verify_audit(session)
    assert (found.entries, found.is_whole) == (32, True)


def test_auditing_never_deadlocks_with_tills(committed: Committed) -> None:
    """Audit: one writes before it locks a member, the other after; neither waits for the other."""
    with committed.sessions.begin() as session:
        member_id = committed.maker.member(session).id
    lock = text("SELECT id FROM member WHERE id = :id FOR UPDATE")

    def work(number: int) -> None:
        with committed.sessions.begin() as session:
            if number % 2:
                session.execute(lock, {"id": member_id})
            note(session, "a.b", f"c:{number}", now=NOON)
            session.flush()
            session.execute(lock, {"id": member_id})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    with committed.sessions() as session:
        assert verify_audit(session).entries == 40
