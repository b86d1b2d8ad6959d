"""Logins of the whole application: one manager for two rooms, and everybody's CSRF tokens.

A browser may be a counter and an office at once: the session keeps who is signed in where, and
each room's requests know their own person only.
"""

from collections.abc import Callable

from flask import Flask, request, session
from flask_login import LoginManager, UserMixin, login_user, logout_user
from flask_wtf import CSRFProtect

from handlers.limiting import limiter

COUNTER = "counter"
OFFICE = "office"
SIGNED_IN_KEY = "signed_in"
FLASK_LOGIN_KEY = "_user_id"

Loader = Callable[[str], UserMixin | None]

csrf = CSRFProtect()
_LOADERS: dict[str, Loader] = {}


def init_logins(app: Flask) -> None:
    """Set up logins, CSRF tokens and rate limits for the whole application."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,  # The doors check; webhooks and tills have no session.
        WTF_CSRF_TIME_LIMIT=None,  # A counter's page stays open all day; the login has its end.
    )
    csrf.init_app(app)
    limiter.init_app(app)
    manager = LoginManager()
    manager.user_loader(_load)
    manager.init_app(app)


def know(room: str, loader: Loader) -> None:
    """Have a room's people loaded by `loader`, from what the session keeps of them."""
    _LOADERS[room] = loader


def sign_in(room: str, person: UserMixin) -> None:
    """Sign a person in at a room; who is signed in at the other stays there."""
    login_user(person)
    session[SIGNED_IN_KEY] = session.get(SIGNED_IN_KEY, {}) | {room: person.get_id()}
    session.permanent = True


def sign_out(room: str) -> None:
    """Sign out at one room alone."""
    known = {kept: who for kept, who in session.get(SIGNED_IN_KEY, {}).items() if kept != room}
    logout_user()
    session[SIGNED_IN_KEY] = known
    for who in known.values():
        session[FLASK_LOGIN_KEY] = who


def typed_username() -> str:
    """Return the name somebody tries to log in with, for the limit on guesses."""
    return "username:" + request.form.get("username", "").strip().lower()


def _load(_latest: str) -> UserMixin | None:
    room = OFFICE if "console" in request.blueprints else COUNTER
    kept = session.get(SIGNED_IN_KEY, {}).get(room)
    return _LOADERS[room](kept) if kept and room in _LOADERS else None
