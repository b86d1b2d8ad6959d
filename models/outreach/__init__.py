"""Outreach: whom we may write to, when, and who goes first (X9, T6).

One queue over all campaigns and journeys: every message that nobody asked for is put to the same
question just before it goes (`asking.py`), under rules the shop sets (`setting.py`).
`riding.py` and `plan.py` know journeys and campaigns, which ask this package: import them by name.
"""

from models.outreach.asking import MARKETING, SERVICE, WIN_BACK, reasons_not_to_write
from models.outreach.setting import (
    OutreachRefused,
    OutreachRules,
    OutreachSetting,
    change_rules,
    get_rules,
    list_rules,
    next_allowed,
)

__all__ = [
    "MARKETING",
    "SERVICE",
    "WIN_BACK",
    "OutreachRefused",
    "OutreachRules",
    "OutreachSetting",
    "change_rules",
    "get_rules",
    "list_rules",
    "next_allowed",
    "reasons_not_to_write",
]
