"""`flask --app app earn …`: the rules by which payments bring points, and how they join."""

from datetime import datetime

import click
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from handlers.operator.acting import in_taipei, shown_moment
from handlers.operator.installation import Installation
from models.base import constraint_of, in_language
from models.earn_rule import POLICIES, EarnRule
from models.shop import Shop, get_shop

WEEKDAYS = click.IntRange(1, 7)
MONTH_DAYS = click.IntRange(1, 31)
MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("earn", help="How payments bring points.")

    @group.command("list")
    def list_rules() -> None:
        """Print the plain rate, the policy, and every rule."""
        with installation.sessions() as session:
            click.echo(_policy_line(get_shop(session)))
            for rule in session.scalars(select(EarnRule).order_by(EarnRule.code)):
                click.echo(_rule_line(rule))

    @group.command("policy")
    @click.option("--stacking", type=click.Choice(POLICIES), help="How multipliers join.")
    @click.option("--cap-percent", type=click.IntRange(100), help="No multiplier goes above it.")
    @click.option("--daily-cap", type=click.IntRange(1), help="Points a member may earn a day.")
    @click.option("--no-caps", is_flag=True, help="Take both caps away.")
    def policy(
        stacking: str | None, cap_percent: int | None, daily_cap: int | None, no_caps: bool
    ) -> None:
        """Change how rules join and what bounds them."""
        with installation.sessions.begin() as session:
            shop = get_shop(session)
            shop.earn_stacking = stacking or shop.earn_stacking
            shop.earn_cap_percent = cap_percent or (None if no_caps else shop.earn_cap_percent)
            shop.earn_daily_cap = daily_cap or (None if no_caps else shop.earn_daily_cap)
            shop.programme_version += 1
            click.echo(_policy_line(shop))

    @group.command("add")
    @click.argument("code")
    @click.option("--name", required=True, help="As members read it, such as 會員日雙倍.")
    @click.option("--percent", type=click.IntRange(101), help="A multiplier: 200 is double.")
    @click.option("--points", type=click.IntRange(1), help="Fixed points a visit instead.")
    @click.option("--min-spend", type=click.IntRange(0), default=0, help="NT$ paid at least.")
    @click.option("--store", "stores", multiple=True, help="Only at this store's code; repeat.")
    @click.option("--channel", "channels", multiple=True, help="Only through it, such as till.")
    @click.option("--tier", "tiers", multiple=True, help="Only for this tier's code; repeat.")
    @click.option("--category", "categories", multiple=True, help="Only its lines; repeat.")
    @click.option("--weekday", "weekdays", type=WEEKDAYS, multiple=True, help="1 is Monday.")
    @click.option("--month-day", "month_days", type=MONTH_DAYS, multiple=True, help="Such as 18.")
    @click.option("--from", "starts_at", type=MOMENT, help="Taipei's time.")
    @click.option("--until", "ends_at", type=MOMENT, help="Taipei's time, no longer in force.")
    def add(
        code: str,
        name: str,
        percent: int | None,
        points: int | None,
        min_spend: int,
        stores: tuple[str, ...],
        channels: tuple[str, ...],
        tiers: tuple[str, ...],
        categories: tuple[str, ...],
        weekdays: tuple[int, ...],
        month_days: tuple[int, ...],
        starts_at: datetime | None,
        ends_at: datetime | None,
    ) -> None:
        """Add a rule; it holds from the next purchase on."""
        if (percent is None) == (points is None):
            raise click.UsageError("Say either --percent or --points.")
        rule = EarnRule(
            code=code,
            name={"zh-TW": name},
            percent=percent or 100,
            points=points or 0,
            min_spend_twd=min_spend,
            store_codes=[store.upper() for store in stores],
            channels=list(channels),
            tier_codes=list(tiers),
            categories=list(categories),
            weekdays=list(weekdays),
            month_days=list(month_days),
            starts_at=in_taipei(starts_at),
            ends_at=in_taipei(ends_at),
            is_active=True,
        )
        try:
            with installation.sessions.begin() as session:
                session.add(rule)
                get_shop(session).programme_version += 1
        except IntegrityError as error:
            raise click.ClickException(_why(error, code)) from error
        click.echo(_rule_line(rule))

    @group.command("stop")
    @click.argument("code")
    def stop(code: str) -> None:
        """End a rule; what it brought stays."""
        with installation.sessions.begin() as session:
            rule = session.scalars(select(EarnRule).where(EarnRule.code == code)).one_or_none()
            if rule is None:
                raise click.ClickException(f"no rule has the code {code}")
            rule.is_active = False
            get_shop(session).programme_version += 1
        click.echo(f"{code} has ended.")

    return group


def _why(error: IntegrityError, code: str) -> str:
    constraint = constraint_of(error)
    reasons = {
        "uq_earn_rule_code": f"there is a rule {code} already",
        "ck_earn_rule_lives": "--until must lie after --from",
        "ck_earn_rule_categories_multiply": "a category takes --percent, not --points",
    }
    return reasons.get(constraint, f"the database refuses it ({constraint})")


def _policy_line(shop: Shop) -> str:
    caps = [
        f"at most {shop.earn_cap_percent}%" if shop.earn_cap_percent else None,
        f"{shop.earn_daily_cap} points a day" if shop.earn_daily_cap else None,
    ]
    bounds = ", ".join(cap for cap in caps if cap) or "no caps"
    return f"1 point per NT${shop.earn_twd}; multipliers join by {shop.earn_stacking}; {bounds}"


def _rule_line(rule: EarnRule) -> str:
    gives = f"{rule.percent}%" if rule.percent > 100 else f"+{rule.points} points"
    conditions = [
        f"from NT${rule.min_spend_twd}" if rule.min_spend_twd else "",
        *(
            f"{name} {','.join(map(str, values))}"
            for name, values in (
                ("stores", rule.store_codes),
                ("channels", rule.channels),
                ("tiers", rule.tier_codes),
                ("categories", rule.categories),
                ("weekdays", rule.weekdays),
                ("days", rule.month_days),
            )
            if values
        ),
        f"from {shown_moment(rule.starts_at)}" if rule.starts_at else "",
        f"until {shown_moment(rule.ends_at)}" if rule.ends_at else "",
        "" if rule.is_active else "ended",
    ]
    told = "; ".join(condition for condition in conditions if condition) or "always"
    return f"{rule.code:<16} {in_language(rule.name, 'zh-TW')}: {gives} ({told})"
