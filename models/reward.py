"""Rewards (兌換好禮): points for a coupon. Points, stock and coupon move together or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Text,
    any_,
    func,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base, BusinessError, Identifier, Moment, Translated, find_made, in_language
from models.coupon import Coupon, CouponTemplate, issue_coupon, void_coupon
from models.fraud.freezing import refuse_if_frozen
from models.local_day import day_start, local_day
from models.member import Member
from models.points import (
    IdempotencyKeyReused,
    InsufficientPoints,
    PointsEntry,
    give_back,
    post_points,
)
from models.tier import Tier

MOST_SHOWN = 11
USUAL_CANCEL_DAYS = 7


class Reward(Base):
    """What points can be exchanged for: a coupon of its template, given at once."""

    __tablename__ = "reward"
    __table_args__ = (
        CheckConstraint("cost_points > 0", name="costs_points"),
        CheckConstraint("stock_left >= 0", name="stock_not_negative"),
        CheckConstraint("per_member_limit > 0", name="limit_positive"),
        CheckConstraint("starts_at < ends_at", name="lives"),
        CheckConstraint("cancel_days >= 0", name="cancel_days_not_negative"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[Translated]
    description: Mapped[Translated]
    cost_points: Mapped[int]
    template_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"))
    stock_left: Mapped[int | None]
    per_member_limit: Mapped[int | None]
    """So many may one member have; a cancelled exchange does not count."""
    tier_codes: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default=list, server_default=text("'{}'")
    )
    """Whom it is for; empty means everybody."""
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    cancel_days: Mapped[int] = mapped_column(
        default=USUAL_CANCEL_DAYS, server_default=text(str(USUAL_CANCEL_DAYS))
    )
    """An unused reward may be given back through the Taipei day so many days after; 0: never."""
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())

    template: Mapped[CouponTemplate] = relationship(lazy="joined", innerjoin=True)

    def is_offered(self, now: datetime) -> bool:
        """Tell whether it can be asked for at `now`, sold out or not."""
        return (
            self.is_active
            and (self.starts_at is None or self.starts_at <= now)
            and (self.ends_at is None or now < self.ends_at)
        )


class RewardExchange(Base):
    """One exchange: the points taken and the coupon given. Cancelling sets `cancelled_at`."""

    __tablename__ = "reward_exchange"
    __table_args__ = (
        CheckConstraint("cost_points > 0", name="costs_points"),
        Index(None, "member_id", "reward_id"),
    )

    id: Mapped[Identifier]
    reward_id: Mapped[int] = mapped_column(ForeignKey("reward.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    coupon_id: Mapped[int] = mapped_column(ForeignKey("coupon.id"), unique=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("points_entry.id"))
    cost_points: Mapped[int]
    exchanged_at: Mapped[Moment]
    cancelled_at: Mapped[datetime | None]
    idempotency_key: Mapped[str] = mapped_column(unique=True)

    reward: Mapped[Reward] = relationship(lazy="joined", innerjoin=True)
    coupon: Mapped[Coupon] = relationship()

    def cancellable_until(self) -> datetime:
        """Return the first moment at which it can no longer be cancelled."""
        if self.reward.cancel_days == 0:
            return self.exchanged_at
        return day_start(local_day(self.exchanged_at) + timedelta(days=self.reward.cancel_days + 1))

    def is_cancellable(self, now: datetime) -> bool:
        """Tell whether the member may still give it back."""
        return (
            self.cancelled_at is None
            and now < self.cancellable_until()
            and self.coupon.state == "issued"
            and now < self.coupon.expires_at
        )


class RewardNotOffered(BusinessError):
    """Unknown, switched off, not yet or no longer offered, or not to this tier."""

    code = "reward_not_offered"


class RewardSoldOut(BusinessError):
    """None is left."""

    code = "reward_sold_out"


class RewardLimitReached(BusinessError):
    """The member has had as many of this reward as one may have."""

    code = "reward_limit_reached"


class ExchangeNotCancellable(BusinessError):
    """The exchange is another's, cancelled before, too old, or its coupon was used."""

    code = "exchange_not_cancellable"


