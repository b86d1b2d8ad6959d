"""`flask --app app quota …`: what is left of the month's messages, what they cost, the ledger."""

from decimal import Decimal

import click
from flask.cli import AppGroup

from handlers.operator.acting import get_actor, shown_moment, working
from handlers.operator.installation import Installation
from handlers.operator.quota_plan import BY, NOTE, kept_text, make_plan_group, plan_name
from handlers.operator.table import print_table
from models.quota import (
    Cost,
    Remaining,
    change_plan,
    cost_of,
    get_plan,
    list_entries,
    list_leftovers,
    month_of,
    rank_worth,
    remaining,
)
from models.quota.guarding import list_spending

BAR_CELLS = 40
USED, RESERVED, SERVICE, LEFT = "█", "▓", "▒", "░"
MOST_LISTED = 1_000
KIND_NAMES = {"reserve": "保留", "use": "使用", "release": "釋出", "reconcile": "對帳"}


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands about the quota of messages."""
    group = AppGroup("quota", help="The month's messages: what is left, and what they cost.")
    group.add_command(make_plan_group(installation))
    _add_show(group, installation)
    _add_ledger(group, installation)
    _add_reserve(group, installation)
    _add_simulate(group, installation)
    _add_budgets(group, installation)
    return group


# --- what is left ---


def _add_show(group: AppGroup, installation: Installation) -> None:
    @group.command("show")
    @click.option("--messages", type=click.IntRange(1), help="What would so many more cost?")
    def show(messages: int | None) -> None:
        """Print what is used, reserved and left this month, and how LINE's own count differs."""
        now = installation.clock()
        with working(installation) as session:
            left = remaining(session, now)
            click.echo(f"{left.month:%Y 年 %m 月}，方案「{plan_name(left.plan_code)}」")
            for line in (*_figure_lines(left), _line_line(left)):
                click.echo(line)
            leftovers = len(list_leftovers(session, now))
            if leftovers:
                click.echo(f"注意：{leftovers:,} 筆保留超過一天仍未結算。")
            if not get_plan(session, left.month).is_price_checked:
                click.echo("加購單價尚未與 LINE 官方價目核對（quota plan set --checked）。")
            if messages is not None:
                click.echo(_cost_line(cost_of(session, messages, now)))


def _figure_lines(left: Remaining) -> list[str]:
    spent = f"已使用 {left.used + left.elsewhere:,}｜保留中 {left.reserved:,}"
    if left.elsewhere:
        spent += f"（其中 {left.elsewhere:,} 則由 LINE 官方後台等處發送）"
    if left.limit is None or left.left is None:
        return [f"{spent}｜上限未設", _free_line(left)]
    service = min(left.service_left, left.left)
    for_marketing = left.left - service
    return [
        _bar(left, service),
        f"{spent}｜行銷可用 {for_marketing:,}｜服務專用 {service:,}｜上限 {left.limit:,}",
        _free_line(left),
    ]


