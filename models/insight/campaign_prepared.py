"""A campaign's report as a page shows it: asked at once where few were written to, else prepared.

A million recipients take a second or more to ask about; a few thousand take none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from models.campaign import Campaign, get_campaign
from models.insight.campaign import list_runs, report_of_campaign
from models.insight.report import Report
from models.insight.written import read_report, write_report
from models.prepared import NoteProgress, PreparedFigure, find_prepared, prepared, want

REPORT = "campaign_report"
LIVE_UP_TO = 50_000
"""Recipients of all the report's runs together."""
STALE_AFTER = timedelta(hours=6)
"""A report that may still grow is made anew when somebody looks at it after so long."""


@dataclass(frozen=True)
class ShownReport:
    """A report, or that it is being made; `figure` is None where it was asked at once."""

    report: Report | None
    figure: PreparedFigure | None
    asked: dict[str, Any]


@prepared(REPORT, nightly=False)
def _prepare(
    session: Session, now: datetime, asked: Mapping[str, Any], _note: NoteProgress
) -> dict[str, Any]:
    campaign = get_campaign(session, asked["code"])
    return write_report(report_of_campaign(session, campaign, now, run_id=asked.get("run")))


def show_report(
    session: Session, campaign: Campaign, now: datetime, *, run_id: int | None = None
) -> ShownReport:
    """Return a campaign's report, or one of its runs', without letting anybody wait for it.

    A large one is had made by a worker, anew once it is old. Raises NoSuchRun.
    """
    asked: dict[str, Any] = {"code": campaign.code}
    if run_id is not None:
        asked["run"] = run_id
    runs = [run for run in list_runs(session, campaign) if run_id in (None, run.id)]
    if sum(run.planned for run in runs) <= LIVE_UP_TO:
        live = report_of_campaign(session, campaign, now, run_id=run_id)
        return ShownReport(live, None, asked)
    figure = find_prepared(session, REPORT, asked)
    report = read_report(figure.body) if figure is not None and figure.body is not None else None
    if report is None or (not report.is_final and report.as_of < now - STALE_AFTER):
        want(session, REPORT, asked, now)
        figure = find_prepared(session, REPORT, asked)
    return ShownReport(report, figure, asked)
