"""`flask --app app offline …`: what a counter may do without a network, and what still waits."""

import click
from flask.cli import AppGroup

from handlers.operator.acting import shown_moment
from handlers.operator.installation import Installation
from models.offline_sale import list_open
from models.shop import get_shop


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("offline", help="The counter without a network.")

    @group.command("rules")
    @click.option("--redeem-twd", type=click.IntRange(0), help="Most NT$ redeemed in one sale.")
    @click.option("--redeem-count", type=click.IntRange(0), help="So many, until a device synced.")
    def rules(redeem_twd: int | None, redeem_count: int | None) -> None:
        """Change the limits of redeeming where told, and print them."""
        with installation.sessions.begin() as session:
            shop = get_shop(session)
            if redeem_twd is not None:
                shop.offline_redeem_twd = redeem_twd
            if redeem_count is not None:
                shop.offline_redeem_count = redeem_count
            click.echo(
                f"redeem up to NT${shop.offline_redeem_twd} a sale,"
                f" in {shop.offline_redeem_count} sales a device until it has sent them"
            )

    @group.command("list")
    def show() -> None:
        """Print what waits for a manager, oldest first; never whose it is."""
        with installation.sessions() as session:
            for sale in list_open(session):
                click.echo(
                    f"{sale.id} {shown_moment(sale.sold_at)} {sale.store.code} {sale.device.label}"
                    f" {sale.staff.username} NT${sale.amount_twd} {sale.problem}"
                    f" loss NT${sale.loss_twd}"
                )

    return group
