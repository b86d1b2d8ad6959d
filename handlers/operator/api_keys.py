"""`flask --app app api-key …`: who may ask from outside, for which store."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import click
from flask.cli import AppGroup

from handlers.operator.acting import saying_no, shown_moment
from handlers.operator.installation import Installation
from models.api_key import (
    SCOPES,
    ApiKey,
    add_api_key,
    list_api_keys,
    revoke_api_key,
    rotate_api_key,
)
from models.shop import find_store

_SPAN = re.compile(r"(\d{1,4})([hd])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
EVERYTHING = "all"


class Span(click.ParamType[timedelta]):
    """A length of time such as `24h` or `7d`."""

    name = "span"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read it, or end the command with what it should look like."""
        found = _SPAN.fullmatch(value)
        if found is None:
            self.fail(f"{value} is no span such as 24h or 7d", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("api-key", help="Keys of tills and other systems.")

    @group.command("add")
    @click.argument("name")
    @click.option("--store", "store_code", required=True, help="Code of the store it works for.")
    @click.option(
        "--scope",
        "scopes",
        type=click.Choice((*SCOPES, EVERYTHING)),
        multiple=True,
        required=True,
        help="What it may do; several, or all.",
    )
    @click.option("--sandbox", is_flag=True, help="For the sandbox, where nothing is real.")
    @click.option("--expires-in", type=Span(), help="When it ends by itself, such as 90d.")
    def add(
        name: str,
        store_code: str,
        scopes: tuple[str, ...],
        *,
        sandbox: bool,
        expires_in: timedelta | None,
    ) -> None:
        """Make a key for NAME and print it; nobody can read it again."""
        now = installation.clock()
        with installation.sessions.begin() as session, saying_no():
            store = find_store(session, store_code)
            if store is None:
                raise click.ClickException(f"There is no store {store_code}.")
            if sandbox:
                installation.sandbox.open()
            _, secret = add_api_key(
                session,
                name,
                SCOPES if EVERYTHING in scopes else scopes,
                now,
                store_id=store.id,
                is_sandbox=sandbox,
                expires_at=now + expires_in if expires_in else None,
            )
        click.echo(secret)

    @group.command("list")
    def list_keys() -> None:
        """Print the keys: id, prefix, store, name, scopes, last use and state."""
        with installation.sessions() as session:
            for key in list_api_keys(session):
                click.echo("  ".join(_columns(key, installation.clock())))

    @group.command("rotate")
    @click.argument("key_id", type=int)
    @click.option(
        "--overlap",
        type=Span(),
        default="24h",
        show_default=True,
        help="So long the secret of now stays good; 0h: not at all.",
    )
    def rotate(key_id: int, overlap: timedelta) -> None:
        """Give a key a new secret and print it; the one before works on for a while."""
        with installation.sessions.begin() as session, saying_no():
            _, secret = rotate_api_key(session, key_id, installation.clock(), overlap=overlap)
        click.echo(secret)

    @group.command("revoke")
    @click.argument("key_id", type=int)
    def revoke(key_id: int) -> None:
        """Let a key open nothing any more, from now on."""
        with installation.sessions.begin() as session:
            if not revoke_api_key(session, key_id, installation.clock()):
                raise click.ClickException("No such key, or it was revoked before.")
        click.echo("Revoked.")

    return group


def _columns(key: ApiKey, now: datetime) -> Sequence[str]:
    used, until = key.last_used_at, key.old_until
    state = key.state(now)
    if state == "rotating" and until is not None:
        state = f"rotating until {shown_moment(until)}"
    return (
        str(key.id),
        f"{key.prefix}…",
        key.store.code,
        key.name,
        ",".join(key.scopes),
        f"last used {shown_moment(used)}" if used else "never used",
        state,
    )
