"""`flask --app app member …`: whose card is it, on which LINE account, and are two cards one?"""

import uuid
from pathlib import Path
from typing import Any, Protocol, cast

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from handlers.operator.acting import get_actor, saying_no, shown_moment
from handlers.operator.installation import Installation
from models.browse_event import find_last_look
from models.fraud import link_staff
from models.identity import (
    find_standing_merge,
    get_binding_request,
    likely_duplicates,
    merge_members,
    preview_merge,
    rebind_by_clerk,
    undo_merge,
)
from models.identity.merge import Side
from models.line_binding import list_bindings
from models.local_day import TAIPEI
from models.member import (
    Member,
    get_card,
    get_member,
    get_member_by_typed,
    is_member_number,
    masked_name,
    registered_without_order,
    shown_number,
)
from models.membership import register_at_till
from models.phone import normal_phone
from models.shop import find_store

DEMO_TEXTS = Path(__file__).parents[2] / "var" / "text-messages.txt"
MOST_PAIRS = 200


class Signing(Protocol):
    """The settings these commands use beside the common ones."""

    demo: bool

    @property
    def signing_key(self) -> Ed25519PrivateKey: ...


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("member", help="Cards, their LINE accounts, merging.")
    _add_looking(group, installation)
    _add_binding(group, installation)
    _add_merging(group, installation)
    return group


def add_link(group: AppGroup, installation: Installation) -> None:
    """Add `link` to the group of staff commands."""

    @group.command("link")
    @click.argument("username")
    @click.argument("member")
    @click.option("--phone", is_flag=True, help="Keep the member's phone as the person's own.")
    def link(username: str, member: str, phone: bool) -> None:
        """Note that MEMBER (number or phone) is that person's own card: they cannot work on it."""
        with saying_no(), installation.sessions.begin() as session:
            found = get_member_by_typed(session, member)
            staff = link_staff(session, username, found)
            if phone:
                staff.phone = found.phone
            click.echo(f"{staff.username} cannot work on card {shown_number(found.number)}.")


def _add_looking(group: AppGroup, installation: Installation) -> None:
    @group.command("show")
    @click.argument("member")
    def show(member: str) -> None:
        """Print a card's figures and the history of its LINE accounts."""
        with saying_no(), installation.sessions() as session:
            found = get_member_by_typed(session, member)
            state = "frozen" if found.frozen_at else "active"
            click.echo(
                f"{shown_number(found.number)}  {masked_name(found.name)}  {state}  "
                f"{found.points} points"
            )
            for row in list_bindings(session, found.id):
                since = shown_moment(row.bound_at)
                click.echo(
                    f"  LINE since {since} by {row.bound_how}: {row.revoke_reason or 'open'}"
                )

    @group.command("duplicates")
    @click.option("--limit", type=click.IntRange(1, MOST_PAIRS), default=20, show_default=True)
    def duplicates(limit: int) -> None:
        """Print pairs of cards that seem to be one person's, the likeliest first."""
        with installation.sessions() as session:
            for pair in likely_duplicates(session, limit):
                first, second = (
                    get_member(session, pair.first_id),
                    get_member(session, pair.second_id),
                )
                click.echo(f"{_line(first)}  {_line(second)}  {', '.join(pair.reasons)}")

    @group.command("without-order")
    @click.option("--days", type=click.IntRange(0), default=7, show_default=True)
    @click.option("--limit", type=click.IntRange(1, MOST_PAIRS), default=20, show_default=True)
    def without_order(days: int, limit: int) -> None:
        """Print who joined so many days ago or longer and never bought, and what they looked at."""
        with installation.sessions() as session:
            now = installation.clock()
            for member_id in registered_without_order(session, days, now, limit=limit):
                look = find_last_look(session, member_id)
                seen = f"  {look.kind} {look.sku or look.path or ''}" if look else ""
                click.echo(f"{_line(get_member(session, member_id))}{seen}")

    @group.command("otp-show")
    @click.argument("phone")
    def otp_show(phone: str) -> None:
        """Print the newest text message to PHONE; in the demo only."""
        if not _signing(installation).demo:
            raise click.ClickException("only the demo keeps text messages")
        with saying_no():
            wanted = normal_phone(phone)
        lines = DEMO_TEXTS.read_text("utf-8").splitlines() if DEMO_TEXTS.exists() else []
        found = [line for line in lines if line.startswith(f"{wanted} ")]
        click.echo(found[-1] if found else "No text message yet.")


