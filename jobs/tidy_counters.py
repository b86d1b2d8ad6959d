"""The counters' night: end the shifts that were forgotten, and forget codes that are over."""

from datetime import datetime

import structlog

from models.base import Sessions
from models.device import forget_enrolment_codes
from models.shift import end_forgotten_shifts

log = structlog.get_logger()


def tidy_counters(sessions: Sessions, *, now: datetime) -> int:
    """End forgotten shifts and delete old enrolment codes; return how many rows changed."""
    with sessions.begin() as session:
        ended = end_forgotten_shifts(session, now)
        forgotten = forget_enrolment_codes(session, now)
    log.info("counters_tidied", shifts=ended, codes=forgotten)
    return ended + forgotten