def _bar(left: Remaining, service: int) -> str:
    """Draw used, reserved, service reserve and the rest as one bar."""
    assert left.left is not None
    parts = (
        (USED, left.used + left.elsewhere),
        (RESERVED, left.reserved),
        (LEFT, left.left - service),
        (SERVICE, service),
    )
    whole = sum(count for _, count in parts)
    if not whole:
        return f"[{LEFT * BAR_CELLS}]"
    bar, before = "", 0
    for sign, count in parts:
        begin, before = before, before + count
        bar += sign * (before * BAR_CELLS // whole - begin * BAR_CELLS // whole)
    return f"[{bar}] {USED}已使用 {RESERVED}保留中 {LEFT}可用 {SERVICE}服務專用"


def _free_line(left: Remaining) -> str:
    gone = "；LINE 回報額度用盡，行銷暫停中" if left.is_gone else ""
    return f"免費則數還有 {left.free_left:,} / {left.free_messages:,}{gone}"


def _line_line(left: Remaining) -> str:
    if left.line_at is None:
        return "LINE 的數字：尚未讀取（每天 02:05 對帳）"
    limit = "不限" if left.line_limit is None else f"{left.line_limit:,}"
    return (
        f"LINE 的數字：已用 {left.line_used:,}、上限 {limit}"
        f"（{shown_moment(left.line_at)} 讀取；與我們的紀錄相差 {left.difference:+,}）"
    )


def _cost_line(cost: Cost) -> str:
    text = (
        f"再發 {cost.messages:,} 則：免費 {cost.free:,}、加購 {cost.paid:,}，"
        f"增加 {twd(cost.more_twd)}；本月帳單 {twd(cost.bill_twd)}（未稅）"
    )
    return f"{text}；額度不足 {cost.short:,} 則" if cost.short else text


def twd(amount: Decimal) -> str:
    """Write an amount with its thousands apart, and cents only where there are some."""
    whole = amount.to_integral_value()
    return f"NT${whole:,}" if amount == whole else f"NT${amount:,.2f}"


def _add_reserve(group: AppGroup, installation: Installation) -> None:
    @group.command("reserve")
    @click.argument("messages", type=int)
    @NOTE
    @BY
    def reserve(messages: int, note: str, username: str) -> None:
        """Keep so many MESSAGES a month for service; campaigns cannot touch them."""
        now = installation.clock()
        with working(installation) as session:
            month, by = month_of(now), get_actor(session, username).username
            changes = {"service_reserve": messages}
            plan = change_plan(session, None, changes, from_month=month, note=note, by=by, now=now)
        click.echo(kept_text(plan, month))


# --- ledger and ranking ---


def _add_ledger(group: AppGroup, installation: Installation) -> None:
    @group.command("ledger")
    @click.option("--most", type=click.IntRange(1, MOST_LISTED), default=30, show_default=True)
    @click.option("--left-over", is_flag=True, help="What was reserved and never settled.")
    def ledger(most: int, left_over: bool) -> None:
        """Print the newest movements of the quota, newest first."""
        now = installation.clock()
        with working(installation) as session:
            if left_over:
                held = list_leftovers(session, now)
                print_table(
                    ("保留時間", "來源", "則數", "用途", "識別碼"),
                    [
                        (
                            shown_moment(each.at),
                            each.source,
                            each.messages,
                            _use(each.is_service),
                            each.key,
                        )
                        for each in held
                    ],
                    "llrll",
                )
                return
            print_table(
                ("時間", "月份", "動作", "來源", "則數", "用途", "增加帳單", "識別碼"),
                [
                    (
                        shown_moment(each.at),
                        f"{each.month:%Y-%m}",
                        KIND_NAMES[each.kind],
                        each.source,
                        each.messages,
                        _use(each.is_service),
                        None if each.cost_twd is None else twd(each.cost_twd),
                        each.key,
                    )
                    for each in list_entries(session, limit=most)
                ],
                "llllrlrl",
            )


def _use(is_service: bool) -> str:
    return "服務" if is_service else "行銷"


def _add_simulate(group: AppGroup, installation: Installation) -> None:
    @group.command("simulate")
    @click.option("--messages", type=click.IntRange(1), help="So many; else what is left now.")
    def simulate(messages: int | None) -> None:
        """Print what choosing is worth: the best so many members, or anybody, as LINE does."""
        now = installation.clock()
        with working(installation) as session:
            wanted = messages or remaining(session, now).left_for_marketing
            if wanted is None:
                raise click.UsageError("no limit is known; say how many with --messages")
            found = rank_worth(session, wanted, now)
        click.echo(f"可收行銷訊息的好友會員 {found.members:,} 人，發送 {found.messages:,} 則")
        click.echo(f"先發給預期毛利最高的人：NT${found.from_the_top_twd:,}")
        click.echo(f"隨機發送（LINE 額度不足時的作法）：NT${found.at_random_twd:,}")
        if found.times is not None:
            click.echo(f"相差 {found.times:.2f} 倍")
        if found.last_twd is not None:
            click.echo(f"最後一位的預期毛利 NT${found.last_twd:,.2f}")


def _add_budgets(group: AppGroup, installation: Installation) -> None:
    @group.command("budgets")
    @click.option("--most", type=click.IntRange(1, MOST_LISTED), default=30, show_default=True)
    def budgets(most: int) -> None:
        """Print the campaigns that have a budget, and what their benefits cost so far."""
        with working(installation) as session:
            found = list_spending(session, installation.clock(), limit=most)
            rows = [
                (
                    each.campaign.code,
                    each.campaign.state,
                    f"NT${each.cost.redeemed_twd:,}",
                    f"NT${each.granted_twd:,}",
                    f"{each.cost.redeemed:,} / {each.cost.given:,}",
                    f"{each.outstanding.coupons:,} 張，最多 NT${each.outstanding.most_twd:,}",
                )
                for each in found
            ]
        if not rows:
            click.echo("沒有設定優惠預算的活動。")
            return
        headers = ("活動", "狀態", "優惠成本", "可用預算", "已用／已發", "還可使用")
        print_table(headers, rows, "llrrrl")