def _add_binding(group: AppGroup, installation: Installation) -> None:
    @group.command("register")
    @click.argument("phone")
    @click.option("--store", "store_code", required=True, help="Such as TP01.")
    @click.option("--name", help="As the person says it.")
    @click.option("--by", "username", required=True, help="Who told them the notice and asked.")
    def register(phone: str, store_code: str, name: str | None, username: str) -> None:
        """Make a card for somebody known by PHONE alone, who said yes at the till."""
        with saying_no(), installation.sessions.begin() as session:
            store = find_store(session, store_code)
            if store is None:
                raise click.BadParameter(f"no store has the code {store_code}")
            made = register_at_till(
                session,
                phone,
                name=name,
                store=store,
                staff_id=get_actor(session, username).id,
                evidence=f"command:{uuid.uuid4()}",
                now=installation.clock(),
            )
            click.echo(f"Card {shown_number(made.number)} made.")

    @group.command("rebind")
    @click.argument("member")
    @click.argument("code")
    @click.option("--by", "username", required=True, help="Who checked the name.")
    @click.option("--reason", required=True)
    def rebind(member: str, code: str, username: str, reason: str) -> None:
        """Bind MEMBER to the LINE account that shows CODE (eight digits)."""
        now = installation.clock()
        key = _signing(installation).signing_key.public_key()
        with saying_no(), installation.sessions.begin() as session:
            found = get_member_by_typed(session, member)
            asked = get_binding_request(session, key, code, now)
            staff = get_actor(session, username)
            rebind_by_clerk(session, found, asked, staff=staff, reason=reason, now=now)
            click.echo(f"Card {shown_number(found.number)} is on that LINE account now.")


def _add_merging(group: AppGroup, installation: Installation) -> None:
    @group.command("preview")
    @click.argument("keep")
    @click.argument("drop")
    def preview(keep: str, drop: str) -> None:
        """Print what merging DROP into KEEP would bring; changes nothing."""
        with saying_no(), installation.sessions() as session:
            kept, dropped = _card(session, keep), _card(session, drop)
            seen = preview_merge(session, kept, dropped, installation.clock())
            for name, side in (("keep", seen.keep), ("drop", seen.drop), ("after", seen.after)):
                click.echo(f"{name:<6}{_side(side)}")
            click.echo(f"conflicts: {', '.join(seen.conflicts) or 'none'}")

    @group.command("merge")
    @click.argument("keep")
    @click.argument("drop")
    @click.option("--by", "username", required=True)
    @click.option("--reason", required=True)
    def merge(keep: str, drop: str, username: str, reason: str) -> None:
        """Put all that DROP has onto KEEP and close DROP; `unmerge` takes it back for 30 days."""
        now = installation.clock()
        with saying_no(), installation.sessions.begin() as session:
            done = merge_members(
                session,
                _card(session, keep),
                _card(session, drop),
                staff=get_actor(session, username),
                reason=reason,
                key=f"command:{uuid.uuid4()}",
                now=now,
            )
            click.echo(f"Merged; to be undone until {done.undo_until.astimezone(TAIPEI):%Y-%m-%d}.")

    @group.command("unmerge")
    @click.argument("number")
    @click.option("--by", "username", required=True)
    def unmerge(number: str, username: str) -> None:
        """Take back the merge that closed the card with this NUMBER."""
        with saying_no(), installation.sessions.begin() as session:
            closed = _card(session, number)
            merge = find_standing_merge(session, closed.id)
            if merge is None:
                raise click.ClickException(f"card {number} was not merged")
            undo_merge(session, merge, staff=get_actor(session, username), now=installation.clock())
            click.echo(f"Card {shown_number(closed.number)} is open again.")


def _card(session: Session, number: str) -> Member:
    """Return the very card with this number, even one that was merged away."""
    digits = "".join(number.split())
    if not is_member_number(digits):
        raise click.BadParameter(f"{number} is no member number")
    return get_card(session, digits)


def _line(member: Member) -> str:
    return f"{shown_number(member.number)} {masked_name(member.name)}"


def _side(side: Side) -> str:
    facts: dict[str, Any] = vars(side)
    return "  ".join(f"{name}={value}" for name, value in facts.items())


def _signing(installation: Installation) -> Signing:
    return cast(Signing, installation.settings)
