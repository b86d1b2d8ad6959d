"""`flask --app app staff …`: who may log in, with which role, and what becomes of their PIN."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

import click
from flask.cli import AppGroup
from sqlalchemy.exc import IntegrityError

from handlers.operator import members
from handlers.operator.acting import saying_no
from handlers.operator.devices import get_store
from handlers.operator.installation import Installation
from models.pin import reset_pin, unlock_pin
from models.staff import (
    ROLES,
    Staff,
    add_staff,
    change_access,
    change_role,
    get_staff_by_username,
    list_staff,
)
from models.totp import reset_totp

_Answer = TypeVar("_Answer")


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("staff", help="Who may log in.")
    _add_people(group, installation)
    _add_pins(group, installation)
    members.add_link(group, installation)
    return group


def _add_people(group: AppGroup, installation: Installation) -> None:
    @group.command("add")
    @click.argument("username")
    @click.option("--name", prompt=True, help="The name colleagues see.")
    @click.option("--role", type=click.Choice(ROLES), default="clerk", show_default=True)
    @click.option("--store", "store_code", prompt="Store code", help="Such as TP01.")
    @click.password_option(help="At least 8 characters.")
    def add(username: str, name: str, role: str, store_code: str, password: str) -> None:
        """Give a person a login; who works at a counter gets a PIN to change."""
        with installation.sessions.begin() as session:
            store = get_store(session, store_code)
            try:
                with saying_no():
                    staff = add_staff(
                        session,
                        username=username,
                        name=name,
                        role=role,
                        store=store,
                        password=password,
                    )
            except IntegrityError as error:
                raise click.ClickException(f"{username} has a login already.") from error
            pin = None
            if staff.may_work_counter:
                pin = reset_pin(session, staff.id, by=None, now=installation.clock())
        click.echo(f"{username} may log in as {role} at {store_code.upper()}.")
        if pin is not None:
            click.echo(f"PIN for the first sign-in: {pin}")

    @group.command("list")
    def list_all() -> None:
        """Print everybody, with role, store and the state of their PIN."""
        now = installation.clock()
        with installation.sessions() as session:
            for staff in list_staff(session):
                click.echo(
                    f"{staff.username:<14}{staff.role:<9} {staff.store.code} {_pin(staff, now)}"
                )

    @group.command("role")
    @click.argument("username")
    @click.argument("role", type=click.Choice(ROLES))
    def role(username: str, role: str) -> None:
        """Give a person another role and end their sessions."""
        _do(installation, username, partial(change_role, role=role))
        click.echo(f"{username} is {role}.")

    @group.command("access")
    @click.argument("username")
    @click.option("--on/--off", "is_active", required=True)
    def access(username: str, is_active: bool) -> None:
        """Let a person out at once, with all their sessions, or in again."""
        _do(installation, username, partial(change_access, is_active=is_active))
        click.echo(f"{username} is {'in' if is_active else 'out'}.")


def _add_pins(group: AppGroup, installation: Installation) -> None:
    @group.command("pin")
    @click.argument("username")
    def pin(username: str) -> None:
        """Give a person a PIN to change at their first sign-in, and print it."""
        click.echo(_do(installation, username, reset_pin))

    @group.command("unlock")
    @click.argument("username")
    def unlock(username: str) -> None:
        """Let a person try their PIN again."""
        _do(installation, username, unlock_pin)
        click.echo(f"{username} may try again.")

    @group.command("reset-totp")
    @click.argument("username")
    def forget_phone(username: str) -> None:
        """Take a lost phone's second factor away; the next login sets it up anew."""
        _do(installation, username, reset_totp)
        click.echo(f"{username} sets up their phone at the next login.")


def _do(
    installation: Installation,
    username: str,
    deed: Callable[..., _Answer],
) -> _Answer:
    """Do something about a person, in a transaction of its own, and return what it answers."""
    with saying_no(), installation.sessions.begin() as session:
        staff = get_staff_by_username(session, username)
        return deed(session, staff.id, by=None, now=installation.clock())


def _pin(staff: Staff, now: datetime) -> str:
    if not staff.is_active:
        return "out"
    if staff.pin_locked_until is not None and now < staff.pin_locked_until:
        return "PIN locked"
    if staff.pin_hash is None:
        return "no PIN"
    return "PIN to change" if staff.pin_is_temporary else "PIN"
