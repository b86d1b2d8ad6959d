"""The demo's nights: all classed as of now, and what the nights of the past would have told."""

from datetime import date, datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.classification import ALL_MODELS, note_moves, rebuild_classes
from models.classification.rebuilding import keep_counts
from models.classification.relation import classes_of_day
from models.lifecycle.measuring import estimate_cycles
from models.local_day import local_day

WEEKS = 13
A_WEEK = timedelta(days=7)


def add_nights(session: Session, now: datetime) -> None:
    """Do last night's work, note the last month's moves, and count a day a week of the past."""
    session.execute(text("ANALYZE"))  # What was just filled is planned for as if it were empty.
    estimate_cycles(session, now)
    rebuild_classes(session, now)
    note_moves(session, now)
    for week in range(1, WEEKS + 1):
        _count(session, local_day(now) - week * A_WEEK, now)


def _count(session: Session, day: date, now: datetime) -> None:
    """Keep how many members each class had at the end of a past day."""
    models = list(ALL_MODELS)
    classed = classes_of_day(session, models, day, now).subquery("classed")
    codes = [classed.c[model] for model in models]
    counted = select(*codes, func.count(), func.sum(classed.c.net_twd)).group_by(*codes)
    keep_counts(session, day, models, session.execute(counted).all())
