"""What the demo's members answered when they were asked, so that reports have something to say."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.lifecycle.figures import is_here
from models.member import Member
from models.survey import EXIT, SurveyAnswer, get_survey

SEED = 20_261_125
ASKED_DAYS_AGO = 20
WHY_SHARE = 0.6
ANSWERS: dict[str, tuple[int, int, tuple[int | None, ...]]] = {
    "after_purchase": (60, 44, (5, 5, 5, 4, 4, 4, 3, 2)),
    "recommend": (50, 36, (10, 10, 9, 9, 9, 8, 7, 6, 3)),
    "exit": (24, 13, (None,)),
}
"""By survey: how many were asked, how many answered, and scores as often as they are given."""
WORDS = {
    "after_purchase": ("珍珠很 Q，會再來", "等了二十分鐘有點久"),
    "recommend": ("已經推薦同事了",),
    "exit": ("公司搬到內湖，附近沒有店",),
}


def add_surveys(session: Session, now: datetime) -> None:
    """Let members answer the surveys that the journeys brought; nobody has points from it."""
    chance = random.Random(SEED)  # noqa: S311  # Made-up people need no secrets.
    people = session.scalars(select(Member.id).where(is_here()).order_by(Member.id)).all()
    for code, (asked, answered, scores) in ANSWERS.items():
        chosen = chance.sample(people, min(asked, len(people)))
        rows = [
            _row(session, code, member_id, place < answered, scores, chance, now)
            for place, member_id in enumerate(chosen)
        ]
        for row, words in zip(rows, WORDS[code], strict=False):
            row["words"] = words
        session.execute(insert(SurveyAnswer), rows)


def _row(
    session: Session,
    code: str,
    member_id: int,
    is_answered: bool,
    scores: Sequence[int | None],
    chance: random.Random,
    now: datetime,
) -> dict[str, object]:
    survey = get_survey(session, code)
    asked_at = now - timedelta(days=1 + chance.randrange(ASKED_DAYS_AGO))
    says_why = is_answered and (survey.kind == EXIT or chance.random() < WHY_SHARE)
    return {
        "survey_code": code,
        "kind": survey.kind,
        "member_id": member_id,
        "key": f"demo:{code}:{member_id}",
        "asked_at": asked_at,
        "answered_at": asked_at + timedelta(hours=chance.randrange(1, 12)) if is_answered else None,
        "score": chance.choice(scores) if is_answered else None,
        "reason": chance.choice(sorted(survey.reason_codes)) if says_why else None,
        "words": None,
    }
