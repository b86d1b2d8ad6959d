"""A way to a person: asking to be called, with or without words; and from receipt to rating."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.postback import Action
from bot.render import render
from bot.texts import texts_for
from models.contact import ContactRequest, settle_contact
from models.member import Member
from models.outbox import Owed
from models.programme import get_programme
from tests.conftest import Clock, Maker
from tests.handlers.line.conftest import Chat, MakeChat
from tests.models.shopping import buy


def wish(session: Session) -> ContactRequest:
    session.expire_all()
    return session.scalars(select(ContactRequest)).one()


def test_the_contact_card_offers_to_call_back(member_chat: Chat, make_chat: MakeChat) -> None:
    """E-09: members only, whose number we know."""
    assert member_chat.tap(Action.CONTACT_STAFF).has(Action.REQUEST_CONTACT)
    guest = make_chat()
    guest.follow()
    assert not guest.tap(Action.CONTACT_STAFF).has(Action.REQUEST_CONTACT)
    assert guest.tap(Action.REQUEST_CONTACT).has(Action.JOIN)


def test_a_wish_is_noted_at_once_and_may_be_explained(member_chat: Chat, session: Session) -> None:
    """E-09: handed over with context, and told how long it takes."""
    asked = member_chat.tap(Action.REQUEST_CONTACT)
    assert "通常 24 小時內回覆" in asked.words
    assert "-***-" in asked.words
    assert "優先" not in asked.words
    assert asked.quick_replies == ["略過"]
    assert wish(session).about is None
    assert "200 個字" in member_chat.say("茶" * 201).words
    assert "收到了" in member_chat.say("想問生日禮可不可以換甜點").words
    assert wish(session).about == "想問生日禮可不可以換甜點"
    assert "看不懂" in member_chat.say("還有一件事").words


def test_words_may_be_skipped_and_the_wish_stays(member_chat: Chat, session: Session) -> None:
    """E-09: skip possible."""
    asked = member_chat.say("請門市聯絡我")
    skipped = member_chat.tap_again(asked.tap_of(Action.SKIP_ABOUT))
    assert "聯絡您時再請教" in skipped.words
    assert member_chat.talk() is None
    assert wish(session).state == "open"


def test_an_old_skip_ends_nothing_else(member_chat: Chat) -> None:
    member_chat.tap(Action.CHANGE_NAME)
    member_chat.tap(Action.SKIP_ABOUT)
    assert member_chat.talk() is not None


def test_a_member_with_a_level_hears_that_they_come_first(
    member_chat: Chat, session: Session
) -> None:
    """A-11, E-23: the service queue of gold."""
    member = session.get_one(Member, member_chat.a_member().id)
    member.tier_id = get_programme(session).tiers[2].id
    session.commit()
    assert "先為您處理" in member_chat.tap(Action.REQUEST_CONTACT).words
    assert wish(session).level == 1


def test_what_comes_after_the_call_or_a_day_later_is_said_so(
    member_chat: Chat, session: Session, clock: Clock
) -> None:
    member_chat.tap(Action.REQUEST_CONTACT)
    staff = Maker().staff(session, "manager")
    settle_contact(session, wish(session).id, staff, now=clock.now)
    session.commit()
    assert "已經處理完了" in member_chat.say("是關於點數").words
    member_chat.tap(Action.REQUEST_CONTACT)
    clock.advance(hours=25)
    assert "看不懂" in member_chat.say("昨天的事").words


def test_from_the_receipt_to_the_stars_of_that_purchase(
    member_chat: Chat, session: Session
) -> None:
    """E-12: 為這次評分 leads to that purchase alone, and only its owner there."""
    member = session.get_one(Member, member_chat.a_member().id)
    for amount_twd in (65, 80):
        buy(session, member, amount_twd)
    session.commit()
    owed = session.scalars(select(Owed).where(Owed.kind == "receipt").order_by(Owed.seq)).first()
    assert owed is not None
    card = str(render("receipt", owed.words, texts_for("zh-TW")))
    assert "為這次評分" in card
    assert "不是我" not in card
    shown = member_chat.tap(Action.SHOW_PURCHASE, purchase=owed.words["purchase_id"])
    assert "NT$65" in shown.words
    assert "NT$80" not in shown.words
    assert shown.has(Action.RATE_PURCHASE)
    assert "NT$80" in member_chat.tap(Action.SHOW_PURCHASE, purchase="x").words


def test_an_old_receipts_button_says_that_it_is_too_late(
    member_chat: Chat, session: Session, clock: Clock
) -> None:
    member = session.get_one(Member, member_chat.a_member().id)
    purchase = buy(session, member, 65, now=clock.now - timedelta(days=40))
    session.commit()
    assert "已超過評論期限" in member_chat.tap(Action.SHOW_PURCHASE, purchase=purchase.id).words
