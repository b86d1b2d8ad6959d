"""`flask --app app event|sale|content|benefit …`: what tiers let people take part in."""

import json
from datetime import datetime, timedelta

import click
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session

from handlers.operator.acting import in_taipei
from handlers.operator.installation import Installation
from models.base import BusinessError, in_language
from models.benefit import KINDS, add_benefit
from models.gathering import (
    ContentPage,
    Gathering,
    SaleEvent,
    add_gathering,
    list_gatherings,
    list_seats,
    note_attendance,
)
from models.local_day import TAIPEI
from models.member import get_member_by_typed
from models.programme import get_programme
from models.tier import Tier
from models.tier_evaluation import raise_version

MOMENT = click.DateTime(["%Y-%m-%dT%H:%M"])
SALE_DAYS = 7


def make_groups(installation: Installation) -> list[AppGroup]:
    """Make the groups of commands."""
    return [
        _events(installation),
        _sales(installation),
        _pages(installation),
        _benefits(installation),
    ]


def _events(installation: Installation) -> AppGroup:
    group = AppGroup("event", help="Events with seats.")

    @group.command("add")
    @click.argument("code")
    @click.option("--name", required=True, help="As members read it.")
    @click.option("--place", required=True)
    @click.option("--at", "starts_at", type=MOMENT, required=True, help="Taipei's time.")
    @click.option("--seats", type=click.IntRange(1), required=True)
    @click.option("--tier", "tier_code", required=True, help="The lowest tier that is invited.")
    def add(
        code: str, name: str, place: str, starts_at: datetime, seats: int, tier_code: str
    ) -> None:
        """Make an event for a tier and those above it."""
        with installation.sessions.begin() as session:
            add_gathering(
                session,
                code=code,
                name={"zh-TW": name},
                place={"zh-TW": place},
                starts_at=in_taipei(starts_at),
                capacity=seats,
                min_tier=_tier(session, tier_code),
            )
        click.echo(f"{code}: {seats} seats.")

    @group.command("list")
    def list_all() -> None:
        """Print the coming events."""
        with installation.sessions() as session:
            for event in list_gatherings(session, installation.clock()):
                at = event.starts_at.astimezone(TAIPEI)
                name = in_language(event.name, "zh-TW")
                click.echo(f"{event.code} {at:%Y-%m-%d %H:%M} {name}: {event.seats_left} left")

    @group.command("attendance")
    @click.argument("code")
    @click.option("--came", multiple=True, help="Number or phone of who came; repeat.")
    def attendance(code: str, came: tuple[str, ...]) -> None:
        """Print who comes and who waits; note who came."""
        with installation.sessions.begin() as session:
            event = session.scalars(select(Gathering).where(Gathering.code == code)).one_or_none()
            if event is None:
                raise click.ClickException(f"No event has the code {code}.")
            for typed in came:
                _note_came(session, event, typed)
            for seat, member in list_seats(session, event.id):
                click.echo(f"{seat.state:<9} {member.number}")

    return group


def _note_came(session: Session, event: Gathering, typed: str) -> None:
    try:
        member = get_member_by_typed(session, typed)
    except BusinessError as error:
        raise click.ClickException("No member has this number or phone.") from error
    if not note_attendance(session, event.id, member.id):
        click.echo(f"{member.number} had no seat, or was noted before.")


def _sales(installation: Installation) -> AppGroup:
    group = AppGroup("sale", help="Sales that tiers may open earlier.")

    @group.command("add")
    @click.argument("code")
    @click.option("--name", required=True, help="As members read it.")
    @click.option("--opens", "public_at", type=MOMENT, required=True, help="For everybody.")
    @click.option("--days", type=click.IntRange(1), default=SALE_DAYS, show_default=True)
    def add(code: str, name: str, public_at: datetime, days: int) -> None:
        """Make a sale; its public opening is in Taipei's time."""
        opens = in_taipei(public_at)
        with installation.sessions.begin() as session:
            session.add(
                SaleEvent(
                    code=code,
                    name={"zh-TW": name},
                    public_at=opens,
                    ends_at=opens + timedelta(days=days),
                )
            )
        click.echo(f"{code} opens {opens:%Y-%m-%d %H:%M}.")

    return group


def _pages(installation: Installation) -> AppGroup:
    group = AppGroup("content", help="Pages kept for tiers.")

    @group.command("add")
    @click.argument("code")
    @click.option("--title", required=True)
    @click.option("--body", required=True)
    @click.option("--tier", "tier_code", required=True, help="The lowest tier that may read it.")
    def add(code: str, title: str, body: str, tier_code: str) -> None:
        """Keep a page for a tier and those above it."""
        with installation.sessions.begin() as session:
            tier = _tier(session, tier_code)
            session.add(
                ContentPage(
                    code=code,
                    title={"zh-TW": title},
                    body={"zh-TW": body},
                    min_tier_id=tier.id,
                )
            )
        click.echo(f"{code} is for {tier_code} and above.")

    return group


def _benefits(installation: Installation) -> AppGroup:
    group = AppGroup("benefit", help="What a tier or a plan brings.")

    @group.command("list")
    def list_all() -> None:
        """Print every benefit with its owner and terms."""
        with installation.sessions() as session:
            programme = get_programme(session)
            for held in programme.benefits:
                row = held.row
                owner = programme.tier(row.tier_id).code if row.tier_id else f"plan {row.plan_code}"
                stock = "" if row.stock_left is None else f", {row.stock_left} left"
                terms = json.dumps(row.parameters, ensure_ascii=False)
                click.echo(f"{row.id} {owner}: {row.kind} {terms}{stock}")

    @group.command("add")
    @click.argument("kind", type=click.Choice(list(KINDS)))
    @click.option("--tier", "tier_code", help="Its tier's code; or --plan.")
    @click.option("--plan", "plan_code", help="Its plan's code.")
    @click.option("--terms", default="{}", help='JSON, such as {"percent": 200}.')
    @click.option("--stock", type=click.IntRange(0), help="So many can be given.")
    def add(
        kind: str, tier_code: str | None, plan_code: str | None, terms: str, stock: int | None
    ) -> None:
        """Give a tier or a plan a benefit."""
        if (tier_code is None) == (plan_code is None):
            raise click.BadParameter("name a tier or a plan, not both")
        with installation.sessions.begin() as session:
            tier_id = _tier(session, tier_code).id if tier_code else None
            try:
                add_benefit(
                    session,
                    kind,
                    json.loads(terms),
                    tier_id=tier_id,
                    plan_code=plan_code,
                    stock=stock,
                )
            except (BusinessError, ValueError) as error:
                raise click.ClickException(str(getattr(error, "facts", error))) from error
            raise_version(session)
        click.echo(f"{kind} added.")

    return group


def _tier(session: Session, code: str) -> Tier:
    tier = session.scalars(select(Tier).where(Tier.code == code)).one_or_none()
    if tier is None:
        raise click.ClickException(f"No tier has the code {code}.")
    return tier
