"""`flask --app app mission …`: what members can do, and what it brings them."""

from datetime import datetime
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from handlers.operator.acting import in_taipei, working
from handlers.operator.installation import Installation
from handlers.operator.referral import read_reward
from models.activity import EVENTS, KINDS, PERIODS, Badge, Mission
from models.badge import list_badges
from models.mission import add_badge, add_mission, close_mission, count_awards

MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("mission", help="Missions and badges.")

    @group.command("list")
    def show() -> None:
        """Print every mission, and how often it was done."""
        with installation.sessions() as session:
            counts = count_awards(session)
            for mission in session.scalars(select(Mission).order_by(Mission.place, Mission.id)):
                click.echo(_line(mission, *counts[mission.code], installation.clock()))

    @group.command("add")
    @click.argument("code")
    @click.option("--name", required=True, help="As members read it.")
    @click.option("--name-en")
    @click.option("--name-ja")
    @click.option("--kind", type=click.Choice(KINDS), default="count", show_default=True)
    @click.option("--event", type=click.Choice(EVENTS), default="purchase", show_default=True)
    @click.option("--goal", type=click.IntRange(1, 1000), required=True)
    @click.option("--thing", "things", multiple=True, help="A store's code or a category; repeat.")
    @click.option("--period", type=click.Choice(PERIODS), help="Of a streak.")
    @click.option("--day-cap", type=click.IntRange(1), default=1, show_default=True)
    @click.option("--min-spend", "min_spend_twd", type=click.IntRange(0), default=0)
    @click.option("--min-rank", type=click.IntRange(0), default=0, help="0 is the lowest tier.")
    @click.option("--rounds", type=click.IntRange(1), default=1, help="It can be done so often.")
    @click.option("--place", type=int, default=0, help="Where it is shown.")
    @click.option("--from", "starts_at", type=MOMENT, help="Taipei's time; now where left out.")
    @click.option("--until", "ends_at", type=MOMENT, help="Taipei's time, no longer in force.")
    @click.option("--reward", required=True, help="points=10,coupon=CODE,lottery=CODE,badge=CODE")
    def add(
        name: str,
        name_en: str | None,
        name_ja: str | None,
        things: tuple[str, ...],
        starts_at: datetime | None,
        ends_at: datetime | None,
        reward: str,
        **told: Any,
    ) -> None:
        """Add a mission; its rules stay as they are from then on."""
        mission = Mission(
            name=names(name, name_en, name_ja),
            things=list(things) or None,
            starts_at=in_taipei(starts_at) or installation.clock(),
            ends_at=in_taipei(ends_at),
            reward=read_reward(reward).to_words(),
            **told,
        )
        with working(installation) as session:
            add_mission(session, mission)
            click.echo(_line(mission, 0, 0, installation.clock()))

    @group.command("close")
    @click.argument("code")
    def close(code: str) -> None:
        """Close a mission; what was won stays won."""
        with installation.sessions.begin() as session:
            try:
                close_mission(session, code)
            except NoResultFound as error:
                raise click.BadParameter(f"no mission has the code {code}") from error
        click.echo(f"{code} is closed.")

    _add_badges(group, installation)
    return group


def _add_badges(group: AppGroup, installation: Installation) -> None:
    @group.command("badge")
    @click.argument("code", required=False)
    @click.option("--name")
    @click.option("--name-en")
    @click.option("--name-ja")
    @click.option("--sign", help="One emoji.")
    def badge(
        code: str | None,
        name: str | None,
        name_en: str | None,
        name_ja: str | None,
        sign: str | None,
    ) -> None:
        """Add or change a badge, where told; print all of them."""
        with installation.sessions.begin() as session:
            if code is not None:
                if not name or not sign:
                    raise click.UsageError("a badge needs --name and --sign")
                add_badge(session, Badge(code=code, name=names(name, name_en, name_ja), sign=sign))
                session.flush()
            for found in list_badges(session):
                click.echo(f"{found.code} {found.sign} {found.name['zh-TW']}")


def names(zh: str, en: str | None, ja: str | None) -> dict[str, str]:
    """Return a name in the languages it was told in."""
    return {"zh-TW": zh} | {code: name for code, name in (("en", en), ("ja", ja)) if name}


def _line(mission: Mission, completed: int, taken_back: int, now: datetime) -> str:
    return (
        f"{mission.code} {mission.name['zh-TW']} {mission.kind} {mission.event}"
        f" {mission.goal} x{mission.rounds} {mission.reward}"
        f" {'on' if mission.is_on(now) else 'off'}:"
        f" {completed} done, {taken_back} taken back"
    )
