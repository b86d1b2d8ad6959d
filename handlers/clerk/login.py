"""Signing in and out at the counter: pick one's name, type one's PIN; in place when it was locked.

On a device that is not enrolled nobody has a name to pick: who manages logs in with a password, to
enrol it, or somebody types a code that was made for it (`enrolling.py`).
"""

from typing import Any

import structlog
from flask import g, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from handlers import keep_refusal
from handlers.clerk import door, form, views
from handlers.device_cookie import device_secret, keep_device
from handlers.limiting import limiter
from handlers.login import COUNTER, sign_out, typed_username
from models import staff
from models.pin import PinLocked, WrongPin, check_pin
from models.shift import end_shift, worked_in, worked_today

SIGNED_IN_HEADER = "X-Signed-In"

log = structlog.get_logger()


def show_login() -> ResponseReturnValue:
    """Ask who is there; who is signed in goes to the counter."""
    if door.work_or_none() is not None:
        return redirect(url_for("clerk.scan"))
    return views.show_door()


@limiter.limit(door.LOGINS_PER_ADDRESS)
@limiter.limit(door.LOGINS_PER_NAME, key_func=typed_username)
def log_in() -> ResponseReturnValue:
    """Let who manages in by password: to enrol this device, or to work at it."""
    found = staff.log_in(
        g.session, request.form.get("username", ""), request.form.get("password", "")
    )
    if not found.may_work_counter:
        raise door.NotForCounter
    if not found.manages:
        raise door.PinAsked
    device = door.this_device()
    log.info("staff_logged_in", staff_id=found.id, device_id=device.id if device else None)
    if device is None:
        door.let_in_to_enrol(found)
        return redirect(url_for("clerk.show_enrol"))
    door.let_in(found, device)
    return _let_in(found)


def sign_in() -> ResponseReturnValue:
    """Let the person in whose PIN was typed on this device."""
    device = door.this_device()
    if device is None:
        raise door.LoginOver
    try:
        found = check_pin(
            g.session,
            form.read_id(request.form.get("person", "")) or 0,
            request.form.get("pin", ""),
            g.now,
        )
    except (WrongPin, PinLocked):
        keep_refusal()
        raise
    door.let_in(found, device)
    log.info("staff_signed_in", staff_id=found.id, device_id=device.id, store_id=device.store_id)
    return _let_in(found)


def lock() -> ResponseReturnValue:
    """Lock this session until its PIN is typed; the shift goes on."""
    session[door.LOCKED_KEY] = True
    return ("", 204) if door.is_fragment() else redirect(url_for("clerk.show_login"))


def stay_awake() -> ResponseReturnValue:
    """Note that somebody works on the page, though nothing is asked of us."""
    return "", 204


def log_out() -> ResponseReturnValue:
    """End the shift and show what it brought; the device stays enrolled, its language chosen."""
    work = current_user.at_work
    if work is None:
        sign_out(COUNTER)
        return redirect(url_for("clerk.show_login"))
    told: dict[str, Any] = {
        "person": work.staff.name,
        "shift": work.shift,
        "in_shift": worked_in(g.session, work.shift, g.now),
        "in_day": worked_today(g.session, work.staff.id, g.now),
        "now": g.now,
    }
    end_shift(work.shift, "sign_out", g.now)
    sign_out(COUNTER)
    session.pop(door.SEEN_KEY, None)
    return render_template("clerk/signed_out.html", **views.words(), **told)


def add_routes(blueprint: door.Door) -> None:
    """Add the ways in and out."""
    blueprint.get("/login")(show_login)
    blueprint.post("/login")(log_in)
    blueprint.post("/pin")(sign_in)
    blueprint.post("/lock")(lock)
    blueprint.post("/awake")(stay_awake)
    blueprint.post("/logout")(log_out)
    for answer in ("/pin", "/lock", "/awake", "/logout"):
        blueprint.get(answer)(views.back_to_scan)


def _let_in(person: staff.Staff) -> ResponseReturnValue:
    answer = views.logged_in_again() if door.is_fragment() else redirect(url_for("clerk.scan"))
    response = keep_device(make_response(answer), device_secret())
    response.headers[SIGNED_IN_HEADER] = str(person.id)
    return response
