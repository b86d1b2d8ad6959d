"""Open what campaigns are due to send; whoever sends it finds the runs."""

from datetime import datetime

import structlog

from models.base import Sessions
from models.campaign.opening import open_due_runs

log = structlog.get_logger()


def open_campaigns(sessions: Sessions, *, now: datetime) -> int:
    """Open the runs that are due; return how many. Safe to run twice, and by two at once."""
    with sessions.begin() as session:
        opened = open_due_runs(session, now)
    if opened:
        log.info("campaigns_opened", runs=opened)
    return len(opened)
