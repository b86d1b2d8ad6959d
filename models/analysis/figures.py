"""What the owner's pages show of the analyses, prepared: the ladder's health, and the designer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.analysis.registry import get_analysis
from models.prepared import NoteProgress, prepared

HEALTH, DESIGN, PER_TIER = "tier_health", "tier_design", "tier_sums"


@prepared(HEALTH, nightly=True)
def prepare_health(
    session: Session, now: datetime, asked: Mapping[str, Any], note_progress: NoteProgress
) -> dict[str, Any]:
    """Return the health of the ladder in force (E-04)."""
    return get_analysis("health").run(session, now, {}).as_json()


@prepared(DESIGN, nightly=True)
def prepare_design(
    session: Session, now: datetime, asked: Mapping[str, Any], note_progress: NoteProgress
) -> dict[str, Any]:
    """Return the threshold designer (X4) for what was asked, as text by parameter."""
    return get_analysis("design").run(session, now, dict(asked)).as_json()


@prepared(PER_TIER, nightly=True)
def prepare_tier_sums(
    session: Session, now: datetime, asked: Mapping[str, Any], note_progress: NoteProgress
) -> dict[str, Any]:
    """Return what each tier brings and costs a year (C-09): where a budget begins."""
    return get_analysis("tiers").run(session, now, {}).as_json()
