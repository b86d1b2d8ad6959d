"""`flask --app app coupon …` and `reward …`: templates, single coupons, their lives, stock."""

import uuid
from datetime import datetime
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import IntegrityError, NoResultFound
from sqlalchemy.orm import Session

from handlers.operator.acting import in_taipei, working
from handlers.operator.installation import Installation
from models.base import constraint_of, in_language
from models.coupon import (
    KINDS,
    Coupon,
    CouponTemplate,
    cancel_redemption,
    count_by_state,
    find_coupon,
    get_template,
    issue_coupon,
    list_templates,
    trace_coupon,
    void_coupon,
)
from models.coupon.reports import PackReport, pack_report
from models.coupon.table import CLOCKS, REFUND_POLICIES
from models.local_day import TAIPEI, last_day
from models.member import get_member_by_typed
from models.reward import (
    Reward,
    RewardExchange,
    cancel_exchange,
    get_reward,
    list_rewards,
)
from models.shop import get_shop

MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])
COUNT = click.IntRange(1)
STATES_SHOWN = ("locked", "issued", "redeemed", "expired", "void")


def make_coupon_group(installation: Installation) -> AppGroup:
    """Make the group of coupon commands."""
    group = AppGroup("coupon", help="Coupons: templates, single ones, and how packs do.")
    _add_listing(group, installation)
    _add_template_command(group, installation)
    _add_single_commands(group, installation)
    return group


def _add_listing(group: AppGroup, installation: Installation) -> None:
    @group.command("list")
    def list_all() -> None:
        """Print every template with how many of its coupons are in which state."""
        with installation.sessions() as session:
            for template in list_templates(session):
                counts = count_by_state(session, template.id, installation.clock())
                click.echo(_template_line(template, counts))

    @group.command("stock")
    @click.argument("code")
    @click.option("--left", type=click.IntRange(0), help="So many may still be given.")
    @click.option("--unlimited", is_flag=True, help="Take the limit away.")
    @click.option("--active/--inactive", default=None, help="Give it again, or no longer.")
    def stock(code: str, left: int | None, unlimited: bool, active: bool | None) -> None:
        """Show a template's stock, or change it."""
        with installation.sessions.begin() as session:
            template = _template(session, code)
            if left is not None or unlimited:
                template.stock_left = None if unlimited else left
            if active is not None:
                template.is_active = active
            get_shop(session).programme_version += 1  # Stamp cards keep their reward's template.
            session.flush()
            counts = count_by_state(session, template.id, installation.clock())
            click.echo(_template_line(template, counts))

    @group.command("pack-report")
    @click.argument("pack", default="welcome")
    def report(pack: str) -> None:
        """Print how far members with a pack have come: orders 1, 2, 3 and after."""
        with installation.sessions() as session:
            for line in _report_lines(pack, pack_report(session, pack)):
                click.echo(line)


def _add_template_command(group: AppGroup, installation: Installation) -> None:
    @group.command("add-template")
    @click.argument("code")
    @click.option("--kind", type=click.Choice(KINDS), required=True)
    @click.option("--name", required=True, help="As members read it, such as 夏日折價券.")
    @click.option("--headline", required=True, help="The benefit, big: 折 NT$50, 8 折, 買一送一.")
    @click.option("--description", default="", help="One or two sentences.")
    @click.option("--value", type=click.IntRange(0), default=0, help="NT$, or percent off.")
    @click.option("--cap", "cap_twd", type=COUNT, help="A percent takes off so much at most.")
    @click.option("--item", "item_sku", help="The item's sku at the till.")
    @click.option("--min-spend", "min_spend_twd", type=click.IntRange(0), default=0)
    @click.option("--clock", type=click.Choice(CLOCKS), default="receipt", show_default=True)
    @click.option("--days", "valid_days", type=COUNT, help="From its receipt or opening.")
    @click.option("--open-within", "open_within_days", type=COUNT, help="Days to open it in.")
    @click.option("--from", "starts_at", type=MOMENT, help="Of a window; Taipei's time.")
    @click.option("--until", "ends_at", type=MOMENT, help="Of a window; no longer good then.")
    @click.option("--stock", "stock_left", type=click.IntRange(0), help="So many in all.")
    @click.option("--per-member", "per_member_limit", type=COUNT)
    @click.option("--per-day", "per_day_limit", type=COUNT, help="A Taipei day, all members.")
    @click.option("--tier", "tier_codes", multiple=True, help="Only for this tier; repeat.")
    @click.option("--store", "store_codes", multiple=True, help="Only at this store; repeat.")
    @click.option("--channel", "channels", multiple=True, help="Only through it; repeat.")
    @click.option("--combines", default="alone", help="alone, with_others, or the name of a group.")
    @click.option("--on-refund", type=click.Choice(REFUND_POLICIES), default="restore")
    @click.option("--priority", type=int, default=100, help="The lowest is taken off first.")
    def add_template(
        code: str, starts_at: datetime | None, ends_at: datetime | None, **rules: Any
    ) -> None:
        """Add a template of coupons."""
        for name in ("name", "headline", "description"):
            rules[name] = {"zh-TW": rules[name]}
        for name in ("tier_codes", "store_codes", "channels"):
            rules[name] = list(rules[name])
        template = CouponTemplate(
            code=code, starts_at=in_taipei(starts_at), ends_at=in_taipei(ends_at), **rules
        )
        with installation.sessions.begin() as session:
            session.add(template)
            try:
                session.flush()
            except IntegrityError as error:
                raise click.ClickException(
                    f"{code} breaks the rule {constraint_of(error)}."
                ) from error
        click.echo(f"{code} can be given.")


