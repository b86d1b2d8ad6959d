"""A member's e-mail address and channel in the chat, and taps that are counted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.postback import Action, postback_data
from models.channel import (
    CONFIRM_KIND,
    CONFIRMED,
    MemberChannel,
    confirm_email,
    find_channel,
)
from models.channel.address import MOST_ASKED
from models.link import LinkClick, make_links
from models.outbox import Owed
from tests.handlers.line import conftest as chats
from tests.handlers.line.conftest import Chat

AMY = "amy@example.com"


@pytest.fixture
def mail_chat(member_chat: Chat, monkeypatch: pytest.MonkeyPatch) -> Chat:
    """Return the chat of a member of a shop that sends mails."""
    monkeypatch.setattr(chats, "ROOM", replace(chats.ROOM, has_mail=True))
    return member_chat


def channel_of(session: Session, chat: Chat) -> MemberChannel:
    session.expire_all()
    found = find_channel(session, chat.a_member().id)
    assert found is not None
    return found


def test_an_address_is_given_in_the_chat_and_asked_for_by_mail(
    mail_chat: Chat, session: Session
) -> None:
    """A-23: the address is masked wherever it is shown."""
    assert "尚未填寫" in mail_chat.tap(Action.SHOW_PROFILE).words
    asked = mail_chat.tap(Action.CHANGE_EMAIL)
    told = mail_chat.say(" Amy@Example.com")

    assert "請輸入您的電子信箱" in asked.words
    assert not asked.has(Action.DROP_EMAIL)
    assert "a•••@e•••.com" in told.words
    assert AMY not in told.words
    (owed,) = session.scalars(select(Owed).where(Owed.kind == CONFIRM_KIND))
    assert (owed.channel, owed.member_id) == ("email", mail_chat.a_member().id)
    assert "（待確認）" in mail_chat.tap(Action.SHOW_PROFILE).words
    assert mail_chat.talk() is None


def test_what_is_no_address_is_asked_for_again(mail_chat: Chat, session: Session) -> None:
    mail_chat.tap(Action.CHANGE_EMAIL)

    assert "不太對" in mail_chat.say("amy at example").words
    assert (
        "請輸入您的電子信箱"
        in mail_chat.send({"type": "message", "message": {"id": "2", "type": "sticker"}}).words
    )
    assert "確認信會寄到" in mail_chat.say(AMY).words


def test_enough_mails_for_today_are_enough(mail_chat: Chat) -> None:
    for number in range(MOST_ASKED + 1):
        mail_chat.tap(Action.CHANGE_EMAIL)
        told = mail_chat.say(f"a{number}@example.com")

    assert "明天再試" in told.words
    assert mail_chat.talk() is None


def test_a_confirmed_address_shows_and_offers_the_ways(mail_chat: Chat, session: Session) -> None:
    """B-15: shown and overridable by the member: 我的資料 → 優惠接收方式."""
    mail_chat.tap(Action.CHANGE_EMAIL)
    mail_chat.say(AMY)
    with mail_chat.sessions.begin() as opened:
        confirm_email(opened, mail_chat.a_member().id, mail_chat.clock.now)

    mail_chat.tap(Action.CHANGE_EMAIL)
    shown = mail_chat.say(AMY)
    assert "優惠接收方式" in shown.words
    assert "自動" in shown.words
    choice = mail_chat.tap_again(shown.tap_of(Action.CHOOSE_CHANNEL))
    ways = [tap.fields["to"] for tap in choice.taps if tap.action == Action.CHANGE_CHANNEL]
    assert ways == ["auto", "line", "email"]

    assert "電子郵件" in mail_chat.tap(Action.CHANGE_CHANNEL, to="email").words
    row = channel_of(session, mail_chat)
    assert (row.chosen, row.chosen_by, row.email_state) == ("email", "member", CONFIRMED)
    mail_chat.tap(Action.CHANGE_CHANNEL, to="auto")
    assert channel_of(session, mail_chat).chosen is None
    assert "想用什麼方式" in mail_chat.tap(Action.CHANGE_CHANNEL, to="sms").words


def test_an_address_is_taken_back(mail_chat: Chat, session: Session) -> None:
    mail_chat.tap(Action.CHANGE_EMAIL)
    mail_chat.say(AMY)

    asked = mail_chat.tap(Action.CHANGE_EMAIL)
    gone = mail_chat.tap_again(asked.tap_of(Action.DROP_EMAIL))

    assert "已移除您的信箱" in gone.words
    assert channel_of(session, mail_chat).email is None
    assert mail_chat.talk() is None


def test_a_shop_without_mail_asks_for_no_address(member_chat: Chat) -> None:
    shown = member_chat.tap(Action.SHOW_PROFILE)

    assert not shown.has(Action.CHANGE_EMAIL)
    assert "請輸入" not in member_chat.tap(Action.CHANGE_EMAIL).words


def test_a_guest_has_no_address(chat: Chat) -> None:
    for action in (Action.CHANGE_EMAIL, Action.DROP_EMAIL, Action.CHOOSE_CHANNEL):
        assert chat.tap(action).has(Action.JOIN)


def test_a_tap_on_a_sendings_button_is_counted(member_chat: Chat, session: Session) -> None:
    """Taps per member: the postback names the link it was sent under."""
    member_chat.tap(Action.ALLOW_MARKETING)
    with member_chat.sessions.begin() as opened:
        link = make_links(opened, "campaign:1:A", ["tap:show_coupons"])["tap:show_coupons"]
    member_chat.post(postback_data(Action.SHOW_COUPONS, via=link))
    member_chat.post(postback_data(Action.SHOW_COUPONS, via=link))
    member_chat.post(postback_data(Action.SHOW_COUPONS, via=10**15))
    member_chat.tap(Action.SHOW_COUPONS)

    assert session.scalars(select(LinkClick.member_id)).all() == [member_chat.a_member().id]
