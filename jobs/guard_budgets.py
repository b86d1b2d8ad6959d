"""Every few minutes: stop the campaigns whose benefits cost what their budget allows."""

from datetime import datetime

import structlog

from models.base import Sessions
from models.quota.guarding import stop_over_budget

log = structlog.get_logger()


def guard_budgets(sessions: Sessions, *, now: datetime) -> int:
    """Stop campaigns that used their budget up; return how many. Safe to run twice."""
    with sessions.begin() as session:
        stopped = stop_over_budget(session, now)
    for campaign_id in stopped:
        log.warning("campaign_stopped", campaign=campaign_id, reason="budget")
    return len(stopped)
