"""PINs: who may choose which, and what stops whoever guesses (U6, section 4)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.base import BusinessError
from models.pin import (
    LOCKED_FOR,
    MOST_TRIES,
    PinLocked,
    PinRefused,
    WrongPin,
    change_pin,
    check_pin,
    choose_first_pin,
    is_trivial,
    reset_pin,
    set_pin,
    unlock_pin,
)
from models.staff import (
    NoSuchStaff,
    NotTheirsToManage,
    Staff,
    WrongLogin,
    change_access,
    change_role,
)
from tests.conftest import NOON, STAFF_PASSWORD, STAFF_PIN, Committed

MakeStaff = Callable[..., Staff]


def guess(session: Session, staff: Staff, pin: str, now: datetime = NOON) -> str:
    """Try a PIN and keep what came of it; return its name."""
    try:
        check_pin(session, staff.id, pin, now)
    except BusinessError as error:
        return error.code
    return "in"


@pytest.mark.parametrize(
    "pin",
    ["0000", "1111", "1234", "4321", "6789", "7890", "2580", "1212", "282828", "99999999"],
)
def test_what_everybody_tries_first_is_no_pin(make_staff: MakeStaff, pin: str) -> None:
    """U6: 1234 and its like are refused."""
    with pytest.raises(PinRefused):
        set_pin(make_staff(), pin)


@pytest.mark.parametrize("pin", ["", "482", "482615937", "48 26", "48a6", "４８２６", "-4826"])
def test_a_pin_has_four_to_eight_digits(make_staff: MakeStaff, pin: str) -> None:
    with pytest.raises(PinRefused):
        set_pin(make_staff(), pin)


@given(st.text("0123456789", min_size=4, max_size=8))
def test_few_pins_are_refused_and_for_a_reason(pin: str) -> None:
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    if steps <= {0} or steps in ({1}, {9}):
        assert is_trivial(pin)
    elif len(set(pin)) > 5:
        assert not is_trivial(pin)


def test_the_right_pin_opens_and_forgives_the_wrong_ones(
    session: Session, make_staff: MakeStaff
) -> None:
    staff = make_staff()
    assert [guess(session, staff, "0001") for _ in range(MOST_TRIES - 1)] == ["wrong_pin"] * 4
    assert guess(session, staff, STAFF_PIN) == "in"
    assert staff.pin_tries == 0


def test_five_wrong_pins_lock_for_a_quarter_of_an_hour(
    session: Session, make_staff: MakeStaff
) -> None:
    """U6: the fifth one locks; the right one does not open what is locked."""
    staff = make_staff()
    told = [guess(session, staff, "0001") for _ in range(MOST_TRIES)]
    assert told == ["wrong_pin"] * 4 + ["pin_locked"]
    assert guess(session, staff, STAFF_PIN) == "pin_locked"
    assert guess(session, staff, STAFF_PIN, NOON + LOCKED_FOR - timedelta(seconds=1)) != "in"
    assert guess(session, staff, "0001", NOON + LOCKED_FOR) == "wrong_pin"
    assert guess(session, staff, STAFF_PIN, NOON + LOCKED_FOR) == "in"


def test_a_wrong_pin_tells_how_many_are_left(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()
    for left in (4, 3):
        with pytest.raises(WrongPin) as wrong:
            check_pin(session, staff.id, "0001", NOON)
        assert wrong.value.facts == {"left": left}
    for _ in range(2):
        guess(session, staff, "0001")
    with pytest.raises(PinLocked) as locked:
        check_pin(session, staff.id, "0001", NOON)
    assert locked.value.facts == {"minutes": 15}


def test_twenty_wrong_pins_at_once_are_five_guesses(committed: Committed) -> None:
    """U6: counted in the database, whatever the number of tablets."""
    with committed.sessions.begin() as session:
        staff_id = committed.maker.staff(session).id
    start, outcomes = Barrier(20), list[str]()

    def try_one(number: int) -> None:
        start.wait()
        with committed.sessions() as session:
            try:
                check_pin(session, staff_id, f"00{number:02}", NOON)
                outcomes.append("in")
            except BusinessError as error:
                outcomes.append(error.code)
            session.commit()  # As the edge does where a refusal is to be kept.

    threads = [Thread(target=try_one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["pin_locked"] * 16 + ["wrong_pin"] * 4
    with committed.sessions() as session:
        staff = session.get_one(Staff, staff_id)
        assert staff.pin_locked_until == NOON + LOCKED_FOR
        guessed = select(AuditEntry).where(AuditEntry.what == "staff.pin_wrong")
        assert len(session.scalars(guessed).all()) == MOST_TRIES
        assert guess(session, staff, STAFF_PIN) == "pin_locked"


@pytest.mark.parametrize("who", ["nobody", "no pin", "gone", "marketer"])
def test_who_cannot_work_a_counter_has_no_pin_that_opens(
    session: Session, make_staff: MakeStaff, who: str
) -> None:
    staff = {
        "nobody": lambda: Staff(id=0),
        "no pin": lambda: make_staff(pin_hash=None),
        "gone": lambda: make_staff(is_active=False),
        "marketer": lambda: make_staff("marketer"),
    }[who]()
    assert guess(session, staff, STAFF_PIN) == "wrong_pin"


def test_people_change_their_pin_by_the_old_one(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff(pin_is_temporary=True)
    change_pin(session, staff, STAFF_PIN, "730519", NOON)
    assert guess(session, staff, "730519") == "in"
    assert not staff.pin_is_temporary
    for old, new, refusal in (
        ("0001", "846201", WrongPin),
        ("730519", "730519", PinRefused),
        ("730519", "1234", PinRefused),
    ):
        with pytest.raises(refusal):
            change_pin(session, staff, old, new, NOON)


def test_a_first_pin_is_chosen_by_password(session: Session, make_staff: MakeStaff) -> None:
    owner = make_staff("owner", pin_hash=None)
    with pytest.raises(WrongLogin):
        choose_first_pin(session, owner, "wrong-wrong", "730519", NOON)
    choose_first_pin(session, owner, STAFF_PASSWORD, "730519", NOON)
    assert guess(session, owner, "730519") == "in"


def test_a_reset_gives_a_pin_to_change_and_ends_the_sessions(
    session: Session, make_staff: MakeStaff
) -> None:
    """U6: also for who is locked out; the old PIN is worth nothing."""
    clerk, manager = make_staff(), make_staff("manager")
    for _ in range(MOST_TRIES):
        guess(session, clerk, "0001")
    version = clerk.session_version
    pin = reset_pin(session, clerk.id, by=manager, now=NOON)
    assert (len(pin), clerk.pin_is_temporary, clerk.session_version) == (6, True, version + 1)
    assert guess(session, clerk, STAFF_PIN) == "wrong_pin"
    assert guess(session, clerk, pin) == "in"


def test_a_manager_unlocks_a_clerk(session: Session, make_staff: MakeStaff) -> None:
    clerk, manager = make_staff(), make_staff("manager")
    for _ in range(MOST_TRIES):
        guess(session, clerk, "0001")
    unlock_pin(session, clerk.id, by=manager, now=NOON)
    assert guess(session, clerk, STAFF_PIN) == "in"


@pytest.mark.parametrize(
    ("by", "whom"),
    [("clerk", "clerk"), ("manager", "manager"), ("manager", "owner"), ("owner", "owner")],
)
def test_nobody_manages_their_equals(
    session: Session, make_staff: MakeStaff, by: str, whom: str
) -> None:
    """Section 4: who could set a colleague's PIN would be two persons where two are asked for."""
    asking, other = make_staff(by), make_staff(whom)
    for deed in (reset_pin, unlock_pin):
        with pytest.raises(NotTheirsToManage):
            deed(session, other.id, by=asking, now=NOON)
    with pytest.raises(NotTheirsToManage):
        change_access(session, other.id, is_active=False, by=asking, now=NOON)
    with pytest.raises(NotTheirsToManage):
        reset_pin(session, asking.id, by=asking, now=NOON)
    with pytest.raises(NoSuchStaff):
        reset_pin(session, 0, by=asking, now=NOON)


