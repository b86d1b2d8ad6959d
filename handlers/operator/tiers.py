"""`flask --app app tier|metric …`: the ladder's rules, why a member stands where they stand."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from handlers.operator import kpis
from handlers.operator.acting import get_actor, saying_no, shown_moment, working
from handlers.operator.installation import Installation
from models.analysis import NewTierBudget, budget_of_draft
from models.base import BusinessError, in_language
from models.local_day import local_day
from models.member import Member, get_member_by_typed
from models.metric import (
    define_metric,
    list_definitions,
    list_history,
    list_metrics,
    set_metric,
)
from models.programme import get_programme
from models.tier import BASES, Rules, list_tiers
from models.tier_evaluation import (
    STAGES,
    Draft,
    StepHealth,
    explain_lines,
    explain_member,
    funnel,
    lift_measured,
    lint,
    list_stuck,
    preview,
    publish,
    raise_version,
    settle_stages,
    tier_health,
)
from models.tier_grant import give_tier

MOST_HISTORY = 50
COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands about tiers."""
    group = AppGroup("tier", help="The ladder and its rules.")
    _add_looking(group, installation)
    _add_granting(group, installation)
    _add_rules(group, installation)

    @group.command("health")
    def show_health() -> None:
        """Print each tier's share, who is close to the next, and how long the way takes."""
        with installation.sessions() as session:
            for step in tier_health(session, installation.clock()):
                click.echo(_health_line(step))

    @group.command("funnel")
    @click.option("--variant", help="Only this variant of the gift.")
    @click.option("--stuck", type=click.Choice(STAGES), help="Name who came so far and no further.")
    def show_funnel(variant: str | None, stuck: str | None) -> None:
        """Print how many upgrades reached each stage, and how many were lost on the way."""
        with installation.sessions.begin() as session:
            settle_stages(session)
            for stage in funnel(session, variant=variant):
                click.echo(f"{stage.name:<12} {stage.reached:>8}   lost {stage.lost}")
            if stuck:
                for member in list_stuck(session, stuck):
                    click.echo(member.number)

    @group.command("style")
    @click.argument("code")
    @click.option("--name", help="As members read it in Chinese, such as 白金會員.")
    @click.option("--colour", help="#RRGGBB of its card.")
    def style(code: str, name: str | None, colour: str | None) -> None:
        """Give the tier of CODE another name or colour; what it is stays the same."""
        if colour is not None and not COLOUR.fullmatch(colour):
            raise click.BadParameter(f"{colour} is not of the form #B8892F")
        with installation.sessions.begin() as session:
            tier = next((tier for tier in list_tiers(session) if tier.code == code), None)
            if tier is None:
                raise click.ClickException(f"No tier has the code {code}.")
            tier.name = tier.name | ({"zh-TW": name} if name else {})
            tier.colour = colour or tier.colour
            raise_version(session)
            click.echo(f"{code}: {tier.name['zh-TW']} {tier.colour}")

    return group


def _add_looking(group: AppGroup, installation: Installation) -> None:
    @group.command("list")
    def list_rules() -> None:
        """Print every version of the rules; the one in force is marked."""
        with installation.sessions() as session:
            ladder, today = get_programme(session).ladder, local_day(installation.clock())
            for rules in ladder.versions:
                mark = "*" if rules is ladder.on(today) else " "
                click.echo(f"{mark} {_rules_line(rules)}")

    @group.command("explain")
    @click.argument("member")
    @click.option("--json", "as_json", is_flag=True, help="All the deciding facts.")
    def explain(member: str, as_json: bool) -> None:
        """Say why a MEMBER (number or phone) stands where they stand."""
        with installation.sessions() as session:
            found = _member(session, member)
            explanation = explain_member(session, found, installation.clock())
            if as_json:
                click.echo(json.dumps(explanation.as_json(), ensure_ascii=False, indent=2))
                return
            for line in explain_lines(explanation, get_programme(session)):
                click.echo(line)


def _add_granting(group: AppGroup, installation: Installation) -> None:
    @group.command("grant")
    @click.argument("member")
    @click.argument("tier_code")
    @click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The first day without it.")
    @click.option("--by", "username", required=True, help="Who gives it, by their login.")
    @click.option("--reason", required=True, help="Why; it stays in the audit.")
    def grant(
        member: str, tier_code: str, until: datetime | None, username: str, reason: str
    ) -> None:
        """Give a MEMBER a tier by hand; it is kept as long as an earned one unless told."""
        with working(installation) as session:
            found = _member(session, member)
            before = get_programme(session).tier(found.tier_id).code
            change = give_tier(
                session,
                found,
                tier_code,
                until.date() if until else None,
                staff=get_actor(session, username),
                reason=reason,
                idempotency_key=f"operator:{uuid4()}",
                now=installation.clock(),
            )
            kept = change.reason["kept_until"]
        click.echo(f"{before} → {tier_code}{f', kept until {kept}' if kept else ''}.")


