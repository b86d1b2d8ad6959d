"""Who went where from month to month, noted once each month is over."""

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.classification.counting import count_moves
from models.classification.naming import ALL_MODELS
from models.classification.table import ClassMove
from models.lifecycle import opened_on
from models.local_day import first_of_month_after, local_day


def note_moves(session: Session, now: datetime) -> int:
    """Note the moves of the month that ended last, where nobody has; return how many rows.

    Nothing is noted of a month that began before the shop opened: there is nowhere to come from.
    """
    month = first_of_month_after(local_day(now), -1)
    before = month - timedelta(days=1)
    opened = opened_on(session)
    if opened is None or before < opened or _is_noted(session, month):
        return 0
    moves = count_moves(session, list(ALL_MODELS), before, _last_day(month), now=now)
    rows = [
        ClassMove(
            month=month,
            model=model,
            from_class=move.from_class or "",
            to_class=move.to_class,
            members=move.members,
        )
        for model, found in moves.items()
        for move in found
    ]
    session.add_all(rows)
    session.flush()
    return len(rows)


def _is_noted(session: Session, month: date) -> bool:
    noted = select(ClassMove.month).where(ClassMove.month == month).limit(1)
    return session.scalar(noted) is not None


def _last_day(month: date) -> date:
    return first_of_month_after(month, 1) - timedelta(days=1)
