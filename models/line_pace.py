"""LINE's pace: every worker takes its calls from one row an endpoint, so that LINE's rate holds.

Moments are the database's, which all workers share; a worker is told how long to wait.
"""

from typing import NamedTuple

from sqlalchemy import Float, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Moment, squeezed

PUSH = "push"
MULTICAST = "multicast"
RATES = {PUSH: 1_950.0, MULTICAST: 195.0}
"""Calls a second, a little below LINE's 2,000 and 200, because calls arrive unevenly."""
MOST_AHEAD_SECONDS = 60.0
"""Nobody takes calls for so far ahead: such a row is from before the database's clock was set."""


class LinePace(Base):
    """From when on the next call to an endpoint may be made."""

    __tablename__ = "line_pace"

    endpoint: Mapped[str] = mapped_column(primary_key=True)
    free_at: Mapped[Moment]


class Turn(NamedTuple):
    """When taken calls may be made: the first after so many seconds, then one after another."""

    wait_seconds: float
    spacing_seconds: float


def take(session: Session, endpoint: str, calls: int, rate: float | None = None) -> Turn:
    """Take so many calls to an endpoint, after all that were taken before.

    `rate` is calls a second; without it, what we allow ourselves of LINE's limit. The row stays
    locked until the transaction ends: take last, or in a transaction of its own.
    """
    spacing = 1 / (rate or RATES[endpoint])
    wait = session.scalar(
        _TAKE, {"endpoint": endpoint, "seconds": spacing * calls, "most": MOST_AHEAD_SECONDS}
    )
    return Turn(max(wait or 0.0, 0.0), spacing)


_TAKE = text(
    squeezed("""
        INSERT INTO line_pace AS kept (endpoint, free_at)
        VALUES (:endpoint, clock_timestamp() + :seconds * interval '1 second')
        ON CONFLICT (endpoint) DO UPDATE SET free_at = CASE
            WHEN kept.free_at < clock_timestamp()
                OR kept.free_at > clock_timestamp() + :most * interval '1 second'
            THEN clock_timestamp() ELSE kept.free_at END + :seconds * interval '1 second'
        RETURNING CAST(extract(epoch FROM free_at - clock_timestamp()) - :seconds AS float)
    """)
).columns(wait=Float)
