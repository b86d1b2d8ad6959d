"""Tiers: steps by what the last 365 days brought; up at once, down when the year is over.

A purchase counts from its own day through the 364th day after it. Reaching a threshold lifts the
member in the same transaction and keeps the tier for a year; when that year is over, the night's
evaluation keeps it for another year or lets it fall to what the last 365 days give.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Identifier, Moment, Translated, Words, in_language

WINDOW_DAYS = 365
KEPT_DAYS = 365


class Tier(Base):
    """One step of the ladder. `rank` 0 is everyone's; a higher rank needs a higher threshold."""

    __tablename__ = "tier"
    __table_args__ = (
        CheckConstraint("threshold_twd >= 0", name="threshold_not_negative"),
        CheckConstraint("(rank = 0) = (threshold_twd = 0)", name="first_step_is_free"),
        CheckConstraint("points_percent >= 100", name="multiplier_not_below_one"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    rank: Mapped[int] = mapped_column(unique=True)
    name: Mapped[Translated]
    colour: Mapped[str]
    threshold_twd: Mapped[int] = mapped_column(unique=True)
    points_percent: Mapped[int] = mapped_column(default=100)
    """Points earned in this tier, in percent of the shop's earn rule (150 means one and a half)."""
    benefits: Mapped[dict[str, list[str]]] = mapped_column(JSONB)
    """What the tier brings, one list of lines a language."""

    def words(self, language: str, *, at_rank: int) -> dict[str, Any]:
        """Return the step as plain facts for a card, seen by a member at `at_rank`."""
        return {
            "name": in_language(self.name, language),
            "colour": self.colour,
            "threshold_twd": self.threshold_twd,
            "benefits": self.benefits.get(language) or self.benefits["zh-TW"],
            "reached": self.rank <= at_rank,
            "current": self.rank == at_rank,
        }


class TierChange(Base):
    """One step up or down, with the facts that made it. Never changed."""

    __tablename__ = "tier_change"
    __table_args__ = (Index(None, "member_id", "changed_at"),)

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    from_tier_id: Mapped[int] = mapped_column(ForeignKey("tier.id"))
    to_tier_id: Mapped[int] = mapped_column(ForeignKey("tier.id"))
    reason: Mapped[Words]
    """`{"rule": "rolling_365", "spend_twd": 15200, "threshold_twd": 15000}`."""
    changed_at: Mapped[Moment]


@dataclass(frozen=True)
class Standing:
    """Where a member stands: their tier, the way to the next, and until when both hold."""

    tier: Tier
    next_tier: Tier | None
    spend_twd: int
    """What the last 365 days count."""
    gap_twd: int
    """NT$ still missing to the next tier; 0 on the highest."""
    percent: int
    """The way from nothing to the next threshold, 0 to 100, rounded down."""
    gap_holds_through: date | None
    """The last day on which the oldest counted purchase still counts; None with none."""
    kept_until: date | None
    """The first day on which the tier is evaluated again; None on the lowest."""

    def words(self, language: str) -> dict[str, Any]:
        """Return the standing as plain facts for a card; days are ISO, and the last good ones."""
        goal, holds = self.next_tier, self.gap_holds_through
        kept_through = self.kept_until - timedelta(days=1) if self.kept_until else None
        return {
            "tier_name": in_language(self.tier.name, language),
            "tier_colour": self.tier.colour,
            "spend_twd": self.spend_twd,
            "next_name": in_language(goal.name, language) if goal else None,
            "next_threshold_twd": goal.threshold_twd if goal else None,
            "gap_twd": self.gap_twd if goal else None,
            "percent": self.percent,
            "deadline": holds.isoformat() if goal and holds else None,
            "keep_until": kept_through.isoformat() if kept_through else None,
        }


def list_tiers(session: Session) -> list[Tier]:
    """Return the ladder, lowest first."""
    return list(session.scalars(select(Tier).order_by(Tier.rank)))


def tier_for_spend(tiers: Sequence[Tier], spend_twd: int) -> Tier:
    """Return the highest tier whose threshold `spend_twd` reaches. `tiers` is lowest first."""
    return next(tier for tier in reversed(tiers) if spend_twd >= tier.threshold_twd)


def window_start(today: date) -> date:
    """Return the first day whose purchases count on `today`."""
    return today - timedelta(days=WINDOW_DAYS - 1)


def stand(
    tiers: Sequence[Tier],
    tier_id: int,
    spend_twd: int,
    *,
    first_counted_on: date | None,
    kept_until: date | None,
) -> Standing:
    """Work out a standing from a member's figures. `tiers` is the whole ladder, lowest first."""
    tier = next(step for step in tiers if step.id == tier_id)
    next_tier = next((step for step in tiers if step.rank > tier.rank), None)
    goal = next_tier.threshold_twd if next_tier else 0
    return Standing(
        tier=tier,
        next_tier=next_tier,
        spend_twd=spend_twd,
        gap_twd=max(goal - spend_twd, 0),
        percent=min(spend_twd * 100 // goal, 100) if goal else 100,
        gap_holds_through=(
            first_counted_on + timedelta(days=WINDOW_DAYS - 1) if first_counted_on else None
        ),
        kept_until=kept_until,
    )


def explain(tier: Tier, spend_twd: int) -> dict[str, object]:
    """Return the facts behind a tier by spend, as a tier change keeps them."""
    return {"rule": "rolling_365", "spend_twd": spend_twd, "threshold_twd": tier.threshold_twd}


def kept_until(now_day: date) -> date:
    """Return the first day on which a tier reached on `now_day` is evaluated again."""
    return now_day + timedelta(days=KEPT_DAYS)


def note_change(
    member_id: int, before: Tier, after: Tier, spend_twd: int, now: datetime
) -> TierChange:
    """Make the row that remembers a step from `before` to `after`; the caller adds it."""
    return TierChange(
        member_id=member_id,
        from_tier_id=before.id,
        to_tier_id=after.id,
        reason=explain(after, spend_twd),
        changed_at=now,
    )
