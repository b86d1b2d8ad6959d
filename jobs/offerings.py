"""The programme's changes on their day, and coupons handed out to segments, in parts."""

from datetime import datetime

import structlog

from jobs.in_parts import work_in_parts
from models.base import Sessions
from models.coupon_handout import find_running, hand_out_part
from models.offering import apply_due

MOST_CHANGES = 200

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
    """Go on with every run under way; return how many members were looked at."""
    seen = work_in_parts(sessions, find_running, hand_out_part, now)
    if seen:
        log.info("coupons_handed_out", members=seen)
    return seen
