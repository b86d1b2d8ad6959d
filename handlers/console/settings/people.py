"""People: who may log in, as what, with which second factor; invitations by link."""

from typing import Any

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers import settings
from handlers.console import form, views
from handlers.console.door import OPEN, ConsoleDoor, console_texts, current_staff
from handlers.limiting import limiter
from models.invitation import (
    GIVEN_ROLES,
    InvitationOver,
    add_officer,
    find_invited,
    invite,
    list_invited,
    use_invitation,
)
from models.pin import PinsDiffer, reset_pin
from models.shop import list_stores
from models.staff import (
    LONGEST_NAME,
    LONGEST_PASSWORD,
    OFFICE_ROLES,
    ROLES,
    SHORTEST_PASSWORD,
    Staff,
    change_access,
    change_role,
    list_staff,
)
from models.totp import is_totp_required, reset_totp

LONGEST_LOGIN = 30
USES_PER_ADDRESS = "10 per minute"
DEEDS = ("invite", "pin", "totp", "out", "in")

log = structlog.get_logger()


def show_people() -> ResponseReturnValue:
    """Show everybody with a login, and what may be done about each."""
    return _show()


def add() -> ResponseReturnValue:
    """Give a person a login, and show the link by which they choose their password, this once."""
    stores = {store.code: store for store in list_stores(g.session)}
    store = stores[form.needed_choice("store", stores)]
    staff, token = add_officer(
        g.session,
        username=form.needed("username", LONGEST_LOGIN),
        name=form.needed("name", LONGEST_NAME),
        role=form.needed_choice("role", GIVEN_ROLES),
        store=store,
        by=current_staff(),
        now=g.now,
    )
    log.info("staff_added", staff_id=staff.id, role=staff.role, by=current_staff().id)
    return _show_link(staff, token)


def give_role(staff_id: int) -> ResponseReturnValue:
    """Give a person another role; their sessions end."""
    role = form.needed_choice("role", GIVEN_ROLES)
    staff = change_role(g.session, staff_id, role, by=current_staff(), now=g.now)
    log.info("role_changed", staff_id=staff_id, role=role, by=current_staff().id)
    t = console_texts()
    told = t("{name} 現在是{role}", name=staff.name, role=views.ROLE_NAMES[role](t))
    return views.go(url_for("console.settings_people_show_people"), told)


def do(staff_id: int, deed: str) -> ResponseReturnValue:
    """Do one thing about a person: a new link or PIN is shown this once."""
    by, t = current_staff(), console_texts()
    log.info("staff_deed", staff_id=staff_id, deed=deed, by=by.id)
    if deed == "invite":
        return _show_link(*invite(g.session, staff_id, by=by, now=g.now))
    if deed == "pin":
        return _show(pin=reset_pin(g.session, staff_id, by=by, now=g.now), about=staff_id)
    if deed == "totp":
        reset_totp(g.session, staff_id, by=by, now=g.now)
        told = t("已重設兩步驟驗證，下次登入時會請他重新設定")
    else:
        change_access(g.session, staff_id, is_active=deed == "in", by=by, now=g.now)
        told = t("已恢復登入") if deed == "in" else t("已停止登入，所有裝置都已登出")
    return views.go(url_for("console.settings_people_show_people"), told)


@limiter.limit(USES_PER_ADDRESS)
def show_invitation(token: str) -> ResponseReturnValue:
    """Ask an invited person for the password they want."""
    return _show_invitation(token)


@limiter.limit(USES_PER_ADDRESS)
def take_password(token: str) -> ResponseReturnValue:
    """Take the password an invited person chose, and lead them to the login."""
    t = console_texts()
    chosen = request.form.get("password", "")
    if chosen != request.form.get("again", ""):
        raise PinsDiffer
    staff = use_invitation(g.session, token, chosen, g.now)
    log.info("invitation_used", staff_id=staff.id)
    is_officer = staff.role in OFFICE_ROLES
    told = t("密碼已設定，請登入")
    where = "console.login_show_login" if is_officer else "clerk.show_login"
    return views.go(url_for(where), told if is_officer else None)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of people, and that of invitations, which strangers may open."""
    blueprint.get("/settings/people", right="settings.see")(show_people)
    blueprint.post("/settings/people", right="staff.change")(add)
    blueprint.post("/settings/people/<int:staff_id>/role", right="staff.change")(give_role)
    deeds = ", ".join(DEEDS)
    path = f"/settings/people/<int:staff_id>/<any({deeds}):deed>"
    blueprint.post(path, right="staff.change")(do)
    blueprint.get("/invitation/<token>", right=OPEN)(show_invitation)
    blueprint.post("/invitation/<token>", right=OPEN)(take_password)


def _show(**context: Any) -> ResponseReturnValue:
    asking = current_staff()
    fresh: dict[str, Any] = {
        "people": [(one, asking.may_manage(one)) for one in list_staff(g.session)],
        "invited": list_invited(g.session, g.now),
        "roles": [(role, views.ROLE_NAMES[role]) for role in GIVEN_ROLES],
        "role_names": {role: views.ROLE_NAMES[role] for role in ROLES},
        "stores": list_stores(g.session),
        "longest": LONGEST_NAME,
        "longest_login": LONGEST_LOGIN,
        "needs_totp": is_totp_required,
        "link": None,
        "pin": None,
        "about": None,
    }
    return views.show("settings/people", **(fresh | context))


def _show_link(staff: Staff, token: str) -> ResponseReturnValue:
    path = url_for("console.settings_people_show_invitation", token=token)
    return _show(link=settings().public_base_url + path, about=staff.id)


def _show_invitation(token: str, status: int = 200) -> ResponseReturnValue:
    staff = find_invited(g.session, token, g.now)
    if staff is None:
        raise InvitationOver
    return views.show(
        "settings/invitation",
        status,
        invited=staff,
        token=token,
        shortest=SHORTEST_PASSWORD,
        longest=LONGEST_PASSWORD,
    )
