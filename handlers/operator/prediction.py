"""`flask --app app segment predict …`: what is foretold, how good that was, whom to call."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from handlers.operator.acting import get_actor, saying_no, shown_moment, working
from handlers.operator.installation import Installation
from handlers.operator.table import print_table
from handlers.operator.tiers import read_draft
from models.base import in_language
from models.care_task import (
    FEWEST_COMPARED,
    HOLDOUT_SHARE,
    OUTCOMES,
    RETURN_DAYS,
    CareReport,
    care_report,
    list_care_tasks,
    tick_care_task,
)
from models.list_health import list_health
from models.local_day import local_day
from models.member import get_member_by_typed, masked_name, shown_number
from models.prediction import (
    CHURN_DAYS,
    LIKELY_DAYS,
    ModelFit,
    find_fit,
    find_forecast,
    get_fit,
    list_likeliest,
    list_tier_values,
)
from models.prediction.churn import reasons_of

LANGUAGE = "zh-TW"
MOST_SHOWN = 1_000
MISSING = {
    "repeaters": ("在兩天以上買過的會員", "repeaters_needed", "人"),
    "history_days": ("有購買紀錄的天數", "history_days_needed", "天"),
}
OUTCOME_WORDS = {
    "will_come": "會再來",
    "thinks": "再考慮",
    "unhappy": "有不滿意的地方",
    "not_reached": "沒有聯絡上",
}


def add_prediction(group: AppGroup, installation: Installation) -> None:
    """Add `predict` with its commands to the group of commands about segments."""
    predict = AppGroup("predict", help="What members will buy, and who may be lost.")
    _add_fitting(predict, installation)
    _add_reading(predict, installation)
    _add_worth(predict, installation)
    _add_care(predict, installation)
    group.add_command(predict)


def _add_fitting(group: AppGroup, installation: Installation) -> None:
    @group.command("fit")
    def fit() -> None:
        """Fit the models now, as the night does, and print how good they would have been."""
        from models.prediction import fitting  # The numerics, which no other command needs.

        fitted = fitting.fit_forecasts(installation.sessions, now=installation.clock())
        _show_fit(fitted)

    @group.command("show")
    def show() -> None:
        """Print the newest fit with its back-test."""
        with installation.sessions() as session:
            newest = find_fit(session)
        if newest is None:
            raise click.ClickException(
                "還沒有預測：夜間工作 fit_forecasts 會做，或執行 predict fit。"
            )
        _show_fit(newest)


def _show_fit(fit: ModelFit) -> None:
    click.echo(f"截至 {fit.as_of}，{shown_moment(fit.fitted_at)} 計算（{fit.seconds:.1f} 秒）")
    click.echo(f"買過的會員 {fit.buyers:,} 人，其中 {fit.repeaters:,} 人在兩天以上買過")
    if fit.refused is not None:
        _show_refusal(fit.refused)
        return
    assert fit.parameters is not None
    assert fit.log_likelihood is not None
    assert fit.value_log_likelihood is not None
    assert fit.correlation is not None
    told = fit.parameters
    click.echo(
        f"BG/NBD：r={told['r']:.3f} alpha={told['alpha']:.3f} 天 a={told['a']:.3f}"
        f" b={told['b']:.3f}（log likelihood {fit.log_likelihood:,.1f}）"
    )
    click.echo(
        f"Gamma-Gamma：p={told['p']:.2f} q={told['q']:.2f} v={told['v']:.2f}"
        f"（log likelihood {fit.value_log_likelihood:,.1f}）；"
        f"次數與金額的相關 {fit.correlation:+.3f}（接近 0 才適用）"
    )
    _show_back_test(fit.back_test)


def _show_refusal(refused: Mapping[str, int]) -> None:
    click.echo("資料太少，不做預測：")
    for name, (words, needed, unit) in MISSING.items():
        if refused[name] < refused[needed]:
            click.echo(f"  {words} {refused[name]:,} {unit}，至少要 {refused[needed]:,} {unit}")
    if "models_fit" in refused:
        click.echo("  購買紀錄和模型對不上，找不到合理的參數")


def _show_back_test(test: Mapping[str, Any] | None) -> None:
    if test is None:
        click.echo("回測：紀錄太短，還不能保留最後幾天來比對。")
        return
    click.echo()
    click.echo(f"回測：用 {test['fitted_on']} 以前的紀錄預測，和之後實際發生的比對")
    lift = f"，是平均的 {test['lift']:.1f} 倍" if test["lift"] else ""
    click.echo(
        f"  分數最高的 10% 會員，{LIKELY_DAYS} 天內有 {test['top_percent']:.1f}% 來買；"
        f"全體平均 {test['average_percent']:.1f}%{lift}"
    )
    click.echo(
        f"  之後 {test['held_out_days']} 天的購買（人天）：預測 {test['orders_expected']:,.0f}，"
        f"實際 {test['orders_actual']:,}"
    )
    print_table(
        ("分數", "人數", f"預測 {LIKELY_DAYS} 天內會買", "實際買了"),
        [
            (
                f"第 {place} 個十分之一",
                decile["members"],
                f"{decile['expected_percent']:.1f}%",
                f"{decile['actual_percent']:.1f}%",
            )
            for place, decile in enumerate(test["deciles"], start=1)
        ],
        "lrrr",
    )


def _add_reading(group: AppGroup, installation: Installation) -> None:
    @group.command("likely")
    @click.option("--most", type=click.IntRange(1, MOST_SHOWN), default=20, show_default=True)
    def likely(most: int) -> None:
        """Print who will most likely buy in the next two weeks."""
        with saying_no(), installation.sessions() as session:
            fit = get_fit(session)
            found = list_likeliest(session, limit=most)
        click.echo(f"截至 {fit.as_of} 的預測，未來 {LIKELY_DAYS} 天最可能購買的會員")
        print_table(
            ("會員", "姓名", "會買的機率", "一年預期消費", "下次購買"),
            [
                (
                    shown_number(member.number),
                    masked_name(member.name),
                    f"{forecast.likely:.1%}",
                    f"NT${forecast.value_365_twd:,}",
                    str(forecast.next_on) if forecast.next_on else None,
                )
                for member, forecast in found
            ],
            "llrrl",
        )

    @group.command("member")
    @click.argument("typed", metavar="MEMBER")
    def one(typed: str) -> None:
        """Print what is expected of a MEMBER (number or phone), and why they may be lost."""
        with saying_no(), installation.sessions() as session:
            fit, member = get_fit(session), get_member_by_typed(session, typed)
            forecast = find_forecast(session, member.id)
            reasons = reasons_of(session, [member.id], installation.clock())[member.id]
        if forecast is None:
            click.echo("還沒有消費過，無從預測。")
            return
        lines = {
            f"未來 {LIKELY_DAYS} 天會購買": f"{forecast.likely:.1%}（前 {forecast.likely_top}%）",
            "90 天預期": f"{forecast.orders_90:.1f} 次，NT${forecast.value_90_twd:,}",
            "365 天預期": f"{forecast.orders_365:.1f} 次，NT${forecast.value_365_twd:,}",
            "終身價值": f"NT${member.lifetime_twd:,} + NT${forecast.value_365_twd:,}",
            "仍是顧客": f"{forecast.alive:.1%}",
            f"流失風險（{CHURN_DAYS} 天內不再購買）": f"{forecast.risk:.1%}",
            "下次購買": str(forecast.next_on or "一年內不太會"),
        }
        click.echo(f"{shown_number(member.number)}  {masked_name(member.name)}  截至 {fit.as_of}")
        print_table(("項目", "預測"), list(lines.items()))
        for reason in reasons:
            click.echo(f"・{reason.text(LANGUAGE)}")


def _add_worth(group: AppGroup, installation: Installation) -> None:
    @group.command("value")
    def value() -> None:
        """Print what the members of each tier have brought and will bring."""
        with saying_no(), installation.sessions() as session:
            fit, tiers = get_fit(session), list_tier_values(session)
        click.echo(f"截至 {fit.as_of}：終身價值 = 至今消費 + 未來一年預期消費")
        print_table(
            ("等級", "人數", "買過", "至今消費", "一年預期", "每人終身價值"),
            [
                (
                    in_language(worth.tier.name, LANGUAGE),
                    worth.members,
                    worth.buyers,
                    f"NT${worth.historic_twd:,}",
                    f"NT${worth.expected_twd:,}",
                    f"NT${worth.lifetime_value_twd:,}",
                )
                for worth in tiers
            ],
            "lrrrrr",
        )

    @group.command("health")
    def health() -> None:
        """Print how alive the list is: who can be reached, who is active, asleep or blocked."""
        now = installation.clock()
        with installation.sessions() as session:
            found = list_health(session, now)
        click.echo(f"名單健康度，截至 {shown_moment(now)}")
        print_table(
            ("項目", "人數", "佔全體"),
            [(words, count, found.share_text(count)) for words, count in found.lines(LANGUAGE)],
            "lrr",
        )

    @group.command("tiers")
    @click.option(
        "--draft",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Also under these rules, a JSON file as `tier preview` reads it.",
    )
    def tiers(draft: Path | None) -> None:
        """Print how many members each tier will have in a quarter, and how good that was."""
        _show_tiers(installation, draft)


def _show_tiers(installation: Installation, draft: Path | None) -> None:
    from models.prediction import tiers as forecasting  # As above.

    asked = read_draft(draft) if draft is not None else None
    with saying_no(), installation.sessions() as session:
        told = forecasting.forecast_tiers(session, installation.clock(), draft=asked)
    click.echo(
        f"{told.until} 的各等級人數預測"
        f"（抽樣 {told.sample:,} 人，購買以 BG/NBD 與 Gamma-Gamma 模擬）"
    )
    headers = ["等級", "現在", f"{told.until}", "範圍", "現行規則上次預測", "實際"]
    rows: list[tuple[str | int | None, ...]] = []
    for line in told.lines:
        cells: list[str | int | None] = [
            line.name(LANGUAGE),
            line.now,
            line.expected,
            f"{line.low:,}–{line.high:,}",
            line.back_expected,
            line.back_actual,
        ]
        if asked is not None:
            cells += [line.draft_now, line.draft_expected]
        rows.append(tuple(cells))
    if asked is not None:
        headers += ["新規則現在", f"新規則 {told.until}"]
    print_table(headers, rows, "l" + "r" * (len(headers) - 1))


def _add_care(group: AppGroup, installation: Installation) -> None:
    care = AppGroup("care", help="Members of high value who may be lost, to be called.")

    @care.command("list")
    def show() -> None:
        """Print whom to call and why; those done are ticked."""
        with installation.sessions() as session:
            for line in _care_lines(session, installation):
                click.echo(line)

    @care.command("done")
    @click.argument("task_id", type=int)
    @click.option("--by", "username", required=True, help="The login of who has called.")
    @click.option("--outcome", type=click.Choice(OUTCOMES), help="What came of it.")
    @click.option("--note", "note_text", default="", help="A few words.")
    @click.option("--undo", is_flag=True, help="It is not done after all.")
    def done(task_id: int, username: str, outcome: str | None, note_text: str, undo: bool) -> None:
        """Tick the task TASK_ID off."""
        if undo == (outcome is not None):
            raise click.UsageError("Either --outcome or --undo.")
        with working(installation) as session:
            staff = get_actor(session, username)
            tick_care_task(
                session, task_id, staff, outcome, note_text=note_text, now=installation.clock()
            )
        click.echo(f"{task_id} is {'open' if undo else 'done'}.")

    @care.command("report")
    def report() -> None:
        """Print whether those who were called came back more often than those who were not."""
        with installation.sessions() as session:
            for line in _report_lines(care_report(session, installation.clock())):
                click.echo(line)

    group.add_command(care)


def _care_lines(session: Session, installation: Installation) -> Sequence[str]:
    lines = []
    for task, member in list_care_tasks(session, installation.clock()):
        tick = "x" if task.done_at else " "
        lines.append(
            f"[{tick}] {task.id}  {shown_number(member.number)}  {masked_name(member.name)}"
            f"  NT${task.value_twd:,}  流失風險 {task.risk:.0%}"
        )
        lines += [f"      ・{reason.text(LANGUAGE)}" for reason in task.told_reasons()]
        if task.outcome:
            lines.append(f"      → {OUTCOME_WORDS[task.outcome]}")
    return lines or [f"{local_day(installation.clock())}：沒有要聯絡的會員。"]


def _report_lines(report: CareReport) -> Sequence[str]:
    lines = [
        f"{words}：{part.members:,} 人，{RETURN_DAYS} 天內回來 {part.returned:,} 人"
        f"（{part.share:.1%}）"
        for words, part in (("有關懷任務", report.task), ("對照組", report.holdout))
    ]
    lines[0] += f"，其中 {report.task.done:,} 人已聯絡"
    if report.difference is None or report.low is None or report.high is None:
        held = f"約 {HOLDOUT_SHARE:.0%} 的會員留作對照，不聯絡"
        return [*lines, f"資料還不夠：兩邊都要有 {FEWEST_COMPARED} 人以上才能比較（{held}）。"]
    told = f"差 {report.difference * 100:+.1f} 個百分點，95% 區間 {report.low * 100:+.1f} 到 "
    sure = "有效" if report.low > 0 else ("有反效果" if report.high < 0 else "還看不出差別")
    return [*lines, f"{told}{report.high * 100:+.1f}：{sure}。"]
