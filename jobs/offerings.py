"""The programme's changes on their day, and coupons handed out to segments, in parts."""

from datetime import datetime

import structlog

from models.base import Sessions
from models.coupon_handout import find_running, hand_out_part
from models.offering import apply_due

MOST_CHANGES = 200
MOST_PARTS = 2_000
"""Two million members; what is left of a larger shop the next sweep goes on with."""

log = structlog.get_logger()


def apply_offerings(sessions: Sessions, *, now: datetime) -> int:
    """Apply the changes whose day has come, each in a transaction; return how many were tried."""
    tried = 0
    for _ in range(MOST_CHANGES):
        with sessions.begin() as session:
            if not apply_due(session, now):
                break
        tried += 1
    return tried


def hand_out_coupons(sessions: Sessions, *, now: datetime) -> int:
    """Go on with every run under way; return how many members were looked at.

    Safe to stop anywhere, and to run twice: each part gives and notes it in one transaction.
    """
    seen = 0
    for _ in range(MOST_PARTS):
        with sessions.begin() as session:
            handout_id = find_running(session)
            looked_at = hand_out_part(session, handout_id, now) if handout_id is not None else 0
            is_over = handout_id is None or (not looked_at and find_running(session) == handout_id)
        seen += looked_at
        if is_over:
            break
    if seen:
        log.info("coupons_handed_out", members=seen)
    return seen
