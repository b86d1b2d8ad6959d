"""`flask --app app demo week`: a week of the demo shop, without a human step, told day by day."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

import click
from sqlalchemy.orm import Session

from handlers.operator.table import Cell, print_table
from models.base import Sessions, in_language, most_first
from models.demo.week import CHINESE, Day, Sent, total_of
from models.insight.reason import reason_name
from models.local_day import TAIPEI
from models.quota import Remaining, remaining

FIRST_DAY = "2026-12-07"
MOST_DAYS = 31
SHOWN_PEOPLE = 3
SHOWN_REASONS = 3
WEEKDAYS = "一二三四五六日"
GROUPS = {"campaign": "活動", "journey": "旅程", "service": "服務"}
CHANNELS = {"line": "LINE", "email": "電子郵件"}

Progress = Callable[[datetime], None]


class PlayedWeek(Protocol):
    """A week about to be played: `play` yields each day with what it brought."""

    @property
    def sessions(self) -> Sessions: ...
    @property
    def clock(self) -> Callable[[], datetime]: ...
    @property
    def database(self) -> str: ...
    @property
    def play(self) -> Callable[[Progress], Iterator[tuple[date, Day]]]: ...


OpenWeek = Callable[[date, int, int, bool], AbstractContextManager[PlayedWeek]]
"""Makes the week's own shop: first day, days, seed, and whether its database is kept."""


def add_week(group: click.Group, open_week: OpenWeek) -> None:
    """Add the command to the demo's."""

    @group.command("week")
    @click.option("--seed", type=int, default=1, show_default=True, help="Another draws others.")
    @click.option("--days", type=click.IntRange(1, MOST_DAYS), default=7, show_default=True)
    @click.option(
        "--from",
        "first",
        type=click.DateTime(["%Y-%m-%d"]),
        default=FIRST_DAY,
        show_default=True,
        help="The first day.",
    )
    @click.option("--keep", is_flag=True, help="Leave its database there, to look into it.")
    def week(seed: int, days: int, first: datetime, *, keep: bool) -> None:
        """Play a week of the demo shop and print what was sent to whom, why, and what it cost."""
        click.echo(f"準備示範店：獨立的資料庫、300 位會員、兩年的消費紀錄（seed {seed}）…")
        with open_week(first.date(), days, seed, keep) as played:
            told: list[Day] = []
            for day, what in played.play(_show_progress):
                _clear_progress()
                _print_day(day, len(told) + 1, what)
                told.append(what)
            with played.sessions() as session:
                _print_total(session, told, played.clock())
            if keep:
                click.echo(f"資料庫保留為 {played.database}")


def _show_progress(moment: datetime) -> None:
    """Say where the clock stands, on one line that is written over; not into a file."""
    if sys.stderr.isatty():
        click.echo(f"\r  {moment.astimezone(TAIPEI):%Y-%m-%d %H:%M} …", nl=False, err=True)


def _clear_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r" + " " * 40 + "\r", nl=False, err=True)


def _print_day(day: date, number: int, what: Day) -> None:
    click.echo(f"\n━━ 第 {number} 天　{day}（{WEEKDAYS[day.weekday()]}）　" + "━" * 40)
    _print_table(
        (
            "時間",
            "類別",
            "發送內容",
            "為什麼",
            "對象",
            "送達",
            "免費",
            "費用",
            "未送",
            "未送的原因",
        ),
        [_sent_row(line) for line in what.sent],
        "lllllrrrrl",
    )
    newcomers = "、".join(what.newcomers) or "無"
    click.echo(
        f"消費：{what.sales} 筆，NT${what.net_twd:,}；用券 {what.coupons_used} 張，"
        f"折抵 NT${what.discount_twd:,}"
    )
    click.echo(f"新會員：{newcomers}；封鎖：{what.blocked} 人")
    click.echo(f"等級：{_tiers_in_words(what)}")
    click.echo(f"標籤：{_tags_in_words(what)}")
    click.echo(
        f"報表：分群重算（{what.classes_moved} 人變動）、警示 {what.alerts} 則、"
        f"KPI {what.kpis} 項、購買預測 {what.forecast}"
    )


def _sent_row(line: Sent) -> tuple[Cell, ...]:
    skipped = sum(line.skipped.values())
    return (
        f"{line.first_at.astimezone(TAIPEI):%H:%M}" if line.first_at else "",
        GROUPS[line.group],
        line.name,
        line.cause,
        _people_in_words(line),
        line.accepted,
        line.free,
        f"NT${line.cost_twd:,.1f}",
        skipped + line.failed,
        _skipped_in_words(line),
    )


def _people_in_words(line: Sent) -> str:
    shown = "、".join(line.people[:SHOWN_PEOPLE])
    more = len(line.people) - SHOWN_PEOPLE
    return f"{shown} 等 {len(line.people)} 人" if more > 0 else shown


def _skipped_in_words(line: Sent) -> str:
    main = most_first(line.skipped)[:SHOWN_REASONS]
    told = [
        f"{in_language(dict(reason_name(reason)), CHINESE)} {people}" for reason, people in main
    ]
    other = line.skipped.total() - sum(people for _, people in main)
    told += [f"其他 {other}"] if other else []
    told += [f"失敗 {line.failed}"] if line.failed else []
    return "、".join(told)


def _tiers_in_words(what: Day) -> str:
    moved = [f"{name} {before}→{after}" for name, before, after, _ in what.tiers]
    up = sum(is_up for *_, is_up in what.tiers)
    counted = f"升級 {up}、降級 {len(what.tiers) - up}"
    return f"{counted}（{'；'.join(moved)}）" if moved else counted


def _tags_in_words(what: Day) -> str:
    told = [f"{name} +{given} −{taken}" for name, given, taken in what.tags]
    return "、".join(told) or "沒有變動"


def _print_total(session: Session, days: Sequence[Day], now: datetime) -> None:
    lines = total_of(days)
    click.echo(f"\n━━ {len(days)} 天合計　" + "━" * 50)
    _print_table(
        ("類別", "發送內容", "為什麼", "送達", "免費", "費用", "未送", "未送的原因"),
        [(*(row := _sent_row(line))[1:4], *row[5:]) for line in lines],
        "lllrrrrl",
    )
    accepted, free = sum(line.accepted for line in lines), sum(line.free for line in lines)
    cost = sum(line.cost_twd for line in lines)
    share = f"{free * 100 / accepted:.0f}%" if accepted else "–"
    click.echo(
        f"訊息：送達 {accepted:,} 則，其中以回覆免費送出 {free:,} 則（{share}），"
        f"超出方案額度的費用 NT${cost:,.1f}"
    )
    click.echo(
        f"消費：{sum(day.sales for day in days):,} 筆，NT${sum(day.net_twd for day in days):,}；"
        f"用券折抵 NT${sum(day.discount_twd for day in days):,}"
    )
    click.echo(_quota_in_words(remaining(session, now)))


def _quota_in_words(left: Remaining) -> str:
    line = "–" if left.line_used is None else f"{left.line_used:,}"
    rest = "不限" if left.left is None else f"{left.left:,} 則"
    return (
        f"配額：本月已用 {left.used:,} 則（LINE 最近回報 {line} 則），"
        f"方案內的額度剩 {left.free_left:,} 則，還能發 {rest}；"
        f"保留給服務訊息 {left.service_reserve:,} 則"
    )


def _print_table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], align: str) -> None:
    if rows:
        print_table(headers, rows, align)
    else:
        click.echo("沒有發送任何訊息")
