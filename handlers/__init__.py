"""Whoever asks: each asker has a room with its door, and one way to an open transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from flask import Blueprint, Flask, Response, current_app, g
from sqlalchemy.orm import Session

from models.base import take_woken
from models.link import LinkMaker, derive_link_key

EXTENSION = "regulars"
FIRST_ERROR_STATUS = 400


@dataclass(frozen=True)
class HandlerSettings:
    """What handlers may know of the installation; `app.py` reads it from the environment."""

    signing_key: Ed25519PrivateKey
    public_key: Ed25519PublicKey
    public_base_url: str
    chat_url: str | None
    """Where the simulator shows the chat; None with a real LINE channel."""
    demo: bool
    secret_key: str

    @property
    def links(self) -> LinkMaker:
        """What writes and reads the links in our messages and mails."""
        return LinkMaker(derive_link_key(self.secret_key), self.public_base_url)


def settings() -> HandlerSettings:
    """Return the running application's settings."""
    found: HandlerSettings = current_app.extensions[EXTENSION]
    return found


def init_handlers(app: Flask, known: HandlerSettings) -> None:
    """Give the application's handlers their settings."""
    app.extensions[EXTENSION] = known


def in_transaction(
    blueprint: Blueprint,
    sessions: Callable[[], Session],
    *,
    clock: Callable[[], datetime],
    ring: Callable[[str], None],
) -> None:
    """Open one transaction for each request of `blueprint`: `g.session`, and its time: `g.now`.

    It is committed when the answer's status is below 400, or where a refusal is to leave its trace
    (`keep_refusal`); else rolled back. After a commit `ring` wakes the tasks that it left work for
    (`models.base.wake`).
    """

    @blueprint.before_request
    def open_transaction() -> None:
        g.now = clock()
        g.session = sessions()

    @blueprint.after_request
    def end_transaction(response: Response) -> Response:
        session = g.get("session")
        is_kept = response.status_code < FIRST_ERROR_STATUS or is_refusal_kept()
        if session is not None and is_kept:
            session.commit()
            for task in take_woken(session):
                ring(task)
        return response

    @blueprint.teardown_request
    def close(_error: BaseException | None) -> None:
        session = g.pop("session", None)
        if session is not None:
            session.close()


def go_on_in(session: Session) -> None:
    """Commit what the request did so far, and let the rest of it happen in another session."""
    g.session.commit()
    g.session.close()
    g.session = session


def keep_so_far() -> None:
    """Commit what the request did so far: of a batch, each part stands by itself."""
    g.session.commit()


def keep_refusal() -> None:
    """Have what was written kept although the answer is a refusal: a wrong PIN was counted."""
    g.keeps_refusal = True


def is_refusal_kept() -> bool:
    """Tell whether what a refusal wrote is to be kept, so that nothing may roll it back."""
    return bool(g.get("keeps_refusal", False))
