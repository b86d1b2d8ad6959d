"""`flask --app app api-key …`: who may ask from outside."""

import click
from flask.cli import AppGroup

from handlers.operator.installation import Installation
from models.api_key import READ_MEMBERS, SCOPES, add_api_key, list_api_keys, revoke_api_key


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("api-key", help="Keys of tills and other systems.")

    @group.command("add")
    @click.argument("name")
    @click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True)
    def add(name: str, scopes: tuple[str, ...]) -> None:
        """Make a key for NAME and print it; nobody can read it again."""
        with installation.sessions.begin() as session:
            _, secret = add_api_key(session, name, scopes or (READ_MEMBERS,), installation.clock())
        click.echo(secret)

    @group.command("list")
    def list_keys() -> None:
        """Print the keys by name; never their secrets."""
        with installation.sessions() as session:
            for key in list_api_keys(session):
                state = "revoked" if key.revoked_at else ",".join(key.scopes)
                click.echo(f"{key.id} {key.name}: {state}")

    @group.command("revoke")
    @click.argument("key_id", type=int)
    def revoke(key_id: int) -> None:
        """Let a key open nothing any more."""
        with installation.sessions.begin() as session:
            if not revoke_api_key(session, key_id, installation.clock()):
                raise click.ClickException("No such key, or it was revoked before.")
        click.echo("Revoked.")

    return group
