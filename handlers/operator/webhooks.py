"""`flask --app app webhook …`: who hears of events, what became of them, sending them again."""

from datetime import datetime

import click
from flask.cli import AppGroup

from handlers.operator.acting import in_taipei, working
from handlers.operator.installation import Installation
from models import webhook
from models.local_day import TAIPEI
from models.webhook import EVENT_TYPES, Search, WebhookDelivery, WebhookEndpoint

SHOWN = 30
STATES = ("waiting", "delivered", "failed")
SINCE = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("webhook", help="Other systems that hear of events.")
    _add_endpoints(group, installation)
    _add_changes(group, installation)
    _add_deliveries(group, installation)
    return group


def _add_endpoints(group: AppGroup, installation: Installation) -> None:
    @group.command("add")
    @click.argument("url")
    @click.option(
        "--event",
        "events",
        type=click.Choice(EVENT_TYPES),
        multiple=True,
        help="Which events; several, or all where left out.",
    )
    @click.option("--description", default="", help="For people, to tell it apart.")
    def add(url: str, events: tuple[str, ...], description: str) -> None:
        """Let URL hear of events from now on, and print its number and its secret."""
        with working(installation) as session:
            endpoint = webhook.add_endpoint(
                session,
                url,
                now=installation.clock(),
                events=events or EVENT_TYPES,
                description=description,
                allow_private=installation.settings.demo,
            )
            secret = webhook.secret_of(installation.settings.secret_key, endpoint)
        click.echo(f"{endpoint.id}  {secret}")

    @group.command("list")
    def list_endpoints() -> None:
        """Print the endpoints: number, state, what waits and failed, wishes, address."""
        with installation.sessions() as session:
            counts = webhook.count_by_state(session)
            for endpoint in webhook.list_endpoints(session):
                click.echo(_endpoint(endpoint, counts))

    @group.command("secret")
    @click.argument("endpoint_id", type=int)
    def secret(endpoint_id: int) -> None:
        """Print an endpoint's secret."""
        with working(installation) as session:
            endpoint = webhook.get_endpoint(session, endpoint_id)
            click.echo(webhook.secret_of(installation.settings.secret_key, endpoint))


def _add_changes(group: AppGroup, installation: Installation) -> None:
    @group.command("disable")
    @click.argument("endpoint_id", type=int)
    def disable(endpoint_id: int) -> None:
        """Send an endpoint nothing more; what waits for it fails."""
        with working(installation) as session:
            webhook.disable_endpoint(session, endpoint_id, installation.clock())
        click.echo("Disabled.")

    @group.command("enable")
    @click.argument("endpoint_id", type=int)
    def enable(endpoint_id: int) -> None:
        """Let an endpoint hear again of what happens from now on."""
        with working(installation) as session:
            webhook.enable_endpoint(session, endpoint_id, installation.clock())
        click.echo("Enabled.")

    @group.command("rotate")
    @click.argument("endpoint_id", type=int)
    def rotate(endpoint_id: int) -> None:
        """Give an endpoint a new secret and print it; for a day both sign."""
        with working(installation) as session:
            endpoint = webhook.rotate_secret(session, endpoint_id, installation.clock())
            click.echo(webhook.secret_of(installation.settings.secret_key, endpoint))

    @group.command("remove")
    @click.argument("endpoint_id", type=int)
    def remove(endpoint_id: int) -> None:
        """Forget an endpoint with all its deliveries."""
        with working(installation) as session:
            webhook.delete_endpoint(session, endpoint_id, installation.clock())
        click.echo("Removed.")


def _add_deliveries(group: AppGroup, installation: Installation) -> None:
    @group.command("test")
    @click.argument("endpoint_id", type=int)
    def test(endpoint_id: int) -> None:
        """Send an endpoint an event that means nothing."""
        with working(installation) as session:
            delivery = webhook.send_test(session, endpoint_id, installation.clock())
        click.echo(f"On its way as delivery {delivery.id}.")

    @group.command("deliveries")
    @click.option("--endpoint", "endpoint_id", type=int, help="Only of one endpoint.")
    @click.option("--state", type=click.Choice(STATES), help="Only in one state.")
    @click.option("--body", is_flag=True, help="With what is sent.")
    def deliveries(endpoint_id: int | None, state: str | None, *, body: bool) -> None:
        """Print the newest deliveries, newest first."""
        with installation.sessions() as session:
            search = Search(endpoint_id, state)
            for delivery in webhook.list_deliveries(session, search, limit=SHOWN):
                click.echo(_delivery(delivery))
                if body:
                    click.echo(f"    {delivery.event.body}")

    @group.command("replay")
    @click.argument("delivery_id", type=int, required=False)
    @click.option("--endpoint", "endpoint_id", type=int, help="All that failed of one endpoint.")
    @click.option("--since", type=SINCE, help="Of these, what was owed since 2026-11-20T09:00.")
    def replay(delivery_id: int | None, endpoint_id: int | None, since: datetime | None) -> None:
        """Send delivery DELIVERY_ID again, or all of an endpoint that failed since a moment."""
        now = installation.clock()
        moment = in_taipei(since)
        with working(installation) as session:
            if delivery_id is not None:
                webhook.replay(session, delivery_id, now)
                count = 1
            elif endpoint_id is not None and moment is not None:
                endpoint = webhook.get_endpoint(session, endpoint_id)
                count = webhook.replay_failed(session, endpoint.id, moment, now)
            else:
                raise click.UsageError("Name a delivery, or --endpoint with --since.")
        click.echo(f"{count} sent again.")


def _endpoint(endpoint: WebhookEndpoint, counts: dict[tuple[int, str], int]) -> str:
    state = endpoint.state
    if endpoint.disabled_because is not None:
        state = f"disabled ({endpoint.disabled_because})"
    elif endpoint.failing_since is not None:
        state = f"failing since {_at(endpoint.failing_since)}"
    waiting, failed = (counts.get((endpoint.id, word), 0) for word in ("waiting", "failed"))
    return (
        f"{endpoint.id}  {state}  {waiting} waiting, {failed} failed"
        f"  {','.join(endpoint.events)}  {endpoint.url}  {endpoint.description}"
    ).rstrip()


def _delivery(delivery: WebhookDelivery) -> str:
    due = f"next {_at(delivery.next_try_at)}" if delivery.settled_at is None else ""
    answer = delivery.reason or delivery.status or ""
    return (
        f"{delivery.id}  {_at(delivery.created_at)}  to {delivery.endpoint_id}"
        f"  {delivery.event.event_type}  {delivery.state}  {delivery.tries} tries  {answer}  {due}"
    ).rstrip()


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(TAIPEI):%Y-%m-%d %H:%M:%S}"
