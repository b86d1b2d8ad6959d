"""By night: learn from what was clicked which channel each member answers in (B-15)."""

from datetime import datetime

from models.base import Sessions
from models.channel import learn_channels as learn_next

PART = 2_000


def learn_channels(sessions: Sessions, *, now: datetime) -> int:
    """Learn of every member with an address; return how many were looked at.

    In parts, each one transaction. Safe to stop anywhere and to run twice.
    """
    looked, after_id, is_last = 0, 0, False
    while not is_last:
        with sessions.begin() as session:
            part = learn_next(session, now, after_id=after_id, limit=PART)
        looked += part.members
        after_id, is_last = part.through_id, part.is_last
    return looked