def _add_single_commands(group: AppGroup, installation: Installation) -> None:
    @group.command("issue")
    @click.argument("template")
    @click.argument("member")
    @click.option("--key", help="The cause: the same key gives once.")
    def issue(template: str, member: str, key: str | None) -> None:
        """Give a member (number or phone) a coupon."""
        with working(installation) as session:
            given = issue_coupon(
                session,
                get_member_by_typed(session, member).id,
                _template(session, template),
                issue_key=f"operator:{key or uuid.uuid4()}",
                now=installation.clock(),
            )
            click.echo(given.code if given else "The cause had its coupon.")

    @group.command("void")
    @click.argument("code")
    @click.option("--why", required=True, help="Kept with the coupon.")
    def void(code: str, why: str) -> None:
        """Take one unused coupon back."""
        with working(installation) as session:
            coupon = _coupon(session, code)
            void_coupon(session, coupon, cause="staff", now=installation.clock(), ref=why)
        click.echo(f"{coupon.code} is void.")

    @group.command("trace")
    @click.argument("code")
    def trace(code: str) -> None:
        """Print every step of one coupon's life."""
        with installation.sessions() as session:
            coupon = _coupon(session, code)
            click.echo(_coupon_line(coupon, installation.clock()))
            for event in trace_coupon(session, coupon.id):
                at = event.at.astimezone(TAIPEI)
                who = f"staff={event.staff_id} store={event.store_id}"
                step = f"{event.from_state or '-'} → {event.to_state}"
                click.echo(f"{at:%Y-%m-%d %H:%M:%S}  {step}  {event.cause}  {who}  {event.ref}")

    @group.command("cancel-redemption")
    @click.argument("redemption_id", type=int)
    def cancel(redemption_id: int) -> None:
        """Undo the use of a coupon that was scanned alone."""
        with working(installation) as session:
            try:
                cancel_redemption(session, redemption_id, staff_id=None, now=installation.clock())
            except NoResultFound as error:
                raise click.ClickException(f"There is no redemption {redemption_id}.") from error
        click.echo("The coupon can be used again.")


