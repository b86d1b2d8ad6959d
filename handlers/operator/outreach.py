"""`flask --app app outreach …` and `calendar`: when members are written to, and what is coming."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, time
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session

from handlers.operator.acting import get_actor, shown_moment, working
from handlers.operator.installation import Installation
from handlers.operator.table import Cell, print_table
from models.base import in_language, most_first
from models.insight.reason import reason_name
from models.local_day import TAIPEI, local_day
from models.member import Member, get_member_by_typed, shown_number
from models.outreach import change_rules, get_rules, list_rules
from models.outreach.plan import MOST_DAYS, Planned, plan_of
from models.outreach.setting import OutreachRules
from models.outreach.share import list_shares

LANGUAGE = "zh-TW"
OFF = "off"
UNLIMITED = "不限"
WEEKDAYS = "一二三四五六日"
CALENDAR = ("日期", "時間", "內容", "來源", "優先", "人數", "費用", "略過（原因）", "撞期")


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands about the rules of outreach."""
    group = AppGroup("outreach", help="How often and when members are written to.")
    group.add_command(_rules(installation))

    @group.command("share")
    def share() -> None:
        """Print which share of the nudges went free on replies, month by month."""
        with working(installation) as session:
            rows = [
                (
                    f"{month.month:%Y-%m}",
                    month.rides,
                    month.nudges,
                    None if month.free is None else f"{float(month.free):.0%}",
                    month.pushes,
                    month.replies,
                )
                for month in list_shares(session)
            ]
        headers = ("月份", "提醒・隨回覆", "提醒・推播", "免費比例", "其他推播", "回覆")
        print_table(headers, rows, "lrrrrr")

    return group


def _rules(installation: Installation) -> AppGroup:
    group = AppGroup("rules", help="Caps, quiet hours, priorities; in versions.")

    @group.command("show")
    def show() -> None:
        """Print the rules in force and the versions before them."""
        with working(installation) as session:
            for line in _told(get_rules(session)):
                click.echo(line)
            versions = [
                (str(row.id), shown_moment(row.set_at), row.set_by, row.note)
                for row in list_rules(session)
            ]
        if versions:
            print_table(("版本", "設定時間", "設定人", "原因"), versions, "rlll")

    @group.command("set")
    @click.option("--day-cap", help="Most marketing messages a member and day, or `off`.")
    @click.option("--window-cap", help="Most in the window, or `off`.")
    @click.option("--window-days", type=int, help="The days of the window, today counted.")
    @click.option("--quiet-from", help="From when nothing is pushed: 21:00.")
    @click.option("--quiet-until", help="Until when: 10:00; the same as from is never.")
    @click.option("--win-back-days", type=int, help="How long one win-back keeps off the next.")
    @click.option("--priority", "priorities", multiple=True, help="journey:birthday=90, or =off.")
    @click.option("--note", required=True, help="Why; it is kept.")
    @click.option("--by", required=True, help="The login of who decides.")
    def change(note: str, by: str, priorities: Sequence[str], **told: Any) -> None:
        """Keep a new version; what is not told stays."""
        changes = {
            name: READ.get(name, int)(typed) for name, typed in told.items() if typed is not None
        }
        if priorities:
            changes["priorities"] = dict(map(_priority, priorities))
        with working(installation) as session:
            person = get_actor(session, by).username
            change_rules(session, changes, note=note, by=person, now=installation.clock())
            for line in _told(get_rules(session)):
                click.echo(line)

    return group


def _told(rules: OutreachRules) -> Iterable[str]:
    day = UNLIMITED if rules.day_cap is None else f"{rules.day_cap} 則"
    window = UNLIMITED if rules.window_cap is None else f"{rules.window_cap} 則"
    yield f"行銷訊息上限：每人每天 {day}；{rules.window_days} 天內 {window}"
    if rules.quiet_from == rules.quiet_until:
        yield "靜音時段：無"
    else:
        yield f"靜音時段：{rules.quiet_from:%H:%M}–{rules.quiet_until:%H:%M}（台北時間）"
    yield f"喚回訊息：發出後 {rules.win_back_days} 天內不再發另一則"
    yield "優先順序：" + "、".join(f"{name} {told}" for name, told in most_first(rules.priorities))


