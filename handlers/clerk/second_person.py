"""A manager at somebody else's counter: they type their own login on the spot, for one thing.

No session of theirs is opened; the clerk's goes on, and the audit names both.
"""

from datetime import datetime

from flask import g, request
from flask_limiter.util import get_remote_address

from models import staff
from models.audit import note
from models.base import BusinessError
from models.staff import Staff, WrongLogin

MANAGING_ROLES = ("owner", "manager")
TRIES = "10 per minute"


class ManagerNeeded(BusinessError):
    """A clerk may not do this alone; `why` lists the reasons."""

    code = "manager_needed"


class ManagerLoginWrong(BusinessError):
    """What the manager typed is no login of a manager who is somebody else."""

    code = "manager_login_wrong"


def manages(person: Staff) -> bool:
    """Tell whether this person may decide where a clerk may not."""
    return person.role in MANAGING_ROLES


def is_manager_typed() -> bool:
    """Tell whether the form brings a manager's login."""
    return bool(request.form.get("manager_username", "").strip())


def typed_manager() -> str:
    """Return whose login is tried on the spot, for the limit on guesses."""
    name = request.form.get("manager_username", "").strip().lower()
    return f"username:{name}" if name else f"nobody:{get_remote_address()}"


def no_manager_typed() -> bool:
    """Tell whether no login is tried, so that the limit on guesses does not count."""
    return not is_manager_typed()


def ask_manager(asking: Staff, why: list[str]) -> Staff:
    """Return the manager who typed their login into this form.

    Raises ManagerNeeded where nobody did, or ManagerLoginWrong.
    """
    if not is_manager_typed():
        raise ManagerNeeded(why=why)
    try:
        found = staff.log_in(
            g.session,
            request.form.get("manager_username", ""),
            request.form.get("manager_password", ""),
        )
    except WrongLogin as error:
        raise ManagerLoginWrong from error
    if not manages(found) or found.id == asking.id:
        raise ManagerLoginWrong
    return found


def note_consent(manager: Staff, asking: Staff, subject: str, what: str, now: datetime) -> None:
    """Write down that a manager let a clerk do something."""
    note(
        g.session,
        what,
        subject,
        now=now,
        staff_id=manager.id,
        store_id=asking.store_id,
        after={"asked_by": asking.id},
    )
