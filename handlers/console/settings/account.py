"""My account: one's own password, second factor, codes on paper and sessions."""

from typing import Any

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import views
from handlers.console.door import SELF, ConsoleDoor, Officer, console_texts, current_staff
from handlers.limiting import limiter
from handlers.login import OFFICE, sign_in
from models.base import BusinessError
from models.pin import PinsDiffer
from models.staff import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    WrongLogin,
    change_password,
    check_password,
    end_sessions,
)
from models.totp import count_paper_codes, is_totp_required, renew_paper_codes

TRIES = "10 per minute"

log = structlog.get_logger()


class WrongPassword(BusinessError):
    """Who is signed in typed another password than their own."""

    code = "wrong_password"


def whose_account() -> str:
    """Return whose password is tried, for the limit on guesses."""
    return f"account:{request.remote_addr}"


def show_account() -> ResponseReturnValue:
    """Show one's own login."""
    return _show()


@limiter.limit(TRIES, key_func=whose_account)
def change_own_password() -> ResponseReturnValue:
    """Take another password from who knows the old one; all other sessions end."""
    t = console_texts()
    typed, staff = request.form, current_staff()
    if typed.get("new", "") != typed.get("again", ""):
        raise PinsDiffer
    try:
        change_password(g.session, staff, typed.get("old", ""), typed.get("new", ""), g.now)
    except WrongLogin as error:
        raise WrongPassword from error
    _stay()
    log.info("password_changed", staff_id=staff.id)
    return _back(t("密碼已更換，其他裝置都已登出"))


@limiter.limit(TRIES, key_func=whose_account)
def renew_codes() -> ResponseReturnValue:
    """Draw new codes for paper for who knows the password, and show them this once."""
    staff = current_staff()
    try:
        check_password(staff, request.form.get("old", ""))
    except WrongLogin as error:
        raise WrongPassword from error
    codes = renew_paper_codes(g.session, staff) if staff.totp_at is not None else []
    log.info("paper_codes_renewed", staff_id=staff.id)
    return _show(codes=codes)


def end_others() -> ResponseReturnValue:
    """End one's sessions on all other devices."""
    t = console_texts()
    end_sessions(g.session, current_staff(), g.now)
    _stay()
    log.info("sessions_ended", staff_id=current_staff().id)
    return _back(t("其他裝置都已登出"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of one's own account."""
    blueprint.get("/account", right=SELF)(show_account)
    blueprint.post("/account/password", right=SELF)(change_own_password)
    blueprint.post("/account/codes", right=SELF)(renew_codes)
    blueprint.post("/account/sessions", right=SELF)(end_others)


def _show(**context: Any) -> ResponseReturnValue:
    staff = current_staff()
    return views.show(
        "settings/account",
        shortest=SHORTEST_PASSWORD,
        longest=LONGEST_PASSWORD,
        has_totp=staff.totp_at is not None,
        is_totp_required=is_totp_required(staff),
        codes_left=count_paper_codes(g.session, staff),
        **({"codes": None} | context),
    )


def _stay() -> None:
    """Keep this browser signed in where all sessions of the person were just ended."""
    g.session.flush()
    sign_in(OFFICE, Officer(current_staff()))


def _back(told: str) -> ResponseReturnValue:
    return views.go(url_for("console.settings_account_show_account"), told)