@dataclass(frozen=True)
class Offer:
    """A reward as one member sees it."""

    reward: Reward
    missing_points: int
    """0 where the member's points are enough."""
    is_sold_out: bool
    is_enough: bool
    """Whether the member has had as many as one may have."""

    @property
    def is_open(self) -> bool:
        """Tell whether the member can exchange it now."""
        return self.missing_points == 0 and not self.is_sold_out and not self.is_enough

    def words(self, language: str) -> dict[str, Any]:
        """Return the offer as plain facts for a card."""
        reward = self.reward
        return {
            "id": str(reward.id),
            "name": in_language(reward.name, language),
            "description": in_language(reward.description, language),
            "value_text": in_language(reward.template.headline, language),
            "cost_points": reward.cost_points,
            "missing_points": self.missing_points,
            "stock_left": reward.stock_left,
            "is_sold_out": self.is_sold_out,
            "is_enough": self.is_enough,
            "cancel_days": reward.cancel_days,
        }


def list_offers(session: Session, member: Member, now: datetime) -> list[Offer]:
    """Return the rewards offered to this member at `now`, the cheapest first; one query."""
    had = (
        select(func.count())
        .where(
            RewardExchange.reward_id == Reward.id,
            RewardExchange.member_id == member.id,
            RewardExchange.cancelled_at.is_(None),
        )
        .correlate(Reward)
        .scalar_subquery()
    )
    tier_code = select(Tier.code).where(Tier.id == member.tier_id).scalar_subquery()
    rows = session.execute(
        select(Reward, had)
        .where(
            Reward.is_active,
            or_(Reward.starts_at.is_(None), Reward.starts_at <= now),
            or_(Reward.ends_at.is_(None), Reward.ends_at > now),
            or_(Reward.tier_codes == [], tier_code == any_(Reward.tier_codes)),
        )
        .order_by(Reward.cost_points, Reward.id)
        .limit(MOST_SHOWN)
        .execution_options(populate_existing=True)
    )
    return [_offer(reward, member, count) for reward, count in rows]


def get_offer(session: Session, member: Member, reward_id: int, now: datetime) -> Offer:
    """Return one reward as this member sees it. Raises RewardNotOffered."""
    reward = session.get(Reward, reward_id, populate_existing=True)
    if reward is None or not reward.is_offered(now):
        raise RewardNotOffered
    if reward.tier_codes:
        tier_code = session.scalars(select(Tier.code).where(Tier.id == member.tier_id)).one()
        if tier_code not in reward.tier_codes:
            raise RewardNotOffered
    return _offer(reward, member, count_exchanges(session, member.id, reward.id))


def _offer(reward: Reward, member: Member, had: int) -> Offer:
    return Offer(
        reward,
        missing_points=max(0, reward.cost_points - member.points),
        is_sold_out=reward.stock_left == 0,
        is_enough=reward.per_member_limit is not None and had >= reward.per_member_limit,
    )


def count_exchanges(session: Session, member_id: int, reward_id: int) -> int:
    """Return how many of a reward a member has had and kept."""
    return session.scalars(
        select(func.count())
        .select_from(RewardExchange)
        .where(
            RewardExchange.member_id == member_id,
            RewardExchange.reward_id == reward_id,
            RewardExchange.cancelled_at.is_(None),
        )
    ).one()


def exchange_reward(
    session: Session, member: Member, reward_id: int, *, idempotency_key: str, now: datetime
) -> RewardExchange:
    """Take the points, take one of the stock and give the coupon, all three or none.

    A key seen before returns its first exchange. Raises RewardNotOffered, RewardSoldOut,
    RewardLimitReached, InsufficientPoints, CardFrozen, what the coupon's template refuses, or
    IdempotencyKeyReused; a refusal leaves nothing behind, even where the caller goes on.
    """
    session.flush()
    session.refresh(member, with_for_update=True)
    first = find_exchange(session, idempotency_key)
    if first is not None:
        if (first.member_id, first.reward_id) != (member.id, reward_id):
            raise IdempotencyKeyReused
        return first
    refuse_if_frozen(member)
    offer = get_offer(session, member, reward_id, now)
    if offer.is_enough:
        raise RewardLimitReached(limit=offer.reward.per_member_limit)
    if offer.missing_points:
        raise InsufficientPoints(balance=member.points, needed=offer.reward.cost_points)
    with session.begin_nested():
        return _exchange(session, member, offer.reward, idempotency_key, now)


