"""`flask --app app plan …`: paid membership, its fees, its steps, and how many renew."""

from uuid import uuid4

import click
from flask.cli import AppGroup
from sqlalchemy.exc import IntegrityError

from handlers.operator.acting import get_actor, shown_moment, working
from handlers.operator.installation import Installation
from models.base import in_language
from models.member import get_member_by_typed
from models.plan import (
    METHODS,
    PERIOD_MONTHS,
    REFERENCE_PERCENT,
    RETAIL_PERCENTS,
    Paid,
    Plan,
    RenewalRate,
    add_plan,
    cancel_plan,
    decide_reapplication,
    find_latest,
    get_plan,
    list_events,
    list_payments,
    list_plans,
    months_before,
    pay_request,
    reapply,
    refund_payment,
    renewal_rates,
    revoke_plan,
    sell_plan,
)

MOST_MONTHS = 60

_by = click.option("--by", "username", required=True, help="Who does it: a login's name.")
_reason = click.option("--reason", required=True, help="Why; it stays in the history.")
_method = click.option("--method", type=click.Choice(METHODS), default="counter")
_reference = click.option("--reference", help="What the bank, LINE Pay or the till calls it.")
_key = click.option("--key", help="To be safe against doing it twice.")


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("plan", help="Paid membership.")
    _add_rules(group, installation)
    _add_money(group, installation)
    _add_steps(group, installation)
    _add_figures(group, installation)
    return group


def _add_rules(group: AppGroup, installation: Installation) -> None:
    @group.command("list")
    def list_all() -> None:
        """Print every plan."""
        with installation.sessions() as session:
            for plan in list_plans(session):
                click.echo(_line(plan))

    @group.command("add")
    @click.argument("code")
    @click.option("--name", required=True, help="As members read it.")
    @click.option("--period", type=click.Choice(list(PERIOD_MONTHS)), required=True)
    @click.option("--fee", "fee_twd", type=click.IntRange(1), required=True, help="NT$ a period.")
    @click.option("--points-percent", type=click.IntRange(100, 1000), default=100)
    def add(code: str, name: str, period: str, fee_twd: int, points_percent: int) -> None:
        """Add a plan to choose."""
        try:
            with working(installation) as session:
                plan = add_plan(
                    session,
                    code=code,
                    name={"zh-TW": name},
                    period=period,
                    fee_twd=fee_twd,
                    points_percent=points_percent,
                )
                click.echo(_line(plan))
        except IntegrityError as error:
            raise click.ClickException(f"there is a plan {code} already") from error


def _add_money(group: AppGroup, installation: Installation) -> None:
    @group.command("sell")
    @click.argument("member")
    @click.argument("code")
    @_method
    @_reference
    @_by
    @_key
    def sell(
        member: str, code: str, method: str, reference: str | None, username: str, key: str | None
    ) -> None:
        """Take a plan's fee from a member; it begins, or is added to the end."""
        with working(installation) as session:
            paid = sell_plan(
                session,
                get_member_by_typed(session, member).id,
                get_plan(session, code),
                method=method,
                reference=reference,
                staff=get_actor(session, username),
                idempotency_key=f"plan:{key or uuid4()}",
                now=installation.clock(),
            )
            click.echo(_paid_line(paid))

    @group.command("confirm")
    @click.argument("request_code")
    @click.option("--method", type=click.Choice(METHODS), default="transfer", show_default=True)
    @_reference
    @_by
    def confirm(request_code: str, method: str, reference: str | None, username: str) -> None:
        """Say that the fee of a member's request has come, such as by transfer."""
        with working(installation) as session:
            paid = pay_request(
                session,
                request_code,
                method=method,
                reference=reference,
                staff=get_actor(session, username),
                idempotency_key=f"request:{request_code}",
                now=installation.clock(),
            )
            click.echo(_paid_line(paid))

    @group.command("payments")
    @click.argument("member")
    def payments(member: str) -> None:
        """Print what a member paid for their newest plan, with the numbers refunds name."""
        with working(installation) as session:
            latest = find_latest(session, get_member_by_typed(session, member).id)
            for row in list_payments(session, latest.id) if latest else []:
                why = f" of {row.refunds_id}" if row.refunds_id else ""
                click.echo(f"{row.id}{why}: NT${row.amount_twd} {row.method} {row.months} month(s)")

    @group.command("history")
    @click.argument("member")
    def history(member: str) -> None:
        """Print every step of a member's newest plan: who took it, and why."""
        with working(installation) as session:
            latest = find_latest(session, get_member_by_typed(session, member).id)
            for step in list_events(session, latest.id) if latest else []:
                who = f"staff:{step.staff_id}" if step.staff_id else step.actor
                moved = f"{step.from_state or '-'} → {step.to_state}"
                click.echo(f"{shown_moment(step.at)}  {moved}  {who}  {step.reason}")

    @group.command("refund")
    @click.argument("payment_id", type=int)
    @_by
    @_reason
    def refund(payment_id: int, username: str, reason: str) -> None:
        """Give a fee back: all of it in the first days, later its unused months."""
        with working(installation) as session:
            given = refund_payment(
                session,
                payment_id,
                staff=get_actor(session, username),
                reason=reason,
                idempotency_key=f"plan_refund:{payment_id}",
                now=installation.clock(),
            )
            click.echo(f"Give NT${-given.amount_twd} back; {-given.months} month(s) taken off.")


