"""Coming in and going out: password, second factor, setting one up, and what a browser prefers."""

from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import g, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from handlers import keep_refusal, settings
from handlers.console import form, views
from handlers.console.door import (
    IDLE_SECONDS,
    OPEN,
    SEEN_KEY,
    SELF,
    ConsoleDoor,
    NotForConsole,
    Officer,
    console_texts,
    current_staff,
    must_set_up_totp,
    staff_or_none,
)
from handlers.limiting import limiter
from handlers.login import OFFICE, sign_in, sign_out, typed_username
from handlers.notice import Notice
from handlers.pictures import qr_picture
from models import staff as people
from models.base import in_language
from models.shop import get_shop
from models.staff import Staff
from models.totp import (
    TotpLocked,
    WrongTotp,
    begin_totp,
    check_totp,
    confirm_totp,
    totp_secret,
    totp_uri,
)

LOGINS_PER_ADDRESS = "10 per minute"
LOGINS_PER_NAME = "10 per minute"
CODES_PER_ADDRESS = "20 per minute"
WAITING_KEY = "office_waiting"
"""Whose password was right, until the second factor is."""
WAITING_SECONDS = 300
THEME_SECONDS = 31_536_000
LONGEST_TYPED = 200

log = structlog.get_logger()


def show_login() -> ResponseReturnValue:
    """Ask who is there; who is signed in goes on to the console."""
    staff = staff_or_none()
    is_here = staff is not None and staff.may_work_office
    if is_here and g.now.timestamp() - session.get(SEEN_KEY, 0) <= IDLE_SECONDS:
        return redirect(_next())
    return views.show("login/password", next=_next(), username="")


@limiter.limit(LOGINS_PER_ADDRESS)
@limiter.limit(LOGINS_PER_NAME, key_func=typed_username)
def log_in() -> ResponseReturnValue:
    """Let a person in by name and password, or ask for their second factor."""
    typed = request.form.get("username", "")[:LONGEST_TYPED]
    found = people.log_in(g.session, typed, request.form.get("password", ""))
    if not found.may_work_office:
        raise NotForConsole
    if found.totp_at is None:
        return _let_in(found)
    session[WAITING_KEY] = [found.id, found.session_version, int(g.now.timestamp())]
    return redirect(url_for("console.login_show_code", next=_next()), views.SEE_OTHER)


def is_door() -> bool:
    """Tell whether the request is one of coming in."""
    return (request.endpoint or "").startswith("console.login_")


def show_door_again(notice: Notice, status: int, *, back: str | None = None) -> ResponseReturnValue:
    """Show the page of coming in that the asker stands at, with what was wrong.

    `back` is the page at whose form the login ended: there it leads, and there our script puts
    back what was typed.
    """
    staff = staff_or_none()
    if request.endpoint == "console.login_set_totp" and staff is not None and _is_begun(staff):
        return _show_totp(status, notice=notice)
    if request.endpoint == "console.login_give_code":
        return views.show("login/code", status, next=_next(), notice=notice)
    typed = request.form.get("username", "")[:LONGEST_TYPED]
    on = back or _next()
    return views.show(
        "login/password",
        status,
        next=on,
        username=typed,
        notice=notice,
        is_interrupted=back is not None,
    )


def show_code() -> ResponseReturnValue:
    """Ask for the six digits on the person's phone."""
    if _waiting() is None:
        return redirect(url_for("console.login_show_login", next=_next()))
    return views.show("login/code", next=_next())


@limiter.limit(CODES_PER_ADDRESS)
def give_code() -> ResponseReturnValue:
    """Let a person in whose password was right, by the code of their phone or of their paper."""
    waiting = _waiting()
    if waiting is None:
        return redirect(url_for("console.login_show_login", next=_next()))
    secret, typed = settings().secret_key, request.form.get("code", "")[:LONGEST_TYPED]
    try:
        check_totp(g.session, waiting.id, secret, typed, g.now)
    except (WrongTotp, TotpLocked):
        keep_refusal()
        raise
    return _let_in(waiting)


