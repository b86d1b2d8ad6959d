"""`flask --app app segment settings …`: windows, cycles and cut-offs, in versions."""

from collections.abc import Callable

import click
from flask.cli import AppGroup

from handlers.operator.acting import get_actor, shown_moment, working
from handlers.operator.installation import Installation
from handlers.operator.table import print_table
from models.lifecycle import get_settings
from models.lifecycle.setting import CHOSEN, change_settings, list_settings
from models.lifecycle.table import CYCLE_LEVELS
from models.lifecycle.wording import cycle_text, version_text
from models.local_day import local_day
from models.rfm import (
    DIMENSIONS,
    METHODS,
    CutRule,
    RfmSettings,
    change_rfm_settings,
    get_rfm_settings,
    list_rfm_settings,
)

AUTO = "auto"
NOTE = click.option("--note", required=True, help="Why; it stays with the version.")
BY = click.option("--by", "username", required=True, help="Who changes it, by their login.")
LIFECYCLE_OPTIONS = (
    ("window-days", "NAPL: so many days may a customer be silent."),
    ("loyal-orders", "NAPL of the article: loyal from so many purchases on."),
    ("near-cycles", "NASLD: active or new within so many cycles."),
    ("far-cycles", "NASLD: archived after so many cycles."),
)


def add_settings(group: AppGroup, installation: Installation) -> None:
    """Add the commands about what the models are set to."""
    settings = AppGroup("settings", help="What the models are set to, in versions.")
    group.add_command(settings)
    _add_show(settings, installation)
    _add_lifecycle(settings, installation)
    _add_rfm(settings, installation)


def _add_show(settings: AppGroup, installation: Installation) -> None:
    @settings.command("show")
    def show() -> None:
        """Print what is in force, and the versions there were."""
        today = local_day(installation.clock())
        with working(installation) as session:
            held, rfm = get_settings(session, today), get_rfm_settings(session, today)
            click.echo(f"生命週期（{version_text(held)}）：{_words(held)}")
            click.echo(cycle_text(held.cycle))
            click.echo(f"RFM：近 {rfm.window_days} 天；{_cut_words(rfm)}")
            versions = [
                ("生命週期", row.id, shown_moment(row.set_at), row.set_by, _words(row), row.note)
                for row in list_settings(session)
            ] + [
                (
                    "RFM",
                    row.id,
                    shown_moment(row.created_at),
                    row.created_by,
                    f"近 {row.window_days} 天",
                    row.note,
                )
                for row in list_rfm_settings(session)
            ]
            if versions:
                print_table(("模型", "版本", "時間", "誰", "內容", "原因"), versions, "lr")


def _words(held: object) -> str:
    told = {name: getattr(held, name) for name in CHOSEN}
    return ", ".join(f"{name}={AUTO if value is None else value}" for name, value in told.items())


def _cut_words(rfm: RfmSettings) -> str:
    return ", ".join(f"{name}={_rule_words(rfm.cuts[name])}" for name in DIMENSIONS)


def _rule_words(rule: CutRule) -> str:
    values = ",".join(map(str, rule.values))
    return f"{rule.method}:{values}" if values else rule.method


def _add_lifecycle(settings: AppGroup, installation: Installation) -> None:
    @settings.command("lifecycle")
    @_numbers
    @click.option("--cycle-level", type=click.Choice(CYCLE_LEVELS), help="Whose cycle holds.")
    @click.option("--cycle-days", help=f"A cycle of the shop's own; {AUTO}: estimate it.")
    @NOTE
    @BY
    def change(
        note: str,
        username: str,
        cycle_level: str | None,
        cycle_days: str | None,
        **numbers: int | None,
    ) -> None:
        """Keep a new version for NASLD and NAPL; what is not told stays."""
        changes: dict[str, int | str | None] = {
            name: value for name, value in numbers.items() if value is not None
        }
        if cycle_level is not None:
            changes["cycle_level"] = cycle_level
        if cycle_days is not None:
            changes["cycle_days"] = _days(cycle_days)
        with working(installation) as session:
            row = change_settings(
                session,
                changes,
                note=note,
                by=get_actor(session, username).username,
                now=installation.clock(),
            )
            click.echo(f"第 {row.id} 版：{_words(row)}")


def _numbers(command: Callable[..., None]) -> Callable[..., None]:
    for name, told in LIFECYCLE_OPTIONS:
        command = click.option(f"--{name}", type=int, help=told)(command)
    return command


def _days(typed: str) -> int | None:
    if typed == AUTO:
        return None
    if not typed.isdecimal():
        raise click.BadParameter(f"--cycle-days takes a number of days, or {AUTO}")
    return int(typed)


def _add_rfm(settings: AppGroup, installation: Installation) -> None:
    methods = ", ".join(METHODS)

    @settings.command("rfm")
    @click.option("--window-days", type=int, help="Purchases of so many days count.")
    @click.option("--recency", help=f"{methods}; fixed as fixed:30 or fixed:7,14,30,60.")
    @click.option("--frequency", help="The same; from so many purchases on it is high.")
    @click.option("--monetary", help="The same; from so many NT$ on it is high.")
    @NOTE
    @BY
    def change(note: str, username: str, window_days: int | None, **typed: str | None) -> None:
        """Keep a new version for RFM; what is not told stays."""
        cuts = {name: _cut_rule(text) for name, text in typed.items() if text is not None}
        with working(installation) as session:
            row = change_rfm_settings(
                session,
                window_days=window_days,
                cuts=cuts,
                note=note,
                by=get_actor(session, username).username,
                now=installation.clock(),
            )
            click.echo(f"RFM 第 {row.id} 版：近 {row.window_days} 天")


def _cut_rule(typed: str) -> CutRule:
    method, _, told = typed.partition(":")
    values = told.split(",") if told else []
    if not all(value.isdecimal() for value in values):
        raise click.BadParameter(f"{typed} is not of the form median or fixed:7,14,30,60")
    return CutRule(method, tuple(map(int, values)))
