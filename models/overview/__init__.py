"""What an owner sees first: stages of the lifecycle, revenue by members, and what asks for them.

Counts over all members are a prepared figure (`figures`); what runs and what waits for a decision
is read when the page is opened (`waiting`).
"""

from models.overview.figures import FIGURE, Overview, read_overview
from models.overview.stage import STAGES, Stage
from models.overview.waiting import (
    Decision,
    Forecast,
    Running,
    forecast_month,
    list_decisions,
    list_running,
)

__all__ = [
    "FIGURE",
    "STAGES",
    "Decision",
    "Forecast",
    "Overview",
    "Running",
    "Stage",
    "forecast_month",
    "list_decisions",
    "list_running",
    "read_overview",
]
