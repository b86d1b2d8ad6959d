"""`flask --app app receipt …`: codes for those who forgot to scan."""

from datetime import timedelta

import click
from flask.cli import AppGroup

from handlers.operator.installation import Installation
from models.receipt_code import list_receipt_codes
from models.shop import find_store, get_shop

LISTED_FOR = timedelta(days=7)


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("receipt", help="Codes for those who forgot to scan.")

    @group.command("rules")
    @click.option("--days", type=click.IntRange(1, 7), help="How long a code may be claimed.")
    @click.option("--per-day", type=click.IntRange(0), help="Codes a clerk issues alone a day.")
    def rules(days: int | None, per_day: int | None) -> None:
        """Change the rules where told, and print them."""
        with installation.sessions.begin() as session:
            shop = get_shop(session)
            if days is not None:
                shop.receipt_code_days = days
            if per_day is not None:
                shop.receipt_codes_per_day = per_day
            click.echo(
                f"good {shop.receipt_code_days} days,"
                f" {shop.receipt_codes_per_day} a clerk and day without a manager"
            )

    @group.command("list")
    @click.argument("store")
    def show(store: str) -> None:
        """Print what a store issued in the last seven days; never the codes themselves."""
        now = installation.clock()
        with installation.sessions() as session:
            place = find_store(session, store)
            if place is None:
                raise click.BadParameter(f"no store {store}")
            for code in list_receipt_codes(session, place, since=now - LISTED_FOR):
                by = code.staff.username if code.staff else "till"
                click.echo(
                    f"{code.id} {code.issued_at:%Y-%m-%d %H:%M} NT${code.amount_twd}"
                    f" {code.state(now)} by {by}"
                )

    return group
