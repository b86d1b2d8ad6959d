"""A manager at somebody else's counter: they type their PIN on the spot, for one thing.

No session of theirs is opened; the clerk's goes on, and the audit names both and the device. A PIN
is tried before anything else is done, so that a wrong one counts whatever becomes of the rest;
where somebody has none yet, name and password serve as well.
"""

from collections.abc import Sequence
from datetime import datetime

from flask import g, request
from flask_limiter.util import get_remote_address

from handlers import keep_refusal
from models import staff
from models.audit import note
from models.base import BusinessError
from models.pin import PinLocked, WrongPin, check_pin
from models.staff import Staff, WrongLogin, list_counter_staff

TRIES = "10 per minute"
LONGEST_ID_DIGITS = 18


class ManagerNeeded(BusinessError):
    """A clerk may not do this alone; `why` lists the reasons."""

    code = "manager_needed"


class ManagerLoginWrong(BusinessError):
    """What the manager typed is no login of a manager who is somebody else."""

    code = "manager_login_wrong"


def manages(person: Staff) -> bool:
    """Tell whether this person may decide where a clerk may not."""
    return person.manages


def list_managers(asking: Staff) -> Sequence[Staff]:
    """Return who may say yes to what this person asks."""
    return [one for one in list_counter_staff(g.session) if one.manages and one.id != asking.id]


def is_manager_typed() -> bool:
    """Tell whether the form brings a manager's login."""
    return _is_pin_typed() or bool(request.form.get("manager_username", "").strip())


def typed_manager() -> str:
    """Return whose login is tried on the spot, for the limit on guesses."""
    name = request.form.get("manager_username", "").strip().lower()
    return f"username:{name}" if name else f"nobody:{get_remote_address()}"


def no_manager_typed() -> bool:
    """Tell whether no password is tried, so that its limit does not count; PINs have their own."""
    return not request.form.get("manager_username", "").strip()


def try_pin() -> None:
    """Check the manager's PIN that a form brings, before its deed is done.

    Raises ManagerLoginWrong or PinLocked, whose count is kept.
    """
    if not _is_pin_typed():
        return
    try:
        g.manager = check_pin(g.session, _typed_id(), request.form["manager_pin"], g.now)
    except WrongPin as error:
        keep_refusal()
        raise ManagerLoginWrong(left=error.facts["left"]) from error
    except PinLocked:
        keep_refusal()
        raise


def ask_manager(asking: Staff, why: list[str]) -> Staff:
    """Return the manager who typed their PIN, or their login, into this form.

    Raises ManagerNeeded where nobody did, or ManagerLoginWrong.
    """
    if not is_manager_typed():
        raise ManagerNeeded(why=why)
    is_by_pin = "manager" in g
    found: Staff = g.manager if is_by_pin else _by_password()
    knows_another = is_by_pin and found.pin_is_temporary
    if not found.manages or found.id == asking.id or knows_another:
        raise ManagerLoginWrong
    return found


def note_consent(manager: Staff, asking: Staff, subject: str, what: str, now: datetime) -> None:
    """Write down that a manager let a clerk do something; the session knows where."""
    note(g.session, what, subject, now=now, staff_id=manager.id, after={"asked_by": asking.id})


def _is_pin_typed() -> bool:
    return bool(request.form.get("manager_pin", "").strip())


def _typed_id() -> int:
    """Return the id of who was picked, or 0, which is nobody's."""
    typed = request.form.get("manager", "")
    is_id = typed.isascii() and typed.isdecimal() and len(typed) <= LONGEST_ID_DIGITS
    return int(typed) if is_id else 0


def _by_password() -> Staff:
    try:
        return staff.log_in(
            g.session,
            request.form.get("manager_username", ""),
            request.form.get("manager_password", ""),
        )
    except WrongLogin as error:
        raise ManagerLoginWrong from error
