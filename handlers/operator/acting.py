"""What commands share: who acts, one transaction each, a rule's no, moments as people type them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import overload

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from handlers.operator.installation import Installation
from handlers.operator.refusals import told
from models.base import BusinessError
from models.local_day import TAIPEI
from models.staff import Staff


def get_actor(session: Session, username: str) -> Staff:
    """Return the person with this login: what an operator does is done in a named person's name.

    Raises click.BadParameter.
    """
    staff = session.scalars(
        select(Staff).where(Staff.username == username.strip().lower(), Staff.is_active)
    ).one_or_none()
    if staff is None:
        raise click.BadParameter(f"nobody has the login {username}")
    return staff


@contextmanager
def saying_no() -> Iterator[None]:
    """Show a rule's no as the command's own."""
    try:
        yield
    except BusinessError as error:
        raise click.ClickException(told(error)) from error


@contextmanager
def working(installation: Installation) -> Iterator[Session]:
    """Yield a session for the command's one transaction, which a rule's no rolls back."""
    with saying_no(), installation.sessions.begin() as session:
        yield session


@overload
def in_taipei(typed: datetime) -> datetime: ...
@overload
def in_taipei(typed: datetime | None) -> datetime | None: ...
def in_taipei(typed: datetime | None) -> datetime | None:
    """Return the moment that a typed day and time mean: Taipei's."""
    return typed.replace(tzinfo=TAIPEI) if typed is not None else None


def shown_moment(moment: datetime) -> str:
    """Write a moment as Taipei's day and time: 2026-03-05 14:03."""
    return f"{moment.astimezone(TAIPEI):%Y-%m-%d %H:%M}"
