"""Journeys: from a cause on, step by step, as versioned data; each cause once, each step once.

`definition` reads what a journey says; `trigger` is where causes and exits are registered;
`starting`, `advancing` and `leaving` are the engine; `keeping` and `moving` are what people do.
"""

from models.journey import triggers
from models.journey.advancing import Advanced, advance_journey, list_due
from models.journey.definition import Definition, parse_definition
from models.journey.keeping import (
    activate_journey,
    add_journey,
    archive_journey,
    change_journey,
    definition_of,
    get_journey,
    get_version,
    list_journeys,
    list_versions,
    pause_journey,
    rename_journey,
)
from models.journey.leaving import (
    SWEEP_PART,
    end_archived,
    list_waiting,
    reasons_gone,
    sweep_visits,
)
from models.journey.starting import (
    Active,
    list_active,
    look_for_causes,
    move_marks,
    read_marks,
    start_visits,
    tables_read,
)
from models.journey.table import (
    Journey,
    JourneyMark,
    JourneyMove,
    JourneyPresence,
    JourneyTask,
    JourneyVersion,
    JourneyVisit,
)
from models.journey.trigger import EXITS, TRIGGERS, Exit, Param, Params, Span, Trigger

__all__ = [
    "EXITS",
    "SWEEP_PART",
    "TRIGGERS",
    "Active",
    "Advanced",
    "Definition",
    "Exit",
    "Journey",
    "JourneyMark",
    "JourneyMove",
    "JourneyPresence",
    "JourneyTask",
    "JourneyVersion",
    "JourneyVisit",
    "Param",
    "Params",
    "Span",
    "Trigger",
    "activate_journey",
    "add_journey",
    "advance_journey",
    "archive_journey",
    "change_journey",
    "definition_of",
    "end_archived",
    "get_journey",
    "get_version",
    "list_active",
    "list_due",
    "list_journeys",
    "list_versions",
    "list_waiting",
    "look_for_causes",
    "move_marks",
    "parse_definition",
    "pause_journey",
    "read_marks",
    "reasons_gone",
    "rename_journey",
    "start_visits",
    "sweep_visits",
    "tables_read",
    "triggers",
]
