"""Tiers at work: lifting, the night, refunds, explanations, upgrades and new rules.

Under `models/tier/`'s pure rules; everything here needs the database.
"""

from models.tier_evaluation.explaining import Explanation, explain_lines, explain_member
from models.tier_evaluation.figures import Holder, figures_for, figures_of
from models.tier_evaluation.health import StepHealth, tier_health
from models.tier_evaluation.linting import lint
from models.tier_evaluation.moving import (
    after_refund,
    evaluate_member,
    grant_tier,
    keep_steps,
    lift,
    lift_late,
    lift_measured,
)
from models.tier_evaluation.upgrade import (
    STAGES,
    GiftGone,
    NothingToClaim,
    Stage,
    claim_gift,
    find_upgrade,
    funnel,
    list_stuck,
    list_stuck_upgrades,
    note_first_use,
    note_opened,
    settle_stages,
)
from models.tier_evaluation.versions import (
    Draft,
    Hit,
    NewStep,
    NewTier,
    OwnerMustConfirm,
    TierRulesRefused,
    count_new_steps,
    draft_rules,
    find_problems,
    preview,
    publish,
    raise_version,
    ranked_with,
)
from models.tier_evaluation.warning import Keeping, keeping_of

__all__ = [
    "STAGES",
    "Draft",
    "Explanation",
    "GiftGone",
    "Hit",
    "Holder",
    "Keeping",
    "NewStep",
    "NewTier",
    "NothingToClaim",
    "OwnerMustConfirm",
    "Stage",
    "StepHealth",
    "TierRulesRefused",
    "after_refund",
    "claim_gift",
    "count_new_steps",
    "draft_rules",
    "evaluate_member",
    "explain_lines",
    "explain_member",
    "figures_for",
    "figures_of",
    "find_problems",
    "find_upgrade",
    "funnel",
    "grant_tier",
    "keep_steps",
    "keeping_of",
    "lift",
    "lift_late",
    "lift_measured",
    "lint",
    "list_stuck",
    "list_stuck_upgrades",
    "note_first_use",
    "note_opened",
    "preview",
    "publish",
    "raise_version",
    "ranked_with",
    "settle_stages",
    "tier_health",
]
