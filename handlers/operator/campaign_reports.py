"""`flask --app app campaign proof|report`: what became of everybody, and what came of it."""

from collections.abc import Mapping, Sequence

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from handlers.operator.acting import shown_moment, working
from handlers.operator.installation import Installation
from handlers.operator.table import Cell, print_table
from models.base import in_language, most_first
from models.campaign import get_campaign
from models.insight import (
    VERDICT_NAMES,
    Lift,
    Report,
    UnitFigure,
    VariantLine,
    list_runs,
    report_of_campaign,
)
from models.insight.reason import reason_name
from models.insight.recipients import MOST_LISTED, list_recipients
from models.link import clicks_of
from models.member import get_member_by_typed
from models.sending import CampaignRun, find_recipient, proof_of

CHINESE = "zh-TW"
OUTCOMES: Mapping[str, str] = {
    "accepted": "送達",
    "skipped": "未發送",
    "refused": "被拒絕",
    "unknown": "結果不明",
    "waiting": "等待中",
}
RUN_STATES: Mapping[str, str] = {
    "planned": "等待時間",
    "freezing": "整理名單",
    "sending": "發送中",
    "paused": "已暫停",
    "finished": "已完成",
    "cancelled": "已取消",
    "missed": "錯過時間",
    "stopped": "已停止",
}
METRICS = {"click": "點擊", "conversion": "購買"}
DECISIONS = {"winner": "勝出", "no_difference": "沒有差別", "too_few": "人數不足"}
USUAL_LISTED = 20


def add_reports(group: AppGroup, installation: Installation) -> None:
    """Add the proof and the report."""
    _add_proof(group, installation)

    @group.command("report")
    @click.argument("code")
    @click.option("--run", "run_id", type=int, help="Only of this run.")
    def report(code: str, run_id: int | None) -> None:
        """Print what came of a campaign: outcomes, clicks, sales, cost, blocks, lift."""
        with working(installation) as session:
            now = installation.clock()
            campaign = get_campaign(session, code)
            print_report(report_of_campaign(session, campaign, now, run_id=run_id))
            runs = [run.id for run in list_runs(session, campaign) if run_id in (None, run.id)]
            _print_links(session, [f"campaign:{each}" for each in runs])


def _add_proof(group: AppGroup, installation: Installation) -> None:
    @group.command("proof")
    @click.argument("code", required=False)
    @click.option("--member", "typed", help="What this member (number or phone) got, of any run.")
    @click.option("--run", "run_id", type=int, help="List the recipients of this run.")
    @click.option("--state", type=click.Choice(tuple(OUTCOMES)), help="With --run: only these.")
    @click.option("--after", help="With --run: go on behind this member's number.")
    @click.option(
        "--limit", type=click.IntRange(1, MOST_LISTED), default=USUAL_LISTED, show_default=True
    )
    def proof(
        code: str | None,
        typed: str | None,
        run_id: int | None,
        state: str | None,
        after: str | None,
        limit: int,
    ) -> None:
        """Prove it: planned = accepted + skipped + refused + unknown; or list who got what."""
        with working(installation) as session:
            if typed is not None:
                _print_member(session, typed)
            elif run_id is not None:
                _print_recipients(session, run_id, state, after, limit)
            elif code is not None:
                _print_proofs(session, list_runs(session, get_campaign(session, code)))
            else:
                raise click.UsageError("Give a campaign's CODE, --run, or --member.")


def _print_proofs(session: Session, runs: Sequence[CampaignRun]) -> None:
    rows = [(run, proof_of(session, run.id)) for run in runs]
    print_table(
        ("次", "時段", "狀態", "對象", "送達", "未發送", "被拒絕", "不明", "等待", "相符"),
        [
            (
                run.id,
                run.slot,
                RUN_STATES[run.state],
                proof.planned,
                proof.accepted,
                sum(proof.skipped.values()),
                sum(proof.refused.values()),
                proof.unknown,
                proof.waiting,
                "✓" if proof.is_complete else "進行中",
            )
            for run, proof in rows
        ],
        "rllrrrrrr",
    )
    for run, proof in rows:
        if proof.skipped or proof.refused:
            click.echo(
                f"第 {run.id} 次：{_reasons(proof.skipped)} {_reasons(proof.refused)}".rstrip()
            )


def _reasons(reasons: Mapping[str, int]) -> str:
    return "、".join(
        f"{in_language(reason_name(reason), CHINESE)} {people:,}"
        for reason, people in most_first(reasons)
    )


def _print_member(session: Session, typed: str) -> None:
    member = get_member_by_typed(session, typed)
    print_table(
        ("次", "時段", "版本", "通路", "結果", "原因", "LINE 編號", "時間"),
        [
            (
                got.run_id,
                got.slot,
                got.variant,
                got.channel,
                OUTCOMES[got.state],
                in_language(reason_name(got.reason), CHINESE) if got.reason else None,
                got.request_id,
                shown_moment(got.at) if got.at else None,
            )
            for got in find_recipient(session, member.id)
        ],
        "r",
    )


def _print_recipients(
    session: Session, run_id: int, state: str | None, after: str | None, limit: int
) -> None:
    after_id = get_member_by_typed(session, after).id if after else 0
    print_table(
        ("會員", "版本", "通路", "結果", "原因", "LINE 編號", "時間"),
        [
            (
                each.number,
                each.variant,
                each.channel,
                OUTCOMES[each.state],
                in_language(reason_name(each.reason), CHINESE) if each.reason else None,
                each.request_id,
                shown_moment(each.at) if each.at else None,
            )
            for each in list_recipients(
                session, run_id, after_id=after_id, limit=limit, state=state
            )
        ],
    )


# --- the report