def _add_rules(group: AppGroup, installation: Installation) -> None:
    @group.command("lint")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    def lint_draft(file: Path) -> None:
        """Advise on the draft in a JSON FILE."""
        with installation.sessions() as session:
            for line in lint(read_draft(file), list_tiers(session)) or ["沒有建議。"]:
                click.echo(line)

    @group.command("preview")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    def preview_draft(file: Path) -> None:
        """Count whom the draft in a JSON FILE would move; nobody is moved."""
        with installation.sessions() as session:
            _show_preview(session, read_draft(file), installation.clock())

    @group.command("publish")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--by", required=True, help="Who publishes.")
    @click.option("--owner-confirms", is_flag=True, help="Needed where it adds a tier.")
    @click.option("--yes", is_flag=True, help="Do not ask after the preview.")
    def publish_draft(file: Path, by: str, owner_confirms: bool, yes: bool) -> None:
        """Keep the draft in a JSON FILE as the rules in force from its day on."""
        draft, now = read_draft(file), installation.clock()
        with working(installation) as session:
            _show_preview(session, draft, now)
            if not yes:
                click.confirm("Publish? Nothing published is ever changed.", abort=True)
            version = publish(session, draft, by=by, confirmed_by_owner=owner_confirms, now=now)
            click.echo(f"Version {version.id} is in force from {version.effective_on}.")


def make_metric_group(installation: Installation) -> AppGroup:
    """Make the group of commands about metrics."""
    group = AppGroup("metric", help="A member's figures of the shop's own.")

    @group.command("set")
    @click.argument("member")
    @click.argument("name")
    @click.argument("value", type=int)
    def set_value(member: str, name: str, value: int) -> None:
        """Keep a MEMBER's VALUE of a metric; it lifts at once where the tiers go by it."""
        now = installation.clock()
        with installation.sessions.begin() as session:
            found = _member(session, member)
            session.refresh(found, with_for_update=True)
            set_metric(session, found.id, name, value, source="operator", now=now)
            is_lifted = lift_measured(session, found, get_programme(session), now)
        click.echo(f"{name} = {value}{', lifted' if is_lifted else ''}.")

    @group.command("define")
    @click.argument("name")
    @click.argument("meaning")
    def define(name: str, meaning: str) -> None:
        """Say what a metric means, as reports will."""
        with installation.sessions.begin() as session:
            define_metric(session, name, meaning)
        click.echo(f"{name}: {meaning}")

    @group.command("list")
    def list_all() -> None:
        """Print every metric with what it means."""
        with installation.sessions() as session:
            for name, meaning in list_definitions(session).items():
                click.echo(f"{name:<24} {meaning}")

    @group.command("show")
    @click.argument("member")
    @click.option("--history", "name", help="All values of this metric, newest first.")
    def show(member: str, name: str | None) -> None:
        """Print a MEMBER's newest values, or the history of one."""
        with installation.sessions() as session:
            member_id = _member(session, member).id
            if name is None:
                for metric in list_metrics(session, member_id):
                    click.echo(f"{metric.name:<24} {metric.value:>10}  {metric.at:%Y-%m-%d}")
                return
            for told in list_history(session, member_id, name, limit=MOST_HISTORY):
                click.echo(f"{shown_moment(told.at)}  {told.value:>10}  {told.source}")

    group.add_command(kpis.make_group(installation))
    return group


def read_draft(file: Path) -> Draft:
    """Read a draft: `effective_on`, `basis`, `thresholds`, `note`, and what `Draft` has besides."""
    try:
        return Draft.parse(json.loads(file.read_text(encoding="utf-8")))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        known = ", ".join(BASES)
        raise click.ClickException(f"No draft ({error}). Bases: {known}.") from error


def _show_preview(session: Session, draft: Draft, now: datetime) -> None:
    with saying_no():
        hits = preview(session, draft, now)
    for hit in hits:
        kept = "  （保留權益）" if hit.is_protected else ""
        click.echo(f"{hit.from_code:<10} -> {hit.to_code:<10} {hit.members:>9,}{kept}")
    _echo_budgets(budget_of_draft(session, draft, now))
    _echo_all(lint(draft, list_tiers(session)))


def _echo_budgets(tiers: Sequence[NewTierBudget]) -> None:
    """Show what each new tier costs, before the owner confirms it (C-05)."""
    for tier in tiers:
        click.echo(
            f"新等級 {tier.tier_code}：{tier.members:,} 人，年消費 NT${tier.spend_twd:,}，"
            f"每年多送 {tier.extra_points:,} 點"
        )
        found = tier.budget
        if found is None:
            click.echo("  預算：沒有商品成本，毛利未知；請用 segment analyse budget 自行試算。")
            continue
        mark = "，已無餘裕" if found.is_red else ""
        click.echo(
            f"  預算：毛利 {tier.margin_percent}% 為 NT${found.profit_twd:,}，"
            f"點數回饋 NT${found.cost_twd:,}，剩 NT${found.left_twd:,}{mark}"
        )


def _echo_all(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(f"注意：{line}")


HEALTH_ADVICE = {
    "few_above": "往上的人很少，門檻可能太高",
    "many_above": "超過一半的人都在上面，門檻可能太低",
    "far": "照目前的消費要一年以上，會員看不到希望",
}


def _health_line(step: StepHealth) -> str:
    name, months = in_language(step.tier.name, "zh-TW"), step.months_to_next
    parts = [
        f"{name}：{step.members:,} 人（{step.share_percent:.1f}%）",
        f"接近下一級 {step.close:,} 人",
        *([] if months is None else [f"到下一級中位數 {months:.1f} 個月"]),
        *(f"注意：{HEALTH_ADVICE[code]}" for code in step.advice),
    ]
    return "，".join(parts)


def _rules_line(rules: Rules) -> str:
    steps = ", ".join(
        f"{in_language(tier.name, 'zh-TW')} {threshold:,}" for tier, threshold in rules.steps
    )
    return f"v{rules.version_id} {rules.effective_on} {rules.basis}: {steps}"


def _member(session: Session, typed: str) -> Member:
    try:
        return get_member_by_typed(session, typed)
    except BusinessError as error:
        raise click.ClickException("No member has this number or phone.") from error
