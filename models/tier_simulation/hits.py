"""Whom a proposal would hit on the day it begins (U17), and what its new tiers cost (C-05)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.analysis.budget import NewTierBudget, budget_of_draft
from models.prepared import NoteProgress, prepared
from models.tier_evaluation import preview
from models.tier_proposal import get_edition

FIGURE = "tier_hits"


@prepared(FIGURE, nightly=False)
def prepare_hits(
    session: Session, now: datetime, asked: Mapping[str, Any], note_progress: NoteProgress
) -> dict[str, Any]:
    """Count whom an edition of a proposal moves, were it in force today.

    Raises NoSuchProposal, ProposalChanged, or TierRulesRefused.
    """
    draft = get_edition(session, asked).proposed.draft
    return {
        "hits": [vars(hit) for hit in preview(session, draft, now)],
        "new_tiers": [_budget(tier) for tier in budget_of_draft(session, draft, now)],
    }


def _budget(tier: NewTierBudget) -> dict[str, Any]:
    budget, margin = tier.budget, tier.margin_percent
    return {
        "code": tier.tier_code,
        "members": tier.members,
        "spend_twd": tier.spend_twd,
        "extra_points": tier.extra_points,
        "margin_percent": None if margin is None else str(margin),
        "budget": None if budget is None else budget.as_json(),
    }
