"""Work that somebody ordered and that may be large: in parts, each in a transaction of its own."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from models.base import Sessions

MOST_PARTS = 2_000
"""What is left after so many the next sweep goes on with."""


def work_in_parts(
    sessions: Sessions,
    find_open: Callable[[Session], int | None],
    work_part: Callable[[Session, int, datetime], int],
    now: datetime,
) -> int:
    """Go on with every order under way, the oldest first; return how many members were looked at.

    Safe to stop anywhere, and to run twice: each part does and notes it in one transaction.
    """
    seen = 0
    for _ in range(MOST_PARTS):
        with sessions.begin() as session:
            order_id = find_open(session)
            looked_at = work_part(session, order_id, now) if order_id is not None else 0
            is_over = order_id is None or (not looked_at and find_open(session) == order_id)
        seen += looked_at
        if is_over:
            break
    return seen
