"""Coupons in the chat: opening one, its QR, locked ones, and being told of a use."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from bot.cards.coupons import grouped
from bot.postback import Action
from bot.render import render
from bot.texts import texts_for
from models.coupon import Coupon, qr_text, redeem_alone, void_coupon
from tests.conftest import NOON, Clock
from tests.handlers.line.conftest import Answer, Chat
from tests.models.coupon_maker import give, make_template, the_store


def give_one(chat: Chat, **told: object) -> Coupon:
    with chat.sessions.begin() as session:
        return give(session, chat.a_member(), make_template(session, **told))


def test_a_coupon_comes_with_its_qr_and_a_code_to_read(member_chat: Chat) -> None:
    coupon, *_ = member_chat.coupons(member_chat.a_member().id)

    shown = member_chat.tap(Action.SHOW_COUPON, coupon=coupon.id)

    assert f"https://shop.example/qr/{qr_text(coupon.code)}.png" in str(shown.messages)
    assert grouped(coupon.code) in shown.words


def test_the_wallet_shows_what_is_locked_after_what_can_be_used(member_chat: Chat) -> None:
    """C-01: the pack is seen whole, and only the first can be shown."""
    listed = member_chat.tap(Action.SHOW_COUPONS)

    assert listed.words.index("折 NT$30") < listed.words.index("折 NT$40")
    assert listed.words.count("用完上一張就解鎖") == 2
    assert listed.words.count("出示優惠券") == 1


def test_a_locked_coupon_has_neither_code_nor_qr(member_chat: Chat) -> None:
    _, locked, _ = member_chat.coupons(member_chat.a_member().id)

    shown = member_chat.tap(Action.SHOW_COUPON, coupon=locked.id)

    assert "尚未解鎖" in shown.words
    assert locked.code not in str(shown.messages)
    assert grouped(locked.code) not in shown.words


def test_opening_a_coupon_in_the_chat_starts_its_days(member_chat: Chat, clock: Clock) -> None:
    coupon = give_one(member_chat, clock="opening", open_within_days=30, valid_days=3)
    listed = member_chat.tap(Action.SHOW_COUPONS)
    clock.advance(days=2)

    opened = member_chat.tap(Action.SHOW_COUPON, coupon=coupon.id)

    assert "打開後 3 天內有效；請於 2026/12/22 前打開" in listed.words
    assert "有效至 2026/11/27" in opened.words


def test_a_coupon_says_where_and_how_it_can_be_used(member_chat: Chat) -> None:
    coupon = give_one(
        member_chat,
        kind="percent",
        value=20,
        cap_twd=100,
        store_codes=["TP01", "TC01"],
        combines="with_others",
    )

    shown = member_chat.tap(Action.SHOW_COUPON, coupon=coupon.id)

    for words in ("最高折抵 NT$100", "限 台中公益店、信義店 使用", "可與其他優惠券一起使用"):
        assert words in shown.words


def test_a_voided_coupon_says_so(member_chat: Chat, session: Session) -> None:
    coupon = give_one(member_chat)
    void_coupon(session, session.get_one(Coupon, coupon.id), cause="staff", now=NOON)
    session.commit()

    assert "已作廢" in member_chat.tap(Action.SHOW_COUPON, coupon=coupon.id).words


def test_a_use_is_told_with_store_time_and_a_way_to_say_not_me(
    member_chat: Chat, session: Session
) -> None:
    """U12."""
    coupon = give_one(member_chat, kind="gift", value=0)
    use = redeem_alone(
        session,
        coupon.code,
        store=the_store(session),
        staff=None,
        idempotency_key="scan",
        now=NOON + timedelta(minutes=3),
    )
    session.commit()

    (owed,) = member_chat.owed("coupon_redeemed")
    told = Answer(render(owed.kind, owed.words, texts_for("zh-TW")))

    assert "信義店" in told.words
    assert "2026/11/22 12:03" in told.words
    assert told.tap_of(Action.NOT_ME).fields == {"redemption": str(use.id)}
