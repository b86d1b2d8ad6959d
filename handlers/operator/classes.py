"""`flask --app app segment …` about models: who is active, asleep or lost, and what to do about it.

Tables are in Traditional Chinese, for it is a marketer who reads them. A class is always told by
its name and its key, such as 流失客 and `nasld:lost`, never by a letter.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from handlers.class_words import class_rule_in_words, group_in_words, reading_in_words
from handlers.operator.acting import get_actor, shown_moment, working
from handlers.operator.installation import Installation
from handlers.operator.table import Cell, print_table
from models.base import in_language
from models.classification import (
    ALL_MODELS,
    ClassAlert,
    ClassCounts,
    MemberClass,
    acknowledge_alert,
    change_alert_rules,
    count_classes,
    cross_table,
    get_any_class,
    get_any_model,
    list_alerts,
    migration_matrix,
    note_moves,
    rebuild_classes,
    settings_on,
)
from models.classification.naming import class_codes
from models.lifecycle import (
    MODELS,
    NASLD,
    PROSPECT,
    RFM,
    LifecycleSettings,
    class_key,
)
from models.lifecycle.action import ITEM, Action, get_action, list_actions, set_action, title_for
from models.lifecycle.explaining import explain_class
from models.lifecycle.measuring import estimate_cycles
from models.lifecycle.wording import cycle_text
from models.local_day import local_day
from models.member import Member
from models.rfm import get_rfm_settings
from models.rfm.recommending import recommend

CHINESE = "zh-TW"
DAY = click.DateTime(["%Y-%m-%d"])
MODEL = click.Choice(tuple(ALL_MODELS))
MONTH_DAYS = 30
JOINED = "（期間加入）"
USUAL_ITEM = "〔常買品項〕"


def add_classes(group: AppGroup, installation: Installation) -> None:
    """Add the commands about models and their classes."""
    _add_matrix(group, installation)
    _add_cross(group, installation)
    _add_alerts(group, installation)
    _add_rebuild(group, installation)
    _add_action(group, installation)


def show_model(
    session: Session, model: str, on: date | None, now: datetime, category: str | None = None
) -> None:
    """Print a model's classes as a marketer reads them, with where every number comes from."""
    counts = count_classes(session, model, now=now, on=on, category=category)
    settings = settings_on(session, counts.on, category)
    actions = {action.code: action for action in list_actions(session, model)}
    click.echo(f"{in_language(get_any_model(model).name, CHINESE)}　{_as_of(counts)}")
    if category is not None:
        click.echo(f"只看含「{category}」的購買；沒買過這個品類的會員列為未購。")
    print_table(
        ("類別", "代碼", "人數", "占比", "累計淨消費", "占比", "預設行動", "規則"),
        [_class_row(counts, actions[each.code], settings) for each in counts.classes],
        "llrrrrll",
    )
    click.echo(f"合計 {counts.members:,} 人，累計淨消費 NT${counts.net_twd:,}")
    if counts.prospects is not None:
        beside = NASLD if model == RFM else model
        key, rule = class_key(beside, PROSPECT), class_rule_in_words(beside, PROSPECT, settings)
        click.echo(f"另有{class_name(beside, PROSPECT)}（{key}）{counts.prospects:,} 人：{rule}")
    for line in _grounds(session, model, counts, settings):
        click.echo(line)


def show_classes_of(session: Session, member: Member, on: date | None, now: datetime) -> None:
    """Print in which class of each model a member is, and why."""
    for model in MODELS:
        explanation = explain_class(session, member, model, now=now, on=on)
        click.echo(in_language(get_any_model(model).name, CHINESE))
        for line in explanation.lines(CHINESE):
            click.echo(f"  {line}")
        if on is None:
            action = get_action(session, model, explanation.code)
            click.echo(f"  行動：{title_for(session, action, member.id)}")
    if on is None:
        click.echo(in_language(get_any_model(RFM).name, CHINESE))
        for line in group_in_words(session.get(MemberClass, member.id)):
            click.echo(f"  {line}")
        click.echo("建議下一步：" + "；".join(recommend(session, member.id, now).lines(CHINESE)))


def _class_row(
    counts: ClassCounts, action: Action, settings: LifecycleSettings
) -> tuple[Cell, ...]:
    code, counted = action.code, counts.get(action.code)
    return (
        class_name(counts.model, code),
        class_key(counts.model, code),
        counted.members,
        percent(counts.share(code)),
        counted.net_twd,
        percent(counts.net_share(code)),
        in_language(action.title, CHINESE).replace(ITEM, USUAL_ITEM),
        class_rule_in_words(counts.model, code, settings),
    )


