"""Rewarding invitations whose return window is over, each in a transaction of its own."""

from datetime import datetime

import structlog

from models.base import Sessions
from models.local_day import local_day
from models.referral import list_due, settle_referral

PART = 100

log = structlog.get_logger()


def settle_referrals(sessions: Sessions, *, now: datetime) -> int:
    """Settle every invitation that is due; return how many came to an end.

    Safe to run twice and to stop anywhere: what was settled is not due any more, and the rewards
    carry the invitation's key. Two members at most are locked at once.
    """
    today, settled, after_id = local_day(now), 0, 0
    while True:
        with sessions() as session:
            due = list_due(session, today, after_id=after_id, limit=PART)
        if not due:
            log.info("referrals_settled", settled=settled)
            return settled
        for referral_id in due:
            with sessions.begin() as session:
                settled += settle_referral(session, referral_id, now) is not None
        after_id = due[-1]
