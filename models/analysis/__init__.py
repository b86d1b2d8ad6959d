"""Threshold and rhythm analyses: the articles' methods (C-02 to C-10, A-05, A-14, B-10) at work.

Each is a pure function over plain figures, and one question that feeds it from the shop: for all
buyers or those who came again (T8), as of any day, net of refunds, without who never bought.
`ANALYSES` lists them with their parameters for whoever lets people ask.
"""

from models.analysis.basket import MARK_NAMES, Baskets, compare_baskets
from models.analysis.budget import (
    Benefit,
    Budget,
    NewTierBudget,
    Sheet,
    budget_of_draft,
    work_out,
)
from models.analysis.contribution import Contribution, contribution
from models.analysis.design import Design, Thresholds, propose
from models.analysis.frequency import FrequencyCurve, frequency_curve
from models.analysis.ladder import LadderHealth
from models.analysis.parameter import Parameter
from models.analysis.pareto import Pareto, pareto
from models.analysis.promotion import Promotions, dependency
from models.analysis.recency import RecencyCurve, recency_curve
from models.analysis.registry import ANALYSES, Analysis, get_analysis
from models.analysis.stall import Stall, find_stall
from models.analysis.threshold import (
    AddOn,
    first_threshold,
    gap_text,
    list_add_ons,
    second_threshold,
)
from models.analysis.tier_report import TierReport, TierSums, tier_report
from models.analysis.told import Note, Told

__all__ = [
    "ANALYSES",
    "MARK_NAMES",
    "AddOn",
    "Analysis",
    "Baskets",
    "Benefit",
    "Budget",
    "Contribution",
    "Design",
    "FrequencyCurve",
    "LadderHealth",
    "NewTierBudget",
    "Note",
    "Parameter",
    "Pareto",
    "Promotions",
    "RecencyCurve",
    "Sheet",
    "Stall",
    "Thresholds",
    "TierReport",
    "TierSums",
    "Told",
    "budget_of_draft",
    "compare_baskets",
    "contribution",
    "dependency",
    "find_stall",
    "first_threshold",
    "frequency_curve",
    "gap_text",
    "get_analysis",
    "list_add_ons",
    "pareto",
    "propose",
    "recency_curve",
    "second_threshold",
    "tier_report",
    "work_out",
]
