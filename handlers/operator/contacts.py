"""`flask --app app contact|birthday-cards …`: who waits to be called, and cards to write."""

from datetime import datetime

import click
from flask.cli import AppGroup

from handlers.operator.acting import get_actor, saying_no, shown_moment
from handlers.operator.installation import Installation
from models.base import in_language
from models.birthday_card import list_birthday_cards, tick_birthday_card
from models.contact import Waiting, list_open, settle_contact
from models.local_day import first_of_month_after, local_day
from models.member import masked_name, shown_number
from models.programme import Programme, get_programme

LANGUAGE = "zh-TW"
MONTH = click.DateTime(["%Y-%m"])


def make_groups(installation: Installation) -> tuple[AppGroup, ...]:
    """Make the groups of commands."""
    return (_contacts(installation), _birthday_cards(installation))


def _contacts(installation: Installation) -> AppGroup:
    group = AppGroup("contact", help="Members who ask to be called.")

    @group.command("list")
    def show() -> None:
        """Print who waits, with what one should know: the highest level first, then the oldest."""
        with installation.sessions() as session:
            programme = get_programme(session)
            for waiting in list_open(session, installation.clock()):
                for line in context_lines(waiting, programme):
                    click.echo(line)

    @group.command("settle")
    @click.argument("request_id", type=int)
    @click.option("--by", "username", required=True, help="The login of who has called.")
    def settle(request_id: int, username: str) -> None:
        """Note that the member of REQUEST_ID has been answered."""
        with saying_no(), installation.sessions.begin() as session:
            staff = get_actor(session, username)
            settle_contact(session, request_id, staff, now=installation.clock())
        click.echo(f"{request_id} is settled.")

    return group


def context_lines(waiting: Waiting, programme: Programme) -> list[str]:
    """Return one wish with its context, a line a fact."""
    request, member = waiting.request, waiting.member
    tier = in_language(programme.tier(member.tier_id).name, LANGUAGE)
    lines = [
        f"{request.id}  level {request.level}  {shown_moment(request.asked_at)}",
        f"  {masked_name(member.name)}  {shown_number(member.number)}  {member.phone or '-'}",
        f"  {tier}  {member.points} points  plan {member.plan_code or '-'}",
    ]
    if request.about:
        lines.append(f"  「{request.about}」")
    lines += [
        f"  bought {one.purchased_on} NT${one.paid_twd - one.refunded_twd}"
        for one in waiting.purchases
    ]
    lines += [
        f"  coupon {in_language(one.template.name, LANGUAGE)} until {shown_moment(one.expires_at)}"
        for one in waiting.coupons
    ]
    return lines + [f"  sent {kind} {shown_moment(at)}" for kind, at in waiting.messages]


def _birthday_cards(installation: Installation) -> AppGroup:
    group = AppGroup("birthday-cards", help="Birthday cards that staff write by hand.")

    @group.command("list")
    @click.option("--month", type=MONTH, help="Such as 2026-12; next month without it.")
    def show(month: datetime | None) -> None:
        """Print whose cards are to be written, those done ticked."""
        today = local_day(installation.clock())
        first = month.date() if month is not None else first_of_month_after(today, 1)
        with installation.sessions() as session:
            programme = get_programme(session)
            for one in list_birthday_cards(session, first):
                tick = "x" if one.card.done_at else " "
                tier = in_language(programme.tier(one.member.tier_id).name, LANGUAGE)
                click.echo(
                    f"[{tick}] {one.card.id}  {one.card.birthday_on}  {one.member.name}  {tier}"
                    f"  {one.favourite or '-'}"
                )

    @group.command("done")
    @click.argument("card_id", type=int)
    @click.option("--by", "username", required=True, help="The login of who has written it.")
    @click.option("--undo", is_flag=True, help="It is not written after all.")
    def done(card_id: int, username: str, undo: bool) -> None:
        """Tick the card CARD_ID off."""
        with saying_no(), installation.sessions.begin() as session:
            staff = get_actor(session, username)
            tick_birthday_card(session, card_id, staff, is_done=not undo, now=installation.clock())
        click.echo(f"{card_id} is {'open' if undo else 'done'}.")

    return group
