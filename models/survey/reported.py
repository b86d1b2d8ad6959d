"""What surveys found, told at once: worked out now where few were asked, else prepared."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.prepared import NoteProgress, find_prepared, prepared, want
from models.survey.keeping import list_surveys
from models.survey.reporting import SurveyReport, report_survey
from models.survey.table import Survey, SurveyAnswer

FIGURE = "survey_reports"
LIVE_ANSWERS = 20_000
"""So many askings are worked out while somebody waits: some milliseconds."""
STALE = timedelta(minutes=30)


@dataclass(frozen=True)
class Reported:
    """What one survey found, as of a moment; None where a worker is still at it."""

    report: SurveyReport | None
    as_of: datetime | None


def find_reports(
    session: Session, surveys: list[Survey], now: datetime, *, live: int = LIVE_ANSWERS
) -> list[Reported]:
    """Return what each survey found; of more than `live` askings in all what was prepared."""
    some = select(SurveyAnswer.id).limit(live + 1).subquery()
    if (session.scalar(select(func.count()).select_from(some)) or 0) <= live:
        return [Reported(report_survey(session, survey), now) for survey in surveys]
    found = find_prepared(session, FIGURE)
    if found is None or found.as_of is None or found.as_of < now - STALE:
        want(session, FIGURE, None, now)
    body = (found.body if found is not None else None) or {}
    as_of = found.as_of if found is not None else None
    return [Reported(_read(survey, body.get(survey.code)), as_of) for survey in surveys]


@prepared(FIGURE, nightly=True)
def _prepare(
    session: Session, _now: datetime, _asked: Mapping[str, Any], note_progress: NoteProgress
) -> dict[str, Any]:
    surveys = list_surveys(session, with_archived=True)
    told = {}
    for number, survey in enumerate(surveys, 1):
        report = report_survey(session, survey)
        told[survey.code] = {
            "asked": report.asked,
            "answered": report.answered,
            "scores": [[score, many] for score, many in report.scores.items()],
            "reasons": [list(each) for each in report.reasons],
        }
        note_progress(number, len(surveys))
    return told


def _read(survey: Survey, told: Mapping[str, Any] | None) -> SurveyReport | None:
    if told is None:
        return None
    return SurveyReport(
        survey,
        told["asked"],
        dict(told["scores"]),
        [(reason, many, mean) for reason, many, mean in told["reasons"]],
        told["answered"],
    )
