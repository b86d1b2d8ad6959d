"""What a survey found: mean, net promoter score with its interval, and the reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from sqlalchemy import ColumnElement, and_, func, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from models.interval import Z_95
from models.member import Member
from models.survey.table import NPS, Survey, SurveyAnswer

FEWEST = 30
"""Below so many answers a mean says too little: the report says so."""
PROMOTER, DETRACTOR = 9, 6
"""NPS: who gives so much or more recommends; who gives so little or less advises against."""


@dataclass(frozen=True)
class SurveyReport:
    """The figures of one survey."""

    survey: Survey
    asked: int
    scores: Mapping[int, int]
    """How often each score was given."""
    reasons: Sequence[tuple[str, int, float | None]]
    """Each reason with how often it was tapped and the mean score beside it, most first."""
    answered: int

    @property
    def is_enough(self) -> bool:
        """Tell whether the figures may be relied upon."""
        return self.answered >= FEWEST

    @property
    def mean(self) -> float | None:
        """Return the mean score, or None where nobody gave one."""
        count = sum(self.scores.values())
        total = sum(score * times for score, times in self.scores.items())
        return total / count if count else None

    @property
    def nps(self) -> float | None:
        """Return promoters less detractors in percent, -100 to 100; None for other kinds."""
        moments = self._nps_moments()
        return None if moments is None else moments[0] * 100

    @property
    def nps_interval(self) -> tuple[float, float] | None:
        """Return where the true NPS lies at 95%, in percent."""
        moments = self._nps_moments()
        if moments is None:
            return None
        mean, reach = moments
        return max(mean - reach, -1.0) * 100, min(mean + reach, 1.0) * 100

    @property
    def mean_interval(self) -> tuple[float, float] | None:
        """Return where the true mean lies at 95%."""
        mean, count = self.mean, sum(self.scores.values())
        if mean is None or count < 2:
            return None
        squares = sum(times * (score - mean) ** 2 for score, times in self.scores.items())
        reach = Z_95 * sqrt(squares / (count - 1) / count)
        return mean - reach, mean + reach

    def _nps_moments(self) -> tuple[float, float] | None:
        """Return the NPS as a share and its reach: each answer counts 1, 0 or -1."""
        count = sum(self.scores.values())
        if self.survey.kind != NPS or not count:
            return None
        promoters = sum(n for score, n in self.scores.items() if score >= PROMOTER) / count
        detractors = sum(n for score, n in self.scores.items() if score <= DETRACTOR) / count
        mean = promoters - detractors
        return mean, Z_95 * sqrt((promoters + detractors - mean**2) / count)


def report_survey(
    session: Session, survey: Survey, *, since: datetime | None = None
) -> SurveyReport:
    """Return the figures of what was asked since a moment, or ever."""
    of_survey = _asked(survey, since)
    asked, answered = session.execute(
        select(func.count(), func.count(SurveyAnswer.answered_at)).where(of_survey)
    ).one()
    scores = session.execute(
        select(SurveyAnswer.score, func.count())
        .where(of_survey, SurveyAnswer.score.is_not(None))
        .group_by(SurveyAnswer.score)
    )
    reasons = session.execute(
        select(SurveyAnswer.reason, func.count(), func.avg(SurveyAnswer.score))
        .where(of_survey, SurveyAnswer.reason.is_not(None))
        .group_by(SurveyAnswer.reason)
        .order_by(func.count().desc(), SurveyAnswer.reason)
    )
    return SurveyReport(
        survey,
        asked,
        {score: count for score, count in scores if score is not None},
        [
            (reason, count, None if mean is None else float(mean))
            for reason, count, mean in reasons
            if reason is not None
        ],
        answered,
    )


def _asked(survey: Survey, since: datetime | None) -> ColumnElement[bool]:
    of_survey = SurveyAnswer.survey_code == survey.code
    return of_survey if since is None else and_(of_survey, SurveyAnswer.asked_at >= since)


def list_words(session: Session, survey: Survey, *, limit: int) -> Sequence[SurveyAnswer]:
    """Return the newest answers that say something."""
    return session.scalars(
        select(SurveyAnswer)
        .where(SurveyAnswer.survey_code == survey.code, SurveyAnswer.words.is_not(None))
        .order_by(SurveyAnswer.answered_at.desc(), SurveyAnswer.id.desc())
        .limit(limit)
    ).all()


@dataclass(frozen=True)
class Given:
    """An answer, and the number of whoever gave it."""

    answer: SurveyAnswer
    number: str


def list_given(
    session: Session,
    survey: Survey,
    *,
    score: int | None = None,
    reason: str | None = None,
    before: tuple[datetime, int] | None = None,
    limit: int,
) -> Sequence[Given]:
    """Return answers, the newest first; those of a score or a reason, before a place in the list.

    A place is the moment of an answer and its id.
    """
    given = (
        select(SurveyAnswer, Member.number)
        .join(Member, Member.id == SurveyAnswer.member_id)
        .where(
            SurveyAnswer.survey_code == survey.code,
            SurveyAnswer.answered_at.is_not(None),
        )
        .order_by(SurveyAnswer.answered_at.desc(), SurveyAnswer.id.desc())
        .limit(limit)
    )
    if score is not None:
        given = given.where(SurveyAnswer.score == score)
    if reason is not None:
        given = given.where(SurveyAnswer.reason == reason)
    if before is not None:
        given = given.where(tuple_(SurveyAnswer.answered_at, SurveyAnswer.id) < before)
    return [Given(answer, number) for answer, number in session.execute(given)]


def latest_scores(session: Session, member_id: int) -> dict[str, int]:
    """Return a member's latest score of each kind they answered, as their profile shows it."""
    rows = session.execute(
        select(SurveyAnswer.kind, SurveyAnswer.score)
        .ext(distinct_on(SurveyAnswer.kind))
        .where(SurveyAnswer.member_id == member_id, SurveyAnswer.score.is_not(None))
        .order_by(SurveyAnswer.kind, SurveyAnswer.answered_at.desc(), SurveyAnswer.id.desc())
    )
    return {kind: score for kind, score in rows if score is not None}
