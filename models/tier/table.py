"""The tables of tiers: steps, versions of the rules, moves, upgrades and nights."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Day, Identifier, Moment, Translated, Words, in_language, one_of

ROLLING = "rolling_365"
CALENDAR = "calendar_year"
LIFETIME = "lifetime"
TIER_POINTS = "tier_points"
METRIC = "metric"
SCORE = "score"
BASES = (ROLLING, CALENDAR, LIFETIME, TIER_POINTS, METRIC, SCORE)
MONEY_BASES = (ROLLING, CALENDAR, LIFETIME)
"""What counts here is net spend alone, so a member's past can be worked out again from sales."""


class Tier(Base):
    """One step of the ladder: an identity that stays while the rules about it change.

    `rank` 0 is everyone's. What one must reach for a step stands in each `TierVersion`.
    """

    __tablename__ = "tier"
    __table_args__ = (
        CheckConstraint("points_percent >= 100", name="multiplier_not_below_one"),
        CheckConstraint("rank >= 0", name="rank_not_negative"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    rank: Mapped[int] = mapped_column(unique=True)
    name: Mapped[Translated]
    colour: Mapped[str]
    points_percent: Mapped[int] = mapped_column(default=100)
    """Points earned in this tier, in percent of the shop's earn rule (150 means one and a half)."""
    benefits: Mapped[dict[str, list[str]]] = mapped_column(JSONB)
    """What the tier brings in the shop's own words, one list of lines a language."""

    def words(self, language: str, *, at_rank: int, threshold: int = 0) -> dict[str, Any]:
        """Return the step as plain facts for a card, seen by a member at `at_rank`."""
        return {
            "name": in_language(self.name, language),
            "colour": self.colour,
            "threshold_twd": threshold,
            "benefits": self.benefits.get(language) or self.benefits["zh-TW"],
            "reached": self.rank <= at_rank,
            "current": self.rank == at_rank,
        }


class TierVersion(Base):
    """One edition of the rules, in force from `effective_on` until the next one. Never changed."""

    __tablename__ = "tier_version"
    __table_args__ = (
        CheckConstraint(one_of("basis", BASES), name="basis_known"),
        CheckConstraint("grace_days >= 0 AND warn_days >= 0", name="days_not_negative"),
    )

    id: Mapped[Identifier]
    effective_on: Mapped[Day] = mapped_column(unique=True)
    basis: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """`{"thresholds": {"silver": 5000, …}}`, for a metric its name, for a score its factors."""
    grace_days: Mapped[int] = mapped_column(default=0)
    """So long after its kept day a tier still stands, for those who are almost there."""
    warn_days: Mapped[int] = mapped_column(default=30)
    """So long before a fall its member is told what would keep the tier."""
    rights_kept_until: Mapped[date | None]
    """Nobody falls by these rules before this day."""
    note: Mapped[str]
    created_at: Mapped[Moment]
    created_by: Mapped[str]


class TierChange(Base):
    """One step up or down, with the facts that made it. Never changed."""

    __tablename__ = "tier_change"
    __table_args__ = (Index(None, "member_id", "changed_at"),)

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    from_tier_id: Mapped[int] = mapped_column(ForeignKey("tier.id"))
    to_tier_id: Mapped[int] = mapped_column(ForeignKey("tier.id"))
    reason: Mapped[Words]
    """`{"rule": "rolling_365", "spend_twd": 15200, "threshold_twd": 15000, "version": 1}`."""
    changed_at: Mapped[Moment]


class Upgrade(Base):
    """What became of one upgrade: qualified, told, opened, claimed, first benefit used.

    One row a member, tier and version of the rules, so that its gift is given once. A refund that
    takes the ground away voids it; reaching the tier again brings it back.
    """

    __tablename__ = "upgrade"
    __table_args__ = (
        UniqueConstraint("member_id", "tier_id", "version_id"),
        Index("ix_upgrade_told_by", "told_by", postgresql_where="notified_at IS NULL"),
        Index("ix_upgrade_unused", "gift_coupon_id", postgresql_where="first_used_at IS NULL"),
        CheckConstraint("claims >= 0", name="claims_not_negative"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    tier_id: Mapped[int] = mapped_column(ForeignKey("tier.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("tier_version.id"))
    variant: Mapped[str] = mapped_column(default="")
    """Which of the tier's gifts this member is offered, where there are several; for measuring."""
    told_by: Mapped[str | None]
    """The outbox key of the message that tells of it."""
    qualified_at: Mapped[Moment]
    notified_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    first_used_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    gift_coupon_id: Mapped[int | None] = mapped_column(ForeignKey("coupon.id"))
    claims: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How often a gift was drawn: again only where the one before was taken back unused."""


class TierNight(Base):
    """One night's evaluation that came to its end: which day, by which rules, how many moved."""

    __tablename__ = "tier_night"

    evaluated_on: Mapped[Day] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("tier_version.id"))
    changed: Mapped[int]
    ended_at: Mapped[Moment]


def list_tiers(session: Session) -> list[Tier]:
    """Return the ladder, lowest first."""
    return list(session.scalars(select(Tier).order_by(Tier.rank)))


def list_versions(session: Session) -> list[TierVersion]:
    """Return all editions of the rules, the earliest first."""
    return list(session.scalars(select(TierVersion).order_by(TierVersion.effective_on)))
