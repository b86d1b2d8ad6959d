"""The shop's surveys: what it asks, and with which reasons."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import Texts, hold
from models.survey.table import (
    EXIT,
    KINDS,
    LONGEST_QUESTION,
    LONGEST_REASON,
    MOST_REASONS,
    NoSuchSurvey,
    Survey,
    SurveyRefused,
)

CODE = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")
LONGEST_CODE = 40


def keep_survey(
    session: Session,
    code: str,
    kind: str,
    *,
    name: Texts,
    question: Texts,
    reasons: Mapping[str, Texts],
    by: str,
    now: datetime,
    asks_words: bool = True,
) -> Survey:
    """Add a survey, or word it anew; the kind stays, and an archived one is asked again.

    `reasons` are the names of what may be tapped, by code, in their order. Raises SurveyRefused.
    """
    _check(code, kind, name, question, reasons)
    survey = hold(session, Survey, code)
    if survey is None:
        survey = Survey(code=code, kind=kind, created_at=now)
        session.add(survey)
    elif survey.kind != kind:
        raise SurveyRefused(what="kind")
    survey.name, survey.question = dict(name), dict(question)
    survey.reasons = [{"code": code, "name": dict(texts)} for code, texts in reasons.items()]
    survey.asks_words, survey.archived_at = asks_words, None
    survey.set_by, survey.set_at = by, now
    session.flush()
    return survey


def _check(
    code: str, kind: str, name: Texts, question: Texts, reasons: Mapping[str, Texts]
) -> None:
    if not CODE.fullmatch(code) or len(code) > LONGEST_CODE:
        raise SurveyRefused(what="code")
    if kind not in KINDS:
        raise SurveyRefused(what="kind")
    if not _is_text(name, LONGEST_QUESTION):
        raise SurveyRefused(what="name")
    if not _is_text(question, LONGEST_QUESTION):
        raise SurveyRefused(what="question", longest=LONGEST_QUESTION)
    are_few = len(reasons) <= MOST_REASONS and (reasons or kind != EXIT)
    if not are_few or not all(
        CODE.fullmatch(each) and _is_text(texts, LONGEST_REASON) for each, texts in reasons.items()
    ):
        raise SurveyRefused(what="reasons", most=MOST_REASONS, longest=LONGEST_REASON)


def _is_text(texts: Texts, longest: int) -> bool:
    is_there = bool(texts.get("zh-TW", "").strip())
    return is_there and all(len(words) <= longest for words in texts.values())


def archive_survey(session: Session, survey: Survey, now: datetime) -> None:
    """Ask a survey no more; what was asked can still be answered."""
    survey.archived_at = now
    session.flush()


def get_survey(session: Session, code: str, *, with_archived: bool = False) -> Survey:
    """Return a survey in use, or an archived one where told. Raises NoSuchSurvey."""
    survey = session.get(Survey, code)
    if survey is None or (survey.archived_at is not None and not with_archived):
        raise NoSuchSurvey(survey=code)
    return survey


def list_surveys(session: Session, *, with_archived: bool = False) -> Sequence[Survey]:
    """Return the surveys in use, in the order of their codes; archived ones too where told."""
    surveys = select(Survey).order_by(Survey.code)
    if not with_archived:
        surveys = surveys.where(Survey.archived_at.is_(None))
    return session.scalars(surveys).all()