def _add_steps(group: AppGroup, installation: Installation) -> None:
    @group.command("cancel")
    @click.argument("member")
    @_reason
    def cancel(member: str, reason: str) -> None:
        """Note that a member's plan shall not go on; it is good until its end."""
        with working(installation) as session:
            member_id = get_member_by_typed(session, member).id
            held = cancel_plan(session, member_id, reason=reason, now=installation.clock())
            click.echo(f"Good through {held.last_on}, then over.")

    @group.command("revoke")
    @click.argument("member")
    @_by
    @_reason
    def revoke(member: str, username: str, reason: str) -> None:
        """End a paid membership at once; to buy anew, the person must be readmitted."""
        with working(installation) as session:
            member_id = get_member_by_typed(session, member).id
            staff = get_actor(session, username)
            revoke_plan(session, member_id, staff=staff, reason=reason, now=installation.clock())
        click.echo("Revoked.")

    @group.command("reapply")
    @click.argument("member")
    @click.option("--ask", "step", flag_value="ask", help="Note that they ask again.")
    @click.option("--admit", "step", flag_value="admit", help="Let them pay anew.")
    @click.option("--refuse", "step", flag_value="refuse", help="Keep it revoked.")
    @click.option("--by", "username", help="The manager who decides.")
    @_reason
    def reapplication(member: str, step: str | None, username: str | None, reason: str) -> None:
        """Note a revoked member's wish to come back, or a manager's decision on it."""
        if step is None or (step != "ask" and username is None):
            raise click.UsageError("Say --ask, or --admit or --refuse with --by.")
        with working(installation) as session:
            member_id, now = get_member_by_typed(session, member).id, installation.clock()
            if step == "ask":
                held = reapply(session, member_id, reason=reason, now=now)
            else:
                held = decide_reapplication(
                    session,
                    member_id,
                    is_admitted=step == "admit",
                    staff=get_actor(session, username or ""),
                    reason=reason,
                    now=now,
                )
            click.echo(f"Now {held.state}.")


def _add_figures(group: AppGroup, installation: Installation) -> None:
    @group.command("renewals")
    @click.option("--months", type=click.IntRange(1, MOST_MONTHS), default=12, show_default=True)
    def renewals(months: int) -> None:
        """Print how many of the paid times that ended in each month went on."""
        with installation.sessions() as session:
            for rate in renewal_rates(session, months_before(installation.clock(), months)):
                click.echo(_rate_line(rate))
        low, high = RETAIL_PERCENTS
        click.echo(f"For comparison: {REFERENCE_PERCENT}% warehouse club, {low}-{high}% retail.")


def _line(plan: Plan) -> str:
    state = "sold" if plan.is_active else "no longer sold"
    name = in_language(plan.name, "zh-TW")
    return f"{plan.code}: {name}, NT${plan.fee_twd} {plan.period}, {plan.points_percent}%, {state}"


def _paid_line(paid: Paid) -> str:
    what = "Renewed" if paid.is_renewal else "Begun"
    return (
        f"{what}: NT${paid.payment.amount_twd}, payment {paid.payment.id}, "
        f"good through {paid.subscription.last_on}."
    )


def _rate_line(rate: RenewalRate) -> str:
    percent = "-" if rate.percent is None else f"{rate.percent}%"
    return f"{rate.month:%Y-%m}  {rate.renewed:>5} of {rate.due:>5}  {percent:>4}"
