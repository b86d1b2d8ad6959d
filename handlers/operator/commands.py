"""The operator's commands: database, shop, staff, rich menus, the demo."""

import re

import click
from flask import Flask
from flask.cli import AppGroup

import migrations
from handlers.operator import (
    api_keys,
    audit,
    campaigns,
    catalogue,
    channels,
    contacts,
    coupons,
    devices,
    earning,
    engagement,
    exchange,
    festivals,
    fraud,
    gatherings,
    journeys,
    ledger,
    lottery,
    members,
    missions,
    offline,
    outreach,
    plans,
    quota,
    receipts,
    referral,
    reviews,
    sandbox,
    segments,
    staff,
    stamps,
    surveys,
    tags,
    tiers,
    webhooks,
)
from handlers.operator.acting import working
from handlers.operator.installation import Installation
from models.demo import DEMO_STAFF, load_demo
from models.setup import ShopPlan, bring_up_to_date, set_up_shop

STORE_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,31}")


def add_commands(app: Flask, installation: Installation) -> None:
    """Add the commands to `flask --app app`."""
    app.cli.add_command(_database(installation))
    app.cli.add_command(_shop(installation))
    app.cli.add_command(staff.make_group(installation))
    app.cli.add_command(devices.make_group(installation))
    app.cli.add_command(members.make_group(installation))
    app.cli.add_command(fraud.make_group(installation))
    app.cli.add_command(audit.make_group(installation))
    app.cli.add_command(_rich_menu(installation))
    app.cli.add_command(_demo(installation))
    app.cli.add_command(exchange.make_group(installation))
    app.cli.add_command(exchange.make_export_command(installation))
    app.cli.add_command(exchange.make_restore_command(installation))
    app.cli.add_command(earning.make_group(installation))
    app.cli.add_command(ledger.make_group(installation))
    app.cli.add_command(coupons.make_coupon_group(installation))
    app.cli.add_command(coupons.make_reward_group(installation))
    app.cli.add_command(stamps.make_group(installation))
    app.cli.add_command(plans.make_group(installation))
    app.cli.add_command(receipts.make_group(installation))
    app.cli.add_command(offline.make_group(installation))
    app.cli.add_command(tiers.make_group(installation))
    app.cli.add_command(tiers.make_metric_group(installation))
    app.cli.add_command(api_keys.make_group(installation))
    app.cli.add_command(sandbox.make_group(installation))
    app.cli.add_command(webhooks.make_group(installation))
    for group in (*gatherings.make_groups(installation), *contacts.make_groups(installation)):
        app.cli.add_command(group)
    for shop_asks in (surveys, festivals, campaigns, journeys):
        app.cli.add_command(shop_asks.make_group(installation))
    app.cli.add_command(channels.make_group(installation))
    app.cli.add_command(quota.make_group(installation))
    app.cli.add_command(outreach.make_group(installation))
    app.cli.add_command(outreach.make_calendar(installation))
    for topic in (catalogue, referral, missions, lottery, reviews, segments, tags, engagement):
        app.cli.add_command(topic.make_group(installation))


def _database(installation: Installation) -> AppGroup:
    group = AppGroup("db", help="The database's tables.")

    @group.command("upgrade")
    @click.argument("revision", default="head")
    def upgrade(revision: str) -> None:
        """Bring the tables up to date."""
        migrations.upgrade(installation.engine, revision)
        click.echo(f"Database is at {revision}.")
        if installation.sandbox.upgrade(revision):
            click.echo(f"The sandbox is at {revision}.")
        if revision == "head":
            with working(installation) as session:
                bring_up_to_date(session, installation.clock())

    @group.command("downgrade")
    @click.argument("revision")
    def downgrade(revision: str) -> None:
        """Take the tables back to a revision."""
        migrations.downgrade(installation.engine, revision)
        click.echo(f"Database is at {revision}.")
        if installation.sandbox.close():
            click.echo("The sandbox is gone; it is made anew when it is next asked for.")

    return group


def _shop(installation: Installation) -> AppGroup:
    group = AppGroup("shop", help="The brand itself.")

    @group.command("set-up")
    @click.option("--name", prompt="Name of the shop", help="As customers know it.")
    @click.option("--legal-name", prompt="Legal name", help="Who collects the data (Article 8).")
    @click.option("--phone", prompt="Phone", help="Where customers reach a person.")
    @click.option("--hours", prompt="Opening hours", help="Such as 每日 10:00–22:00.")
    @click.option("--basic-id", prompt="LINE basic id", help="Such as @teadays.")
    @click.option("--store", "stores", multiple=True, required=True, help="TP01=信義店, each.")
    def set_up(
        name: str, legal_name: str, phone: str, hours: str, basic_id: str, stores: tuple[str, ...]
    ) -> None:
        """Make shop, tiers, coupons, stamp card, notice and stores where they are missing."""
        plan = ShopPlan(
            name={"zh-TW": name},
            legal_name=legal_name,
            phone=phone,
            hours={"zh-TW": hours},
            basic_id=basic_id,
            stores=dict(_store(text) for text in stores),
        )
        with installation.sessions.begin() as session:
            set_up_shop(session, plan, installation.clock())
        click.echo(f"{name} is set up with {len(plan.stores)} store(s).")

    return group


def _store(text: str) -> tuple[str, dict[str, str]]:
    code, _, name = text.partition("=")
    if not STORE_CODE.fullmatch(code.upper()) or not name.strip():
        raise click.BadParameter(f"{text} is not of the form TP01=信義店")
    return code.upper(), {"zh-TW": name.strip()}


def _rich_menu(installation: Installation) -> AppGroup:
    group = AppGroup("rich-menu", help="The menus below the chat.")

    @group.command("sync")
    def sync() -> None:
        """Upload menus that changed, and show each person theirs."""
        for line in _synced(installation):
            click.echo(line)

    return group


def _synced(installation: Installation) -> list[str]:
    from bot.rich_menu_sync import MenuApi, issue_token  # The SDK's models take a second to load:
    from handlers.operator.rich_menus import sync_rich_menus  # only this command pays for it.

    known = installation.settings
    token = known.line_channel_access_token or issue_token(
        known.line_api_base, known.line_channel_id or "", known.channel_secrets[0]
    )
    api = MenuApi(known.line_api_base, known.line_data_api_base, token)
    return [
        f"{menu.name}: {'uploaded' if menu.is_new else 'unchanged'} ({menu.line_rich_menu_id})"
        for menu in sync_rich_menus(installation.sessions, api, installation.clock)
    ]


def _demo(installation: Installation) -> AppGroup:
    group = AppGroup("demo", help="The demo shop.")

    @group.command("load")
    def load() -> None:
        """Load the tea shop with staff, 300 members and two years of purchases, once."""
        click.echo(load_demo(installation.sessions, installation.clock()))

    @group.command("logins")
    def logins() -> None:
        """Print the demo's logins."""
        for username, password, role, _name, store, pin in DEMO_STAFF:
            click.echo(f"{role:<9} {username:<10} {password:<16} {store} {pin or ''}".rstrip())

    return group