def _cap(typed: str) -> int | None:
    if typed == OFF:
        return None
    if not typed.isdecimal():
        raise click.BadParameter("a whole number, or off")
    return int(typed)


def _time(typed: str) -> time:
    try:
        return time.fromisoformat(typed)
    except ValueError as error:
        raise click.BadParameter("a time of day, such as 21:00") from error


def _priority(typed: str) -> tuple[str, int | None]:
    name, _, told = typed.partition("=")
    if not name or not (told == OFF or told.isdecimal()):
        raise click.BadParameter("name=0 … name=100, or name=off")
    return name, None if told == OFF else int(told)


READ: Mapping[str, Callable[[str], Any]] = {
    "day_cap": _cap,
    "window_cap": _cap,
    "quiet_from": _time,
    "quiet_until": _time,
}
"""How what is typed for a rule is read; the others are whole numbers."""


def make_calendar(installation: Installation) -> click.Command:
    """Make the command that says who will be sent what."""

    @click.command("calendar")
    @click.option("--days", type=click.IntRange(1, MOST_DAYS), default=30, help="How far ahead.")
    @click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="One day, with some members.")
    @click.option("--member", help="One member's number or phone: what they will be sent.")
    def calendar(days: int, day: Any, member: str | None) -> None:
        """Print who will be sent what in the next days, what it costs, and who will not."""
        now = installation.clock()
        with working(installation) as session:
            member_id = get_member_by_typed(session, member).id if member else None
            ahead = days if day is None else max((day.date() - local_day(now)).days + 1, 1)
            plan = plan_of(session, ahead, now, member_id=member_id)
            if day is not None:
                plan = [each for each in plan if local_day(each.at) == day.date()]
            if not plan:
                click.echo("這段期間沒有預定的訊息。")
                return
            print_table(CALENDAR, [_row(each) for each in plan], "lllllrrlr")
            click.echo(_sum(plan))
            if day is not None and member_id is None:
                _print_samples(session, plan)

    return calendar


def _row(planned: Planned) -> tuple[Cell, ...]:
    local = planned.at.astimezone(TAIPEI)
    return (
        _day(local.date()),
        f"{local:%H:%M}",
        in_language(dict(planned.names), LANGUAGE),
        planned.source,
        str(planned.priority),
        planned.people,
        f"NT${planned.cost_twd:,.0f}",
        "、".join(f"{_reason(why)} {people:,}" for why, people in planned.skipped.items()) or None,
        planned.collisions or None,
    )


def _day(day: date) -> str:
    return f"{day.isoformat()}（{WEEKDAYS[day.weekday()]}）"


def _reason(why: str) -> str:
    return in_language(reason_name(why), LANGUAGE)


def _sum(plan: Sequence[Planned]) -> str:
    people = sum(each.people for each in plan)
    messages = sum(each.messages for each in plan)
    cost = sum(each.cost_twd for each in plan)
    return f"合計 {people:,} 人次，LINE 訊息 {messages:,} 則，加購約 NT${cost:,.0f}"


def _print_samples(session: Session, plan: Sequence[Planned]) -> None:
    """Print a few of the members of each sending, by their numbers."""
    ids = {member_id for each in plan for member_id in each.member_ids}
    rows = session.execute(select(Member.id, Member.number).where(Member.id.in_(ids)))
    numbers = dict(rows.all())
    for each in plan:
        shown = "、".join(shown_number(numbers[member_id]) for member_id in each.member_ids)
        name = in_language(dict(each.names), LANGUAGE)
        more = "…" if each.people > len(each.member_ids) else ""
        click.echo(f"{name}：{shown or '（無）'}{more}")
