"""`flask --app app stamp …`: kinds of stamp cards, and stamps given by hand."""

from datetime import date, datetime
from uuid import uuid4

import click
from flask.cli import AppGroup
from sqlalchemy.exc import IntegrityError, NoResultFound

from handlers.operator.acting import get_actor, working
from handlers.operator.installation import Installation
from models.base import in_language
from models.member import get_member_by_typed
from models.stamp_card import (
    StampBonus,
    StampProgramme,
    add_stamp_programme,
    get_stamp_programme,
    give_stamps,
    list_stamp_programmes,
    set_active,
)

DAY = click.DateTime(["%Y-%m-%d"])


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("stamp", help="Stamp cards.")
    _add_rules(group, installation)
    _add_hand(group, installation)
    return group


def _add_rules(group: AppGroup, installation: Installation) -> None:
    @group.command("list")
    def list_all() -> None:
        """Print every kind of stamp card."""
        with installation.sessions() as session:
            for programme in list_stamp_programmes(session):
                click.echo(_line(programme))

    @group.command("add")
    @click.argument("code")
    @click.option("--name", required=True, help="As members read it.")
    @click.option("--size", type=click.IntRange(2, 50), required=True, help="Stamps a card.")
    @click.option("--reward", required=True, help="Code of the coupon template a full card brings.")
    @click.option("--min-spend", type=click.IntRange(0), default=0, help="NT$ paid at least.")
    @click.option("--per", "per_twd", type=click.IntRange(1), help="A stamp each so many NT$.")
    @click.option("--bonus", "bonuses", multiple=True, help="weekday:1:3,4 category:2:鮮奶茶 …")
    @click.option("--channel", help="Only through it, such as till.")
    @click.option("--card-days", type=click.IntRange(1), help="A card lives so many days.")
    @click.option("--from", "starts_on", type=DAY, help="The first day.")
    @click.option("--until", "ends_on", type=DAY, help="The first day on which it is over.")
    def add(
        code: str,
        name: str,
        size: int,
        reward: str,
        min_spend: int,
        per_twd: int | None,
        bonuses: tuple[str, ...],
        channel: str | None,
        card_days: int | None,
        starts_on: datetime | None,
        ends_on: datetime | None,
    ) -> None:
        """Add a kind of stamp card; it stamps from the next purchase on."""
        try:
            with working(installation) as session:
                programme = add_stamp_programme(
                    session,
                    code=code,
                    name={"zh-TW": name},
                    size=size,
                    reward_code=reward,
                    min_spend_twd=min_spend,
                    per_twd=per_twd,
                    bonuses=[read_bonus(text) for text in bonuses],
                    channel=channel,
                    card_days=card_days,
                    starts_on=_day(starts_on),
                    ends_on=_day(ends_on),
                )
                click.echo(_line(programme))
        except NoResultFound as error:
            raise click.ClickException(f"no coupon template has the code {reward}") from error
        except IntegrityError as error:
            raise click.ClickException(f"there is a stamp card {code} already") from error

    @group.command("stop")
    @click.argument("code")
    @click.option("--resume", is_flag=True, help="Stamp again.")
    def stop(code: str, resume: bool) -> None:
        """Stop stamping a kind of card; what is on the cards stays."""
        with working(installation) as session:
            click.echo(_line(set_active(session, code, is_active=resume)))


def _add_hand(group: AppGroup, installation: Installation) -> None:
    @group.command("give")
    @click.argument("code")
    @click.argument("member")
    @click.argument("stamps", type=int)
    @click.option("--by", "username", required=True, help="Who gives them.")
    @click.option("--reason", required=True, help="Why; it stays in the entry.")
    @click.option("--key", help="To be safe against doing it twice.")
    def give(
        code: str, member: str, stamps: int, username: str, reason: str, key: str | None
    ) -> None:
        """Give stamps by hand, or take them (below zero, after a `--`)."""
        with working(installation) as session:
            held = give_stamps(
                session,
                get_member_by_typed(session, member).id,
                get_stamp_programme(session, code),
                stamps,
                staff_id=get_actor(session, username).id,
                note=reason,
                idempotency_key=f"hand:{key or uuid4()}",
                now=installation.clock(),
            )
        click.echo(f"{code}: the member now has {held} stamp(s).")


def read_bonus(text: str) -> StampBonus:
    """Read `kind:stamps[:what[:from[:until]]]`, such as `weekday:1:3,4` or `window:1::2026-12-01:`.

    Raises click.BadParameter, and StampRuleRefused where it makes no sense.
    """
    kind, _, rest = text.partition(":")
    stamps, what, first, end = ([*rest.split(":"), "", "", ""])[:4]
    try:
        return StampBonus(
            kind,
            int(stamps),
            weekdays=tuple(int(day) for day in what.split(",")) if kind == "weekday" else (),
            category=what or None if kind == "category" else None,
            starts_on=date.fromisoformat(first) if first else None,
            ends_on=date.fromisoformat(end) if end else None,
        )
    except ValueError as error:
        raise click.BadParameter(f"{text} is not of the form weekday:1:3,4") from error


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _line(programme: StampProgramme) -> str:
    earns = f"1 per NT${programme.per_twd}" if programme.per_twd else "1 a visit"
    parts = [
        f"{programme.code}: {in_language(programme.name, 'zh-TW')}, {programme.size} stamps",
        f"{earns} from NT${programme.min_spend_twd}",
        f"{len(programme.bonuses)} bonus(es)",
        f"{programme.card_days} days a card" if programme.card_days else "no end of a card",
        "stamping" if programme.is_active else "stopped",
    ]
    return "; ".join(parts)
