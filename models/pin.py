"""PINs: how staff say who they are at a counter, and what stops whoever guesses.

Wrong ones are counted in the database, under the person's row lock: of many tries at once each is
counted before the next is looked at, so the fifth wrong one locks, whatever the number of tablets.
Who calls `check_pin` must keep what it wrote also where it refuses.
"""

import re
import secrets
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.staff import KEYS_STAY, Staff, check_password, get_staff_to_manage, note_staff

MOST_TRIES = 5
LOCKED_FOR = timedelta(minutes=15)
SHORTEST_PIN = 4
LONGEST_PIN = 8
TEMPORARY_DIGITS = 6
_PIN = re.compile(rf"[0-9]{{{SHORTEST_PIN},{LONGEST_PIN}}}")
_REPEATED = re.compile(r"(\d{1,2})\1+")
"""1111, 1212, 282828."""
_USUAL = frozenset({"2580", "0852", "1314", "5201314", "1379", "1397"})
"""A column of the keys, its corners, and what Taiwan's couples choose."""
_RUNS = ("01234567890123456", "98765432109876543")

_hasher = PasswordHasher()


class WrongPin(BusinessError):
    """The PIN is wrong; `left` tells how many more may be before it is locked."""

    code = "wrong_pin"


class PinLocked(BusinessError):
    """Too many wrong ones; `minutes` tells how long to wait, unless who manages unlocks it."""

    code = "pin_locked"


class PinRefused(BusinessError):
    """A PIN has 4 to 8 digits, and is none that everybody tries first."""

    code = "pin_refused"


class PinsDiffer(BusinessError):
    """The new PIN was typed twice, and not the same."""

    code = "pins_differ"


@cache
def _nobodys_hash() -> str:
    """Hash a PIN nobody has: checked where there is none, so that it takes as long."""
    return _hasher.hash("no digits")


def is_trivial(pin: str) -> bool:
    """Tell whether a PIN is one of those that everybody tries first."""
    is_run = any(pin in run for run in _RUNS)
    return is_run or pin in _USUAL or _REPEATED.fullmatch(pin) is not None


def refuse_weak_pin(pin: str) -> None:
    """Raise PinRefused where a PIN is none, or one that everybody tries first."""
    if not _PIN.fullmatch(pin) or is_trivial(pin):
        raise PinRefused(shortest=SHORTEST_PIN, longest=LONGEST_PIN)


def set_pin(staff: Staff, pin: str, *, is_temporary: bool = False) -> None:
    """Give a person a PIN of their own choice, or one to change. Raises PinRefused."""
    refuse_weak_pin(pin)
    staff.pin_hash, staff.pin_is_temporary = _hasher.hash(pin), is_temporary
    staff.pin_tries, staff.pin_locked_until = 0, None


def check_pin(session: Session, staff_id: int, pin: str, now: datetime) -> Staff:
    """Return the person whose PIN this is. Raises WrongPin or PinLocked, to be kept as well."""
    staff = session.get(Staff, staff_id, with_for_update=KEYS_STAY, populate_existing=True)
    if staff is not None and staff.pin_locked_until is not None and now < staff.pin_locked_until:
        raise PinLocked(minutes=_minutes(staff.pin_locked_until - now))
    is_right = _is_right(staff.pin_hash if staff else None, pin)
    if staff is None or not staff.may_work_counter:
        raise WrongPin(left=None)
    if is_right:
        staff.pin_tries, staff.pin_locked_until = 0, None
        return staff
    raise _counted(session, staff, now)


def change_pin(session: Session, staff: Staff, old: str, new: str, now: datetime) -> None:
    """Let a person choose another PIN. Raises what `check_pin` raises, or PinRefused."""
    refuse_weak_pin(new)
    if old == new:
        raise PinRefused(shortest=SHORTEST_PIN, longest=LONGEST_PIN)
    check_pin(session, staff.id, old, now)
    set_pin(staff, new)
    note_staff(session, "staff.pin_change", staff, staff, now)


def choose_first_pin(
    session: Session, staff: Staff, password: str, new: str, now: datetime
) -> None:
    """Let a person who has none choose a PIN by their password. Raises WrongLogin or PinRefused."""
    refuse_weak_pin(new)
    check_password(staff, password)
    set_pin(staff, new)
    note_staff(session, "staff.pin_choose", staff, staff, now)


def reset_pin(session: Session, staff_id: int, *, by: Staff | None, now: datetime) -> str:
    """Give a person a PIN to change at their first sign-in, and end their sessions; return it.

    Raises NoSuchStaff or NotTheirsToManage.
    """
    staff = get_staff_to_manage(session, staff_id, by)
    pin = _draw()
    set_pin(staff, pin, is_temporary=True)
    staff.session_version += 1
    note_staff(session, "staff.pin_reset", staff, by, now)
    return pin


def unlock_pin(session: Session, staff_id: int, *, by: Staff | None, now: datetime) -> Staff:
    """Let a person try their PIN again before the time is over.

    Raises NoSuchStaff or NotTheirsToManage.
    """
    staff = get_staff_to_manage(session, staff_id, by)
    staff.pin_tries, staff.pin_locked_until = 0, None
    note_staff(session, "staff.pin_unlock", staff, by, now)
    return staff


def _draw() -> str:
    pin = "0000"
    while is_trivial(pin):
        pin = "".join(str(secrets.randbelow(10)) for _ in range(TEMPORARY_DIGITS))
    return pin


def _is_right(pin_hash: str | None, pin: str) -> bool:
    try:
        return _hasher.verify(pin_hash or _nobodys_hash(), pin[: LONGEST_PIN + 1])
    except (VerificationError, InvalidHashError):
        return False


def _counted(session: Session, staff: Staff, now: datetime) -> BusinessError:
    """Count a wrong PIN, lock at the last one, and return the refusal."""
    if staff.pin_locked_until is not None:  # It is over: the count begins anew.
        staff.pin_tries, staff.pin_locked_until = 0, None
    staff.pin_tries += 1
    left = MOST_TRIES - staff.pin_tries
    note_staff(session, "staff.pin_wrong", staff, None, now, after={"left": left})
    if left > 0:
        return WrongPin(left=left)
    staff.pin_locked_until = now + LOCKED_FOR
    note_staff(session, "staff.pin_lock", staff, None, now)
    return PinLocked(minutes=_minutes(LOCKED_FOR))


def _minutes(left: timedelta) -> int:
    """Return whole minutes to wait, rounded up."""
    return -(-int(left.total_seconds()) // 60)
