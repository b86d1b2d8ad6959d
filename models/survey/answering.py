"""Asking members and taking what they tap and write: each asking is answered once."""

import unicodedata
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from models import mission
from models.base import squeezed
from models.member import Member
from models.review import note_activity
from models.survey.table import (
    EXIT,
    LONGEST_WORDS,
    OPEN_FOR,
    SCALES,
    NotAsked,
    Survey,
    SurveyAnswer,
    SurveyAnswered,
    SurveyClosed,
    WordsTooLong,
)

_UNFIT = ("Cc", "Cs", "Co", "Cn")


class Taken(NamedTuple):
    """An answer as it was kept, what was asked, and the points it brought."""

    answer: SurveyAnswer
    survey: Survey
    points: int


def ask_survey(
    session: Session, survey: Survey, keys: Mapping[int, str], now: datetime
) -> dict[int, int]:
    """Ask members, each under a key of its cause; return the ids of the askings, by member.

    One statement for all of them. A key seen before returns its first asking.
    """
    if not keys:
        return {}
    asked = {
        "survey": survey.code,
        "kind": survey.kind,
        "members": list(keys),
        "keys": list(keys.values()),
        "now": now,
    }
    session.execute(_ASK, asked)
    rows = session.execute(
        select(SurveyAnswer.member_id, SurveyAnswer.id).where(SurveyAnswer.key.in_(keys.values()))
    )
    return dict(rows.all())


_ASK = text(
    squeezed("""
        INSERT INTO survey_answer (survey_code, kind, member_id, key, asked_at)
        SELECT :survey, :kind, asked.member_id, asked.key, :now
        FROM unnest(CAST(:members AS bigint[]), CAST(:keys AS text[])) AS asked (member_id, key)
        ORDER BY asked.member_id
        ON CONFLICT (key) DO NOTHING
    """)
)


def answer_survey(
    session: Session, member: Member, answer_id: int, score: int, now: datetime
) -> Taken:
    """Take a member's score: the first counts.

    Raises NotAsked, SurveyAnswered or SurveyClosed.
    """
    answer, survey = _get_open(session, member, answer_id, now)
    if score not in SCALES.get(survey.kind, ()):
        raise NotAsked
    if answer.answered_at is not None:
        raise SurveyAnswered(score=answer.score)
    answer.score, answer.answered_at = score, now
    return Taken(answer, survey, _reward(session, member, answer, now))


def give_reason(
    session: Session, member: Member, answer_id: int, reason: str, now: datetime
) -> Taken:
    """Take the reason a member taps: of an exit survey the answer itself, else beside the score.

    Raises NotAsked, SurveyAnswered or SurveyClosed.
    """
    answer, survey = _get_open(session, member, answer_id, now)
    is_exit = survey.kind == EXIT
    if reason not in survey.reason_codes or (answer.answered_at is None and not is_exit):
        raise NotAsked
    if answer.reason is not None:
        raise SurveyAnswered(score=answer.score)
    answer.reason = reason
    points = 0
    if answer.answered_at is None:
        answer.answered_at = now
        points = _reward(session, member, answer, now)
    session.flush()
    return Taken(answer, survey, points)


def write_answer(
    session: Session, member: Member, answer_id: int, typed: str, now: datetime
) -> None:
    """Take a sentence to an answer already given; a later one replaces it.

    Raises NotAsked, SurveyClosed or WordsTooLong.
    """
    answer, _ = _get_open(session, member, answer_id, now)
    if answer.answered_at is None:
        raise NotAsked
    words = " ".join(
        "".join(
            " " if c == "\n" else c
            for c in unicodedata.normalize("NFC", typed)
            if c == "\n" or unicodedata.category(c) not in _UNFIT
        ).split()
    )
    if len(words) > LONGEST_WORDS:
        raise WordsTooLong(longest=LONGEST_WORDS)
    answer.words = words or None
    session.flush()


def _get_open(
    session: Session, member: Member, answer_id: int, now: datetime
) -> tuple[SurveyAnswer, Survey]:
    """Lock what a member was asked: two taps at once, and the second finds the first's answer."""
    answer = session.scalars(
        select(SurveyAnswer)
        .where(SurveyAnswer.id == answer_id, SurveyAnswer.member_id == member.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if answer is None:
        raise NotAsked
    if now - answer.asked_at > OPEN_FOR:
        raise SurveyClosed
    return answer, session.get_one(Survey, answer.survey_code)


def _reward(session: Session, member: Member, answer: SurveyAnswer, now: datetime) -> int:
    """Let an answer count as engagement and for missions, where the shop's rules say so."""
    session.flush()
    key = f"survey:{answer.id}"
    points = note_activity(session, member, "feedback", key=key, now=now)
    mission.note_event(session, member, "survey", key=key, now=now)
    return points


def forget_answers(session: Session, member_ids: Collection[int]) -> None:
    """Empty what these members wrote; their scores stay in the figures, without a person."""
    session.execute(
        update(SurveyAnswer)
        .where(SurveyAnswer.member_id.in_(member_ids), SurveyAnswer.words.is_not(None))
        .values(words=None)
        .execution_options(synchronize_session=False)
    )
