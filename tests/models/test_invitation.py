"""Invitations: a password that only its person ever knew, by a link that serves once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models.invitation import (
    GOOD_FOR,
    InvitationOver,
    RoleRefused,
    UsernameRefused,
    add_officer,
    find_invited,
    invite,
    list_invited,
    use_invitation,
)
from models.shop import Store
from models.staff import (
    NotTheirsToManage,
    PasswordTooShort,
    Staff,
    StaffNameRefused,
    WrongLogin,
    change_password,
    end_sessions,
    log_in,
)
from tests.conftest import NOON, STAFF_PASSWORD

CHOSEN = "a long sentence 1"
MakeStaff = Callable[..., Staff]


def add(session: Session, by: Staff, store: Store, **told: str) -> tuple[Staff, str]:
    asked = {"username": "Amy.Lin", "name": " 林  小美 ", "role": "marketer"} | told
    return add_officer(session, **asked, store=store, by=by, now=NOON)


def test_a_person_chooses_the_password_of_their_login(
    session: Session, make_staff: MakeStaff, store: Store
) -> None:
    staff, token = add(session, make_staff("owner"), store)
    assert (staff.username, staff.name) == ("amy.lin", "林 小美")
    assert list_invited(session, NOON) == {staff.id: NOON + GOOD_FOR}
    assert find_invited(session, token, NOON) is staff

    use_invitation(session, token, CHOSEN, NOON)

    assert log_in(session, "amy.lin", CHOSEN) is staff
    assert list_invited(session, NOON) == {}
    with pytest.raises(InvitationOver):
        use_invitation(session, token, CHOSEN, NOON)


def test_an_invitation_ends_and_a_newer_one_replaces_it(
    session: Session, make_staff: MakeStaff, store: Store
) -> None:
    owner = make_staff("owner")
    staff, first = add(session, owner, store)
    _, second = invite(session, staff.id, by=owner, now=NOON)

    with pytest.raises(InvitationOver):
        use_invitation(session, first, CHOSEN, NOON)
    with pytest.raises(InvitationOver):
        use_invitation(session, second, CHOSEN, NOON + GOOD_FOR)
    with pytest.raises(PasswordTooShort):
        use_invitation(session, second, "short", NOON)
    use_invitation(session, second, CHOSEN, NOON + GOOD_FOR - timedelta(seconds=1))


def test_a_new_password_ends_the_sessions_of_the_old_one(
    session: Session, make_staff: MakeStaff
) -> None:
    owner, manager = make_staff("owner"), make_staff("manager")
    was = manager.session_version
    _, token = invite(session, manager.id, by=owner, now=NOON)
    assert log_in(session, manager.username, STAFF_PASSWORD) is manager, "until it is used"

    use_invitation(session, token, CHOSEN, NOON)

    assert manager.session_version == was + 1
    with pytest.raises(WrongLogin):
        log_in(session, manager.username, STAFF_PASSWORD)


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        ({"username": "a"}, UsernameRefused),
        ({"username": "amy lin"}, UsernameRefused),
        ({"name": " "}, StaffNameRefused),
        ({"role": "owner"}, RoleRefused),
    ],
)
def test_who_cannot_be_added_is_refused(
    session: Session,
    make_staff: MakeStaff,
    store: Store,
    told: dict[str, str],
    refusal: type[Exception],
) -> None:
    with pytest.raises(refusal):
        add(session, make_staff("owner"), store, **told)


def test_a_name_is_one_persons_and_only_the_owner_adds_people(
    session: Session, make_staff: MakeStaff, store: Store
) -> None:
    owner = make_staff("owner")
    add(session, owner, store)
    with pytest.raises(UsernameRefused):
        add(session, owner, store)
    with pytest.raises(NotTheirsToManage):
        add(session, make_staff("manager"), store, username="other")
    with pytest.raises(NotTheirsToManage):
        invite(session, owner.id, by=make_staff("manager"), now=NOON)


def test_one_changes_ones_own_password_by_the_old_one(
    session: Session, make_staff: MakeStaff
) -> None:
    staff = make_staff("auditor")
    with pytest.raises(WrongLogin):
        change_password(session, staff, "not it", CHOSEN, NOON)

    change_password(session, staff, STAFF_PASSWORD, CHOSEN, NOON)
    end_sessions(session, staff, NOON)

    assert log_in(session, staff.username, CHOSEN).session_version == 3