def _grounds(
    session: Session, model: str, counts: ClassCounts, settings: LifecycleSettings
) -> list[str]:
    """Return what the table rests on: how rules are read, the cycle or the cut-offs, versions."""
    reading = reading_in_words(session, model, counts.on)
    cycle = cycle_text(settings.cycle) if model == NASLD else None
    version = get_rfm_settings(session, counts.on).version if model == RFM else settings.version
    return [line for line in (reading, cycle, _version(version)) if line is not None]


def _version(version: int | None) -> str:
    return "設定：預設值" if version is None else f"設定：第 {version} 版"


def _as_of(counts: ClassCounts) -> str:
    if counts.as_of is None:
        return f"{counts.on} 當日結束時"
    return f"截至 {shown_moment(counts.as_of)}" + ("（昨夜計算）" if counts.model == RFM else "")


def class_name(model: str, code: str) -> str:
    """Return a class's Chinese name."""
    return in_language(get_any_class(model, code).name, CHINESE)


def percent(share: float) -> str:
    """Write a ratio as a percentage with one decimal."""
    return f"{share:.1%}"


def _label(model: str, code: str | None) -> str:
    """Return a class by name and key, as rows and columns of tables are called."""
    if code is None:
        return JOINED
    model = NASLD if code == PROSPECT else model  # Where RFM stands beside who never bought.
    return f"{class_name(model, code)} {class_key(model, code)}"


def _add_matrix(group: AppGroup, installation: Installation) -> None:
    @group.command("matrix")
    @click.argument("model", type=MODEL)
    @click.option("--from", "from_day", type=DAY, help="The first day's end; 30 days before.")
    @click.option("--to", "to_day", type=DAY, help="The last day's end; today.")
    def matrix(model: str, from_day: datetime | None, to_day: datetime | None) -> None:
        """Print who went from which class of MODEL to which between the ends of two days."""
        now = installation.clock()
        end = to_day.date() if to_day else local_day(now)
        start = from_day.date() if from_day else end - timedelta(days=MONTH_DAYS)
        with working(installation) as session:
            found = migration_matrix(session, model, start, end, now=now)
        classes = [each.code for each in get_any_model(model).classes]
        click.echo(f"列：{start} 當日結束時；欄：{end} 當日結束時（人數）")
        print_table(
            ("", *(_label(model, code) for code in classes)),
            [
                (_label(model, before), *(found.members(before, after) for after in classes))
                for before in (*classes, None)
            ],
            "l" + "r" * len(classes),
        )


def _add_cross(group: AppGroup, installation: Installation) -> None:
    @group.command("cross")
    @click.argument("model_a", type=MODEL)
    @click.argument("model_b", type=MODEL)
    @click.option("--on", type=DAY, help="At this day's end; now, if not told.")
    def cross(model_a: str, model_b: str, on: datetime | None) -> None:
        """Print how many members are in each pair of classes of two models."""
        with working(installation) as session:
            found = cross_table(
                session, model_a, model_b, now=installation.clock(), on=on.date() if on else None
            )
        rows, columns = class_codes(model_a), class_codes(model_b)
        click.echo(f"{found.on}：列是 {model_a}，欄是 {model_b}（人數）")
        print_table(
            ("", *(_label(model_b, code) for code in columns)),
            [
                (_label(model_a, row), *(found.members(row, column) for column in columns))
                for row in rows
            ],
            "l" + "r" * len(columns),
        )


def _add_alerts(group: AppGroup, installation: Installation) -> None:
    @group.command("alerts")
    @click.option("--all", "even_seen", is_flag=True, help="Also those somebody has seen.")
    @click.option("--seen", "alert_id", type=int, help="Note that this one was seen.")
    @click.option("--shift", "shift_points", type=int, help="Tell of shifts above so many points.")
    @click.option("--growth", "growth_points", type=int, help="The same for growth of 維持型.")
    @click.option("--by", "username", help="Who has seen it or sets this, by their login.")
    def alerts(
        even_seen: bool,
        alert_id: int | None,
        shift_points: int | None,
        growth_points: int | None,
        username: str | None,
    ) -> None:
        """Print classes whose share has moved more than the shop wants to overlook."""
        now = installation.clock()
        is_set = shift_points is not None or growth_points is not None
        if (is_set or alert_id is not None) and username is None:
            raise click.UsageError("Say --by whom.")
        with working(installation) as session:
            by = get_actor(session, username).username if username else ""
            if is_set:
                rules = change_alert_rules(
                    session, shift_points=shift_points, growth_points=growth_points, by=by, now=now
                )
                click.echo(f"任一類別變動超過 {rules.shift_points} 個百分點即提醒")
                click.echo(f"維持型會員增加超過 {rules.growth_points} 個百分點即提醒")
                return
            if alert_id is not None:
                acknowledge_alert(session, alert_id, by=by, now=now)
            _print_alerts(list_alerts(session, even_seen=even_seen))


