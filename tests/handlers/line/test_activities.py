"""Invitations, missions, lotteries and reviews as a member meets them in the chat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.postback import Action
from models.activity import (
    ActivityRule,
    Badge,
    Community,
    Lottery,
    LotteryPrize,
    Mission,
    ReferralRule,
    note_rule_change,
)
from models.badge import MemberBadge
from models.base import Sessions
from models.lottery import Draw, add_lottery, add_prize, add_ticket
from models.member import Member
from models.mission import add_mission
from models.referral import Referral, find_invitation, referral_code_of
from models.review import APPROVED, Review, moderate, set_activity_rule, set_community
from tests.conftest import NOON, Clock
from tests.handlers.line.conftest import Chat, MakeChat
from tests.models.shopping import buy

MakeMember = Callable[..., Member]


@pytest.fixture
def regular(session: Session, make_member: MakeMember, make_chat: MakeChat) -> Chat:
    """Return the chat of a member of some time."""
    member = make_member(points=50, name="王小明")
    session.commit()
    assert member.line_user_id is not None
    return make_chat(user_id=member.line_user_id)


def open_referrals(sessions: Sessions, **changed: Any) -> None:
    row: dict[str, Any] = {
        "min_spend_twd": 100,
        "wait_days": 7,
        "monthly_cap": 5,
        "referrer_reward": {"points": 30},
        "friend_reward": {"points": 20, "coupon": "welcome"},
    }
    with sessions.begin() as session:
        session.merge(ReferralRule(id=1, **row | changed))
        note_rule_change(session)


def add_a_mission(sessions: Sessions, **changed: Any) -> None:
    row: dict[str, Any] = {
        "code": "cups",
        "name": {"zh-TW": "本週喝三杯"},
        "kind": "count",
        "event": "purchase",
        "goal": 3,
        "starts_at": NOON,
        "reward": {"points": 10},
    }
    with sessions.begin() as session:
        add_mission(session, Mission(**row | changed))


def add_a_lottery(sessions: Sessions, odds_ppm: int = 1_000_000, **changed: Any) -> int:
    row: dict[str, Any] = {
        "code": "summer",
        "name": {"zh-TW": "夏日抽獎"},
        "starts_at": NOON,
        "ends_at": NOON + timedelta(days=9),
    }
    with sessions.begin() as session:
        lottery = add_lottery(session, Lottery(**row | changed))
        prize = LotteryPrize(
            name={"zh-TW": "五十點"}, odds_ppm=odds_ppm, stock=2, reward={"points": 50}
        )
        add_prize(session, lottery, prize)
        return lottery.id


def code_of(sessions: Sessions, chat: Chat) -> str:
    with sessions.begin() as session:
        return referral_code_of(session, session.get_one(Member, chat.a_member().id))


# --- invitations


def test_a_member_is_shown_a_code_to_share(regular: Chat, sessions: Sessions) -> None:
    """B-20: code, link, QR code and a share message in the chat."""
    open_referrals(sessions)

    answer = regular.tap(Action.SHOW_REFERRAL)

    code = regular.a_member().referral_code
    assert code is not None
    assert code in answer.words
    drawn = str(answer.messages)
    assert f"https://shop.example/i/{code}/qr.png" in drawn
    share = next(part for part in drawn.split("'") if part.startswith("https://line.me/R/share"))
    text = parse_qs(urlsplit(share).query)["text"][0]
    assert code in text
    assert f"https://shop.example/i/{code}" in text


def test_without_a_programme_no_code_is_drawn(regular: Chat) -> None:
    assert "目前沒有推薦好友的活動" in regular.tap(Action.SHOW_REFERRAL).words
    assert regular.a_member().referral_code is None


def test_a_friend_joins_by_the_link(regular: Chat, sessions: Sessions, make_chat: MakeChat) -> None:
    """B-20: the link's words carry the code through the joining."""
    open_referrals(sessions)
    code, friend = code_of(sessions, regular), make_chat()
    friend.follow()
    friend.say(f"加入會員 #REF-{code}")
    joined = friend.join()

    assert "推薦碼已登記" in joined.words
    assert friend.a_member().join_source == f"ref:{code}"
    with sessions() as session:
        found = find_invitation(session, friend.a_member().id)
        assert found is not None
        assert found.referrer_id == regular.a_member().id
    assert "林○晴" in regular.tap(Action.SHOW_REFERRAL).words


