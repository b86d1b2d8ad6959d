"""Staff: who may log in, where they work, and a login that tells nothing."""

from collections.abc import Callable

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.shop import Store
from models.staff import (
    LONGEST_PASSWORD,
    ROLES,
    PasswordTooShort,
    Staff,
    WrongLogin,
    add_staff,
    find_staff_in_session,
    log_in,
)
from tests.conftest import STAFF_PASSWORD

MakeStaff = Callable[..., Staff]


def test_a_person_logs_in_with_name_and_password(session: Session, store: Store) -> None:
    staff = add_staff(
        session, username=" Anna ", name="安娜", role="clerk", store=store, password="tea-1234"
    )
    assert log_in(session, " ANNA", "tea-1234") is staff
    assert (staff.username, staff.store.code) == ("anna", "TP01")
    assert "tea-1234" not in staff.password_hash


def test_a_short_password_is_refused(session: Session, store: Store) -> None:
    with pytest.raises(PasswordTooShort) as refusal:
        add_staff(
            session, username="anna", name="安娜", role="clerk", store=store, password="1234567"
        )
    assert refusal.value.facts == {"shortest": 8}


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("clerk", "wrong"),
        ("nobody", STAFF_PASSWORD),
        ("", ""),
        ("clerk", "x" * 10_000),
        ("nobody", "nobody has this password"),
    ],
)
def test_a_wrong_name_and_a_wrong_password_are_refused_alike(
    session: Session, make_staff: MakeStaff, username: str, password: str
) -> None:
    make_staff(username="clerk")
    with pytest.raises(WrongLogin) as refusal:
        log_in(session, username, password)
    assert refusal.value.facts == {}


def test_who_works_here_no_more_cannot_log_in(session: Session, make_staff: MakeStaff) -> None:
    make_staff(username="clerk", is_active=False)
    with pytest.raises(WrongLogin):
        log_in(session, "clerk", STAFF_PASSWORD)


def test_a_damaged_hash_lets_nobody_in(session: Session, make_staff: MakeStaff) -> None:
    make_staff(username="clerk", password_hash="damaged")
    with pytest.raises(WrongLogin):
        log_in(session, "clerk", STAFF_PASSWORD)


def test_a_session_is_good_until_it_is_ended(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()
    assert find_staff_in_session(session, staff.id, 1) is staff
    staff.session_version += 1
    session.flush()
    assert find_staff_in_session(session, staff.id, 1) is None
    assert find_staff_in_session(session, staff.id, 2) is staff


@pytest.mark.parametrize("role", ROLES)
def test_owner_manager_and_clerk_work_the_counter(make_staff: MakeStaff, role: str) -> None:
    assert make_staff(role).may_work_counter == (role in ("owner", "manager", "clerk"))


def test_who_left_works_no_counter(make_staff: MakeStaff) -> None:
    assert not make_staff(is_active=False).may_work_counter


def test_there_are_five_roles_and_no_other(session: Session, make_staff: MakeStaff) -> None:
    with pytest.raises(IntegrityError, match="role_known"):
        make_staff("king")


def test_a_password_is_read_up_to_its_longest(session: Session, store: Store) -> None:
    longest = "x" * LONGEST_PASSWORD
    add_staff(session, username="anna", name="安娜", role="clerk", store=store, password=longest)
    assert log_in(session, "anna", longest).username == "anna"
