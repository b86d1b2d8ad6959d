"""People: for who manages, everybody's PIN, role and access; for everybody, their own PIN."""

from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue

from handlers import keep_refusal
from handlers.clerk import door, pending, views
from handlers.notice import Notice
from models.base import BusinessError
from models.pin import (
    LONGEST_PIN,
    SHORTEST_PIN,
    PinLocked,
    PinsDiffer,
    WrongPin,
    change_pin,
    choose_first_pin,
    reset_pin,
    unlock_pin,
)
from models.staff import LONGEST_NAME, OWNER, add_clerk, change_access, change_role, list_staff

YES = "yes"
ROLES_TO_GIVE = ("clerk", "manager")
LONGEST_TYPED = 80

log = structlog.get_logger()


class RoleMissing(BusinessError):
    """The role asked for is none that is given at a counter."""

    code = "role_missing"


def show_people() -> ResponseReturnValue:
    """Show everybody who has a login, and what may be done about each."""
    pending.get_manager()
    return _show()


def take_in() -> ResponseReturnValue:
    """Let a new clerk work here, and show the PIN for their first sign-in, this once."""
    manager = pending.get_manager()
    name = request.form.get("name", "")[:LONGEST_TYPED]
    clerk = add_clerk(g.session, name, door.current_store(), by=manager, now=g.now)
    pin = reset_pin(g.session, clerk.id, by=manager, now=g.now)
    log.info("clerk_added", staff_id=clerk.id, by=manager.id)
    return _show(done="renewed", about=clerk.id, pin=pin)


def renew_pin(staff_id: int) -> ResponseReturnValue:
    """Give a person a PIN to change at their next sign-in; it is shown this once."""
    manager = pending.get_manager()
    pin = reset_pin(g.session, staff_id, by=manager, now=g.now)
    log.info("pin_reset", staff_id=staff_id, by=manager.id)
    return _show(done="renewed", about=staff_id, pin=pin)


def unlock(staff_id: int) -> ResponseReturnValue:
    """Let a person try their PIN again."""
    manager = pending.get_manager()
    unlock_pin(g.session, staff_id, by=manager, now=g.now)
    log.info("pin_unlocked", staff_id=staff_id, by=manager.id)
    return _show(done="unlocked", about=staff_id)


def give_role(staff_id: int) -> ResponseReturnValue:
    """Make a clerk a manager, or a manager a clerk; only the owner may."""
    manager, role = pending.get_manager(), request.form.get("role", "")
    if role not in ROLES_TO_GIVE:
        raise RoleMissing
    change_role(g.session, staff_id, role, by=manager, now=g.now)
    log.info("role_changed", staff_id=staff_id, role=role, by=manager.id)
    return _show(done="role", about=staff_id)


def give_access(staff_id: int) -> ResponseReturnValue:
    """Let a person out at once, with all their sessions, or in again."""
    manager, is_active = pending.get_manager(), request.form.get("answer") == YES
    change_access(g.session, staff_id, is_active=is_active, by=manager, now=g.now)
    log.info("access_changed", staff_id=staff_id, is_active=is_active, by=manager.id)
    return _show(done="in" if is_active else "out", about=staff_id)


def show_my_pin() -> ResponseReturnValue:
    """Ask for another PIN of one's own."""
    return _show_mine()


def change_my_pin() -> ResponseReturnValue:
    """Take the new PIN, if who types knows the old one, or their password where they have none."""
    staff, typed = door.current_staff(), request.form
    new = typed.get("new", "")[:LONGEST_TYPED]
    if new != typed.get("again", "")[:LONGEST_TYPED]:
        raise PinsDiffer
    old = typed.get("old", "")
    try:
        if staff.pin_hash is None:
            choose_first_pin(g.session, staff, old, new, g.now)
        else:
            change_pin(g.session, staff, old[:LONGEST_TYPED], new, g.now)
    except (WrongPin, PinLocked):
        keep_refusal()
        raise
    log.info("pin_changed", staff_id=staff.id)
    return _show_mine(is_done=True)


def add_routes(blueprint: door.Door) -> None:
    """Add the addresses of people and their PINs."""
    blueprint.get("/people")(show_people)
    blueprint.post("/people")(take_in)
    deeds = {"pin": renew_pin, "unlock": unlock, "role": give_role, "access": give_access}
    for name, deed in deeds.items():
        path = f"/people/<int:staff_id>/{name}"
        blueprint.post(path)(deed)
        blueprint.get(path)(views.back_to_scan)
    blueprint.get("/my-pin")(show_my_pin)
    blueprint.post("/my-pin")(change_my_pin)


def _show(status: int = 200, **context: Any) -> ResponseReturnValue:
    asking = door.current_staff()
    fresh = {
        "people": [(one, asking.may_manage(one)) for one in list_staff(g.session)],
        "may_give_roles": asking.role == OWNER,
        "roles": ROLES_TO_GIVE,
        "longest": LONGEST_NAME,
        "now": g.now,
        "about": None,
        "pin": None,
        "done": None,
    }
    return views.show("people", status, **(fresh | context))


def _show_mine(status: int = 200, **context: Any) -> ResponseReturnValue:
    staff = door.current_staff()
    fresh = {
        "has_pin": staff.pin_hash is not None,
        "is_temporary": staff.pin_is_temporary,
        "shortest": SHORTEST_PIN,
        "longest": LONGEST_PIN,
        "is_done": False,
    }
    return views.show("my_pin", status, **(fresh | context))


@views.shows_again(
    "clerk.take_in", "clerk.renew_pin", "clerk.unlock", "clerk.give_role", "clerk.give_access"
)
def _show_again(notice: Notice, status: int) -> ResponseReturnValue:
    pending.get_manager()
    return _show(status, notice=notice)


@views.shows_again("clerk.change_my_pin")
def _show_mine_again(notice: Notice, status: int) -> ResponseReturnValue:
    return _show_mine(status, notice=notice)
