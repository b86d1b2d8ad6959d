"""`flask --app app quota plan …`: LINE's plan and its prices, in versions."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import click
from flask.cli import AppGroup

from handlers.operator.acting import get_actor, shown_moment, working
from handlers.operator.installation import Installation
from handlers.operator.table import print_table
from models.base import in_language
from models.quota import (
    PLAN_NAMES,
    STARTING_PLANS,
    Plan,
    Step,
    change_plan,
    get_plan,
    list_plan_versions,
    month_after,
    month_of,
)
from models.quota.plan import read_steps

LANGUAGE = "zh-TW"
NONE = "none"
BY = click.option("--by", "username", required=True, help="Who changes it, by their login.")
NOTE = click.option("--note", required=True, help="Why; it stays with the version.")


def make_plan_group(installation: Installation) -> AppGroup:
    group = AppGroup("plan", help="LINE's plan and its prices, in versions.")
    _add_plan_reading(group, installation)
    _add_plan_setting(group, installation)
    return group


def _add_plan_reading(group: AppGroup, installation: Installation) -> None:
    @group.command("show")
    def show() -> None:
        """Print what holds this month, and LINE's plans as we know them."""
        with working(installation) as session:
            held = get_plan(session, month_of(installation.clock()))
        plans = [("本月", held), *(("LINE", plan) for plan in STARTING_PLANS.values())]
        print_table(
            ("", "方案", "月費", "免費則數", "加購單價", "自訂上限", "服務專用", "單價"),
            [(source, *_plan_cells(plan)) for source, plan in plans],
            "llrrlrrl",
        )
        click.echo(f"毛利率 {held.margin_percent}%（進價未知時）；封鎖率每則 {held.block_percent}%")

    @group.command("list")
    def list_versions() -> None:
        """Print the versions that were kept, newest first."""
        with working(installation) as session:
            rows = [
                (
                    row.id,
                    f"{row.from_month:%Y-%m}",
                    plan_name(row.code),
                    row.free_messages,
                    _steps_text(read_steps(row.steps)),
                    row.hard_cap,
                    row.service_reserve,
                    row.set_by,
                    shown_moment(row.set_at),
                    row.note,
                )
                for row in list_plan_versions(session)
            ]
        if not rows:
            click.echo("尚未設定，以「高用量」計算。")
            return
        headers = ("版本", "起", "方案", "免費", "加購單價", "上限", "服務", "誰", "時間", "原因")
        print_table(headers, rows, "rllrlrr")


def _plan_cells(plan: Plan) -> tuple[str | int | None, ...]:
    return (
        plan_name(plan.code),
        f"NT${plan.monthly_fee_twd:,}",
        plan.free_messages,
        _steps_text(plan.steps),
        plan.hard_cap,
        plan.service_reserve,
        "已核對" if plan.is_price_checked else "未核對",
    )


def _steps_text(steps: tuple[Step, ...]) -> str:
    if not steps:
        return "不可加購"
    if len(steps) == 1:
        return f"每則 {steps[0].each_twd}"
    return " ".join(
        f"{f'≤{step.up_to:,}' if step.up_to is not None else '之後'}:{step.each_twd}"
        for step in steps
    )


def _add_plan_setting(group: AppGroup, installation: Installation) -> None:
    @group.command("set")
    @click.argument("code", required=False)
    @click.option(
        "--from",
        "starts",
        type=click.Choice(["now", "next"]),
        default="now",
        help="From this month on, or, as LINE does with a smaller plan, from the next.",
    )
    @click.option("--fee", "monthly_fee_twd", type=int, help="NT$ a month, before tax.")
    @click.option("--free", "free_messages", type=int, help="Free messages a month.")
    @click.option(
        "--step",
        "steps",
        multiple=True,
        help="Further messages as UP_TO:NT$, the last one as :NT$; none: no more.",
    )
    @click.option("--cap", help=f"The shop's own limit of messages a month, or {NONE}.")
    @click.option("--margin-percent", help="Gross margin where goods have no known cost.")
    @click.option("--block-percent", help="Readers who block after one message, in percent.")
    @click.option(
        "--checked/--unchecked",
        "is_price_checked",
        default=None,
        help="Whether the prices were held against LINE's own page.",
    )
    @NOTE
    @BY
    def set_plan(code: str | None, starts: str, note: str, username: str, **told: Any) -> None:
        """Keep a new version: a plan by its CODE, or what holds now, with changes."""
        now = installation.clock()
        month = month_of(now) if starts == "now" else month_after(now)
        with working(installation) as session:
            by = get_actor(session, username).username
            plan = change_plan(
                session, code, _changes(told), from_month=month, note=note, by=by, now=now
            )
        click.echo(kept_text(plan, month))


def _changes(told: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a plan that were told, read."""
    changes = {
        name: told[name]
        for name in ("monthly_fee_twd", "free_messages", "is_price_checked")
        if told[name] is not None
    }
    for name in ("margin_percent", "block_percent"):
        if told[name] is not None:
            changes[name] = _decimal(told[name])
    if told["cap"] is not None:
        changes["hard_cap"] = None if told["cap"] == NONE else _count(told["cap"])
    if told["steps"]:
        steps = [] if told["steps"] == (NONE,) else told["steps"]
        changes["steps"] = tuple(map(_step, steps))
    return changes


def _step(typed: str) -> Step:
    up_to, colon, each = typed.rpartition(":")
    if not colon:
        raise click.BadParameter(f"{typed} is not of the form 35000:0.2, or :0.1 for the last")
    return Step(_count(up_to) if up_to else None, _decimal(each))


def _decimal(typed: str) -> Decimal:
    try:
        number = Decimal(typed)
    except InvalidOperation as error:
        raise click.BadParameter(f"{typed} is no number") from error
    if not number.is_finite():
        raise click.BadParameter(f"{typed} is no number")
    return number


def _count(typed: str) -> int:
    if not typed.isdecimal():
        raise click.BadParameter(f"{typed} is no number of messages")
    return int(typed)


def kept_text(plan: Plan, month: date) -> str:
    """Return in a sentence what was kept."""
    cap = "未設" if plan.hard_cap is None else f"{plan.hard_cap:,} 則"
    return (
        f"{month:%Y-%m} 起：{plan_name(plan.code)}，月費 NT${plan.monthly_fee_twd:,}，"
        f"免費 {plan.free_messages:,} 則，加購 {_steps_text(plan.steps)}，"
        f"自訂上限 {cap}，服務專用 {plan.service_reserve:,} 則"
    )


def plan_name(code: str) -> str:
    """Return a plan's name as LINE Taiwan calls it; a plan of the shop's own is its code."""
    return in_language(PLAN_NAMES[code], LANGUAGE) if code in PLAN_NAMES else code
