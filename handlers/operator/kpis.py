"""`flask --app app metric kpi …`: the shop's own KPIs, as saved questions about events (E-14)."""

import json
from datetime import date, datetime, timedelta
from typing import IO

import click
from flask.cli import AppGroup

from handlers.operator.acting import working
from handlers.operator.installation import Installation
from handlers.operator.table import print_table
from models.base import in_language
from models.kpi import (
    COUNTED,
    Kpi,
    end_kpi,
    get_kpi,
    keep_kpi,
    list_kpis,
    list_values,
    measure_kpi,
)
from models.local_day import local_day

USUAL_DAYS = 30
DAY = click.DateTime(["%Y-%m-%d"])


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands about KPIs."""
    group = AppGroup("kpi", help="Figures of the shop's own, counted from events every night.")
    _add_keeping(group, installation)

    @group.command("show")
    @click.argument("code")
    @click.option("--days", default=USUAL_DAYS, help="So many days back.")
    def show(code: str, days: int) -> None:
        """Print what the KPI of CODE came to, day by day, the latest first."""
        since = local_day(installation.clock()) - timedelta(days=days)
        with working(installation) as session:
            kpi = get_kpi(session, code)
            click.echo(f"{in_language(kpi.name, 'zh-TW')}：{_words(kpi)}")
            rows = [
                (value.day.isoformat(), value.total, value.members, f"v{value.version}")
                for value in list_values(session, code, since=since, limit=days)
            ]
        print_table(("日期", "合計", "會員數", "版本"), rows, "lrr")

    @group.command("measure")
    @click.argument("code")
    @click.option("--on", type=DAY, help="As of the end of this day; yesterday unless told.")
    def measure(code: str, on: datetime | None) -> None:
        """Measure the KPI of CODE now, as the night does."""
        now = installation.clock()
        day: date = on.date() if on else local_day(now) - timedelta(days=1)
        with working(installation) as session:
            value = measure_kpi(session, get_kpi(session, code), day, now)
            click.echo(f"{code} {value.day}：{value.total:,}（{value.members:,} 位會員）")

    return group


def _add_keeping(group: AppGroup, installation: Installation) -> None:
    @group.command("add")
    @click.argument("code")
    @click.argument("query", type=click.File(encoding="utf-8"))
    @click.option("--name", required=True, help="In Chinese, such as 烏龍茶銷量.")
    @click.option("--en", help="In English.")
    @click.option("--ja", help="In Japanese.")
    @click.option("--by", default="operator", help="Who decides.")
    def add(code: str, query: IO[str], name: str, en: str | None, ja: str | None, by: str) -> None:
        """Add the KPI of CODE, or a new version of it, from a QUERY file (`-`: what is typed).

        {"schema": 1, "count": "quantity", "sku": "TEA-01", "window_days": 30}
        """
        try:
            words = json.loads(query.read())
        except (ValueError, RecursionError) as error:
            raise click.ClickException(f"No JSON ({error}).") from error
        told = {"zh-TW": name, "en": en, "ja": ja}
        names = {language: text for language, text in told.items() if text}
        with working(installation) as session:
            kpi = keep_kpi(session, code, names, words, by=by, now=installation.clock())
            click.echo(f"{kpi.code} v{kpi.version}：{_words(kpi)}")

    @group.command("end")
    @click.argument("code")
    def end(code: str) -> None:
        """Measure the KPI of CODE no more; what it came to stays."""
        with working(installation) as session:
            end_kpi(session, code, installation.clock())
        click.echo(f"{code} has ended.")

    @group.command("list")
    def list_all() -> None:
        """Print the KPIs with what each counts."""
        with working(installation) as session:
            rows = [
                (kpi.code, in_language(kpi.name, "zh-TW"), f"v{kpi.version}", _words(kpi))
                for kpi in list_kpis(session)
            ]
        print_table(("代碼", "名稱", "版本", "計算方式"), rows)


def _words(kpi: Kpi) -> str:
    """Return what a KPI counts, in Chinese."""
    query = dict(kpi.query)
    counted = in_language(COUNTED[query["count"]].labels, "zh-TW")
    window = query.get("window_days")
    narrowed = [
        f"{name}={value}"
        for name, value in query.items()
        if name not in ("schema", "count", "window_days")
    ]
    return "，".join([counted, *narrowed, f"近 {window} 天" if window else "全部期間"])
