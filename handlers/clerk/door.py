"""The counter's door: who may come in, how often one may try, and in which language we speak.

Two cookies say who works where: the device's, which lives long, and the session's, which names the
person, the version of their access, and their shift. One statement reads all of it. A session
nobody used for the shop's lock time is locked: the PIN opens it again, in the open page.
"""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, cast

from flask import Blueprint, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue, RouteCallable
from flask_limiter.util import get_remote_address
from flask_login import UserMixin, current_user

from bot.texts import DEFAULT_LANGUAGE, LANGUAGES, Texts, texts_for
from handlers.clerk import second_person
from handlers.device_cookie import device_secret as device_secret
from handlers.login import COUNTER, csrf, know, sign_in
from models.audit import work_at
from models.base import BusinessError
from models.device import Device, find_device, note_seen
from models.shift import AtWork, Shift, find_at_work, start_shift
from models.shop import Shop, Store
from models.staff import Staff, find_staff_in_session

LOGINS_PER_ADDRESS = "10 per minute"
LOGINS_PER_NAME = "10 per minute"
LOOKUPS_PER_STAFF = "30 per minute"
OPEN_ENDPOINTS = {"clerk.show_login", "clerk.log_in", "clerk.sign_in", "clerk.use_code"}
"""What strangers may ask for."""
ENROLLING = {"clerk.show_enrol", "clerk.enrol", "clerk.log_out"}
"""What a manager may ask for on a device that is not enrolled."""
LOCKED_ENDPOINTS = {"clerk.lock", "clerk.log_out"}
"""What a locked session may ask for."""
CHOOSING_PIN = {"clerk.show_my_pin", "clerk.change_my_pin", *LOCKED_ENDPOINTS}
"""What who has only a temporary PIN may ask for."""
LANGUAGE_KEY = "language"
SEEN_KEY = "seen_at"
LOCKED_KEY = "is_locked"
COOKIE_PARTS = 3


class NotForCounter(BusinessError):
    """The person is known, but their role does not belong at the counter."""

    code = "not_for_counter"


class LoginOver(Exception):
    """The request needs a login and has none, or one that was ended."""


class SessionLocked(Exception):
    """Nobody used the session for a while, or somebody locked it: it wants the PIN."""


class PinToChoose(BusinessError):
    """The person came in with a temporary PIN and has to choose their own before anything else."""

    code = "pin_to_choose"


class PinAsked(BusinessError):
    """The password is right, but at a counter a clerk signs in with their PIN."""

    code = "pin_asked"


class SignedIn(UserMixin):  # type: ignore[misc]  # Its base has no types.
    """A member of staff as Flask-Login knows them; without a shift they may only enrol a device."""

    def __init__(self, staff: Staff, shift: Shift | None, at_work: AtWork | None = None) -> None:
        self.staff = staff
        self.shift = shift
        self.at_work = at_work

    def get_id(self) -> str:
        """Return what the cookie keeps: `<id>.<session version>.<shift>`, 0 for none."""
        shift_id = self.shift.id if self.shift is not None else 0
        return f"{self.staff.id}.{self.staff.session_version}.{shift_id}"


class Door(Blueprint):
    """A blueprint whose every route first checks language, login, role and CSRF token.

    The check wraps the view rather than running before the request, because it reads the database
    and so must come after whoever opens the transaction, in whatever order both were set up.
    """

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Add a route behind the door."""
        assert view_func is not None, "every route of the counter has a view"
        guarded = _guarded(cast(Callable[..., ResponseReturnValue], view_func))
        super().add_url_rule(rule, endpoint, guarded, provide_automatic_options, **options)


def current_staff() -> Staff:
    """Return who is working this counter; only behind the door."""
    return cast(Staff, current_user.staff)


def current_work() -> AtWork:
    """Return who works where, and since when; only behind the door."""
    return cast(AtWork, current_user.at_work)


def current_store() -> Store:
    """Return the store of this device's shift; only behind the door."""
    return current_work().store


def current_device() -> Device:
    """Return the device this is asked from; only behind the door."""
    return current_work().device


def current_shop() -> Shop:
    """Return the shop, which came with the login; only behind the door."""
    return current_work().shop


def work_or_none() -> AtWork | None:
    """Return who works here, if anybody does and their session is not locked."""
    if not current_user.is_authenticated or current_user.at_work is None or is_locked():
        return None
    return current_work()


