"""What members answered when they were asked: the latest score of each kind, as on the profile."""

from typing import Any

from sqlalchemy import ColumnElement, select

from models.base import Texts, said
from models.local_day import day_start
from models.member import Member
from models.segment.field import LOOKUP, Context, Field, Leaf
from models.segment.fields.asking import WITHIN_DAYS, days_back
from models.survey.table import CSAT, NPS, SCALES, SurveyAnswer


def _latest(kind: str, labels: Texts) -> Field:
    def fact(leaf: Leaf, context: Context) -> ColumnElement[Any]:
        found = select(SurveyAnswer.score).where(
            SurveyAnswer.member_id == Member.id,
            SurveyAnswer.kind == kind,
            SurveyAnswer.answered_at.is_not(None),
        )
        if (days := leaf.option("within_days")) is not None:
            found = found.where(SurveyAnswer.answered_at >= day_start(days_back(context, days)))
        newest = found.order_by(SurveyAnswer.answered_at.desc(), SurveyAnswer.id.desc()).limit(1)
        return newest.correlate(Member).scalar_subquery()

    return Field(
        kind,
        "integer",
        "activity",
        labels,
        fact,
        options=(WITHIN_DAYS,),
        unit=said("{} 分", "{}", "{} 点"),
        minimum=SCALES[kind].start,
        maximum=SCALES[kind][-1],
        cost=LOOKUP,
    )


SURVEYS: tuple[Field, ...] = (
    _latest(
        CSAT,
        said("最近一次滿意度（1–5）", "Latest satisfaction (1–5)", "直近の満足度（1〜5）"),
    ),
    _latest(
        NPS,
        said("最近一次推薦分數（0–10）", "Latest recommendation (0–10)", "直近の推奨度（0〜10）"),
    ),
)
