"""Moving those who are on an older version of a journey, for whoever ordered it."""

from datetime import datetime

import structlog

from jobs.in_parts import work_in_parts
from models.base import Sessions
from models.journey.crossing import cross_part, find_open_crossing

log = structlog.get_logger()


def cross_journeys(sessions: Sessions, *, now: datetime) -> int:
    """Go on with every crossing under way; return how many members were moved."""
    moved = work_in_parts(sessions, find_open_crossing, cross_part, now)
    if moved:
        log.info("journeys_crossed", members=moved)
    return moved