def show_totp() -> ResponseReturnValue:
    """Show the QR code that sets up one's second factor; it is in force once confirmed."""
    staff = current_staff()
    if staff.totp_at is not None:
        return redirect(_next())
    if staff.totp_seed is None:
        begin_totp(staff)
    return _show_totp()


def _show_totp(status: int = 200, **context: Any) -> ResponseReturnValue:
    staff, secret = current_staff(), settings().secret_key
    shop = in_language(get_shop(g.session).name, console_texts().language)
    return views.show(
        "login/totp",
        status,
        picture=qr_picture(totp_uri(staff, secret, shop)),
        secret=totp_secret(staff, secret),
        is_required=must_set_up_totp(staff),
        **context,
    )


@limiter.limit(CODES_PER_ADDRESS)
def set_totp() -> ResponseReturnValue:
    """Put the second factor in force, and show the codes for paper, this once."""
    if current_staff().totp_at is not None:
        return redirect(_next(), views.SEE_OTHER)  # In force: its secret is shown to nobody again.
    typed = "".join(request.form.get("code", "")[:LONGEST_TYPED].split())
    try:
        codes = confirm_totp(g.session, current_staff(), settings().secret_key, typed, g.now)
    except (WrongTotp, TotpLocked):
        keep_refusal()
        raise
    log.info("totp_set", staff_id=current_staff().id)
    return views.show("login/paper_codes", codes=codes)


def log_out() -> ResponseReturnValue:
    """End this browser's session in the console."""
    sign_out(OFFICE)
    session.pop(SEEN_KEY, None)
    return redirect(url_for("console.login_show_login"), views.SEE_OTHER)


def choose_theme() -> ResponseReturnValue:
    """Keep whether this browser shows the console light, dark, or as its system does."""
    chosen = form.needed_choice("theme", views.THEMES)
    answer = make_response(redirect(_next(), views.SEE_OTHER))
    answer.set_cookie(
        views.THEME_COOKIE, chosen, max_age=THEME_SECONDS, path="/console", samesite="Lax"
    )
    return answer


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the ways in and out."""
    blueprint.get("/login", right=OPEN)(show_login)
    blueprint.post("/login", right=OPEN)(log_in)
    blueprint.get("/login/code", right=OPEN)(show_code)
    blueprint.post("/login/code", right=OPEN)(give_code)
    blueprint.get("/login/totp", right=SELF)(show_totp)
    blueprint.post("/login/totp", right=SELF)(set_totp)
    blueprint.post("/logout", right=SELF)(log_out)
    blueprint.post("/theme", right=OPEN)(choose_theme)


def _let_in(staff: Staff) -> ResponseReturnValue:
    session.pop(WAITING_KEY, None)
    sign_in(OFFICE, Officer(staff))
    session[SEEN_KEY] = int(g.now.timestamp())
    people.note_staff(g.session, "staff.office_login", staff, staff, g.now)
    log.info("officer_logged_in", staff_id=staff.id)
    return redirect(_next(), views.SEE_OTHER)


def _is_begun(staff: Staff) -> bool:
    """Tell whether a person is setting their second factor up, and has not confirmed it."""
    return staff.totp_seed is not None and staff.totp_at is None


def _waiting() -> Staff | None:
    kept = session.get(WAITING_KEY)
    if kept is None or g.now.timestamp() - kept[2] > WAITING_SECONDS:
        return None
    return people.find_staff_in_session(g.session, kept[0], kept[1])


def _next() -> str:
    """Return where to go on: a page of the console, never anywhere else."""
    home = url_for("console.today_show_today")
    asked = request.values.get("next", "")
    parts = urlsplit(asked)
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith("/console")
    return asked if is_ours and "\\" not in asked else home
