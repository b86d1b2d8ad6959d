"""Insight: what came of what was sent, honestly: where too little is known, that is said.

Outcomes that add up, clicks and taps, sales due to the last message before them less refunds, what
it all cost, who blocked us because of it, and whether those who got it bought more than those held
out by chance.
"""

from models.insight.campaign import (
    count_running,
    find_open_runs,
    list_runs,
    report_of_campaign,
)
from models.insight.journey import report_of_journey
from models.insight.report import (
    HIGHER,
    LOWER,
    NOT_ENOUGH,
    VERDICT_NAMES,
    Clicks,
    Lift,
    Money,
    Outcomes,
    Report,
    Sales,
    VariantLine,
)
from models.insight.unit import UnitFigure

__all__ = [
    "HIGHER",
    "LOWER",
    "NOT_ENOUGH",
    "VERDICT_NAMES",
    "Clicks",
    "Lift",
    "Money",
    "Outcomes",
    "Report",
    "Sales",
    "UnitFigure",
    "VariantLine",
    "count_running",
    "find_open_runs",
    "list_runs",
    "report_of_campaign",
    "report_of_journey",
]
