"""`flask --app app festival …`: the festival calendar and the shop's own days (A-20)."""

from datetime import datetime, timedelta

import click
from flask.cli import AppGroup

from handlers.operator.acting import working
from handlers.operator.installation import Installation
from handlers.operator.table import print_table
from models.base import in_language
from models.festival import (
    FIRST_YEAR,
    KNOWN,
    LAST_YEAR,
    OWN_NAMES,
    drop_festival,
    keep_festival,
    list_occasions,
)
from models.local_day import local_day

WEEKDAYS = "一二三四五六日"


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands about festivals."""
    group = AppGroup("festival", help="Festivals, solar and lunar, and the shop's own days.")

    @group.command("list")
    @click.option(
        "--year", type=click.IntRange(FIRST_YEAR, LAST_YEAR), help="This year's if unsaid."
    )
    def list_all(year: int | None) -> None:
        """Print a year's festivals."""
        with working(installation) as session:
            found = list_occasions(session, year or local_day(installation.clock()).year)
        rows = [
            (
                f"{one.begins_on.isoformat()}（{WEEKDAYS[one.begins_on.weekday()]}）",
                (one.ends_on - timedelta(days=1)).isoformat(),
                in_language(one.names, "zh-TW"),
                one.code,
                None if one.code in KNOWN else "自訂",
            )
            for one in found
        ]
        print_table(("開始", "最後一天", "節日", "代碼", "來源"), rows)

    @group.command("add")
    @click.argument("code")
    @click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
    @click.option("--days", type=int, default=1, show_default=True, help="How long it lasts.")
    @click.option("--once", is_flag=True, help="In that year alone; otherwise every year.")
    @click.option("--name", help="In Chinese; known for brand_anniversary and member_month.")
    @click.option("--en", help="In English.")
    @click.option("--ja", help="In Japanese.")
    @click.option("--by", default="operator", help="Who decides.")
    def add(
        code: str,
        day: datetime,
        days: int,
        once: bool,
        name: str | None,
        en: str | None,
        ja: str | None,
        by: str,
    ) -> None:
        """Add the festival of CODE from DAY on, or set it anew."""
        told = OWN_NAMES.get(code, {}) | {
            language: text for language, text in (("zh-TW", name), ("en", en), ("ja", ja)) if text
        }
        with working(installation) as session:
            year = day.year if once else None
            keep_festival(
                session,
                code,
                told,
                month=day.month,
                day=day.day,
                days=days,
                year=year,
                by=by,
                now=installation.clock(),
            )
        click.echo(f"{code}: {in_language(told, 'zh-TW')}")

    @group.command("remove")
    @click.argument("code")
    def remove(code: str) -> None:
        """Remove the shop's own festival of CODE."""
        with working(installation) as session:
            drop_festival(session, code)
        click.echo(f"{code} is removed.")

    return group
