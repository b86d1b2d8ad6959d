"""What the nights kept of the models: counts, pairs of classes and scores, read at once.

Counting a million members while somebody waits takes too long; these are some hundred rows each,
and as old as the last night, whose moment is told with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.classification.counting import ClassCounts, CountedClass, CrossCell, CrossTable
from models.classification.naming import get_any_model
from models.classification.relation import last_night
from models.classification.table import ClassCount, ClassMove, ClassOverlap, RfmCell
from models.lifecycle import PROSPECT, RFM

MOST_MONTHS = 36


@dataclass(frozen=True)
class DayShares:
    """How many members each class of a model had on a day, by its code."""

    day: date
    members: dict[str, int]

    def share(self, code: str) -> float | None:
        """Return a class's part of all, 0 to 1; None where nobody was in any."""
        total = sum(self.members.values())
        return self.members.get(code, 0) / total if total else None


def night_counts(session: Session, model: str) -> ClassCounts | None:
    """Return a model's classes as the last night counted them; None before the first night.

    Raises UnknownModel.
    """
    known, night = get_any_model(model), last_night(session)
    if night is None:
        return None
    counted = {
        row.class_code: CountedClass(row.class_code, row.members, row.net_twd)
        for row in session.scalars(
            select(ClassCount).where(ClassCount.day == night.day, ClassCount.model == model)
        )
    }
    codes = [each.code for each in known.classes]
    prospects = counted.get(PROSPECT, CountedClass(PROSPECT, 0, 0)).members
    return ClassCounts(
        model,
        night.day,
        night.ended_at,
        tuple(counted.get(code, CountedClass(code, 0, 0)) for code in codes if code != PROSPECT),
        prospects if model == RFM or PROSPECT in codes else None,
    )


def night_cross(session: Session, model_a: str, model_b: str) -> CrossTable | None:
    """Return two models side by side as the last night found them; None before the first night.

    Raises UnknownModel.
    """
    for model in (model_a, model_b):
        get_any_model(model)
    night = last_night(session)
    if night is None:
        return None
    a, b = getattr(ClassOverlap, model_a), getattr(ClassOverlap, model_b)
    found = session.execute(
        select(a, b, func.sum(ClassOverlap.members), func.sum(ClassOverlap.net_twd))
        .group_by(a, b)
        .order_by(a, b)
    )
    cells = tuple(CrossCell(row[0], row[1], int(row[2]), int(row[3])) for row in found)
    return CrossTable(model_a, model_b, night.day, cells)


def rfm_cells(session: Session) -> Sequence[RfmCell]:
    """Return how many buyers the last night gave each three scores; the empty ones are left out."""
    return session.scalars(
        select(RfmCell).order_by(RfmCell.r_score, RfmCell.f_score, RfmCell.m_score)
    ).all()


def share_history(session: Session, model: str, since: date) -> list[DayShares]:
    """Return what the nights counted of a model from a day on, the oldest first.

    Whoever never bought is left out where the model has no class for them. Raises UnknownModel.
    """
    codes = {each.code for each in get_any_model(model).classes}
    rows = session.scalars(
        select(ClassCount)
        .where(ClassCount.model == model, ClassCount.day >= since)
        .order_by(ClassCount.day)
    )
    days: dict[date, dict[str, int]] = {}
    for row in rows:
        counted = days.setdefault(row.day, {})
        if row.class_code in codes:
            counted[row.class_code] = row.members
    return [DayShares(day, members) for day, members in days.items()]


def noted_months(session: Session) -> Sequence[date]:
    """Return the months whose moves were noted, each by its first day, the newest first."""
    return session.scalars(
        select(ClassMove.month).distinct().order_by(ClassMove.month.desc()).limit(MOST_MONTHS)
    ).all()
