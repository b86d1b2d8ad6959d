"""Logging in and out at the counter, on a page of its own or in place when a login has ended."""

import structlog
from flask import g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user

from handlers.clerk import door, views
from models import staff

log = structlog.get_logger()


def show_login() -> ResponseReturnValue:
    """Ask for name and password; whoever is logged in goes to the counter."""
    if current_user.is_authenticated and door.current_staff().may_work_counter:
        return redirect(url_for("clerk.scan"))
    return render_template("clerk/login.html", username="", **views.words())


@door.limiter.limit(door.LOGINS_PER_ADDRESS)
@door.limiter.limit(door.LOGINS_PER_NAME, key_func=door.typed_username)
def log_in() -> ResponseReturnValue:
    """Let a person in whose role belongs at the counter."""
    found = staff.log_in(
        g.session, request.form.get("username", ""), request.form.get("password", "")
    )
    if not found.may_work_counter:
        raise door.NotForCounter
    login_user(door.SignedIn(found))
    session.permanent = True
    log.info("staff_logged_in", staff_id=found.id, store_id=found.store_id)
    return views.logged_in_again() if door.is_fragment() else redirect(url_for("clerk.scan"))


def log_out() -> ResponseReturnValue:
    """End this device's login; its language stays."""
    logout_user()
    return redirect(url_for("clerk.show_login"))


def add_routes(blueprint: door.Door) -> None:
    """Add the ways in and out."""
    blueprint.get("/login")(show_login)
    blueprint.post("/login")(log_in)
    blueprint.post("/logout")(log_out)
