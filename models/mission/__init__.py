"""Missions: something to do, counted by the server, and what a full round brings.

Every event has a key and counts once; a day's cap is kept by member and Taipei day; what a refund
undoes counts no more and its reward goes back, as far as it is not spent.
"""

from models.mission.counting import Happened, Progress, period_of, replay
from models.mission.doing import (
    after_purchase,
    after_refund,
    check_in,
    has_checked_in,
    note_event,
    recount,
)
from models.mission.questions import Standing, count_awards, list_missions
from models.mission.setting import MissionRefused, add_badge, add_mission, close_mission
from models.mission.table import CheckInClosed, MissionAward, MissionEvent, MissionProgress

__all__ = [
    "CheckInClosed",
    "Happened",
    "MissionAward",
    "MissionEvent",
    "MissionProgress",
    "MissionRefused",
    "Progress",
    "Standing",
    "add_badge",
    "add_mission",
    "after_purchase",
    "after_refund",
    "check_in",
    "close_mission",
    "count_awards",
    "has_checked_in",
    "list_missions",
    "note_event",
    "period_of",
    "recount",
    "replay",
]
