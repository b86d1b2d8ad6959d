"""Reports of journeys, prepared: of one with all it says, and a line of each for the list."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.insight.journey import report_of_journey
from models.insight.report import Lift
from models.insight.written import write_report
from models.journey import get_journey, list_journeys
from models.journey.table import DRAFT
from models.prepared import NoteProgress, PreparedFigure, prepared

REPORT = "journey_report"
RESULTS = "journey_results"


@dataclass(frozen=True)
class Result:
    """What came of one journey in the last 30 days, in a line."""

    accepted: int
    buyers: int
    net_twd: int
    lift: Lift


@prepared(REPORT, nightly=False)
def _prepare_report(
    session: Session, now: datetime, asked: Mapping[str, Any], _note: NoteProgress
) -> dict[str, Any]:
    journey = get_journey(session, asked["code"])
    return write_report(report_of_journey(session, journey, now))


@prepared(RESULTS, nightly=True)
def _prepare_results(
    session: Session, now: datetime, _asked: Mapping[str, Any], note_progress: NoteProgress
) -> dict[str, Any]:
    journeys = [each for each in list_journeys(session) if each.state != DRAFT]
    told = {}
    for number, journey in enumerate(journeys):
        report = report_of_journey(session, journey, now)
        told[journey.code] = {
            "accepted": report.outcomes.accepted,
            "buyers": report.sales.buyers,
            "net_twd": report.sales.net_twd,
            "lift": vars(report.lift),
        }
        note_progress(number + 1, len(journeys))
    return told


def results_of(figure: PreparedFigure | None) -> Mapping[str, Result]:
    """Return what came of each journey, as it was prepared; empty where nothing is yet."""
    body = figure.body if figure is not None else None
    return {
        code: Result(**told | {"lift": Lift(**told["lift"])}) for code, told in (body or {}).items()
    }
