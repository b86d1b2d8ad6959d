"""What came of a campaign: outcomes, clicks, sales, cost, blocks, and lift over the holdout."""

from functools import partial
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers.address import read_id
from handlers.console import views
from handlers.console.campaigns.content_words import link_name
from handlers.console.campaigns.words import (
    arm_name,
    channel_names,
    metric_names,
    said_reason,
    verdict_name,
)
from handlers.console.chart import Chart, bars, intervals, told_number
from handlers.console.door import ConsoleDoor, console_texts
from handlers.csv_file import csv_answer, written
from models.base import in_language
from models.campaign import get_campaign
from models.exchange.readable import Cells
from models.insight import VERDICT_NAMES, Report, list_runs
from models.insight.campaign_prepared import REPORT, ShownReport, show_report
from models.link import LinkReport, clicks_of

MOST_RUNS_ASKED = 30
"""So many runs' links are listed."""


def show_results(code: str) -> ResponseReturnValue:
    """Show the report of a campaign, or of one of its sendings."""
    campaign, run_id = get_campaign(g.session, code), _run_id()
    shown = show_report(g.session, campaign, g.now, run_id=run_id)
    runs = list_runs(g.session, campaign)
    return views.show(
        "campaigns/results",
        campaign=campaign,
        runs=runs,
        run_id=run_id,
        figure_name=REPORT,
        shown=shown,
        link_name=partial(link_name, console_texts()),
        links=_links([each.id for each in runs if run_id in (None, each.id)]),
        **_told(shown),
    )


def download_results(code: str) -> ResponseReturnValue:
    """Send the report's figures as a file."""
    t, campaign = console_texts(), get_campaign(g.session, code)
    shown = show_report(g.session, campaign, g.now, run_id=_run_id())
    rows = _figures(t, shown.report) if shown.report is not None else []
    return csv_answer(written([[t("項目"), t("數字")], *rows]), f"{campaign.code}-report.csv")


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the report."""
    blueprint.get("/campaigns/<code>/results", right="see")(show_results)
    blueprint.get("/campaigns/<code>/results.csv", right="see")(download_results)


def _run_id() -> int | None:
    return read_id(request.args.get("run"))


def _links(run_ids: list[int]) -> list[LinkReport]:
    found = [
        link
        for run_id in run_ids[:MOST_RUNS_ASKED]
        for link in clicks_of(g.session, f"campaign:{run_id}")
    ]
    return sorted(found, key=lambda link: -link.clicks)


def _told(shown: ShownReport) -> dict[str, Any]:
    """Return what the page draws from the report, or nothing while there is none."""
    t, report = console_texts(), shown.report
    if report is None or report.since is None:
        return {"report": report, "charts": []}
    return {
        "report": report,
        "charts": _charts(t, report),
        "verdict": in_language(VERDICT_NAMES[report.lift.verdict], t.language),
        "reason": lambda name: said_reason(t, name),
        "metric": metric_names(t)[report.metric],
        "channels": channel_names(t),
        "percent": lambda value: told_number(value, "percent"),
        "points": lambda value: t.signed(value * 100, 1),
        "share": lambda report, people: told_number(report.share_of_accepted(people), "percent"),
        "decided": verdict_name(t, report.decision.verdict) if report.decision else None,
    }


def _charts(t: Texts, report: Report) -> list[Chart]:
    outcomes = report.outcomes
    steps = {
        t("對象"): outcomes.planned,
        t("送達"): outcomes.accepted,
        t("點擊或點按"): report.clicks.reacting,
        t("購買"): report.sales.buyers,
    }
    people = (t("人數"), list(steps.values()))
    charts = [bars(t("從對象到購買"), list(steps), [people], lying=True, as_of=report.as_of)]
    if len(report.variants) > 1:
        charts.append(_variants(t, report))
    return charts


def _variants(t: Texts, report: Report) -> Chart:
    """Compare the variants by what the campaign is judged by, each with its interval."""
    rows = []
    for line in report.variants:
        low, high = line.interval(report.metric)
        share = line.hits(report.metric) / line.accepted if line.accepted else None
        rows.append((arm_name(t, line.code), share, low, high))
    return intervals(
        t("各版本的{metric}率", metric=metric_names(t)[report.metric]),
        rows,
        unit="percent",
        heads=(t("比率"), t("區間下限"), t("區間上限")),
        as_of=report.as_of,
        note=t("線段是 95% 區間；重疊很多，就還看不出誰比較好。"),
    )


def _figures(t: Texts, report: Report) -> list[Cells]:
    """Return the report line by line: a name and its number."""
    outcomes, lift = report.outcomes, report.lift
    low, high = lift.interval
    rows: list[tuple[str, object]] = [
        (t("資料截至"), report.as_of.isoformat()),
        (t("對象"), outcomes.planned),
        (t("送達"), outcomes.accepted),
        *((t("未發送：{why}", why=said_reason(t, why)), n) for why, n in outcomes.skipped.items()),
        *((t("被拒絕：{why}", why=said_reason(t, why)), n) for why, n in outcomes.refused.items()),
        (t("結果不明"), outcomes.unknown),
        (t("等待中"), outcomes.waiting),
        (t("點擊人數"), report.clicks.clickers),
        (t("點按人數"), report.clicks.tappers),
        (t("購買人數"), report.sales.buyers),
        (t("購買筆數"), report.sales.purchases),
        (t("淨營收"), report.sales.net_twd),
        (t("訊息成本"), report.money.message_twd),
        (t("優惠成本"), report.money.benefit_twd),
        (t("ROAS（淨營收 ÷ 成本，倍）"), report.money.roas if report.money.roas else ""),
        (t("48 小時內封鎖"), report.blocks),
        (t("應發人數"), lift.treated),
        (t("應發的買家"), lift.treated_buyers),
        (t("對照組人數"), lift.held_out),
        (t("對照組的買家"), lift.held_out_buyers),
    ]
    if lift.difference is not None:
        rows += [
            (t("購買率差"), lift.difference),
            (t("區間下限"), low),
            (t("區間上限"), high),
        ]
    return [[name, str(value)] for name, value in rows]
