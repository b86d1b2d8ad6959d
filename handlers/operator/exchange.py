"""`flask --app app import …`, `export` and `restore`: moving in, and moving out.

What is wrong with a file is told in Traditional Chinese, in the words of `models/exchange`, for
it is read by whoever keeps the shop's spreadsheet.
"""

import csv
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from handlers.operator.analysis_tables import CHINESE
from handlers.operator.installation import Installation
from models.base import BusinessError, in_language, most_first
from models.exchange import (
    KINDS,
    MEMBERS,
    PRESETS,
    PURCHASES,
    REPORT_HEADINGS,
    SEVERITIES,
    Findings,
    MemberOptions,
    PurchaseOptions,
    Summary,
    Taken,
    export_all,
    export_readable,
    get_layout,
    import_members,
    import_purchases,
    list_batches,
    open_source,
    report_row,
    restore_all,
    undo_import,
)
from models.local_day import TAIPEI
from models.shop import find_store

SECONDS_BETWEEN_LINES = 1.0
SECONDS_BETWEEN_LOGGED_LINES = 10.0
"""Where nobody watches, as in a log, a line now and then is enough."""
PHASES = {"read": "讀取", "write": "寫入", "undo": "復原"}
OUTCOMES = {
    "rows": "資料列",
    "new": "新的",
    "made_before": "上次已寫入",
    "known": "系統已有",
    "double": "檔案內重複",
    "items": "同一訂單的其他品項列",
    "passed_over": "不計入（取消、全額退款、零元）",
    "overtaken": "匯入期間已由其他管道入帳",
    "refused": "有錯誤，未匯入",
    "lifted": "升等的會員",
    "points": "給出的點數",
    "stamps": "給出的集點",
    "marketing": "有行銷同意紀錄",
    "made": "本批次共建立",
}
STATES = {"running": "未完成", "done": "完成", "undoing": "復原中", "undone": "已復原"}
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
DAY = click.DateTime(["%Y-%m-%d"])


def make_group(installation: Installation) -> AppGroup:
    """Return the `import` commands."""
    group = AppGroup("import", help="Bring members and purchases in from CSV or Excel.")
    _add_members(group, installation)
    _add_purchases(group, installation)
    _add_undo(group, installation)
    _add_list(group, installation)
    return group


