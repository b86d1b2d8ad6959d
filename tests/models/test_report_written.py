"""A report as JSON: what was written is read again as it was."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

from models.insight import Clicks, Lift, Money, Outcomes, Report, Sales, UnitFigure, VariantLine
from models.insight.report import Decision
from models.insight.written import read_report, write_report
from models.local_day import local_day
from tests.conftest import NOON

TODAY = local_day(NOON)


def made(decision: Decision | None, *line: UnitFigure) -> Report:
    """Return a report with something of everything."""
    return Report(
        subject="campaign",
        code="tea",
        name={"zh-TW": "冬日第二杯"},
        as_of=NOON,
        since=NOON - timedelta(days=3),
        until=None,
        attribution_days=7,
        outcomes=Outcomes(9, 5, {"holdout": 1}, {"malformed_id": 1}, 1, 1),
        channels=[("line", 5)],
        free=2,
        clicks=Clicks(3, 2, 1, 1, 1, 2),
        sales=Sales(2, 3, 400, 100),
        money=Money(Decimal("1.20"), 30, 300),
        blocks=1,
        lift=Lift(8, 2, 1, 0),
        metric="click",
        variants=[VariantLine("A", 5, 2, 1)],
        decision=decision,
        line=line,
    )


def test_what_was_written_is_read_again() -> None:
    decision = Decision(NOON, "winner", "A", 0.1, None)
    figure = UnitFigure(
        unit_name="tea",
        from_on=TODAY,
        to_on=TODAY,
        unique_impressions=20,
        unique_clicks=None,
        unique_plays=None,
        urls=[],
        read_at=NOON,
    )
    body = json.loads(json.dumps(write_report(made(decision, figure))))
    report = read_report(body)
    (read,) = report.line
    assert read.read_at == NOON
    assert read.from_on == TODAY
    assert vars(report) | {"line": ()} == vars(made(decision))
    assert vars(read_report(write_report(made(None)))) | {"line": ()} == vars(made(None))
