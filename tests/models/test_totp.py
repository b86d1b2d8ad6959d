"""The second factor: a code serves once, guesses are counted, paper helps without the phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.base import BusinessError
from models.staff import NotTheirsToManage, Staff
from models.totp import (
    LOCKED_FOR,
    MOST_TRIES,
    PAPER_CODES,
    RecoveryCode,
    TotpLocked,
    TotpNotBegun,
    WrongTotp,
    begin_totp,
    check_totp,
    confirm_totp,
    count_paper_codes,
    is_totp_required,
    renew_paper_codes,
    reset_totp,
    totp_secret,
    totp_uri,
)
from tests.conftest import NOON

MakeStaff = Callable[..., Staff]
INSTALLATION = "a secret of the installation"
STEP = timedelta(seconds=30)
STRANGE = "000000"
"""A code that nobody's phone shows in the time these tests are about; see `begin`."""


def phone_of(staff: Staff, now: datetime = NOON) -> str:
    """Return what the person's phone shows."""
    return pyotp.TOTP(totp_secret(staff, INSTALLATION)).at(now)


def begin(staff: Staff) -> None:
    """Begin with a seed whose codes differ for half an hour: one in a thousand shows one twice."""
    shown = [STRANGE]
    while STRANGE in shown or len(set(shown)) < len(shown):
        begin_totp(staff)
        shown = [phone_of(staff, NOON + steps * STEP) for steps in range(-2, 50)]


def set_up(session: Session, staff: Staff, now: datetime = NOON) -> list[str]:
    begin(staff)
    session.flush()
    return confirm_totp(session, staff, INSTALLATION, phone_of(staff, now), now)


def guess(session: Session, staff: Staff, code: str, now: datetime) -> str:
    try:
        check_totp(session, staff.id, INSTALLATION, code, now)
    except BusinessError as error:
        return error.code
    return "in"


def test_owner_and_marketer_need_it(make_staff: MakeStaff) -> None:
    """Architecture 11: TOTP for owner and marketer."""
    roles = ("owner", "manager", "marketer", "auditor")

    needed = [is_totp_required(make_staff(username=role, role=role)) for role in roles]

    assert needed == [True, False, True, False]


def test_what_the_phone_shows_opens_the_door_once(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()
    set_up(session, staff)
    later = NOON + STEP

    assert guess(session, staff, phone_of(staff, later), later) == "in"
    assert guess(session, staff, phone_of(staff, later), later) == "wrong_totp"


def test_the_code_that_set_it_up_does_not_log_in(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()
    set_up(session, staff)

    assert guess(session, staff, phone_of(staff), NOON) == "wrong_totp"


def test_a_code_of_the_step_before_counts_and_an_older_one_does_not(
    session: Session, make_staff: MakeStaff
) -> None:
    staff = make_staff()
    set_up(session, staff)
    later = NOON + 5 * STEP

    assert guess(session, staff, phone_of(staff, later - 2 * STEP), later) == "wrong_totp"
    assert guess(session, staff, phone_of(staff, later - STEP), later) == "in"


def test_guesses_are_counted_and_lock(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()
    set_up(session, staff)
    later = NOON + 10 * STEP

    seen = [guess(session, staff, STRANGE, later) for _ in range(MOST_TRIES)]

    assert seen == ["wrong_totp"] * (MOST_TRIES - 1) + ["totp_locked"]
    with pytest.raises(TotpLocked):
        check_totp(session, staff.id, INSTALLATION, phone_of(staff, later), later)
    after = later + LOCKED_FOR
    assert guess(session, staff, phone_of(staff, after), after) == "in"


def test_paper_opens_once_a_code(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()
    codes = set_up(session, staff)
    typed = f"{codes[0][:4].lower()}-{codes[0][4:]}"

    assert len(set(codes)) == PAPER_CODES
    assert guess(session, staff, typed, NOON) == "in"
    assert guess(session, staff, typed, NOON) == "wrong_totp"
    assert count_paper_codes(session, staff) == PAPER_CODES - 1


def test_new_paper_makes_the_old_one_worthless(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()
    old = set_up(session, staff)

    renew_paper_codes(session, staff)

    assert guess(session, staff, old[0], NOON) == "wrong_totp"
    assert count_paper_codes(session, staff) == PAPER_CODES


def test_the_database_alone_opens_nothing(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()
    codes = set_up(session, staff)

    kept = {staff.totp_seed, *session.scalars(select(RecoveryCode.digest))}

    assert totp_secret(staff, "another installation") != totp_secret(staff, INSTALLATION)
    assert not kept & {totp_secret(staff, INSTALLATION), *codes}


def test_nothing_was_begun(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()

    with pytest.raises(TotpNotBegun):
        totp_uri(staff, INSTALLATION, "茶日子")
    with pytest.raises(TotpNotBegun):
        confirm_totp(session, staff, INSTALLATION, "123456", NOON)


def test_a_wrong_first_code_puts_nothing_in_force(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()
    begin(staff)

    with pytest.raises(WrongTotp):
        confirm_totp(session, staff, INSTALLATION, STRANGE, NOON)

    assert staff.totp_at is None


def test_a_lost_phone_is_reset_by_who_stands_above(session: Session, make_staff: MakeStaff) -> None:
    owner = make_staff(username="boss", role="owner")
    marketer = make_staff(username="mark", role="marketer")
    set_up(session, marketer)
    version = marketer.session_version

    with pytest.raises(NotTheirsToManage):
        reset_totp(session, owner.id, by=marketer, now=NOON)
    reset_totp(session, marketer.id, by=owner, now=NOON)

    assert (marketer.totp_seed, marketer.totp_at) == (None, None)
    assert marketer.session_version == version + 1
    assert count_paper_codes(session, marketer) == 0
    noted = session.scalars(select(AuditEntry.what).order_by(AuditEntry.id)).all()
    assert noted[-2:] == ["staff.totp_set", "staff.totp_reset"]