def test_a_friend_types_the_code_before_or_after_joining(
    regular: Chat, sessions: Sessions, make_chat: MakeChat
) -> None:
    """B-20: 推薦碼 XXXX, by a guest or by who has just joined."""
    open_referrals(sessions)
    code = code_of(sessions, regular)
    before, after = make_chat(), make_chat()
    before.follow()
    before.say(f"推薦碼：{code.lower()}")
    assert "推薦碼已登記" in before.join().words
    after.follow()
    assert "推薦碼" not in after.join().words
    assert "推薦碼已登記" in after.say(f"推薦碼 {code}").words

    with sessions() as session:
        assert len(session.scalars(select(Referral)).all()) == 2


def test_a_code_that_cannot_be_used_is_explained(
    regular: Chat, sessions: Sessions, make_chat: MakeChat
) -> None:
    open_referrals(sessions)
    own = code_of(sessions, regular)
    assert "您自己的推薦碼" in regular.say(f"推薦碼 {own}").words
    assert "找不到這個推薦碼" in regular.say("推薦碼 ABCD2345").words
    friend = make_chat()
    friend.follow()
    friend.say("加入會員 #REF-ABCD2345")
    joined = friend.join()
    assert "找不到這個推薦碼" in joined.words
    assert joined.has(Action.SHOW_POINTS)


# --- missions


def test_missions_show_progress_and_reward(
    regular: Chat, sessions: Sessions, session: Session
) -> None:
    """B-19, A-14: a carousel with progress and what is won."""
    add_a_mission(sessions)
    add_a_mission(sessions, code="weeks", kind="streak", period="week", goal=4, rounds=99, place=1)
    add_a_mission(
        sessions, code="stores", kind="set", event="visit_store", goal=3, place=2, rounds=2
    )
    assert "0 / 3 次" in regular.tap(Action.SHOW_MISSIONS).words
    buy(session, session.get_one(Member, regular.a_member().id))
    session.commit()

    words = regular.say("任務").words

    assert "1 / 3 次" in words
    assert "連續 1 / 4 週" in words
    assert "1 / 3 家門市" in words
    assert "10 點" in words


def test_a_check_in_is_one_a_day(regular: Chat, sessions: Sessions, clock: Clock) -> None:
    """U10, B-19: 每日簽到 by a tap, once a Taipei day."""
    assert "目前沒有簽到活動" in regular.tap(Action.CHECK_IN).words
    assert "目前沒有進行中的任務" in regular.tap(Action.SHOW_MISSIONS).words
    add_a_mission(
        sessions, event="checkin", kind="streak", period="day", goal=7, name={"zh-TW": "連簽"}
    )
    assert regular.tap(Action.SHOW_MISSIONS).has(Action.CHECK_IN)

    assert "簽到完成" in regular.tap(Action.CHECK_IN).words
    assert "已經簽到過了" in regular.say("簽到").words
    assert not regular.tap(Action.SHOW_MISSIONS).has(Action.CHECK_IN)
    clock.advance(days=1)
    assert "連續 2 / 7 天" in regular.tap(Action.CHECK_IN).words


def test_badges_show_what_is_won_and_what_is_left(regular: Chat, sessions: Sessions) -> None:
    """A-14: badges on a card."""
    assert "目前還沒有徽章" in regular.tap(Action.SHOW_BADGES).words
    with sessions.begin() as session:
        for code, name in (("early", "早鳥"), ("walker", "走透透")):
            session.add(Badge(code=code, name={"zh-TW": name}, sign="🐦"))
        session.flush()
        session.add(
            MemberBadge(
                member_id=regular.a_member().id, badge_code="walker", give_key="t", given_at=NOON
            )
        )

    words = regular.tap(Action.SHOW_BADGES).words

    assert "已收集 1 / 2 枚" in words
    assert words.index("走透透") < words.index("早鳥")


# --- lotteries


def test_odds_and_stock_are_told_before_anybody_draws(regular: Chat, sessions: Sessions) -> None:
    """E-07: fair trade: odds, stock and what happens when a prize is gone, in the chat."""
    assert "目前沒有抽獎活動" in regular.tap(Action.SHOW_LOTTERY).words
    add_a_lottery(sessions, 12_500, consolation={"points": 1}, purchase_twd=200)

    words = regular.tap(Action.SHOW_LOTTERY).words

    for told in ("1.25%", "98.75%", "2／2", "改送1 點", "NT$200"):
        assert told in words


def test_a_double_tap_is_one_draw(regular: Chat, sessions: Sessions) -> None:
    """E-07: one draw a ticket, and the second tap shows it again."""
    lottery_id = add_a_lottery(sessions)
    with sessions.begin() as session:
        for number in range(2):
            add_ticket(
                session,
                session.get_one(Lottery, lottery_id),
                regular.a_member().id,
                key=f"t:{number}",
                now=NOON,
            )
    tap = regular.tap(Action.SHOW_LOTTERY).tap_of(Action.DRAW_LOTTERY)

    first, second = regular.tap_again(tap), regular.tap_again(tap)

    assert "恭喜抽中五十點" in first.words
    assert "恭喜抽中五十點" in second.words
    assert regular.a_member().points == 100
    with sessions() as session:
        assert len(session.scalars(select(Draw)).all()) == 1
    assert "恭喜" in regular.tap_again(first.tap_of(Action.DRAW_LOTTERY)).words


