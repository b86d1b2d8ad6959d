"""How many messages went for nothing: nudges that rode on replies, month by month (X10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.base import squeezed
from models.outbox import DELIVERED, MONTH, WAY, WAYS

MOST_MONTHS = 24


@dataclass(frozen=True)
class Share:
    """One month's messages of the outbox by the way they went; campaigns' are not among them."""

    month: date
    rides: int
    """Nudges that a reply carried for nothing."""
    nudges: int
    """Nudges that had to be pushed at their deadline."""
    pushes: int
    """What was never meant to wait."""
    replies: int
    """Answers to what somebody did."""

    @property
    def free(self) -> Fraction | None:
        """Return which share of the nudges cost nothing; None where there were none."""
        told = self.rides + self.nudges
        return Fraction(self.rides, told) if told else None


def list_shares(session: Session, *, limit: int = MOST_MONTHS) -> list[Share]:
    """Return the last months with their messages, newest first."""
    months: dict[date, dict[str, int]] = {}
    for month, way, messages in session.execute(_SHARES):
        months.setdefault(month, dict.fromkeys(WAYS, 0))[way] = int(messages)
    newest = sorted(months, reverse=True)[:limit]
    return [_share(month, months[month]) for month in newest]


def _share(month: date, counted: Mapping[str, int]) -> Share:
    return Share(month, counted["ride"], counted["nudge"], counted["push"], counted["reply"])


_SHARES = text(
    squeezed(f"""
        SELECT told.month, told.way, sum(told.messages) FROM (
            SELECT {MONTH} AS month, {WAY} AS way, count(*) AS messages
            FROM outbox WHERE {DELIVERED} GROUP BY 1, 2
            UNION ALL SELECT month, way, messages FROM delivery_month
        ) AS told GROUP BY 1, 2
    """)  # noqa: S608  # Of our own words only.
)
"""What is still in the outbox, and what was counted as it left."""
