"""`flask --app app fraud …`: what to look at, what was decided, and the limits."""

from datetime import date, datetime, timedelta

import click
from flask.cli import AppGroup

from handlers.operator.acting import get_actor, saying_no, shown_moment
from handlers.operator.installation import Installation
from models.fraud import approve, freeze_member, list_asked, list_open_alerts, refuse
from models.fraud.figures import ClerkFigures, clerk_figures, list_buy_returns
from models.fraud.freezing import BY_STAFF
from models.fraud.not_me import confirm_fraud, release_member
from models.local_day import local_day
from models.member import get_member, get_member_by_typed, shown_number
from models.velocity_rule import ONE_SALE, change_velocity_rule, list_velocity_rules

LOOK_BACK_DAYS = 30
DAY = click.DateTime(["%Y-%m-%d"])


def make_group(installation: Installation) -> AppGroup:
    """Make the group of fraud commands."""
    group = AppGroup("fraud", help="Alerts, limits, and what clerks' figures tell.")
    _add_alerts(group, installation)
    _add_figures(group, installation)
    _add_limits(group, installation)
    return group


def _add_alerts(group: AppGroup, installation: Installation) -> None:
    @group.command("list")
    def list_alerts() -> None:
        """Print what waits for a manager."""
        with installation.sessions() as session:
            for alert in list_open_alerts(session):
                whose = ""
                if alert.member_id is not None:
                    whose = shown_number(get_member(session, alert.member_id).number)
                click.echo(
                    f"{shown_moment(alert.opened_at)}  {alert.kind}  {whose}  {alert.evidence}"
                )

    @group.command("freeze")
    @click.argument("member")
    @click.option("--by", "username", required=True)
    @click.option("--reason", required=True)
    def freeze(member: str, username: str, reason: str) -> None:
        """Stop a card from spending until somebody has looked into it; it goes on earning."""
        with saying_no(), installation.sessions.begin() as session:
            found = get_member_by_typed(session, member)
            is_new = freeze_member(
                session,
                found,
                BY_STAFF,
                now=installation.clock(),
                staff_id=get_actor(session, username).id,
                note_text=reason,
            )
            click.echo("Frozen." if is_new else "It was frozen before.")

    @group.command("release")
    @click.argument("member")
    @click.option("--by", "username", required=True)
    @click.option("--reason", required=True)
    def release(member: str, username: str, reason: str) -> None:
        """Find that all was well: the card works again and its owner is told."""
        with saying_no(), installation.sessions.begin() as session:
            found = get_member_by_typed(session, member)
            staff = get_actor(session, username)
            done = release_member(
                session, found, staff=staff, note_text=reason, now=installation.clock()
            )
            click.echo(f"Released; {len(done)} alert(s) settled.")

    @group.command("confirm")
    @click.argument("member")
    @click.option("--by", "username", required=True)
    @click.option("--reason", required=True)
    def confirm(member: str, username: str, reason: str) -> None:
        """Find that it was fraud: the card stays frozen."""
        with saying_no(), installation.sessions.begin() as session:
            found = get_member_by_typed(session, member)
            staff = get_actor(session, username)
            done = confirm_fraud(
                session, found, staff=staff, note_text=reason, now=installation.clock()
            )
            click.echo(f"Confirmed; {len(done)} alert(s) settled, the card is frozen.")


def _add_figures(group: AppGroup, installation: Installation) -> None:
    @group.command("clerks")
    @click.option("--from", "first", type=DAY, help="The first day, 30 days ago unless told.")
    @click.option("--to", "last", type=DAY, help="The last day, today unless told.")
    def clerks(first: datetime | None, last: datetime | None) -> None:
        """Print each clerk's figures beside their peers', and who buys and gives back."""
        start, end = _period(installation, first, last)
        with installation.sessions() as session:
            for clerk in clerk_figures(session, start, end):
                click.echo("\n".join(_clerk(clerk)))
            for one in list_buy_returns(session, start, end):
                number = shown_number(get_member(session, one.member_id).number)
                click.echo(
                    f"buy-return  {number}  {one.times} times  NT${one.amount_twd:,}"
                    f"  purchases {list(one.purchase_ids)}  staff {list(one.staff_ids)}"
                )


def _add_limits(group: AppGroup, installation: Installation) -> None:
    @group.command("rules")
    def rules() -> None:
        """Print the limits of pace."""
        with installation.sessions() as session:
            for rule in list_velocity_rules(session):
                window = _window(rule.window_minutes)
                state = "on" if rule.is_active else "off"
                click.echo(
                    f"{rule.code:<24}{rule.scope} {rule.what} per {window}: "
                    f"warn {rule.warn_at}, block {rule.block_at}, {state}"
                )

    @group.command("limit")
    @click.argument("code")
    @click.option("--warn", "warn_at", type=int, required=True)
    @click.option("--block", "block_at", type=int, required=True)
    @click.option("--on/--off", "is_active", default=True, show_default=True)
    def limit(code: str, warn_at: int, block_at: int, is_active: bool) -> None:
        """Change one limit; it holds from the next sale on."""
        with saying_no(), installation.sessions.begin() as session:
            change_velocity_rule(
                session, code, warn_at=warn_at, block_at=block_at, is_active=is_active
            )
        click.echo(f"{code}: warn {warn_at}, block {block_at}, {'on' if is_active else 'off'}")

    @group.command("asked")
    def asked() -> None:
        """Print what waits for a second person."""
        with installation.sessions() as session:
            for one in list_asked(session, installation.clock()):
                click.echo(f"{one.code}  {shown_moment(one.asked_at)}  {one.subject}  {one.reason}")

    @group.command("decide")
    @click.argument("code")
    @click.option("--by", "username", required=True)
    @click.option("--yes/--no", "is_yes", required=True)
    def decide(code: str, username: str, is_yes: bool) -> None:
        """Answer a question as the second person."""
        with saying_no(), installation.sessions.begin() as session:
            staff = get_actor(session, username)
            decide_it = approve if is_yes else refuse
            click.echo(decide_it(session, code, staff, installation.clock()).state)


def _window(minutes: int | None) -> str:
    if minutes is None:
        return "day"
    return f"{minutes} min" if minutes != ONE_SALE else "sale"


def _period(
    installation: Installation, first: datetime | None, last: datetime | None
) -> tuple[date, date]:
    """Return the first day and the first day outside."""
    end = (last.date() if last else local_day(installation.clock())) + timedelta(days=1)
    return (first.date() if first else end - timedelta(days=LOOK_BACK_DAYS)), end


def _clerk(clerk: ClerkFigures) -> list[str]:
    lines = [f"{clerk.username:<14}{clerk.sales} sales"]
    for figure in clerk.figures:
        sign = "!" if figure.is_alarm else " "
        line = f" {sign} {figure.name:<12}{figure.cases:>5}  z {figure.score:>6.1f}"
        lines.append(f"{line}  {list(figure.ids)}" if figure.is_alarm else line)
    return lines
