"""`flask --app app segment analyse …`: the threshold and rhythm analyses, and the articles' shop.

Each analysis is a command with an option a parameter, made from `ANALYSES`, so that command and
API ask the same.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from handlers.operator.acting import saying_no
from handlers.operator.analysis_tables import CHINESE, SHOWN, exact_percent
from handlers.operator.installation import Installation
from handlers.operator.table import print_table
from models.analysis import ANALYSES, Analysis, Parameter, dependency
from models.analysis.frequency import read_frequency
from models.analysis.recency import read_recency
from models.analysis.scope import ALL, REPEAT, Scope
from models.analysis.stall import read_stall
from models.base import in_language
from models.demo.article_shop import load_article_shop, make_shadow
from models.local_day import local_day
from models.member import get_member_by_typed

ARTICLE_HORIZON_DAYS = 90
POPULATION_WORDS = {ALL: "對象：所有買過的會員", REPEAT: "對象：買過兩次以上的會員"}


def add_analyses(group: AppGroup, installation: Installation) -> None:
    """Add `analyse` and its commands to a group."""
    analyses = AppGroup("analyse", help="Thresholds, rhythm, budget: what the figures advise.")
    for analysis in ANALYSES.values():
        analyses.add_command(_command(analysis, installation))
    _add_article(analyses, installation)
    _add_member(analyses, installation)
    group.add_command(analyses)


def _command(analysis: Analysis, installation: Installation) -> click.Command:
    """Make the command of an analysis, with an option for each of its parameters."""

    def run(*, as_json: bool, **told: str | None) -> None:
        asked = {name: value for name, value in told.items() if value is not None}
        with saying_no(), installation.sessions() as session:
            found = analysis.run(session, installation.clock(), asked)
        if as_json:
            click.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=2))
            return
        click.echo(_heading(analysis, asked, local_day(installation.clock())))
        SHOWN[analysis.name](found)

    as_json = click.Option(["--json", "as_json"], is_flag=True, help="As the API tells it.")
    return click.Command(
        analysis.name,
        callback=run,
        params=[*map(_option, analysis.parameters), as_json],
        help=f"{in_language(analysis.title, 'en')}.",
    )


def _heading(analysis: Analysis, asked: Mapping[str, str], today: date) -> str:
    """Return what is looked at: the analysis, up to which day, of whom."""
    known = {parameter.name: parameter.default for parameter in analysis.parameters}
    words = [in_language(analysis.title, CHINESE), f"截至 {asked.get('as_of', today)}"]
    if "population" in known:
        words.append(POPULATION_WORDS[asked.get("population", known["population"])])
    return "　".join(words)


def _option(parameter: Parameter) -> click.Option:
    words = in_language(parameter.title, "en")
    return click.Option(
        [f"--{parameter.name.replace('_', '-')}", parameter.name],
        metavar=parameter.possible,
        help=f"{words[:1].upper()}{words[1:]}.",
    )


def _add_article(group: AppGroup, installation: Installation) -> None:
    @group.command("article")
    def show_article() -> None:
        """Load the made-up shop beside the real one, and print the articles' five figures."""
        with installation.sessions() as session:
            make_shadow(session)
            load_article_shop(session, installation.clock())
            rows = _five_figures(session, installation.clock())
        click.echo("示範資料重現文章的五個數字（虛構的店，不是您的店）")
        print_table(("數字", "文章", "示範資料"), rows, "lrr")


def _five_figures(session: Session, now: datetime) -> list[tuple[str, str, str | None]]:
    """Ask the same questions of the made-up shop as of one's own."""
    scope = Scope(local_day(now))
    marked = read_stall(session, scope, now).marked
    frequency = read_frequency(session, scope, now, ARTICLE_HORIZON_DAYS)
    recency = read_recency(session, scope, now)
    assert marked is not None, "the made-up shop has its stall"
    return [
        ("累計消費 NT$1,001–2,000 的人數", "3,600", f"{marked.members:,}"),
        ("這個級距以上的人數", "11,350", f"{marked.and_above:,}"),
        ("停在這個級距的比例", "31.72%", exact_percent(marked.ratio)),
        ("買 3 次以上的回購率", "48.28%", exact_percent(frequency.steps[2].rate)),
        ("流失率上升的月份", "第 4 個月", f"第 {recency.rises_in_month} 個月"),
    ]


def _add_member(group: AppGroup, installation: Installation) -> None:
    @group.command("promotion-of")
    @click.argument("member")
    def show_member(member: str) -> None:
        """Print how much a MEMBER (number or phone) depends on promotions."""
        with saying_no(), installation.sessions() as session:
            found = get_member_by_typed(session, member)
            orders, promo_orders = found.purchase_count, found.promo_count
        told = exact_percent(dependency(promo_orders, orders))
        click.echo(
            f"促銷依賴度 {told}：{orders} 筆訂單中有 {promo_orders} 筆用了優惠。"
            if told
            else "還沒有購買過，沒有促銷依賴度。"
        )
