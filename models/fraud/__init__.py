"""Fraud: limits of pace, own cards, frozen cards, a second person's approval, alerts.

What judges a sale (`checking.py`), what members say (`not_me.py`) and what the figures of clerks
tell (`figures.py`) stand on purchases and the ledger; import them by their modules. What is named
here stands on members and staff alone, so every noun may ask it.
"""

from models.fraud.alert import FraudAlert, list_open_alerts, raise_alert, settle_alert
from models.fraud.approval import (
    Approval,
    ApprovalNotUsable,
    SecondPersonNeeded,
    approve,
    ask_approval,
    list_asked,
    refuse,
    use_approval,
)
from models.fraud.freezing import (
    CardFrozen,
    freeze_member,
    refuse_if_frozen,
    unfreeze_member,
)
from models.fraud.own_card import OwnCard, check_own_card, is_own_card, link_staff

__all__ = [
    "Approval",
    "ApprovalNotUsable",
    "CardFrozen",
    "FraudAlert",
    "OwnCard",
    "SecondPersonNeeded",
    "approve",
    "ask_approval",
    "check_own_card",
    "freeze_member",
    "is_own_card",
    "link_staff",
    "list_asked",
    "list_open_alerts",
    "raise_alert",
    "refuse",
    "refuse_if_frozen",
    "settle_alert",
    "unfreeze_member",
    "use_approval",
]
