"""Devices: letting one in at its own counter, letting others in by code, and shutting one out."""

from typing import Any

import structlog
from flask import g, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from handlers.clerk import door, pending, views
from handlers.device_cookie import keep_device
from handlers.limiting import limiter
from handlers.notice import Notice
from models.base import BusinessError
from models.device import (
    CODE_LIFE,
    LONGEST_NAME,
    enrol_device,
    enrol_with_code,
    list_devices,
    make_enrolment_code,
    revoke_device,
)
from models.shift import end_shifts_on
from models.shop import Store, find_store, list_stores
from models.staff import NotTheirsToManage

LONGEST_TYPED = 80

log = structlog.get_logger()


class StoreMissing(BusinessError):
    """No store was chosen, or one we do not have."""

    code = "store_missing"


def show_enrol() -> ResponseReturnValue:
    """Ask who manages for this device's name and store."""
    if door.work_or_none() is not None:
        return redirect(url_for("clerk.show_devices"))
    return _show_enrol()


def enrol() -> ResponseReturnValue:
    """Enrol this device and begin the shift of who enrolled it."""
    staff = door.current_staff()
    if not staff.manages:
        raise NotTheirsToManage
    device, secret = enrol_device(g.session, _typed_name(), _store(), by=staff, now=g.now)
    door.let_in(staff, device)
    log.info("device_enrolled", device_id=device.id, store_id=device.store_id, by=staff.id)
    return keep_device(make_response(redirect(url_for("clerk.scan"))), secret)


@limiter.limit(door.LOGINS_PER_ADDRESS)
def use_code() -> ResponseReturnValue:
    """Enrol this device with a code made elsewhere; then people sign in with their PIN."""
    device, secret = enrol_with_code(
        g.session, request.form.get("code", "")[:LONGEST_TYPED], _typed_name(), g.now
    )
    log.info("device_enrolled", device_id=device.id, store_id=device.store_id, by="code")
    return keep_device(make_response(redirect(url_for("clerk.show_login"))), secret)


def show_devices() -> ResponseReturnValue:
    """Show all devices, when each was last at work, and the form for a code."""
    pending.get_manager()
    return _show()


def make_code() -> ResponseReturnValue:
    """Make a code for another device; it is shown this once."""
    manager = pending.get_manager()
    store = _store()
    code, typed = make_enrolment_code(g.session, store, by=manager, now=g.now)
    log.info("device_code_made", code_id=code.id, store_id=store.id, by=manager.id)
    return _show(code={"typed": typed, "store": store, "until": code.expires_at})


def revoke(device_id: int) -> ResponseReturnValue:
    """Shut a device out; what goes on there ends with its next request."""
    manager = pending.get_manager()
    device = revoke_device(g.session, device_id, by=manager, now=g.now)
    end_shifts_on(g.session, device.id, g.now)
    log.info("device_revoked", device_id=device.id, by=manager.id)
    return _show(done=device)


def add_routes(blueprint: door.Door) -> None:
    """Add the addresses of enrolment."""
    blueprint.get("/enrol")(show_enrol)
    blueprint.post("/enrol")(enrol)
    blueprint.post("/enrol/code")(use_code)
    blueprint.get("/devices")(show_devices)
    blueprint.post("/devices/codes")(make_code)
    blueprint.post("/devices/<int:device_id>/revoke")(revoke)
    for answer in ("/enrol/code", "/devices/codes", "/devices/<int:device_id>/revoke"):
        blueprint.get(answer)(views.back_to_scan)


def _typed_name() -> str:
    return request.form.get("name", "")[:LONGEST_TYPED]


def _store() -> Store:
    """Return the store that was chosen. Raises StoreMissing."""
    found = find_store(g.session, request.form.get("store", ""))
    if found is None:
        raise StoreMissing
    return found


def _show_enrol(status: int = 200, **context: Any) -> ResponseReturnValue:
    fresh = {
        "person": door.current_staff(),
        "stores": list_stores(g.session),
        "typed": request.form,
        "longest": LONGEST_NAME,
    }
    return views.show_page("enrol", status, **(fresh | context))


def _show(status: int = 200, **context: Any) -> ResponseReturnValue:
    fresh = {
        "devices": list_devices(g.session),
        "this_id": door.current_device().id,
        "stores": list_stores(g.session),
        "life_minutes": int(CODE_LIFE.total_seconds()) // 60,
        "code": None,
        "done": None,
    }
    return views.show("devices", status, **(fresh | context))


@views.shows_again("clerk.enrol")
def _show_enrol_again(notice: Notice, status: int) -> ResponseReturnValue:
    return _show_enrol(status, notice=notice)


@views.shows_again("clerk.make_code", "clerk.revoke")
def _show_again(notice: Notice, status: int) -> ResponseReturnValue:
    pending.get_manager()
    return _show(status, notice=notice)
