"""What came of a journey in the last thirty days, as a worker prepared it."""

from collections.abc import Iterator

from flask import g, url_for
from flask.typing import ResponseReturnValue

from handlers.console import chart, views
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.journeys.showing import flow_words
from handlers.csv_file import csv_answer, written
from models.base import in_language
from models.exchange.readable import Cells
from models.insight.journey_prepared import REPORT
from models.insight.reason import reason_name
from models.insight.report import LEAST_ARM, VERDICT_NAMES, Report
from models.insight.written import read_report
from models.journey import definition_of, get_journey, get_version
from models.prepared import PreparedFigure, find_prepared, want


def show_report(code: str) -> ResponseReturnValue:
    """Show outcomes, reactions, sales, cost, lift and each message's share of them."""
    journey = get_journey(g.session, code)
    asked = {"code": code}
    figure = find_prepared(g.session, REPORT, asked)
    if figure is None:
        want(g.session, REPORT, asked, g.now)
        figure = find_prepared(g.session, REPORT, asked)
    report = _read(figure)
    t = console_texts()
    definition = definition_of(get_version(g.session, code))
    return views.show(
        "journeys/report",
        journey=journey,
        report=report,
        figure=figure,
        figure_name=REPORT,
        figure_asked=asked,
        charts=_charts(report, code) if report is not None else [],
        reason=lambda why: in_language(dict(reason_name(why)), t.language),
        verdict=in_language(VERDICT_NAMES[report.lift.verdict], t.language) if report else None,
        least_arm=LEAST_ARM,
        **flow_words(definition.as_json(), definition),
    )


def _read(figure: PreparedFigure | None) -> Report | None:
    return read_report(figure.body) if figure is not None and figure.body is not None else None


def _charts(report: Report, code: str) -> list[chart.Chart]:
    t = console_texts()
    url = url_for("console.journeys_report_save_report", code=code)
    found = []
    if report.variants:
        names = [variant.code for variant in report.variants]
        series: list[chart.Series] = [
            (t("送達"), [variant.accepted for variant in report.variants]),
            (t("有反應"), [variant.reacting for variant in report.variants]),
            (t("之後購買"), [variant.buyers for variant in report.variants]),
        ]
        found.append(chart.bars(t("每一則訊息"), names, series, as_of=report.as_of, csv_url=url))
    lift = report.lift
    if lift.treated and lift.held_out:
        low, high = lift.interval
        rows = [(t("走旅程的人比對照組多買的比例"), lift.difference, low, high)]
        heads = (t("差距"), t("下限"), t("上限"))
        title = t("帶來多少改變（95% 區間）")
        found.append(
            chart.intervals(title, rows, unit="percent", line=0, heads=heads, as_of=report.as_of)
        )
    return found


def save_report(code: str) -> ResponseReturnValue:
    """Send each message's figures as CSV."""
    journey = get_journey(g.session, code)
    report = _read(find_prepared(g.session, REPORT, {"code": code}))
    return csv_answer(written(_rows(report)), f"journey-{journey.code}.csv")


def _rows(report: Report | None) -> Iterator[Cells]:
    t = console_texts()
    yield [t("步驟"), t("送達"), t("有反應"), t("之後購買")]
    for variant in report.variants if report is not None else ():
        yield [variant.code, variant.accepted, variant.reacting, variant.buyers]


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the report."""
    blueprint.get("/journeys/<code>/report", right="see")(show_report)
    blueprint.get("/journeys/<code>/report.csv", right="see")(save_report)
