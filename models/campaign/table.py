"""The tables of campaigns: each with what it says, to whom and when, and every change of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identifier, Moment, Translated, one_of

LONGEST_CODE = 60
LONGEST_NAME = 60
DRAFT, WAITING, SCHEDULED, RUNNING, PAUSED, FINISHED, CANCELLED = STATES = (
    "draft",
    "waiting_approval",
    "scheduled",
    "running",
    "paused",
    "finished",
    "cancelled",
)
ENDED = (FINISHED, CANCELLED)
MARKETING, SERVICE = KINDS = ("marketing", "service")
LINE, PREFERRED, EMAIL = CHANNELS = ("line", "preferred", "email")
CLICK, CONVERSION = METRICS = ("click", "conversion")
USUAL_PRIORITY = 50
USUAL_HOLDOUT_PERCENT = 10
MOST_HOLDOUT_PERCENT = 50
USUAL_GRACE_MINUTES = 180
MOST_GRACE_MINUTES = 24 * 60
USUAL_ATTRIBUTION_DAYS = 7
MOST_ATTRIBUTION_DAYS = 90
USUAL_APPROVE_ABOVE = 500


class Campaign(Base):
    """One campaign: what is said in which variants, to whom, when, and how it is judged.

    A draft may be changed; from its submission on it stays as it is, and a change is a clone.
    `segment_version` None means the newest at each sending. Persons are logins, or `api:<key>`.
    """

    __tablename__ = "campaign"
    __table_args__ = (
        CheckConstraint(f"code ~ '^[a-z0-9][a-z0-9_-]{{0,{LONGEST_CODE - 1}}}$'", name="code_slug"),
        CheckConstraint("name ? 'zh-TW'", name="named_in_chinese"),
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint(one_of("kind", KINDS), name="kind_known"),
        CheckConstraint(one_of("channel", CHANNELS), name="channel_known"),
        CheckConstraint(one_of("metric", METRICS), name="metric_known"),
        CheckConstraint("priority BETWEEN 0 AND 100", name="priority_in_range"),
        CheckConstraint(
            f"holdout_percent BETWEEN 0 AND {MOST_HOLDOUT_PERCENT}", name="holdout_in_range"
        ),
        CheckConstraint(f"grace_minutes BETWEEN 1 AND {MOST_GRACE_MINUTES}", name="grace_in_range"),
        CheckConstraint(
            f"attribution_days BETWEEN 1 AND {MOST_ATTRIBUTION_DAYS}", name="attribution_in_range"
        ),
        CheckConstraint("budget_twd > 0", name="budget_positive"),
        CheckConstraint("jsonb_array_length(variants) > 0", name="has_variants"),
        CheckConstraint("approved_by <> submitted_by", name="approved_by_another"),
        CheckConstraint(
            "(submitted_by IS NULL) = (submitted_at IS NULL)"
            " AND (approved_by IS NULL) = (approved_at IS NULL)",
            name="persons_have_moments",
        ),
        CheckConstraint(
            "(state = 'paused') = (paused_from IS NOT NULL)", name="paused_from_a_state"
        ),
        Index(
            "ix_campaign_due",
            "next_slot_at",
            postgresql_where="state IN ('scheduled', 'running')",
        ),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[Translated]
    state: Mapped[str] = mapped_column(default=DRAFT, server_default=text(f"'{DRAFT}'"))
    kind: Mapped[str] = mapped_column(default=MARKETING, server_default=text(f"'{MARKETING}'"))
    priority: Mapped[int] = mapped_column(
        default=USUAL_PRIORITY, server_default=text(str(USUAL_PRIORITY))
    )
    """0 to 100; of two that want the same member on one day the higher goes first."""
    segment_code: Mapped[str] = mapped_column(ForeignKey("segment.code"), index=True)
    segment_version: Mapped[int | None]
    variants: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """`[{"code": "A", "share": 50, "content": {…}, "segment": code or absent}]`."""
    metric: Mapped[str] = mapped_column(default=CLICK, server_default=text(f"'{CLICK}'"))
    stop_rule: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """When the variants are judged, once: `models/campaign/stopping.py`. None: never."""
    holdout_percent: Mapped[int] = mapped_column(
        default=USUAL_HOLDOUT_PERCENT, server_default=text(str(USUAL_HOLDOUT_PERCENT))
    )
    schedule: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """When it is sent, in Taipei's time: `models/campaign/schedule.py`."""
    grace_minutes: Mapped[int] = mapped_column(
        default=USUAL_GRACE_MINUTES, server_default=text(str(USUAL_GRACE_MINUTES))
    )
    """Nothing is first tried later than so long after its moment."""
    budget_twd: Mapped[int | None]
    """What its benefits may cost; None: any amount."""
    channel: Mapped[str] = mapped_column(default=LINE, server_default=text(f"'{LINE}'"))
    attribution_days: Mapped[int] = mapped_column(
        default=USUAL_ATTRIBUTION_DAYS, server_default=text(str(USUAL_ATTRIBUTION_DAYS))
    )
    created_by: Mapped[str]
    created_at: Mapped[Moment]
    submitted_by: Mapped[str | None]
    submitted_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    paused_from: Mapped[str | None]
    """The state it was in when it was paused, and has again afterwards."""
    next_slot_at: Mapped[datetime | None]
    """The moment of the next run that is not opened yet; None where there is none."""


class CampaignChange(Base):
    """One change of a campaign: who did what, when, and what it was before and after.

    Never changed.
    """

    __tablename__ = "campaign_change"
    __table_args__ = (Index(None, "campaign_id", "id"),)

    id: Mapped[Identifier]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    at: Mapped[Moment]
    by: Mapped[str]
    what: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class CampaignDecision(Base):
    """How the variants of a campaign were judged, by its stop rule: once, and never changed."""

    __tablename__ = "campaign_decision"
    __table_args__ = (CheckConstraint(one_of("metric", METRICS), name="metric_known"),)

    campaign_id: Mapped[int] = mapped_column(
        ForeignKey("campaign.id"), primary_key=True, autoincrement=False
    )
    at: Mapped[Moment]
    metric: Mapped[str]
    figures: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """`[{"variant": "A", "members": 500, "hits": 41}]`, as they were at that moment."""
    verdict: Mapped[str]
    """`winner`, `no_difference` or `too_few`."""
    chosen: Mapped[str]
    """The variant that the rest gets: the winner, else the first."""
    low: Mapped[float | None]
    high: Mapped[float | None]
    """The interval, at 95%, of the difference between the best and the next."""


class CampaignSetting(Base):
    """Above how many messages a second person must approve. Never changed; the newest holds."""

    __tablename__ = "campaign_setting"
    __table_args__ = (CheckConstraint("approve_above >= 0", name="approve_above_not_negative"),)

    id: Mapped[Identifier]
    approve_above: Mapped[int]
    set_by: Mapped[str]
    set_at: Mapped[Moment]