def this_device() -> Device | None:
    """Return the device this is asked from, where it is enrolled; reads it once a request."""
    if "device" not in g:
        secret = device_secret()
        g.device = find_device(g.session, secret) if secret and "session" in g else None
        if g.device is not None:
            work_at(g.session, g.device.store_id, g.device.label)
    return cast(Device | None, g.device)


def locked_staff() -> Staff | None:
    """Return whose session waits for the PIN on this device, if one does."""
    is_theirs = current_user.is_authenticated and current_user.at_work is not None
    return current_staff() if is_theirs and is_locked() else None


def is_locked() -> bool:
    """Tell whether the session rested too long, or was locked; somebody is signed in."""
    rest_seconds = current_shop().lock_minutes * 60
    is_at_rest = g.now.timestamp() - session.get(SEEN_KEY, 0) > rest_seconds
    return LOCKED_KEY in session or is_at_rest


def let_in(staff: Staff, device: Device) -> None:
    """Begin, or go on with, a person's shift on this device."""
    g.device = device
    work_at(g.session, device.store_id, device.label)
    sign_in(COUNTER, SignedIn(staff, start_shift(g.session, staff, device, g.now)))
    session.pop(LOCKED_KEY, None)
    session[SEEN_KEY] = int(g.now.timestamp())


def let_in_to_enrol(staff: Staff) -> None:
    """Let who manages name this device."""
    sign_in(COUNTER, SignedIn(staff, None))


def clerk_texts() -> Texts:
    """Return the texts in the language chosen on this device."""
    return texts_for(session.get(LANGUAGE_KEY, DEFAULT_LANGUAGE))


def is_fragment() -> bool:
    """Tell whether our script asks, to put the answer into an open page."""
    return request.headers.get("HX-Request") == "true"


def session_staff() -> str:
    """Return whose session asks, for the limit on look-ups; without a query."""
    return f"staff:{session.get('_user_id') or get_remote_address()}"


def _load_staff(cookie: str) -> SignedIn | None:
    parts = cookie.split(".")
    if len(parts) != COOKIE_PARTS or not all(map(str.isdecimal, parts)) or "session" not in g:
        return None  # Without a transaction: a limit was reached before one was opened.
    staff_id, version, shift_id = map(int, parts)
    if not shift_id:
        staff = find_staff_in_session(g.session, staff_id, version)
        return SignedIn(staff, None) if staff else None
    found = find_at_work(g.session, shift_id, version, device_secret())
    if found is None or found.staff.id != staff_id:
        return None
    g.device = found.device
    work_at(g.session, found.store.id, found.device.label)
    return SignedIn(found.staff, found.shift, found)


know(COUNTER, _load_staff)


@cache
def _guarded(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    @wraps(view)
    def checked(**arguments: Any) -> ResponseReturnValue:
        if request.method == "GET" and request.args.get(LANGUAGE_KEY) in LANGUAGES:
            session[LANGUAGE_KEY] = request.args[LANGUAGE_KEY]
        is_open = request.endpoint in OPEN_ENDPOINTS
        elsewhere = None if is_open else _look_at_the_login()
        if elsewhere is not None:
            return elsewhere
        csrf.protect()
        if not is_open and current_user.at_work is not None:
            second_person.try_pin()
        return view(**arguments)

    return checked


def _look_at_the_login() -> ResponseReturnValue | None:
    """Check who asks; return where they are led, if not to what they asked for.

    Raises LoginOver, NotForCounter, SessionLocked or PinToChoose.
    """
    is_page = request.method == "GET" and not is_fragment()
    if not current_user.is_authenticated:
        return _lead(is_page, "clerk.show_login", LoginOver())
    if not current_staff().may_work_counter:
        raise NotForCounter
    if current_user.at_work is None:
        is_enrolling = request.endpoint in ENROLLING
        return None if is_enrolling else _lead(is_page, "clerk.show_enrol", LoginOver())
    if is_locked():
        is_allowed = request.endpoint in LOCKED_ENDPOINTS
        return None if is_allowed else _lead(is_page, "clerk.show_login", SessionLocked())
    session[SEEN_KEY] = int(g.now.timestamp())
    note_seen(g.session, current_device(), g.now)
    if current_staff().pin_is_temporary and request.endpoint not in CHOOSING_PIN:
        return _lead(is_page, "clerk.show_my_pin", PinToChoose())
    return None


def _lead(is_page: bool, endpoint: str, refusal: Exception) -> ResponseReturnValue:
    """Lead who opens a page elsewhere; to a form, which has a page open, raise the refusal."""
    if not is_page:
        raise refusal
    return redirect(url_for(endpoint))