def _print_alerts(alerts: Sequence[ClassAlert]) -> None:
    if not alerts:
        click.echo("目前沒有需要注意的變動。")
        return
    print_table(
        ("編號", "日期", "類別", "代碼", "原占比", "現占比", "變動", "說明"),
        [
            (
                str(alert.id),
                str(alert.day),
                class_name(alert.model, alert.class_code),
                class_key(alert.model, alert.class_code),
                percent(alert.before_members / alert.before_total),
                percent(alert.members / alert.total),
                f"{alert.shift_points:+.1f} 百分點",
                _alert_words(alert),
            )
            for alert in alerts
        ],
        "rlllrrrl",
    )


def _alert_words(alert: ClassAlert) -> str:
    parts = [f"與 {alert.before_on} 相比，門檻 {alert.threshold_points} 百分點"]
    if alert.kind == "growth":
        parts.append("維持型增加：請調查商品、服務或競爭對手的變化")
    if alert.rules_changed:
        parts.append("期間改過設定，可能因此變動")
    if alert.acknowledged_by:
        parts.append(f"{alert.acknowledged_by} 已看過")
    return "；".join(parts)


def _add_rebuild(group: AppGroup, installation: Installation) -> None:
    @group.command("rebuild")
    def rebuild() -> None:
        """Do the night's work now: estimate the cycles, and class every member anew."""
        now = installation.clock()
        with working(installation) as session:
            cycles = estimate_cycles(session, now)
        with working(installation) as session:
            changed = rebuild_classes(session, now)
        with working(installation) as session:
            note_moves(session, now)
        click.echo(f"已估計 {cycles} 個回購週期；{changed:,} 位會員的分類有變動。")


def _add_action(group: AppGroup, installation: Installation) -> None:
    actions = AppGroup("action", help="What is done about each class.")
    group.add_command(actions)

    @actions.command("list")
    @click.argument("model", type=MODEL)
    def list_them(model: str) -> None:
        """Print the action of each class of MODEL, with who set it."""
        with working(installation) as session:
            print_table(
                ("類別", "代碼", "行動", "優惠券", "付費推播", "誰設定的", "建議"),
                [_action_row(action) for action in list_actions(session, model)],
            )

    @actions.command("set")
    @click.argument("model", type=MODEL)
    @click.argument("code")
    @click.option("--title", help="One line, as its member would read it; {item}: what they buy.")
    @click.option("--advice", help="What the shop does about the class.")
    @click.option("--coupon", help="Code of the coupon template it gives; an empty one: none.")
    @click.option("--paid-push/--no-paid-push", default=None, help="Written to for money, or not.")
    @click.option("--by", "username", required=True, help="Who sets it, by their login.")
    def set_it(
        model: str,
        code: str,
        title: str | None,
        advice: str | None,
        coupon: str | None,
        *,
        paid_push: bool | None,
        username: str,
    ) -> None:
        """Put another action in the place of a class's; what is not told stays."""
        code = code.removeprefix(f"{model}:")
        with working(installation) as session:
            held = get_action(session, model, code)
            action = set_action(
                session,
                model,
                code,
                title=held.title | {CHINESE: title} if title else None,
                advice=held.advice | {CHINESE: advice} if advice else None,
                template_code=coupon,
                paid_push=paid_push,
                by=get_actor(session, username).username,
                now=installation.clock(),
            )
            click.echo(f"{class_name(model, code)}（{action.key}）：{action.title[CHINESE]}")


def _action_row(action: Action) -> tuple[Cell, ...]:
    return (
        class_name(action.model, action.code),
        action.key,
        in_language(action.title, CHINESE),
        action.template_code,
        "是" if action.paid_push else "否",
        action.set_by or "預設",
        in_language(action.advice, CHINESE),
    )
