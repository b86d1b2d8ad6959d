"""Rewards: points, stock and coupon move together, once, or not at all."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.coupon import Coupon, CouponSoldOut, trace_coupon
from models.fraud.freezing import CardFrozen
from models.local_day import day_start
from models.member import Member
from models.points import IdempotencyKeyReused, InsufficientPoints, PointsEntry
from models.reward import (
    ExchangeNotCancellable,
    Offer,
    Reward,
    RewardExchange,
    RewardLimitReached,
    RewardNotOffered,
    RewardSoldOut,
    cancel_exchange,
    exchange_reward,
    get_offer,
    get_reward,
    list_offers,
    list_rewards,
)
from tests.conftest import NOON, Committed
from tests.models.coupon_maker import WORDS, at_once, make_template

MakeMember = Callable[..., Member]
TODAY = date(2026, 11, 22)


def make_reward(session: Session, code: str = "tea", **told: object) -> Reward:
    template = told.pop("template", None) or make_template(session, kind="gift", value=0)
    row: dict[str, object] = {
        "code": code,
        "name": WORDS,
        "description": WORDS,
        "cost_points": 50,
        "template_id": template.id,  # type: ignore[attr-defined]
    }
    reward = Reward(**row | told)
    session.add(reward)
    session.flush()
    return reward


def exchange(
    session: Session, member: Member, reward: Reward, key: str = "tap", now: datetime = NOON
) -> RewardExchange:
    return exchange_reward(session, member, reward.id, idempotency_key=key, now=now)


def offers(session: Session, member: Member, now: datetime = NOON) -> list[str]:
    return [offer.reward.code for offer in list_offers(session, member, now)]


def left(session: Session, reward: Reward) -> int | None:
    session.refresh(reward)
    return reward.stock_left


# --- offered ---


def test_a_member_sees_what_is_offered_and_what_is_missing(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(points=60)
    dear = make_reward(session, "dear", cost_points=100, stock_left=3)
    make_reward(session, "cheap")
    make_reward(session, "off", is_active=False)
    make_reward(session, "gold", tier_codes=["gold", "black"])
    make_reward(session, "later", starts_at=NOON + timedelta(days=1))
    make_reward(session, "over", ends_at=NOON)
    cheap, costly = list_offers(session, member, NOON)
    assert (cheap.reward.code, cheap.missing_points, cheap.is_open) == ("cheap", 0, True)
    assert (costly.reward, costly.missing_points, costly.is_open) == (dear, 40, False)
    words = costly.words("zh-TW")
    assert (words["cost_points"], words["missing_points"], words["stock_left"]) == (100, 40, 3)
    assert offers(session, make_member(tier="gold")) == ["cheap", "gold", "dear"]
    assert [reward.code for reward in list_rewards(session)][-1] == "dear"
    assert get_reward(session, "dear") is dear
    with pytest.raises(RewardNotOffered):
        get_reward(session, "nothing")


def test_one_reward_is_looked_at_alone(session: Session, make_member: MakeMember) -> None:
    member = make_member(tier="gold", points=50)
    gold = make_reward(session, "gold", tier_codes=["gold"], per_member_limit=1)
    assert get_offer(session, member, gold.id, NOON).is_open
    exchange(session, member, gold)
    assert get_offer(session, member, gold.id, NOON).is_enough
    with pytest.raises(RewardNotOffered):
        get_offer(session, make_member(), gold.id, NOON)
    with pytest.raises(RewardNotOffered):
        get_offer(session, member, 0, NOON)


# --- exchanged ---


def test_points_stock_and_coupon_move_together(session: Session, make_member: MakeMember) -> None:
    member, reward = make_member(points=80), make_reward(session, stock_left=3)
    done = exchange(session, member, reward)
    assert (member.points, left(session, reward)) == (30, 2)
    coupon = session.get_one(Coupon, done.coupon_id)
    assert (coupon.member_id, coupon.state) == (member.id, "issued")
    assert coupon.template_id == reward.template_id
    entry = session.get_one(PointsEntry, done.entry_id)
    assert (entry.points, entry.reason) == (-50, "reward")


def test_two_taps_are_one_exchange(session: Session, make_member: MakeMember) -> None:
    member, reward = make_member(points=500), make_reward(session)
    assert exchange(session, member, reward) is exchange(session, member, reward)
    assert member.points == 450
    with pytest.raises(IdempotencyKeyReused):
        exchange(session, member, make_reward(session, "other"))
    with pytest.raises(IdempotencyKeyReused):
        exchange(session, make_member(points=500), reward)


def refused_rewards(session: Session, member: Member) -> list[tuple[Reward, type[BusinessError]]]:
    """Return rewards the member, with 60 points, is refused, and how."""
    limited = make_reward(session, "limited", cost_points=1, per_member_limit=1)
    exchange(session, member, limited, "first")
    sold_out = make_template(session, kind="gift", value=0, stock_left=0)
    return [
        (make_reward(session, "dear", cost_points=60), InsufficientPoints),
        (make_reward(session, "none", stock_left=0), RewardSoldOut),
        (make_reward(session, "over", ends_at=NOON), RewardNotOffered),
        (make_reward(session, "gold", tier_codes=["gold"]), RewardNotOffered),
        (make_reward(session, "template", template=sold_out, stock_left=5), CouponSoldOut),
        (limited, RewardLimitReached),
    ]


def test_a_refusal_leaves_nothing_behind_even_where_the_caller_goes_on(
    session: Session, make_member: MakeMember
) -> None:
    """U11: a reward is one member's, at most as often as they may have it."""
    member = make_member(points=60)
    for reward, refusal in refused_rewards(session, member):
        before = left(session, reward)
        with pytest.raises(refusal):
            exchange(session, member, reward)
        session.refresh(member)
        assert (member.points, left(session, reward)) == (59, before)
    assert session.scalar(select(func.count()).select_from(Coupon)) == 1