def _file_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what both kinds of files take."""
    names = ", ".join(PRESETS)
    for option in (
        click.option("--report", type=click.Path(path_type=Path), help="Write all problems here."),
        click.option("--map", "mapping", help=f"A preset ({names}) or a JSON mapping file."),
        click.option("--dry-run", "is_dry_run", is_flag=True, help="Check only; write nothing."),
        click.argument("file", type=FILE),
    ):
        command = option(command)
    return command


def _add_members(group: AppGroup, installation: Installation) -> None:
    @group.command(MEMBERS)
    @_file_options
    @click.option("--points-until", type=DAY, help="Last good day of opening points (YYYY-MM-DD).")
    @click.option("--tier-until", type=DAY, help="First day an imported tier is evaluated.")
    def members(
        file: Path,
        is_dry_run: bool,
        mapping: str | None,
        report: Path | None,
        points_until: datetime | None,
        tier_until: datetime | None,
    ) -> None:
        """Bring members in. Known ones keep what they have; nobody is doubled."""
        options = MemberOptions(
            points_expire_on=_day_after(points_until),
            tier_until=tier_until.date() if tier_until else None,
            is_dry_run=is_dry_run,
        )
        with reporting(report) as findings:
            summary = import_members(
                installation.sessions,
                open_source(file),
                get_layout(MEMBERS, mapping),
                options,
                findings=findings,
                now=installation.clock(),
                tell=_Progress().tell,
            )
        _show(summary, findings, report)


def _day_after(last_good: datetime | None) -> date | None:
    return date.fromordinal(last_good.toordinal() + 1) if last_good else None


def _add_purchases(group: AppGroup, installation: Installation) -> None:
    @group.command(PURCHASES)
    @_file_options
    @click.option("--store", "store_code", help="Store of rows that name none, such as TP01.")
    @click.option(
        "--earn",
        type=click.Choice(["none", "points"]),
        default="none",
        show_default=True,
        help="Give points by the rules of each sale's day. Leave it off where opening balances "
        "came with the members, or they count twice.",
    )
    @click.option("--stamps", "is_stamping", is_flag=True, help="Stamp the cards too.")
    @click.option("--channel", help="Channel of the sales, such as web; else the preset's.")
    def purchases(
        file: Path,
        is_dry_run: bool,
        mapping: str | None,
        report: Path | None,
        store_code: str | None,
        earn: str,
        is_stamping: bool,
        channel: str | None,
    ) -> None:
        """Bring purchases in. An order counts once, wherever else it was reported."""
        options = PurchaseOptions(
            store_id=_store_id(installation, store_code) if store_code else None,
            is_earning=earn == "points",
            is_stamping=is_stamping,
            channel=channel,
            is_dry_run=is_dry_run,
        )
        with reporting(report) as findings:
            summary = import_purchases(
                installation.sessions,
                open_source(file),
                get_layout(PURCHASES, mapping),
                options,
                findings=findings,
                now=installation.clock(),
                tell=_Progress().tell,
            )
        _show(summary, findings, report)
        if not options.is_earning:
            click.echo("這些消費不給點數（--earn points 才會給）；累積消費與等級已計入。")


def _store_id(installation: Installation, code: str) -> int:
    with installation.sessions() as session:
        store = find_store(session, code)
        if store is None:
            raise click.BadParameter(f"no store has the code {code}")
        return store.id


def _add_undo(group: AppGroup, installation: Installation) -> None:
    @group.command("undo")
    @click.argument("batch_id", metavar="BATCH", type=int)
    @click.confirmation_option(prompt="把這一批匯入整批復原？")
    def undo(batch_id: int) -> None:
        """Take a batch back: points, figures, tiers, and members nobody has seen since."""
        with _refusals():
            taken = undo_import(
                installation.sessions, batch_id, now=installation.clock(), tell=_Progress().tell
            )
        for line in _taken_lines(batch_id, taken):
            click.echo(line)


def _taken_lines(batch_id: int, taken: Taken) -> Iterator[str]:
    yield f"批次 {batch_id} 已復原。"
    for count, words in (
        (taken.purchases, "筆消費已沖銷"),
        (taken.members, "位會員已清空"),
        (taken.kept_members, "位會員在匯入後有活動，予以保留"),
        (taken.points, "點已收回"),
        (taken.spent_points, "點已被用掉，無法收回"),
        (taken.tiers, "位會員恢復原等級"),
    ):
        if count:
            yield f"  {count:,} {words}"


def _add_list(group: AppGroup, installation: Installation) -> None:
    @group.command("list")
    def list_() -> None:
        """Show the latest imports."""
        with installation.sessions() as session:
            for batch, touched in list_batches(session):
                at = batch.begun_at.astimezone(TAIPEI)
                click.echo(
                    f"{batch.id:>5}  {at:%Y-%m-%d %H:%M}  {STATES[batch.state]}  {batch.kind}  "
                    f"{batch.source}  {batch.file_name}  {batch.counts.get('made', 0):,} 筆  "
                    f"{touched:,} 位會員"
                )


def make_export_command(installation: Installation) -> click.Command:
    """Return the `export` command."""

    @click.command("export")
    @click.argument("folder", metavar="DIR", type=FOLDER)
    @click.option("--readable", "is_readable", is_flag=True, help="Three CSV files for people.")
    def export(folder: Path, is_readable: bool) -> None:
        """Write everything out: one CSV a table and a manifest, from one moment."""
        with _refusals():
            if is_readable:
                export_readable(installation.engine, folder, tell=_tell_table)
                click.echo("這些檔案含未遮蔽的個人資料，只有您的帳號能讀；請妥善保管。")
                return
            manifest = export_all(
                installation.engine, folder, now=installation.clock(), tell=_tell_table
            )
        click.echo(f"全部匯出到 {folder}，資料庫版本 {manifest['revision']}。沒有匯出的：")
        for name, why in manifest["left_out"].items():
            click.echo(f"  {name}: {why}")
        click.echo("檔案含未遮蔽的個人資料與密碼雜湊；請妥善保管。")

    return export


def make_restore_command(installation: Installation) -> click.Command:
    """Return the `restore` command."""

    @click.command("restore")
    @click.argument("folder", metavar="DIR", type=FOLDER)
    def restore(folder: Path) -> None:
        """Load an export into an empty installation that only `db upgrade` has seen."""
        with _refusals():
            manifest = restore_all(installation.engine, folder, tell=_tell_table)
        rows = sum(table["rows"] for table in manifest["tables"])
        click.echo(f"已還原 {len(manifest['tables'])} 個資料表、{rows:,} 列。")

    return restore


def _tell_table(name: str, rows: int) -> None:
    click.echo(f"{rows:>10,}  {name}", err=True)


# --- telling ---


@contextmanager
def _refusals() -> Iterator[None]:
    """Show what a rule refuses as one line, not as a trace."""
    try:
        yield
    except BusinessError as error:
        reason = error.facts.get("reason")
        words = in_language(reason, CHINESE) if reason else f"{error.code} {error.facts}"
        raise click.ClickException(words) from error


@contextmanager
def reporting(report: Path | None) -> Iterator[Findings]:
    """Yield findings that go to the report as they come; a refused file ends the command."""
    with ExitStack() as stack:
        stack.enter_context(_refusals())
        if report is None:
            yield Findings()
            return
        file = stack.enter_context(report.open("w", encoding="utf-8-sig", newline=""))
        report.chmod(0o600)
        writer = csv.writer(file)
        writer.writerow(REPORT_HEADINGS)
        yield Findings(lambda problem: writer.writerow(report_row(problem)))


def _show(summary: Summary, findings: Findings, report: Path | None) -> None:
    """Print what came of a file."""
    if summary.is_dry_run:
        click.echo("試跑：什麼都沒有寫入。")
    else:
        click.echo(f"批次 {summary.batch_id} 完成；復原：import undo {summary.batch_id}")
    if summary.same_as_batch is not None:
        click.echo(f"同一個檔案在批次 {summary.same_as_batch} 匯入過；重複的不會再計一次。")
    click.echo("欄位：" + "、".join(f"{name}={own}" for name, own in summary.columns.items()))
    for outcome, words in OUTCOMES.items():
        if outcome in summary.counts:
            click.echo(f"  {words}：{summary.counts[outcome]:,}")
    show_problems(findings, report)


def show_problems(findings: Findings, report: Path | None) -> None:
    for code, count in most_first(findings.by_code):
        kind = KINDS[code]
        what = in_language(kind.what, CHINESE).format_map(_Dots())
        click.echo(f"  {SEVERITIES[kind.severity]} ×{count:,}：{what}")
    for problem in findings.first:
        where = f"第 {problem.row} 列 {problem.column}"
        click.echo(f"  {where}：{problem.what()} → {problem.remedy()}")
    if report is not None:
        click.echo(f"逐列報告：{report}")
    elif findings.by_code.total() > len(findings.first):
        click.echo("其餘請加 --report out.csv 逐列查看。")


class _Dots(dict[str, Any]):
    """Stands for facts where many rows are summed up."""

    def __missing__(self, key: str) -> str:
        return "…"


class _Progress:
    """Prints how far an import is: rows, rows a second, and the time left."""

    def __init__(self) -> None:
        self._phase = ""
        self._began_at = self._told_at = 0.0
        self._is_watched = sys.stderr.isatty()

    def tell(self, phase: str, rows: int, share: float) -> None:
        """Take note, and print a line when it is time for one."""
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._began_at, self._told_at = phase, now, now
        pause = SECONDS_BETWEEN_LINES if self._is_watched else SECONDS_BETWEEN_LOGGED_LINES
        if now - self._told_at < pause and share < 1:
            return
        self._told_at = now
        self._print(rows, share, max(now - self._began_at, 0.001))

    def _print(self, rows: int, share: float, seconds: float) -> None:
        left = round(seconds * (1 - share) / share) if share else 0
        line = (
            f"{PHASES[self._phase]} {rows:,}（{share:.0%}），每秒 {rows / seconds:,.0f}，"
            f"還要 {left // 60}:{left % 60:02d}"
        )
        if self._is_watched:
            click.echo(f"\r{line}\033[K", nl=share >= 1, err=True)
        else:
            click.echo(line, err=True)
