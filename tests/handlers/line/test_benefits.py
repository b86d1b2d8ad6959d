"""A member's tier in the chat: why, gifts in two taps, events, early sales, kept pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.postback import Action
from models.base import Sessions
from models.benefit import add_benefit
from models.checkout import Sale, record_purchase
from models.gathering import ContentPage, Gathering, SaleEvent, add_gathering
from models.member import Member
from models.programme import get_programme
from models.shop import find_store
from models.tier import Tier, Upgrade
from models.tier_evaluation import raise_version
from tests.conftest import NOON
from tests.handlers.line.conftest import Chat


@contextmanager
def shop(sessions: Sessions) -> Iterator[Session]:
    """Open the shop's own session, committed at its end."""
    with sessions.begin() as session:
        yield session


def said(chat: Chat, action: Action, **fields: object) -> str:
    """Tap, and return all that the answer says."""
    return chat.tap(action, **fields).words


def member_of(session: Session, chat: Chat) -> Member:
    return session.scalars(select(Member).where(Member.line_user_id == chat.user_id)).one()


def lift(sessions: Sessions, chat: Chat, twd: int = 5_000) -> None:
    with shop(sessions) as session:
        store = find_store(session, "TP01")
        assert store is not None
        member = member_of(session, chat)
        record_purchase(session, Sale(member.id, store, None, twd, f"lift:{twd}"), NOON)


def tier_id(session: Session, code: str) -> int:
    return session.scalars(select(Tier.id).where(Tier.code == code)).one()


def add(session: Session, code: str, kind: str, **terms: Any) -> None:
    add_benefit(session, kind, terms, tier_id=tier_id(session, code))
    raise_version(session)


def test_the_tier_says_why_what_keeps_and_what_lifts(member_chat: Chat, sessions: Sessions) -> None:
    """X5, E-06: 我的等級."""
    lift(sessions, member_chat, 8_000)
    words = said(member_chat, Action.SHOW_TIER)
    for expected in ("近 365 天消費 NT$8,000，門檻 NT$5,000", "再消費 NT$7,000 升級金卡會員"):
        assert expected in words


def test_a_gift_needs_no_more_than_two_taps(member_chat: Chat, sessions: Sessions) -> None:
    """E-09, C-12: the first tap claims it; again says the same."""
    with shop(sessions) as session:
        add(session, "silver", "upgrade_gift", template="win_back")
    lift(sessions, member_chat)
    assert "領取升級禮" in said(member_chat, Action.SHOW_TIER)
    assert "好久不見折價券" in said(member_chat, Action.CLAIM_UPGRADE)
    assert "好久不見折價券" in said(member_chat, Action.CLAIM_UPGRADE)
    with shop(sessions) as session:
        upgrade = session.scalars(select(Upgrade)).one()
        assert upgrade.opened_at is not None
        assert upgrade.claims == 1


def test_without_a_gift_the_benefits_are_shown(member_chat: Chat, sessions: Sessions) -> None:
    with shop(sessions) as session:
        add(session, "silver", "early_access")
        add(session, "silver", "monthly_coupon", template="win_back")
    lift(sessions, member_chat)
    words = said(member_chat, Action.CLAIM_UPGRADE)
    assert "提早 24 小時" in words
    assert "好久不見折價券" in said(member_chat, Action.CLAIM_MONTHLY)
    assert "已經領過" in said(member_chat, Action.CLAIM_MONTHLY)


def test_an_event_is_joined_and_left_in_the_chat(member_chat: Chat, sessions: Sessions) -> None:
    """C-13, A-11."""
    with shop(sessions) as session:
        event = add_gathering(
            session,
            code="tea",
            name={"zh-TW": "品茶會"},
            place={"zh-TW": "信義店"},
            starts_at=NOON + timedelta(days=9),
            capacity=1,
            min_tier=session.scalars(select(Tier).where(Tier.code == "silver")).one(),
        )
        event_id = event.id
    assert "邀請銀卡會員以上" in said(member_chat, Action.JOIN_EVENT, event=event_id)
    lift(sessions, member_chat)
    assert "報名成功" in said(member_chat, Action.JOIN_EVENT, event=event_id)
    assert "我要報名" in said(member_chat, Action.LEAVE_EVENT, event=event_id)
    assert "品茶會" in said(member_chat, Action.JOIN_EVENT, event="x")
    with shop(sessions) as session:
        assert session.get_one(Gathering, event_id).seats_left == 1


def test_a_sale_opens_at_the_members_own_moment(member_chat: Chat, sessions: Sessions) -> None:
    """A-11: refused one second before."""
    opens = NOON + timedelta(hours=24, seconds=1)
    with shop(sessions) as session:
        add(session, "silver", "early_access")
        sale = SaleEvent(
            code="new", name={"zh-TW": "新品"}, public_at=opens, ends_at=opens + timedelta(days=3)
        )
        session.add(sale)
        session.flush()
        sale_id = sale.id
    lift(sessions, member_chat)
    assert "尚未開放" in said(member_chat, Action.SHOW_SALES)
    member_chat.clock.now = NOON
    assert "為您開放" in said(member_chat, Action.ENTER_SALE, sale=sale_id)
    member_chat.clock.now = NOON + timedelta(seconds=1)
    assert "已為您開放" in said(member_chat, Action.ENTER_SALE, sale=sale_id)
    assert "新品" in said(member_chat, Action.ENTER_SALE, sale=0)


def test_a_page_is_read_by_its_tier_and_refused_with_what_is_missing(
    member_chat: Chat, sessions: Sessions
) -> None:
    """D-02, A-11: gated content."""
    with shop(sessions) as session:
        page = ContentPage(
            code="guide",
            title={"zh-TW": "泡茶"},
            body={"zh-TW": "水溫 85 度"},
            min_tier_id=tier_id(session, "silver"),
        )
        session.add(page)
        session.flush()
        page_id = page.id
    refused = said(member_chat, Action.READ_PAGE, page=page_id)
    assert "銀卡會員以上" in refused
    assert "再消費 NT$5,000" in refused
    lift(sessions, member_chat)
    assert "水溫 85 度" in said(member_chat, Action.READ_PAGE, page=page_id)
    assert "泡茶" in said(member_chat, Action.SHOW_PAGES)
    assert "泡茶" in said(member_chat, Action.READ_PAGE, page="none")


def test_the_ladder_of_the_rules_in_force_is_shown(member_chat: Chat, sessions: Sessions) -> None:
    with shop(sessions) as session:
        names = [tier.name["zh-TW"] for tier in get_programme(session).tiers]
    words = said(member_chat, Action.SHOW_TIER)
    assert all(name in words for name in names)