def test_a_frozen_card_exchanges_nothing(session: Session, make_member: MakeMember) -> None:
    member, reward = make_member(points=60), make_reward(session)
    done = exchange(session, member, reward)
    member.frozen_at, member.frozen_reason = NOON, "not_me"
    with pytest.raises(CardFrozen):
        exchange(session, member, reward, "again")
    with pytest.raises(CardFrozen):
        cancel_exchange(session, member, done.id, now=NOON)


# --- given back ---


def test_an_unused_reward_can_be_given_back(session: Session, make_member: MakeMember) -> None:
    """C-11: refundable. Points keep the days they had."""
    ends = TODAY + timedelta(days=20)
    member = make_member(points=80, points_expire_on=ends)
    template = make_template(session, kind="gift", value=0, stock_left=1)
    reward = make_reward(session, stock_left=1, template=template, per_member_limit=1)
    done = exchange(session, member, reward)
    cancel_exchange(session, member, done.id, now=NOON + timedelta(days=7))
    session.refresh(template)
    assert (member.points, left(session, reward), template.stock_left) == (80, 1, 1)
    coupon = session.get_one(Coupon, done.coupon_id)
    assert [event.cause for event in trace_coupon(session, coupon.id)] == ["issue", "cancel"]
    assert exchange(session, member, reward, "again").id != done.id


def test_what_was_used_is_old_or_is_anothers_is_not_given_back(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(points=300)
    used, old, gone = (exchange(session, member, make_reward(session, key), key) for key in "abc")
    final = exchange(session, member, make_reward(session, "d", cancel_days=0), "d")
    session.get_one(Coupon, used.coupon_id).move("redeemed", "alone", NOON)
    cancel_exchange(session, member, gone.id, now=NOON)
    too_late = day_start(TODAY + timedelta(days=8))
    for done, now, why in (
        (used, NOON, "used"),
        (old, too_late, "over"),
        (gone, NOON, "cancelled"),
        (final, NOON, "over"),
    ):
        assert not done.is_cancellable(now)
        with pytest.raises(ExchangeNotCancellable) as refusal:
            cancel_exchange(session, member, done.id, now=now)
        assert refusal.value.facts == {"why": why}
    for stranger, exchange_id in ((make_member(), old.id), (member, 0)):
        with pytest.raises(ExchangeNotCancellable):
            cancel_exchange(session, stranger, exchange_id, now=NOON)


def test_an_offer_tells_whether_it_is_open() -> None:
    reward = Reward(cost_points=5)
    assert Offer(reward, 0, is_sold_out=False, is_enough=False).is_open
    assert not Offer(reward, 1, is_sold_out=False, is_enough=False).is_open
    assert not Offer(reward, 0, is_sold_out=True, is_enough=False).is_open
    assert not Offer(reward, 0, is_sold_out=False, is_enough=True).is_open


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"cost_points": 0}, "costs_points"),
        ({"stock_left": -1}, "stock_not_negative"),
        ({"per_member_limit": 0}, "limit_positive"),
        ({"cancel_days": -1}, "cancel_days_not_negative"),
        ({"starts_at": NOON, "ends_at": NOON}, "lives"),
    ],
)
def test_the_database_refuses_a_reward_that_makes_no_sense(
    session: Session, wrong: dict[str, object], rule: str
) -> None:
    with pytest.raises(IntegrityError, match=rule):
        make_reward(session, "tea", **wrong)


# --- races ---


def test_ten_rewards_and_fifty_who_ask_at_once_are_ten_exchanges(committed: Committed) -> None:
    """U9: nobody pays for what is gone."""
    with committed.sessions.begin() as session:
        reward_id = make_reward(session, stock_left=10).id
        members = [committed.maker.member(session, points=50).id for _ in range(50)]

    def ask(member_id: int) -> bool:
        with committed.sessions.begin() as session:
            member = session.get_one(Member, member_id)
            try:
                exchange_reward(
                    session, member, reward_id, idempotency_key=f"tap:{member_id}", now=NOON
                )
            except RewardSoldOut:
                return False
            return True

    assert sum(at_once(members, ask)) == 10
    with committed.sessions() as session:
        assert session.get_one(Reward, reward_id).stock_left == 0
        assert session.scalar(select(func.count()).select_from(RewardExchange)) == 10
        assert session.scalar(select(func.sum(Member.points))) == 40 * 50


def test_one_card_tapped_twenty_times_at_once_is_one_exchange(committed: Committed) -> None:
    """U9."""
    with committed.sessions.begin() as session:
        reward_id = make_reward(session, stock_left=10).id
        member_id = committed.maker.member(session, points=500).id

    def tap(_: int) -> int:
        with committed.sessions.begin() as session:
            member = session.get_one(Member, member_id)
            return exchange_reward(session, member, reward_id, idempotency_key="card", now=NOON).id

    assert len(set(at_once(range(20), tap))) == 1
    with committed.sessions() as session:
        assert session.get_one(Member, member_id).points == 450
