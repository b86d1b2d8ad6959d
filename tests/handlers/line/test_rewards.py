"""Rewards in the chat: look, be asked, exchange once, and give back."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from bot.postback import Action
from bot.texts import LANGUAGES
from models.coupon import Coupon
from models.member import Member
from models.points import post_points
from models.reward import Reward
from tests.conftest import NOON, Clock
from tests.handlers.line.conftest import Chat
from tests.models.coupon_maker import make_template

TEXTS = {"zh-TW": "珍珠奶茶", "en": "Bubble tea", "ja": "タピオカミルクティー"}


def offer(chat: Chat, code: str = "tea", **told: object) -> int:
    """Offer a reward for 50 points, and return its id."""
    with chat.sessions.begin() as session:
        template = make_template(session, kind="gift", value=0, name=TEXTS)
        row: dict[str, object] = {"cost_points": 50, "template_id": template.id}
        reward = Reward(code=code, name=TEXTS, description=TEXTS, **row | told)
        session.add(reward)
        session.flush()
        return reward.id


def have(chat: Chat, points: int) -> None:
    """Give the member points."""
    with chat.sessions.begin() as session:
        member = session.get_one(Member, chat.a_member().id)
        key = f"have:{points}"
        post_points(session, member, points, reason="welcome", idempotency_key=key, now=NOON)


def test_one_sees_costs_and_what_is_missing(member_chat: Chat) -> None:
    have(member_chat, 60)
    cheap = offer(member_chat, stock_left=3)
    offer(member_chat, "dear", cost_points=100)
    offer(member_chat, "gone", cost_points=55, stock_left=0)
    shown = member_chat.say("兌換好禮")

    assert "只剩 3 份" in shown.words
    assert "還差 40 點" in shown.words
    assert "已兌換完畢" in shown.words
    assert shown.tap_of(Action.SHOW_REWARD).fields == {"reward": str(cheap)}


def test_without_rewards_one_hears_of_ones_points(member_chat: Chat) -> None:
    have(member_chat, 7)
    shown = member_chat.tap(Action.SHOW_REWARDS)

    assert "目前沒有可兌換的好禮" in shown.words
    assert "7 點" in shown.words


def test_two_taps_of_one_card_exchange_once(member_chat: Chat) -> None:
    have(member_chat, 120)
    offer(member_chat, stock_left=5)
    asked = member_chat.tap_again(member_chat.tap(Action.SHOW_REWARDS).tap_of(Action.SHOW_REWARD))
    confirm = asked.tap_of(Action.EXCHANGE_REWARD)

    first, second = member_chat.tap_again(confirm), member_chat.tap_again(confirm)

    assert "70 點" in asked.words
    assert "兌換成功" in first.words
    assert first.tap_of(Action.CANCEL_EXCHANGE) == second.tap_of(Action.CANCEL_EXCHANGE)
    assert member_chat.a_member().points == 70
    assert len(member_chat.coupons(member_chat.a_member().id)) == 4
    assert first.quick_replies


def test_a_card_shown_again_exchanges_again(member_chat: Chat) -> None:
    have(member_chat, 120)
    reward = offer(member_chat)
    for _ in range(2):
        asked = member_chat.tap(Action.SHOW_REWARD, reward=reward)
        member_chat.tap_again(asked.tap_of(Action.EXCHANGE_REWARD))

    assert member_chat.a_member().points == 20


def test_what_is_not_used_is_given_back_once(member_chat: Chat) -> None:
    have(member_chat, 50)
    reward = offer(member_chat)
    asked = member_chat.tap(Action.SHOW_REWARD, reward=reward)
    confirm = asked.tap_of(Action.EXCHANGE_REWARD)
    cancel = member_chat.tap_again(confirm).tap_of(Action.CANCEL_EXCHANGE)

    given_back, again = member_chat.tap_again(cancel), member_chat.tap_again(cancel)

    assert "退還 50 點" in given_back.words
    assert "不能取消" in again.words
    assert member_chat.a_member().points == 50
    assert "已經取消了" in member_chat.tap_again(confirm).words


def test_a_reward_that_cannot_be_given_back_says_so_before_and_offers_no_way(
    member_chat: Chat,
) -> None:
    have(member_chat, 50)
    reward = offer(member_chat, cancel_days=0)
    asked = member_chat.tap(Action.SHOW_REWARD, reward=reward)

    done = member_chat.tap_again(asked.tap_of(Action.EXCHANGE_REWARD))

    assert "兌換後不能取消" in asked.words
    assert not done.has(Action.CANCEL_EXCHANGE)


def test_who_has_too_few_points_is_told_and_keeps_them(member_chat: Chat) -> None:
    have(member_chat, 49)
    reward = offer(member_chat)

    assert "還差 1 點" in member_chat.tap(Action.SHOW_REWARD, reward=reward).words
    refused = member_chat.tap(Action.EXCHANGE_REWARD, reward=reward, key="k")

    assert "點數不夠" in refused.words
    assert member_chat.a_member().points == 49


def test_what_was_sold_out_meanwhile_takes_no_points(member_chat: Chat, session: Session) -> None:
    have(member_chat, 50)
    reward = offer(member_chat, stock_left=1)
    asked = member_chat.tap(Action.SHOW_REWARD, reward=reward)
    session.get_one(Reward, reward).stock_left = 0
    session.commit()

    refused = member_chat.tap_again(asked.tap_of(Action.EXCHANGE_REWARD))

    assert "換完了" in refused.words
    assert member_chat.a_member().points == 50


def test_who_has_had_enough_is_told(member_chat: Chat) -> None:
    have(member_chat, 120)
    reward = offer(member_chat, per_member_limit=1)
    member_chat.tap(Action.EXCHANGE_REWARD, reward=reward, key="one")

    assert "上限" in member_chat.tap(Action.SHOW_REWARDS).words
    assert "上限" in member_chat.tap(Action.EXCHANGE_REWARD, reward=reward, key="two").words


def test_a_frozen_card_keeps_its_points(member_chat: Chat, session: Session) -> None:
    have(member_chat, 50)
    reward = offer(member_chat)
    member = session.get_one(Member, member_chat.a_member().id)
    member.frozen_at, member.frozen_reason = NOON, "not_me"
    session.commit()

    refused = member_chat.tap(Action.EXCHANGE_REWARD, reward=reward, key="k")

    assert "凍結" in refused.words
    assert member_chat.a_member().points == 50


@pytest.mark.parametrize(
    "fields",
    [{}, {"reward": "9" * 200, "key": "k"}, {"reward": "٣", "key": "k"}, {"key": "'; --"}],
    ids=["nothing", "huge", "digits of another script", "no key"],
)
def test_a_tap_we_did_not_offer_exchanges_nothing(
    member_chat: Chat, fields: dict[str, object]
) -> None:
    have(member_chat, 50)
    offer(member_chat)

    for action in (Action.SHOW_REWARD, Action.EXCHANGE_REWARD, Action.CANCEL_EXCHANGE):
        assert member_chat.tap(action, **fields).messages
    assert member_chat.a_member().points == 50


def test_a_reward_no_longer_offered_is_refused(member_chat: Chat, clock: Clock) -> None:
    have(member_chat, 50)
    reward = offer(member_chat, ends_at=NOON)
    clock.advance(days=1)

    assert "不能兌換" in member_chat.tap(Action.SHOW_REWARD, reward=reward).words


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reward_is_shown_in_ones_language(
    member_chat: Chat, session: Session, language: str
) -> None:
    session.get_one(Member, member_chat.a_member().id).language = language
    session.commit()
    have(member_chat, 50)
    reward = offer(member_chat)

    asked = member_chat.tap(Action.SHOW_REWARD, reward=reward)
    done = member_chat.tap_again(asked.tap_of(Action.EXCHANGE_REWARD))

    assert TEXTS[language] in asked.words
    assert TEXTS[language] in done.words
    coupon = member_chat.coupons(member_chat.a_member().id)[-1]
    assert isinstance(coupon, Coupon)