def test_points_buy_a_ticket_once_a_button(regular: Chat, sessions: Sessions) -> None:
    add_a_lottery(sessions, ticket_points=30, ticket_day_cap=1)
    tap = regular.tap(Action.SHOW_LOTTERY).tap_of(Action.BUY_TICKET)

    answers = [regular.tap_again(tap) for _ in range(2)]

    assert all("1 張" in answer.words for answer in answers)
    assert regular.a_member().points == 20
    fresh = answers[1].tap_of(Action.BUY_TICKET)
    assert "今天最多換 1 張" in regular.tap_again(fresh).words


@pytest.mark.parametrize("ticket", ["", "x", "-1", "9" * 40])
def test_a_ticket_of_nobody_is_refused(regular: Chat, ticket: str) -> None:
    assert "不能使用" in regular.tap(Action.DRAW_LOTTERY, ticket=ticket).words
    assert "已經結束" in regular.tap(Action.BUY_TICKET, lottery=ticket, key="").words


# --- reviews


def test_a_member_rates_a_purchase_and_adds_a_sentence(
    regular: Chat, sessions: Sessions, session: Session
) -> None:
    """E-12: rate 1 to 5 by a tap, write a sentence, engagement points, the wall once approved."""
    assert "還沒有消費紀錄" in regular.tap(Action.SHOW_PURCHASES).words
    set_activity_rule(session, ActivityRule(code="review", points=5, day_cap=1))
    buy(session, session.get_one(Member, regular.a_member().id), 65)
    session.commit()
    shown = regular.tap(Action.SHOW_PURCHASES)
    assert "NT$65" in shown.words
    stars = [tap for tap in shown.taps if tap.action == Action.RATE_PURCHASE]
    assert [tap.fields["stars"] for tap in stars] == ["1", "2", "3", "4", "5"]

    assert "送您 5 點" in regular.tap_again(stars[3]).words
    assert "收到了" in regular.say("茶香很濃，會再來。").words

    with sessions.begin() as other:
        review = other.scalars(select(Review)).one()
        assert (review.stars, review.words) == (4, "茶香很濃，會再來。")
        assert "還沒有評論" in regular.tap(Action.SHOW_REVIEWS).words
        moderate(other, review.id, APPROVED, NOON)
    wall = regular.say("大家的評論").words
    assert "茶香很濃" in wall
    assert "王○明" in wall
    assert "不能再修改" in regular.tap_again(stars[0]).words


def test_a_sentence_too_long_is_asked_again_and_a_day_later_is_none(
    regular: Chat, session: Session, clock: Clock
) -> None:
    buy(session, session.get_one(Member, regular.a_member().id))
    session.commit()
    tap = next(t for t in regular.tap(Action.SHOW_PURCHASES).taps if t.fields.get("stars") == "5")
    regular.tap_again(tap)

    assert "縮短到 300" in regular.say("茶" * 301).words
    assert "取消" in regular.tap(Action.CANCEL).words or regular.talk() is None
    regular.tap_again(tap)
    clock.advance(hours=25)
    assert "收到了" not in regular.say("昨天很好喝").words


def test_nobody_rates_what_is_not_theirs(regular: Chat) -> None:
    assert "不能評論" in regular.tap(Action.RATE_PURCHASE, purchase="1", stars="5").words
    assert "不能評論" in regular.tap(Action.RATE_PURCHASE, purchase="x", stars="x").words


def test_the_community_opens_from_a_tier_on(
    regular: Chat,
    sessions: Sessions,
    session: Session,
    make_member: MakeMember,
    make_chat: MakeChat,
) -> None:
    """D-04: a tier-gated link to the members' community."""
    assert "還沒有會員社群" in regular.tap(Action.SHOW_COMMUNITY).words
    url = "https://line.me/ti/g2/tea"
    place = Community(id=1, name={"zh-TW": "茶友聊天室"}, url=url, min_rank=1)
    set_community(session, place)
    silver = make_member(tier="silver")
    session.commit()

    assert "銀卡會員" in regular.tap(Action.SHOW_COMMUNITY).words
    assert silver.line_user_id is not None
    assert url in str(make_chat(user_id=silver.line_user_id).tap(Action.SHOW_COMMUNITY).messages)
