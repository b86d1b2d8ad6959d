"""Answers when a person asks for help, for a human, or for something we do not know."""

from collections.abc import Sequence

from bot import Message
from bot.cards.colour import QUIET
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    bullet,
    button,
    carousel,
    clip,
    flex_message,
    footer,
    guest_replies,
    link_button,
    member_replies,
    panel,
    paragraph,
    postback,
    quick_reply,
    text_message,
    titled,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts


def help_card(t: Texts, *, is_member: bool) -> list[Message]:
    """Say what the account can do, with the taps to do it."""
    title = t("可以怎麼幫您？")
    lines = _member_help(t) if is_member else _guest_help(t)
    body = titled(title, *(bullet(sign, words) for sign, words in lines))
    first = (
        button(postback(t("出示會員條碼"), Action.SHOW_CARD))
        if is_member
        else button(postback(t("加入會員"), Action.JOIN))
    )
    contact = link_button(postback(t("聯絡門市"), Action.CONTACT_STAFF))
    helping = bubble(body, footer=footer(first, contact))
    contents = carousel([helping, _more(t)]) if is_member else helping
    card = flex_message(title, contents)
    return with_quick_replies([card], standard_replies(t, is_member=is_member))


def _more(t: Texts) -> Part:
    """Offer what has no place on the rich menu."""
    offers = (
        (t("兌換好禮"), Action.SHOW_REWARDS),
        (t("任務"), Action.SHOW_MISSIONS),
        (t("抽獎"), Action.SHOW_LOTTERY),
        (t("推薦好友"), Action.SHOW_REFERRAL),
        (t("會員活動"), Action.SHOW_EVENTS),
        (t("最近消費與評分"), Action.SHOW_PURCHASES),
        (t("付費會員"), Action.SHOW_PLANS),
    )
    taps = [link_button(postback(label, action)) for label, action in offers]
    return bubble(titled(t("更多服務")), footer=footer(*taps))


def fallback(t: Texts, *, is_member: bool) -> list[Message]:
    """Answer words we do not understand, and show the ways on."""
    words = t("不好意思，我還看不懂這句話。您可以點下方的選項，或輸入「說明」看看我能做什麼。")
    return notice_text(t, words, standard_replies(t, is_member=is_member))


def contact_staff(
    t: Texts, shop_name: str, *, phone: str | None, hours: str | None, is_member: bool
) -> list[Message]:
    """Say how to reach a person in the shop: its phone, to tap, and its hours."""
    title = t("聯絡{shop}", shop=clip(shop_name, NAME_LENGTH))
    digits = "".join(sign for sign in phone or "" if sign in "+0123456789")
    body = titled(
        title,
        paragraph(t("需要真人協助嗎？歡迎來電，或直接到門市詢問店員。")),
        panel(
            paragraph(t("電話：{phone}", phone=phone)) if phone else None,
            paragraph(t("營業時間：{hours}", hours=hours), color=QUIET) if hours else None,
            spacing="xs",
        )
        if phone or hours
        else None,
    )
    ask = postback(t("請門市聯絡我"), Action.REQUEST_CONTACT)
    ways = [button(_call(t, digits))] if digits else []
    if is_member:
        ways.append(link_button(ask) if digits else button(ask))
    card = flex_message(title, bubble(body, footer=footer(*ways) if ways else None))
    return with_quick_replies([card], standard_replies(t, is_member=is_member))


def contact_requested(
    t: Texts, *, hours: int, is_first_served: bool, phone: str | None
) -> list[Message]:
    """Say that the wish is noted, how long it usually takes, and ask what it is about."""
    words = _contact_words(t, hours=hours, is_first_served=is_first_served, phone=phone)
    ask = t("想先說是什麼事嗎？直接輸入文字就可以；不想說就點「略過」。")
    skip = quick_reply(postback(t("略過"), Action.SKIP_ABOUT))
    return with_quick_replies([text_message(words), text_message(ask)], [skip])


def contact_noted(t: Texts, *, hours: int, has_about: bool) -> list[Message]:
    """Say that staff will see what was written, or that they will ask."""
    words = (
        t("收到了，我們會先看過再聯絡您。通常 {hours} 小時內回覆。", hours=hours)
        if has_about
        else t("好的，我們聯絡您時再請教。通常 {hours} 小時內回覆。", hours=hours)
    )
    return with_quick_replies([text_message(words)], member_replies(t))


def about_too_long(t: Texts, longest: int) -> list[Message]:
    """Ask for fewer words."""
    words = t("有點長了，請縮短在 {longest} 個字以內，再輸入一次；或點「略過」。", longest=longest)
    skip = quick_reply(postback(t("略過"), Action.SKIP_ABOUT))
    return with_quick_replies([text_message(words)], [skip])


def contact_over(t: Texts) -> list[Message]:
    """Say that the wish was answered meanwhile."""
    words = t("這次的聯絡已經處理完了；還需要幫忙的話，請再點一次「請門市聯絡我」。")
    again = quick_reply(postback(t("請門市聯絡我"), Action.REQUEST_CONTACT))
    return with_quick_replies([text_message(words)], [again, *member_replies(t)])


def _contact_words(t: Texts, *, hours: int, is_first_served: bool, phone: str | None) -> str:
    words = t("已通知門市！")
    if phone is not None:
        words += t("我們會撥打您登記的手機 {phone}，", phone=phone)
    words += t("通常 {hours} 小時內回覆。", hours=hours)
    if is_first_served:
        words += t("您享有優先服務，我們會先為您處理。")
    return words


def notice_text(t: Texts, words: str, quick_replies: Sequence[Part] | None = None) -> list[Message]:
    """Say one sentence; without quick replies of its own it gets those of a member."""
    replies = member_replies(t) if quick_replies is None else quick_replies
    return with_quick_replies([text_message(words)], replies)


def standard_replies(t: Texts, *, is_member: bool) -> list[Part]:
    """Return the quick replies that fit the person."""
    return member_replies(t) if is_member else guest_replies(t)


def _member_help(t: Texts) -> list[tuple[str, str]]:
    return [
        ("💳", t("結帳時出示「會員卡」條碼，累點又集章。")),
        ("🎁", t("「優惠券」裡的券，結帳前出示給店員。")),
        ("🧾", t("結帳忘了掃碼？請店員開收據碼，傳到這裡就能補登。")),
        ("✨", t("「等級」看得到離下一級還差多少。")),
        ("👤", t("「我的資料」可修改資料、切換語言或停止行銷訊息。")),
    ]


def _guest_help(t: Texts) -> list[tuple[str, str]]:
    return [
        ("🧋", t("加入會員免費，消費就能累點、集章。")),
        ("🎁", t("會員有生日禮與專屬優惠券。")),
        ("🔒", t("您的資料只用於會員服務，隨時可以刪除。")),
    ]


def _call(t: Texts, digits: str) -> Part:
    return {"type": "uri", "label": t("撥打電話"), "uri": f"tel:{digits}"}
