"""The rules of what members do beside buying: invitations, missions, lotteries, reviews.

Rules only, and nothing of any member, so that the programme can keep them read: a purchase asks
for them every time. What members did stands in `models/referral.py`, `mission.py`, `lottery.py`
and `review.py`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.activity.reward import Reward
from models.base import Base, Identifier, Moment, Translated, one_of

THE_RULE = 1
KINDS = ("count", "streak", "set")
EVENTS = (
    "purchase",
    "visit_store",
    "category",
    "review",
    "profile_complete",
    "referral",
    "survey",
    "rsvp",
    "checkin",
)
PURCHASE_EVENTS = ("purchase", "visit_store", "category")
"""What a purchase is to missions: itself, a visit of its store, and the categories it holds."""
PERIODS = ("day", "week")
ACTIVITIES = ("review", "event", "feedback")
ODDS_PPM = 1_000_000
"""Odds are told in parts per million: a prize of 1,000,000 is won by every ticket."""


class ReferralRule(Base):
    """How an invitation is rewarded. One row at most; without it nobody can invite.

    One level, always: a referrer earns from whom they invited, never from whom those invite.
    """

    __tablename__ = "referral_rule"
    __table_args__ = (
        CheckConstraint("id = 1", name="only_one"),
        CheckConstraint("min_spend_twd >= 0", name="min_spend_not_negative"),
        CheckConstraint("on_order IN (1, 2)", name="first_or_second_order"),
        CheckConstraint("wait_days BETWEEN 0 AND 90", name="wait_in_range"),
        CheckConstraint("monthly_cap > 0", name="cap_positive"),
        CheckConstraint("claim_days BETWEEN 0 AND 90", name="claim_in_range"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=THE_RULE)
    is_open: Mapped[bool] = mapped_column(default=True)
    min_spend_twd: Mapped[int]
    """An order of the friend counts from so many NT$ paid."""
    on_order: Mapped[int] = mapped_column(default=1)
    """The friend's order that earns the reward: the first, or the second."""
    wait_days: Mapped[int]
    """The return window: the reward is due so many days after that order."""
    monthly_cap: Mapped[int]
    """So many friends a referrer is rewarded for in one Taipei month."""
    claim_days: Mapped[int] = mapped_column(default=7)
    """A code can be typed for so many days after joining."""
    referrer_reward: Mapped[dict[str, Any]] = mapped_column(JSON)
    friend_reward: Mapped[dict[str, Any]] = mapped_column(JSON)


class Badge(Base):
    """Something to be proud of: a sign (one emoji) and a name."""

    __tablename__ = "badge"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[Translated]
    sign: Mapped[str]


