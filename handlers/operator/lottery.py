"""`flask --app app lottery …`: prizes with their odds, and the list of draws to check."""

from datetime import datetime
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session

from handlers.operator.acting import in_taipei, working
from handlers.operator.installation import Installation
from handlers.operator.missions import MOMENT, names
from handlers.operator.referral import read_reward
from models.activity import ODDS_PPM, Lottery, LotteryPrize
from models.base import BusinessError
from models.local_day import TAIPEI
from models.lottery import (
    Draw,
    add_lottery,
    add_prize,
    close_lottery,
    get_lottery,
    list_draws,
    list_prizes,
    verify_lottery,
)

PRINTED_AT_ONCE = 1_000


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("lottery", help="Lotteries, their odds and their draws.")

    _add_settings(group, installation)
    _add_lists(group, installation)
    _add_checks(group, installation)
    return group


def _add_settings(group: AppGroup, installation: Installation) -> None:
    @group.command("add")
    @click.argument("code")
    @click.option("--name", required=True)
    @click.option("--name-en")
    @click.option("--name-ja")
    @click.option("--from", "starts_at", type=MOMENT, help="Taipei's time; now where left out.")
    @click.option("--until", "ends_at", type=MOMENT, required=True, help="Taipei's time.")
    @click.option("--ticket-points", type=click.IntRange(1), help="A ticket's price.")
    @click.option("--ticket-day-cap", type=click.IntRange(1), default=3, show_default=True)
    @click.option("--purchase", "purchase_twd", type=click.IntRange(1), help="NT$ for a ticket.")
    @click.option("--consolation", help="For a prize that is gone, such as points=5.")
    def add(
        name: str,
        name_en: str | None,
        name_ja: str | None,
        starts_at: datetime | None,
        ends_at: datetime,
        consolation: str | None,
        **told: Any,
    ) -> None:
        """Add a lottery; its prizes follow by `prize`."""
        lottery = Lottery(
            name=names(name, name_en, name_ja),
            starts_at=in_taipei(starts_at) or installation.clock(),
            ends_at=in_taipei(ends_at),
            consolation=read_reward(consolation).to_words() if consolation else None,
            **told,
        )
        with working(installation) as session:
            add_lottery(session, lottery)
        click.echo(f"{told['code']} is added; give it prizes.")

    @group.command("prize")
    @click.argument("code")
    @click.option("--name", required=True)
    @click.option("--name-en")
    @click.option("--name-ja")
    @click.option("--odds", "odds_ppm", type=click.IntRange(1, ODDS_PPM), required=True)
    @click.option("--stock", type=click.IntRange(0), required=True)
    @click.option("--reward", required=True, help="Such as coupon=free_drink.")
    def prize(
        code: str, name: str, name_en: str | None, name_ja: str | None, reward: str, **told: Any
    ) -> None:
        """Add the next prize; odds in parts per million, 10000 is 1%."""
        added = LotteryPrize(
            name=names(name, name_en, name_ja), reward=read_reward(reward).to_words(), **told
        )
        with working(installation) as session:
            add_prize(session, get_lottery(session, code), added)
            click.echo(_prize_line(added))

    @group.command("close")
    @click.argument("code")
    def close(code: str) -> None:
        """Close a lottery: nothing is given or drawn any more."""
        with installation.sessions.begin() as session:
            close_lottery(session, _get(session, code))
        click.echo(f"{code} is closed.")


def _add_lists(group: AppGroup, installation: Installation) -> None:
    @group.command("list")
    def show() -> None:
        """Print every lottery with its prizes."""
        with installation.sessions() as session:
            for lottery in session.scalars(select(Lottery).order_by(Lottery.id)):
                state = "on" if lottery.is_on(installation.clock()) else "off"
                click.echo(f"{lottery.code} {lottery.name['zh-TW']} {state}")
                for prize in list_prizes(session, lottery.id):
                    click.echo(_prize_line(prize))

    @group.command("audit")
    @click.argument("code")
    def audit(code: str) -> None:
        """Print every draw in the order it was made."""
        with installation.sessions() as session:
            lottery, after_id = _get(session, code), 0
            while part := list_draws(session, lottery.id, after_id=after_id, limit=PRINTED_AT_ONCE):
                for made, number in part:
                    click.echo(_draw_line(made, number))
                after_id = part[-1][0].id


def _add_checks(group: AppGroup, installation: Installation) -> None:
    @group.command("verify")
    @click.argument("code")
    def verify(code: str) -> None:
        """Do every draw again from its number, and count the prizes against the stock."""
        with installation.sessions() as session:
            checked = verify_lottery(session, _get(session, code).id)
        for problem in checked.problems:
            click.echo(problem)
        click.echo(f"{checked.draws} draws, {len(checked.problems)} problems")
        if checked.problems:
            raise SystemExit(1)


def _get(session: Session, code: str) -> Lottery:
    try:
        return get_lottery(session, code)
    except BusinessError as error:
        raise click.BadParameter(f"no lottery has the code {code}") from error


def _prize_line(prize: LotteryPrize) -> str:
    return (
        f"  {prize.place}. {prize.name['zh-TW']} {prize.odds_ppm} ppm,"
        f" {prize.left} of {prize.stock} left, {prize.reward}"
    )


def _draw_line(made: Draw, number: str) -> str:
    gone = " out of stock" if made.was_out_of_stock else ""
    at = made.drawn_at.astimezone(TAIPEI).isoformat(timespec="seconds")
    hit = made.hit_prize_id if made.hit_prize_id is not None else "-"
    return (
        f"{made.id} {at} member {number} ticket {made.ticket_id} drew {made.number:06d}"
        f" of {made.odds}: prize {hit}, {made.outcome}{gone}"
    )
