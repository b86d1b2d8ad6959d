"""The demo's segments, tags, classes and forecasts, so that nobody has to wait for a night."""

from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.base import Sessions
from models.classification import note_moves, rebuild_classes
from models.demo.tags import add_tags
from models.favourite import work_out
from models.lifecycle.figures import is_here
from models.lifecycle.measuring import estimate_cycles
from models.member import Member
from models.segment.keeping import count_segment, list_segments
from models.segment.starting import FOR_DEMO, add_starting_segments

_KNOW_THE_TABLES = text("ANALYZE member, purchase, purchase_line, refund, friend")
"""What COPY has just filled is planned for as if it were empty until somebody looks at it."""


def add_segments(session: Session, now: datetime) -> None:
    """Keep the segment of who buys milk tea, give tags, and do a night's work on classes."""
    add_starting_segments(session, now, FOR_DEMO)
    session.execute(_KNOW_THE_TABLES)
    member_ids = session.scalars(select(Member.id).where(is_here()).order_by(Member.id)).all()
    work_out(session, member_ids, now)
    estimate_cycles(session, now)
    rebuild_classes(session, now)
    note_moves(session, now)
    add_tags(session, now)


def add_forecasts(sessions: Sessions, now: datetime) -> None:
    """Fit the predictions as the night does, in transactions of their own."""
    from models.prediction import fitting  # The numerics, which loading alone needs.

    fitting.fit_forecasts(sessions, now=now)


def count_segments(session: Session, now: datetime) -> None:
    """Count every segment, so that their list shows how many members each has."""
    for segment, _ in list_segments(session):
        count_segment(session, segment.code, now)