class Mission(Base):
    """Something to do, and what it brings. `goal` is how often, how long or how many of a set."""

    __tablename__ = "mission"
    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind_known"),
        CheckConstraint(one_of("event", EVENTS), name="event_known"),
        CheckConstraint("goal BETWEEN 1 AND 1000", name="goal_in_range"),
        CheckConstraint("rounds > 0", name="can_be_done"),
        CheckConstraint("day_cap > 0", name="day_cap_positive"),
        CheckConstraint("min_spend_twd >= 0", name="min_spend_not_negative"),
        CheckConstraint(
            "(kind = 'streak') = (period IS NOT NULL) AND period IN ('day', 'week')",
            name="streak_has_period",
        ),
        CheckConstraint("kind <> 'set' OR event IN ('visit_store', 'category')", name="set_of"),
        CheckConstraint("ends_at IS NULL OR starts_at < ends_at", name="lasts"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    place: Mapped[int] = mapped_column(default=0)
    """Missions are shown in this order."""
    name: Mapped[Translated]
    kind: Mapped[str]
    event: Mapped[str]
    goal: Mapped[int]
    things: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    """Which stores (codes) or categories count; None where any does."""
    period: Mapped[str | None]
    """What a streak is counted in: Taipei days, or ISO weeks."""
    day_cap: Mapped[int] = mapped_column(default=1)
    """So many events of one Taipei day count towards `count`."""
    min_spend_twd: Mapped[int] = mapped_column(default=0)
    min_rank: Mapped[int] = mapped_column(default=0)
    """The lowest tier (by rank) that may take part."""
    rounds: Mapped[int] = mapped_column(default=1)
    """It can be done so many times."""
    starts_at: Mapped[Moment]
    ends_at: Mapped[datetime | None]
    is_open: Mapped[bool] = mapped_column(default=True)
    reward: Mapped[dict[str, Any]] = mapped_column(JSON)

    def is_on(self, now: datetime) -> bool:
        """Tell whether it can be worked on at `now`."""
        has_ended = self.ends_at is not None and now >= self.ends_at
        return self.is_open and self.starts_at <= now and not has_ended

    @property
    def brings(self) -> Reward:
        """Return what one round brings."""
        return Reward.from_words(self.reward)


class Lottery(Base):
    """A draw at fixed odds. A ticket comes from a mission, a purchase, or is bought for points."""

    __tablename__ = "lottery"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="lasts"),
        CheckConstraint("ticket_points > 0", name="price_positive"),
        CheckConstraint("ticket_day_cap > 0", name="day_cap_positive"),
        CheckConstraint("purchase_twd > 0", name="spend_positive"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[Translated]
    starts_at: Mapped[Moment]
    ends_at: Mapped[Moment]
    is_open: Mapped[bool] = mapped_column(default=True)
    ticket_points: Mapped[int | None]
    """What a ticket costs; None where none is sold."""
    ticket_day_cap: Mapped[int] = mapped_column(default=3)
    """A member can buy so many tickets a Taipei day."""
    purchase_twd: Mapped[int | None]
    """A purchase of so many NT$ brings a ticket; None where none does."""
    consolation: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What a ticket brings that hit a prize none of which is left; None for nothing."""

    def is_on(self, now: datetime) -> bool:
        """Tell whether tickets are given and drawn at `now`."""
        return self.is_open and self.starts_at <= now < self.ends_at


class LotteryPrize(Base):
    """One prize: its odds, how many there were and how many are left. The row counts down."""

    __tablename__ = "lottery_prize"
    __table_args__ = (
        UniqueConstraint("lottery_id", "place"),
        CheckConstraint(f"odds_ppm BETWEEN 1 AND {ODDS_PPM}", name="odds_in_range"),
        CheckConstraint('"left" >= 0 AND "left" <= stock', name="left_within_stock"),
    )

    id: Mapped[Identifier]
    lottery_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("lottery.id"))
    place: Mapped[int]
    """First prize 1, second 2: the order in which the odds are laid end to end."""
    name: Mapped[Translated]
    odds_ppm: Mapped[int]
    stock: Mapped[int]
    left: Mapped[int]
    reward: Mapped[dict[str, Any]] = mapped_column(JSON)
    idempotency_key: Mapped[str | None] = mapped_column(unique=True)
    """Of the page that added it, where one did."""


class ActivityRule(Base):
    """What an engagement brings: a review, coming to an event, telling us something."""

    __tablename__ = "activity_rule"
    __table_args__ = (
        CheckConstraint(one_of("code", ACTIVITIES), name="code_known"),
        CheckConstraint("points >= 0 AND tier_points >= 0", name="brings_nothing_negative"),
        CheckConstraint("day_cap > 0", name="day_cap_positive"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    points: Mapped[int]
    tier_points: Mapped[int] = mapped_column(default=0)
    day_cap: Mapped[int] = mapped_column(default=1)
    """So many of them a member are rewarded in one Taipei day."""


class Community(Base):
    """Where members talk among themselves: a LINE OpenChat, open from a tier on. One row."""

    __tablename__ = "community"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=THE_RULE)
    name: Mapped[Translated]
    url: Mapped[str]
    min_rank: Mapped[int] = mapped_column(default=0)