def print_report(report: Report) -> None:
    """Print a report of a campaign or a journey."""
    click.echo(f"{in_language(report.name, CHINESE)}（{report.code}）")
    if report.since is None:
        click.echo("還沒有發送")
        return
    ends = f"，統計到 {shown_moment(report.until)}" if report.until else ""
    still = "" if report.is_final else "（數字還會增加）"
    click.echo(f"首次發送 {shown_moment(report.since)}{ends}{still}")
    print_table(("項目", "人數／金額", "占送達", "說明"), _rows(report), "lrrl")
    click.echo(_lift_in_words(report.lift))
    if len(report.variants) > 1:
        print_table(
            ("版本", "送達", "點擊", "購買", METRICS[report.metric] + "率", "95% 區間"),
            [_variant_row(each, report.metric) for each in report.variants],
            "lrrrrl",
        )
    if report.decision is not None:
        verdict = DECISIONS[report.decision.verdict]
        click.echo(
            f"A/B 判定（{shown_moment(report.decision.at)}）：{verdict}，採用 "
            f"{report.decision.chosen} 版"
        )
    for figure in report.line:
        click.echo(_line_in_words(figure))


def _rows(report: Report) -> list[tuple[Cell, ...]]:
    outcomes, clicks, sales, money = report.outcomes, report.clicks, report.sales, report.money
    channels = "、".join(
        f"{'LINE' if name == 'line' else '郵件'} {n:,}" for name, n in report.channels
    )
    rows: list[tuple[Cell, ...]] = [
        (
            "對象",
            outcomes.planned,
            None,
            "送達＋未發送＋被拒絕＋不明" + ("" if outcomes.adds_up else "（不符！）"),
        ),
        (
            "送達",
            outcomes.accepted,
            None,
            channels + (f"；免費 {report.free:,}" if report.free else ""),
        ),
        ("未發送", sum(outcomes.skipped.values()), None, _reasons(outcomes.skipped)),
        ("被拒絕", sum(outcomes.refused.values()), None, _reasons(outcomes.refused)),
        ("結果不明", outcomes.unknown, None, "24 小時內沒有答覆，不再重試"),
        (
            "點擊",
            clicks.clickers,
            _share(report, clicks.clickers),
            f"共 {clicks.clicks:,} 次，不記名 {clicks.anonymous:,} 次",
        ),
        (
            "點按",
            clicks.tappers,
            _share(report, clicks.tappers),
            f"聊天室按鈕，共 {clicks.taps:,} 次",
        ),
        (
            "購買",
            sales.buyers,
            _share(report, sales.buyers),
            f"{report.attribution_days} 天內、最後一則訊息是這則；{sales.purchases:,} 筆",
        ),
        (
            "淨營收",
            f"NT${sales.net_twd:,}",
            None,
            f"實付 NT${sales.paid_twd:,} − 退款 NT${sales.refunded_twd:,}",
        ),
        (
            "成本",
            f"NT${money.cost_twd:,.0f}",
            None,
            f"訊息 NT${money.message_twd:,.1f}、優惠 NT${money.benefit_twd:,}",
        ),
        (
            "ROAS",
            f"{money.roas:,.1f} 倍" if money.roas is not None else None,
            None,
            "淨營收 ÷（訊息＋優惠成本）",
        ),
        ("封鎖", report.blocks, _share(report, report.blocks), "收到後 48 小時內，且是最後一則"),
    ]
    if outcomes.waiting:
        rows.insert(5, ("等待中", outcomes.waiting, None, ""))
    return rows


def _share(report: Report, people: int) -> str | None:
    share = report.share_of_accepted(people)
    return None if share is None else f"{share * 100:.1f}%"


def _lift_in_words(lift: Lift) -> str:
    told = (
        f"提升：應發 {lift.treated:,} 人買了 {lift.treated_buyers:,}，"
        f"對照組 {lift.held_out:,} 人買了 {lift.held_out_buyers:,}"
    )
    if lift.difference is None:
        return f"{told}；{_verdict(lift)}：沒有對照組可以比"
    low, high = lift.interval
    between = (
        f"相差 {lift.difference * 100:+.1f} 個百分點"
        f"（95% 在 {low * 100:+.1f} 到 {high * 100:+.1f}）"
    )
    more = f"，約多 {lift.more_buyers:,.0f} 位買家" if lift.more_buyers is not None else ""
    return f"{told}；{between}：{_verdict(lift)}{more}"


def _verdict(lift: Lift) -> str:
    return in_language(VERDICT_NAMES[lift.verdict], CHINESE)


def _variant_row(line: VariantLine, metric: str) -> tuple[Cell, ...]:
    low, high = line.interval(metric)
    rate = f"{line.hits(metric) * 100 / line.accepted:.1f}%" if line.accepted else None
    return (
        line.code,
        line.accepted,
        line.reacting,
        line.buyers,
        rate,
        f"{low * 100:.1f}–{high * 100:.1f}%",
    )


def _line_in_words(figure: UnitFigure) -> str:
    told = [
        f"{name} {'少於 20 人，LINE 不提供' if count is None else f'{count:,} 人'}"
        for name, count in (("看到", figure.unique_impressions), ("點開連結", figure.unique_clicks))
    ]
    return (
        f"LINE 統計（{figure.unit_name}，{shown_moment(figure.read_at)} 讀取）：{'、'.join(told)}"
    )


def _print_links(session: Session, sources: Sequence[str]) -> None:
    links = [link for source in sources for link in clicks_of(session, source)]
    if links:
        print_table(
            ("連結或按鈕", "版本", "次數", "會員"),
            [
                (link.label or link.url, link.source.rpartition(":")[2], link.clicks, link.members)
                for link in links
            ],
            "llrr",
        )
