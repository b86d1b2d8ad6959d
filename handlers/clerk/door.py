"""The counter's door: who may come in, how often one may try, and in which language we speak."""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, cast

from flask import Blueprint, Flask, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue, RouteCallable
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, UserMixin, current_user
from flask_wtf import CSRFProtect

from bot.texts import DEFAULT_LANGUAGE, LANGUAGES, Texts, texts_for
from models.base import BusinessError
from models.staff import Staff, find_staff_in_session

LOGINS_PER_ADDRESS = "10 per minute"
LOGINS_PER_NAME = "10 per minute"
LOOKUPS_PER_STAFF = "30 per minute"
OPEN_ENDPOINTS = {"clerk.show_login", "clerk.log_in"}
LANGUAGE_KEY = "language"

csrf = CSRFProtect()
limiter = Limiter(key_func=get_remote_address, storage_uri="memory://")


class NotForCounter(BusinessError):
    """The person is known, but their role does not belong at the counter."""

    code = "not_for_counter"


class LoginOver(Exception):
    """The request needs a login and has none, or one that was ended."""


class SignedIn(UserMixin):  # type: ignore[misc]  # Its base has no types.
    """A member of staff as Flask-Login knows them: the cookie names their session's version too."""

    def __init__(self, staff: Staff) -> None:
        self.staff = staff

    def get_id(self) -> str:
        """Return what the cookie keeps: `<id>.<session version>`."""
        return f"{self.staff.id}.{self.staff.session_version}"


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


def init_door(app: Flask) -> None:
    """Set up logins, CSRF tokens and rate limits for the whole application."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,  # The door checks; webhooks and tills have no session.
        WTF_CSRF_TIME_LIMIT=None,  # A counter's page stays open all day; the login has its end.
    )
    csrf.init_app(app)
    limiter.init_app(app)
    manager = LoginManager()
    manager.user_loader(_load_staff)
    manager.init_app(app)


def current_staff() -> Staff:
    """Return who is working this counter; only behind the door."""
    return cast(Staff, current_user.staff)


def staff_or_none() -> Staff | None:
    """Return who is logged in, if anybody."""
    return current_staff() if current_user.is_authenticated else None


def clerk_texts() -> Texts:
    """Return the texts in the language chosen on this device."""
    return texts_for(session.get(LANGUAGE_KEY, DEFAULT_LANGUAGE))


def is_fragment() -> bool:
    """Tell whether our script asks, to put the answer into an open page."""
    return request.headers.get("HX-Request") == "true"


def typed_username() -> str:
    """Return the name somebody tries to log in with, for the limit on guesses."""
    return "username:" + request.form.get("username", "").strip().lower()


def session_staff() -> str:
    """Return whose session asks, for the limit on look-ups; without a query."""
    return f"staff:{session.get('_user_id') or get_remote_address()}"


def _load_staff(cookie: str) -> SignedIn | None:
    staff_id, _, version = cookie.partition(".")
    if not (staff_id.isdecimal() and version.isdecimal()) or "session" not in g:
        return None  # Without a transaction: a limit was reached before one was opened.
    staff = find_staff_in_session(g.session, int(staff_id), int(version))
    return SignedIn(staff) if staff else None


@cache
def _guarded(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    @wraps(view)
    def checked(**arguments: Any) -> ResponseReturnValue:
        if request.method == "GET" and request.args.get(LANGUAGE_KEY) in LANGUAGES:
            session[LANGUAGE_KEY] = request.args[LANGUAGE_KEY]
        if request.endpoint not in OPEN_ENDPOINTS:
            if not current_user.is_authenticated:
                if request.method == "GET" and not is_fragment():
                    return redirect(url_for("clerk.show_login"))
                raise LoginOver
            if not current_staff().may_work_counter:
                raise NotForCounter
        csrf.protect()
        return view(**arguments)

    return checked
