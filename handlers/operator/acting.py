"""Who acts in a command: what an operator does by hand is done in a named person's name."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.staff import Staff


def get_actor(session: Session, username: str) -> Staff:
    """Return the person with this login, or end the command."""
    staff = session.scalars(
        select(Staff).where(Staff.username == username.strip().lower(), Staff.is_active)
    ).one_or_none()
    if staff is None:
        raise click.ClickException(f"nobody has the login {username}")
    return staff


@contextmanager
def saying_no() -> Iterator[None]:
    """Show a rule's no as the command's own."""
    try:
        yield
    except BusinessError as error:
        facts = ", ".join(f"{name}={value}" for name, value in error.facts.items())
        raise click.ClickException(f"{error.code}: {facts}" if facts else error.code) from error
