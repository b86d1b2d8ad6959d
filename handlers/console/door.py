"""The console's door: who may come in, to which room, in which language.

A person logs in with name and password, and with their second factor where they have one; owners
and marketers of a real shop must have one. Every route names the right it asks for. A session
nobody used for an hour is over.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from flask import Blueprint, g, redirect, request, session, url_for
from flask.sansio.scaffold import T_route
from flask.typing import ResponseReturnValue
from flask_limiter.util import get_remote_address
from flask_login import UserMixin, current_user

from bot.texts import DEFAULT_LANGUAGE, LANGUAGES, Texts, texts_for
from handlers import settings
from handlers.console import form
from handlers.console.rights import RIGHTS, has_right
from handlers.login import OFFICE, csrf, know
from models.audit import work_at
from models.base import BusinessError
from models.staff import Staff, find_staff_in_session
from models.totp import is_totp_required

IDLE_SECONDS = 3600
LANGUAGE_KEY = "language"
SEEN_KEY = "office_seen_at"
COOKIE_PARTS = 2
OPEN = "open"
"""The right of what strangers may ask for: to log in."""
SELF = "self"
"""The right of what everybody who is signed in may do with their own login."""
WHERE = "console {address}"
"""What the audit says of where a person worked."""


class NotForConsole(BusinessError):
    """The person is known, but their role does not belong in the console."""

    code = "not_for_console"


class NotAllowed(BusinessError):
    """The person's role may not do this; `right` names what it lacks."""

    code = "not_allowed"


class LoginOver(Exception):
    """The request needs a login and has none, or one that was ended."""


class Officer(UserMixin):  # type: ignore[misc]  # Its base has no types.
    """A member of staff in the console, as Flask-Login knows them."""

    def __init__(self, staff: Staff) -> None:
        self.staff = staff

    def get_id(self) -> str:
        """Return what the session keeps: `<id>.<session version>`."""
        return f"{self.staff.id}.{self.staff.session_version}"


class ConsoleDoor(Blueprint):
    """A blueprint whose every route names the right it asks for, and is checked for it."""

    def get(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Add an address that shows something; `right` names what it asks for."""
        return self._behind(rule, "GET", options)

    def post(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Add an address that does something; `right` names what it asks for."""
        return self._behind(rule, "POST", options)

    def _behind(
        self, rule: str, method: str, options: dict[str, Any]
    ) -> Callable[[T_route], T_route]:
        right = options.pop("right", None)
        assert right in RIGHTS or right in (OPEN, SELF), f"{rule} asks for no right we know"

        def add(view: T_route) -> T_route:
            guarded = _guarded(cast(Callable[..., ResponseReturnValue], view), right)
            endpoint = options.pop("endpoint", None) or _endpoint(view)
            self.add_url_rule(rule, endpoint, guarded, methods=[method], **options)
            ASKED[f"{self.name}.{endpoint}"] = right
            return view

        return add


ASKED: dict[str, str] = {}
"""The right that each endpoint asks for."""


def current_staff() -> Staff:
    """Return who works in the console; only behind the door."""
    return cast(Staff, current_user.staff)


def staff_or_none() -> Staff | None:
    """Return who is signed in, if anybody is."""
    return current_staff() if "session" in g and current_user.is_authenticated else None


def may(right: str) -> bool:
    """Tell whether who works here has a right."""
    staff = staff_or_none()
    return staff is not None and has_right(staff.role, right)


def may_open(endpoint: str) -> bool:
    """Tell whether who works here may go to an endpoint of the console."""
    right = ASKED[endpoint]
    return right in (OPEN, SELF) or may(right)


def console_texts() -> Texts:
    """Return the texts in the language chosen in this browser."""
    return texts_for(session.get(LANGUAGE_KEY, DEFAULT_LANGUAGE))


def is_fragment() -> bool:
    """Tell whether our script asks, to put the answer into an open page."""
    return request.headers.get("HX-Request") == "true"


def must_set_up_totp(staff: Staff) -> bool:
    """Tell whether a person has to set up their second factor before anything else.

    The demo shop lets everybody look around without a phone.
    """
    return is_totp_required(staff) and staff.totp_at is None and not settings().demo


def _endpoint(view: Callable[..., object]) -> str:
    """Name a route after its module and function, so that two rooms may both `show_list`."""
    room = view.__module__.removeprefix("handlers.console").strip(".").replace(".", "_")
    return f"{room}_{view.__name__}" if room else view.__name__


def _load_officer(cookie: str) -> Officer | None:
    parts = cookie.split(".")
    if len(parts) != COOKIE_PARTS or not all(map(str.isdecimal, parts)) or "session" not in g:
        return None
    staff = find_staff_in_session(g.session, int(parts[0]), int(parts[1]))
    if staff is None:
        return None
    work_at(g.session, None, WHERE.format(address=get_remote_address()))
    return Officer(staff)


know(OFFICE, _load_officer)


def _guarded(
    view: Callable[..., ResponseReturnValue], right: str
) -> Callable[..., ResponseReturnValue]:
    @wraps(view)
    def checked(**arguments: Any) -> ResponseReturnValue:
        if request.method == "GET" and request.args.get(LANGUAGE_KEY) in LANGUAGES:
            session[LANGUAGE_KEY] = request.args[LANGUAGE_KEY]
        elsewhere = None if right == OPEN else _look_at_the_login(right)
        if elsewhere is not None:
            return elsewhere
        csrf.protect()
        form.refuse_unreadable()
        if request.method == "POST":
            form.wait_for_twin()
        return view(**arguments)

    return checked


def _look_at_the_login(right: str) -> ResponseReturnValue | None:
    """Check who asks; return where they are led, if not to what they asked for.

    Raises LoginOver, NotForConsole or NotAllowed.
    """
    if not current_user.is_authenticated or _is_over():
        return _lead("console.login_show_login", next=_way_back())
    staff = current_staff()
    if not staff.may_work_office:
        raise NotForConsole
    session[SEEN_KEY] = int(g.now.timestamp())
    if right == SELF:
        return None
    if must_set_up_totp(staff):
        return _lead("console.login_show_totp")
    if not has_right(staff.role, right):
        raise NotAllowed(right=right, role=staff.role)
    return None


def _is_over() -> bool:
    return bool(g.now.timestamp() - session.get(SEEN_KEY, 0) > IDLE_SECONDS)


def _way_back() -> str | None:
    """Return what was asked for, to come back to after the login."""
    return request.full_path.rstrip("?") if request.method == "GET" else None


def _lead(endpoint: str, **where: Any) -> ResponseReturnValue:
    """Lead who opens a page elsewhere; to a form or a part of an open page, say that it is over."""
    if request.method != "GET" or is_fragment():
        raise LoginOver
    return redirect(url_for(endpoint, **where))