def make_reward_group(installation: Installation) -> AppGroup:
    """Make the group of reward commands."""
    group = AppGroup("reward", help="What points can be exchanged for.")

    @group.command("list")
    def list_all() -> None:
        """Print every reward."""
        with installation.sessions() as session:
            for reward in list_rewards(session):
                click.echo(_reward_line(reward))

    @group.command("add")
    @click.argument("code")
    @click.argument("template")
    @click.option("--name", required=True, help="As members read it.")
    @click.option("--description", default="", help="One or two sentences.")
    @click.option("--points", "cost_points", type=COUNT, required=True)
    @click.option("--stock", "stock_left", type=click.IntRange(0), help="So many in all.")
    @click.option("--per-member", "per_member_limit", type=COUNT)
    @click.option("--tier", "tier_codes", multiple=True, help="Only for this tier; repeat.")
    @click.option("--from", "starts_at", type=MOMENT, help="Taipei's time.")
    @click.option("--until", "ends_at", type=MOMENT, help="Taipei's time, no longer offered.")
    @click.option("--cancel-days", type=click.IntRange(0), default=7, show_default=True)
    def add(
        code: str,
        template: str,
        name: str,
        description: str,
        tier_codes: tuple[str, ...],
        starts_at: datetime | None,
        ends_at: datetime | None,
        **rules: Any,
    ) -> None:
        """Offer a coupon of a template for points."""
        with installation.sessions.begin() as session:
            reward = Reward(
                code=code,
                template_id=_template(session, template).id,
                name={"zh-TW": name},
                description={"zh-TW": description},
                tier_codes=list(tier_codes),
                starts_at=in_taipei(starts_at),
                ends_at=in_taipei(ends_at),
                **rules,
            )
            session.add(reward)
            try:
                session.flush()
            except IntegrityError as error:
                raise click.ClickException(
                    f"{code} breaks the rule {constraint_of(error)}."
                ) from error
        click.echo(f"{code} is offered.")

    _add_reward_changes(group, installation)
    return group


def _add_reward_changes(group: AppGroup, installation: Installation) -> None:
    @group.command("stock")
    @click.argument("code")
    @click.option("--left", type=click.IntRange(0), help="So many are left.")
    @click.option("--unlimited", is_flag=True, help="Take the limit away.")
    @click.option("--active/--inactive", default=None, help="Offer it again, or no longer.")
    def stock(code: str, left: int | None, unlimited: bool, active: bool | None) -> None:
        """Show a reward's stock, or change it."""
        with working(installation) as session:
            reward = get_reward(session, code)
            if left is not None or unlimited:
                reward.stock_left = None if unlimited else left
            if active is not None:
                reward.is_active = active
            click.echo(_reward_line(reward))

    @group.command("cancel")
    @click.argument("member")
    @click.argument("exchange_id", type=int)
    def cancel(member: str, exchange_id: int) -> None:
        """Give a member points and stock back for an unused reward."""
        with working(installation) as session:
            found = get_member_by_typed(session, member)
            done: RewardExchange = cancel_exchange(
                session, found, exchange_id, now=installation.clock()
            )
            click.echo(f"{done.cost_points} points are given back.")


def _template(session: Session, code: str) -> CouponTemplate:
    try:
        return get_template(session, code)
    except NoResultFound as error:
        raise click.ClickException(f"No template has the code {code}.") from error


def _coupon(session: Session, code: str) -> Coupon:
    coupon = find_coupon(session, code)
    if coupon is None:
        raise click.ClickException("No coupon has this code.")
    return coupon


def _template_line(template: CouponTemplate, counts: dict[str, int]) -> str:
    states = " ".join(f"{state}={counts.get(state, 0)}" for state in STATES_SHOWN)
    left = "∞" if template.stock_left is None else str(template.stock_left)
    name = in_language(template.name, "zh-TW")
    off = "" if template.is_active else "  (inactive)"
    return f"{template.code:<16} {template.kind:<13} left={left:<5} {states}  {name}{off}"


def _reward_line(reward: Reward) -> str:
    left = "∞" if reward.stock_left is None else str(reward.stock_left)
    name = in_language(reward.name, "zh-TW")
    off = "" if reward.is_active else "  (inactive)"
    gives = reward.template.code
    return f"{reward.code:<16} {reward.cost_points:>6} points  left={left:<5} {gives}  {name}{off}"


def _coupon_line(coupon: Coupon, now: datetime) -> str:
    until = last_day(coupon.expires_at).isoformat()
    return (
        f"{coupon.code}  {coupon.template.code}  {coupon.shown_state(now)}  "
        f"member={coupon.member_id}  until={until}"
    )


def _report_lines(pack: str, report: PackReport) -> list[str]:
    rate = "-" if report.repeat_rate is None else f"{report.repeat_rate:.2%}"
    used = ", ".join(f"#{place}: {count}" for place, count in enumerate(report.used, 1))
    reached = ", ".join(f"order {n}: {count}" for n, count in enumerate(report.reached, 1))
    return [
        f"{pack}: given to {report.given} members",
        f"coupons used   {used}",
        f"members with   {reached}",
        f"ordered again after order 3: {report.repeated} ({rate})",
    ]