def _exchange(
    session: Session, member: Member, reward: Reward, key: str, now: datetime
) -> RewardExchange:
    if not _take_piece(session, reward.id):
        raise RewardSoldOut
    entry = post_points(
        session,
        member,
        -reward.cost_points,
        reason="reward",
        idempotency_key=f"reward:{key}",
        now=now,
    )
    coupon = issue_coupon(session, member.id, reward.template, issue_key=f"reward:{key}", now=now)
    assert coupon is not None, "the key is the exchange's, which is new"
    exchange = RewardExchange(
        reward_id=reward.id,
        member_id=member.id,
        coupon_id=coupon.id,
        entry_id=entry.id,
        cost_points=reward.cost_points,
        exchanged_at=now,
        idempotency_key=key,
    )
    session.add(exchange)
    session.flush()
    return exchange


def _take_piece(session: Session, reward_id: int) -> bool:
    taken = session.execute(
        update(Reward)
        .where(Reward.id == reward_id, or_(Reward.stock_left.is_(None), Reward.stock_left > 0))
        .values(stock_left=Reward.stock_left - 1)
        .returning(Reward.id)
        .execution_options(synchronize_session=False)
    )
    return taken.one_or_none() is not None


def find_exchange(session: Session, idempotency_key: str) -> RewardExchange | None:
    """Return the exchange made under this key, or None."""
    return find_made(session, RewardExchange, idempotency_key)


def cancel_exchange(
    session: Session,
    member: Member,
    exchange_id: int,
    *,
    now: datetime,
    staff_id: int | None = None,
) -> RewardExchange:
    """Give points and stock back for an unused reward; points keep the days they had.

    Raises ExchangeNotCancellable, and CardFrozen unless one of the staff asks.
    """
    session.flush()
    session.refresh(member, with_for_update=True)
    exchange = session.get(RewardExchange, exchange_id, populate_existing=True)
    if exchange is None or exchange.member_id != member.id:
        raise ExchangeNotCancellable(why="unknown")
    if staff_id is None:
        refuse_if_frozen(member)
    session.refresh(exchange.coupon, with_for_update={"of": Coupon})
    if not exchange.is_cancellable(now):
        raise ExchangeNotCancellable(why=_why_not(exchange))
    exchange.cancelled_at = now
    ref = f"exchange:{exchange.id}"
    void_coupon(session, exchange.coupon, cause="cancel", now=now, staff_id=staff_id, ref=ref)
    session.execute(
        update(Reward)
        .where(Reward.id == exchange.reward_id)
        .values(stock_left=Reward.stock_left + 1)
        .execution_options(synchronize_session=False)
    )
    give_back(
        session,
        member,
        session.get_one(PointsEntry, exchange.entry_id),
        exchange.cost_points,
        reason="reversal",
        idempotency_key=f"reward:cancel:{exchange.id}",
        now=now,
        staff_id=staff_id,
    )
    session.flush()
    return exchange


def _why_not(exchange: RewardExchange) -> str:
    if exchange.cancelled_at is not None:
        return "cancelled"
    return "used" if exchange.coupon.state == "redeemed" else "over"


def list_rewards(session: Session) -> Sequence[Reward]:
    """Return all rewards, the cheapest first."""
    return session.scalars(select(Reward).order_by(Reward.cost_points, Reward.id)).all()


def get_reward(session: Session, code: str) -> Reward:
    """Return the reward with this code. Raises RewardNotOffered."""
    reward = session.scalars(select(Reward).where(Reward.code == code)).one_or_none()
    if reward is None:
        raise RewardNotOffered
    return reward
