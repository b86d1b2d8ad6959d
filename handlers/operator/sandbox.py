"""`flask --app app sandbox …`: the world in which sandbox keys work."""

import click
from flask.cli import AppGroup

from handlers.operator.installation import Installation
from models.base import BusinessError
from models.sandbox import list_known_members


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("sandbox", help="The world in which sandbox keys work.")

    @group.command("reset")
    def reset() -> None:
        """Make it anew: the shop's rules of now, the test members, nothing else."""
        try:
            installation.sandbox.renew()
        except BusinessError as error:
            raise click.ClickException(f"{error.code}: set the shop up first.") from error
        click.echo("The sandbox is as new. Its members:")
        _show_members()

    @group.command("members")
    def members() -> None:
        """Print the members that every sandbox has."""
        _show_members()

    @group.command("remove")
    def remove() -> None:
        """Remove it with all that was done in it; the next call by a sandbox key makes another."""
        click.echo("Removed." if installation.sandbox.close() else "There is no sandbox.")

    return group


def _show_members() -> None:
    for member in list_known_members():
        click.echo(f"{member.number}  {member.phone}  {member.story}")