def test_only_the_owner_makes_managers(session: Session, make_staff: MakeStaff) -> None:
    clerk, manager, owner = make_staff(), make_staff("manager"), make_staff("owner")
    with pytest.raises(NotTheirsToManage):
        change_role(session, clerk.id, "manager", by=manager, now=NOON)
    with pytest.raises(NotTheirsToManage):
        change_role(session, clerk.id, "owner", by=owner, now=NOON)
    change_role(session, clerk.id, "manager", by=owner, now=NOON)
    assert clerk.manages


def test_the_audit_names_what_was_done_to_whom_and_by_whom(
    session: Session, make_staff: MakeStaff
) -> None:
    """U6: wrong tries, locks, resets, roles and access; never a PIN."""
    clerk, owner = make_staff(), make_staff("owner")
    for _ in range(MOST_TRIES):
        guess(session, clerk, "0001")
    pin = reset_pin(session, clerk.id, by=owner, now=NOON)
    change_role(session, clerk.id, "manager", by=owner, now=NOON)
    change_access(session, clerk.id, is_active=False, by=owner, now=NOON)
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.what for entry in entries] == [
        *["staff.pin_wrong"] * MOST_TRIES,
        "staff.pin_lock",
        "staff.pin_reset",
        "staff.role",
        "staff.shut_out",
    ]
    assert {entry.subject for entry in entries} == {f"staff:{clerk.id}"}
    assert [entry.staff_id for entry in entries[-3:]] == [owner.id] * 3
    assert entries[-2].before == {"role": "clerk"}
    assert all(pin not in str((entry.before, entry.after, entry.reason)) for entry in entries)
