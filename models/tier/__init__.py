"""Tiers: steps by what a member brought, by rules in versions; up at once, down by night.

A tier reached is kept for its time (a year, by default); when that is over, the night keeps it for
another or, after the days of grace, lets it fall to what the figures give. All money is net of
refunds. The verbs that need the database stand in `models/tier_evaluation/`.
"""

from models.tier.ladder import (
    KEPT_DAYS,
    WINDOW_DAYS,
    Factor,
    Figures,
    Ladder,
    Rules,
    kept_until,
    make_ladder,
    read_rules,
    window_start,
    year_start,
)
from models.tier.replay import Held, Sale, Step, replay, walk
from models.tier.standing import Standing, explain, note_change, reason_text, stand
from models.tier.table import (
    BASES,
    CALENDAR,
    LIFETIME,
    METRIC,
    MONEY_BASES,
    ROLLING,
    SCORE,
    TIER_POINTS,
    Tier,
    TierChange,
    TierNight,
    TierVersion,
    Upgrade,
    list_tiers,
    list_versions,
)

__all__ = [
    "BASES",
    "CALENDAR",
    "KEPT_DAYS",
    "LIFETIME",
    "METRIC",
    "MONEY_BASES",
    "ROLLING",
    "SCORE",
    "TIER_POINTS",
    "WINDOW_DAYS",
    "Factor",
    "Figures",
    "Held",
    "Ladder",
    "Rules",
    "Sale",
    "Standing",
    "Step",
    "Tier",
    "TierChange",
    "TierNight",
    "TierVersion",
    "Upgrade",
    "explain",
    "kept_until",
    "list_tiers",
    "list_versions",
    "make_ladder",
    "note_change",
    "read_rules",
    "reason_text",
    "replay",
    "stand",
    "walk",
    "window_start",
    "year_start",
]
