"""The index of reports, each report's page, and its tables as files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers.console import views
from handlers.console.door import ConsoleDoor, NotAllowed, console_texts, current_staff, may
from handlers.console.reports.drawing import (
    ShownFigure,
    draw_charts,
    draw_figures,
    draw_tables,
    figure_rows,
    file_rows,
)
from handlers.console.reports.words import choice_words
from handlers.csv_file import csv_answer, written
from models.analysis.parameter import Parameter
from models.base import in_language
from models.prepared import PreparedFigure, list_prepared
from models.report import (
    HOURS,
    REPORTS,
    RHYTHMS,
    TOPICS,
    NoSuchReport,
    Report,
    find_findings,
    get_report,
    kept_findings,
)
from models.segment.keeping import list_segments

SHOWN_FIGURES = 2
FIGURES = "figures"
LONGEST_ASKED = 80


@dataclass(frozen=True)
class Listed:
    """A report in the index, with its first figures as they were made last."""

    report: Report
    title: str
    answers: str
    figures: list[ShownFigure]
    found: PreparedFigure | None


@dataclass(frozen=True)
class Asked:
    """One thing that may be asked of a report, with what was."""

    parameter: Parameter
    title: str
    value: str
    choices: list[tuple[str, str]]


def show_index() -> ResponseReturnValue:
    """Show all reports by topic, each with its first figures."""
    t = console_texts()
    reports = [report for report in REPORTS.values() if may(report.right)]
    found = list_prepared(g.session, [report.figure for report in reports])
    topics = [
        (
            in_language(name, t.language),
            [_listed(t, each, found.get(each.figure)) for each in reports if each.topic == topic],
        )
        for topic, name in TOPICS.items()
    ]
    return views.show("reports/index", topics=[each for each in topics if each[1]])


def _listed(t: Texts, report: Report, found: PreparedFigure | None) -> Listed:
    body = kept_findings(found)
    figures = draw_figures(t, {"figures": body["figures"][:SHOWN_FIGURES]}) if body else []
    return Listed(
        report,
        in_language(report.title, t.language),
        in_language(report.answers, t.language),
        figures,
        found,
    )


def show_report(code: str) -> ResponseReturnValue:
    """Show a report for what was asked; one that nobody asked for yet is made now."""
    report, asked, found, body = _find(code)
    t, told = console_texts(), dict[str, Any](asked)
    return views.show(
        "reports/report",
        report=report,
        title=in_language(report.title, t.language),
        answers=in_language(report.answers, t.language),
        parameters=[_asked(t, parameter, asked) for parameter in report.parameters],
        asked=asked,
        asked_json=json.dumps(asked),
        found=found,
        body=body,
        figures=draw_figures(t, body) if body else [],
        charts=draw_charts(t, body, None) if body else [],
        tables=draw_tables(t, body) if body else [],
        file_url=lambda table: url_for(
            "console.reports_download_table", code=code, table=table, **told
        ),
        rhythms=RHYTHMS,
        hours=HOURS,
        is_sendable=report.right == "see",
        staff_language=t.language,
    )


def download_table(code: str, table: str) -> ResponseReturnValue:
    """Send one table of a report, or its figures, as a file that spreadsheets open."""
    _, _, _, body = _find(code)
    if not body:
        raise NoSuchReport(report=code)
    t = console_texts()
    told = {each["code"]: each for each in body["tables"]}
    if table != FIGURES and table not in told:
        raise NoSuchReport(report=table[:LONGEST_ASKED])
    rows = figure_rows(t, body["figures"]) if table == FIGURES else file_rows(t, told[table])
    return csv_answer(written(rows), f"{code}-{table}.csv")


def _find(code: str) -> tuple[Report, dict[str, str], PreparedFigure, dict[str, Any] | None]:
    """Return the report, what was asked of it, its figure, and what it found, if it is made.

    Raises NoSuchReport, NotAllowed, or ParameterRefused.
    """
    report = get_report(code)
    if not may(report.right):
        raise NotAllowed(right=report.right, role=current_staff().role)
    asked = report.check(_told(report))
    return report, asked, *find_findings(g.session, report, asked, g.now)


def _told(report: Report) -> Mapping[str, str]:
    return {
        parameter.name: request.args.get(parameter.name, "")[:LONGEST_ASKED]
        for parameter in report.parameters
    }


def _asked(t: Texts, parameter: Parameter, asked: Mapping[str, str]) -> Asked:
    value = asked.get(parameter.name, "" if parameter.default is None else str(parameter.default))
    choices = [(each, choice_words(t, parameter.name, each)) for each in parameter.choices]
    if parameter.kind == "code":
        segments = list_segments(g.session)
        choices = [
            ("", t("不選")),
            *((s.code, in_language(s.name, t.language)) for s, *_ in segments),
        ]
    return Asked(parameter, in_language(parameter.title, t.language), value, choices)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the index, the reports' pages and their files."""
    blueprint.get("/reports", right="see", endpoint="reports_show_index")(show_index)
    blueprint.get("/reports/<code>", right="see", endpoint="reports_show_report")(show_report)
    blueprint.get("/reports/<code>/<table>.csv", right="see", endpoint="reports_download_table")(
        download_table
    )
