"""Stamp cards and paid membership in the chat, from the first look to asking again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.postback import Action
from models.benefit import add_benefit
from models.member import Member
from models.plan import (
    Plan,
    RenewalRequest,
    add_plan,
    decide_reapplication,
    revoke_plan,
    sell_plan,
)
from models.staff import Staff
from models.stamp_card import EarnedStamps, StampBonus, add_stamp_programme, post_stamps
from tests.conftest import NOON, Clock
from tests.handlers.line.conftest import Chat

MakeStaff = Callable[..., Staff]


@pytest.fixture
def plan(session: Session) -> Plan:
    """Return a monthly plan with benefits."""
    made = add_plan(session, code="m", name={"zh-TW": "月月茶"}, period="monthly", fee_twd=99)
    add_benefit(session, "free_shipping", {"from_twd": 300}, plan_code="m")
    add_benefit(session, "monthly_coupon", {"template": "welcome"}, plan_code="m")
    session.commit()
    return made


def pay(session: Session, member: Member, plan: Plan) -> None:
    """Pay the plan at the counter."""
    sell_plan(
        session,
        member.id,
        plan,
        method="counter",
        staff=None,
        idempotency_key=str(uuid4()),
        now=NOON,
    )
    session.commit()


def test_a_member_without_a_plan_sees_what_is_sold_and_how_to_pay(
    member_chat: Chat, session: Session, plan: Plan
) -> None:
    """A-01, A-03: from 付費會員 to the code that the counter scans."""
    offered = member_chat.say("付費會員")
    assert "月月茶" in offered.words
    assert "滿 NT$300 免運費" in offered.words
    asked = member_chat.tap_again(offered.tap_of(Action.REQUEST_PLAN))
    request = session.scalars(select(RenewalRequest)).one()
    assert f"PLAN:{request.code}" in str(asked.messages)
    assert request.code[:4] in asked.words
    assert "2026/12/22" in asked.words


def test_a_member_with_a_plan_sees_until_when_and_may_renew_or_say_no(
    member_chat: Chat, session: Session, plan: Plan
) -> None:
    """A-03, A-04: renew and cancel from the chat; it stays good until its end."""
    pay(session, member_chat.a_member(), plan)
    page = member_chat.tap(Action.SHOW_PLANS)
    assert "有效至 2026/12/22" in page.words
    assert "2027/01/22" in member_chat.tap_again(page.tap_of(Action.REQUEST_PLAN)).words
    question = member_chat.tap_again(page.tap_of(Action.CANCEL_PLAN))
    done = member_chat.tap_again(question.tap_of(Action.CONFIRM_CANCEL_PLAN))
    assert "2026/12/22" in done.words
    again = member_chat.tap(Action.SHOW_PLANS)
    assert "到期後不再續約" in again.words
    assert not again.has(Action.CANCEL_PLAN)


def test_after_the_last_second_the_plans_are_offered_again(
    member_chat: Chat, session: Session, plan: Plan, clock: Clock
) -> None:
    """A-01: the page knows the second of the end."""
    member = member_chat.a_member()
    pay(session, member, plan)
    ends_at = member_chat.a_member().plan_until
    assert ends_at is not None
    clock.now = ends_at - timedelta(seconds=1)
    assert "有效至" in member_chat.tap(Action.SHOW_PLANS).words
    clock.now = ends_at
    assert "加入這個方案" in member_chat.tap(Action.SHOW_PLANS).words
    for action in (Action.CANCEL_PLAN, Action.CONFIRM_CANCEL_PLAN, Action.REAPPLY_PLAN):
        assert "加入這個方案" in member_chat.tap(action).words


def test_a_revoked_member_asks_again_and_waits(
    member_chat: Chat, session: Session, plan: Plan, make_staff: MakeStaff
) -> None:
    """A-04: re-application from the chat."""
    member, manager = member_chat.a_member(), make_staff("manager")
    pay(session, member, plan)
    revoke_plan(session, member.id, staff=manager, reason="轉賣", now=NOON)
    session.commit()
    page = member_chat.tap(Action.SHOW_PLANS)
    assert "已停止" in page.words
    assert "先重新申請" in member_chat.tap(Action.REQUEST_PLAN, plan="m").words
    assert "已收到" in member_chat.tap_again(page.tap_of(Action.REAPPLY_PLAN)).words
    assert not member_chat.tap(Action.SHOW_PLANS).has(Action.REAPPLY_PLAN)
    decide_reapplication(
        session, member.id, is_admitted=True, staff=manager, reason="談過", now=NOON
    )
    session.commit()
    assert "加入這個方案" in member_chat.tap(Action.SHOW_PLANS).words


def test_old_cards_are_answered_by_what_is_sold_now(
    member_chat: Chat, session: Session, plan: Plan
) -> None:
    assert "沒有販售" in member_chat.tap(Action.REQUEST_PLAN, plan="gone").words
    other = add_plan(session, code="y", name={"zh-TW": "年年茶"}, period="yearly", fee_twd=990)
    pay(session, member_chat.a_member(), plan)
    assert "2026/12/22" in member_chat.tap(Action.REQUEST_PLAN, plan=other.code).words


def test_a_shop_without_plans_says_so(member_chat: Chat) -> None:
    assert "沒有付費會員方案" in member_chat.tap(Action.SHOW_PLANS).words


def test_all_stamp_cards_are_shown_with_their_rules(member_chat: Chat, session: Session) -> None:
    """A-01: every card with stamps, end, reward and rule in words."""
    card = add_stamp_programme(
        session,
        code="milk",
        name={"zh-TW": "鮮奶茶控"},
        size=8,
        reward_code="stamp_reward",
        per_twd=150,
        card_days=60,
        bonuses=[
            StampBonus("weekday", 1, weekdays=(3,)),
            StampBonus("category", 2, category="鮮奶茶"),
            StampBonus("first_visit", 3),
            StampBonus("window", 1, starts_on=NOON.date()),
        ],
    )
    post_stamps(
        session,
        member_chat.a_member().id,
        (EarnedStamps(card, 3),),
        reason="import",
        idempotency_key="x",
        now=NOON,
    )
    session.commit()
    shown = member_chat.tap(Action.SHOW_STAMPS)
    for words in (
        "茶香集點卡",
        "單筆滿 NT$50 集 1 格",
        "3 / 8 格",
        "每滿 NT$150 集 1 格",
        "週三 多集 1 格",
        "點鮮奶茶 多集 2 格",
        "首次消費 多集 3 格",
        "活動期間 多集 1 格（2026/11/22 起）",
        "這張集點卡有效至 2027/01/20",
    ):
        assert words in shown.words
