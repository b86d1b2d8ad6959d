"""A member's e-mail address and the channel they want to be told by."""

from bot import Message
from bot.cards.colour import QUIET
from bot.cards.parts import (
    bubble,
    button,
    cancel_reply,
    flex_message,
    footer,
    member_replies,
    paragraph,
    postback,
    quick_reply,
    text_message,
    titled,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts
from bot.views import ProfileView

AUTOMATIC, LINE, EMAIL = "auto", "line", "email"
CHOICES = (AUTOMATIC, LINE, EMAIL)
"""What a tap may choose."""


def ask_email(t: Texts, *, has_one: bool) -> list[Message]:
    """Ask for an address; whoever gave one may take it back."""
    words = t(
        "請輸入您的電子信箱，例如 amy@example.com。\n我們會寄一封確認信，點信裡的按鈕就完成。"
    )
    replies = [cancel_reply(t)]
    if has_one:
        replies.insert(0, quick_reply(postback(t("移除信箱"), Action.DROP_EMAIL)))
    return with_quick_replies([text_message(words)], replies)


def email_wrong(t: Texts) -> list[Message]:
    """Say that what was typed is no address."""
    words = t("這個信箱好像不太對，請再輸入一次，例如 amy@example.com。")
    return with_quick_replies([text_message(words)], [cancel_reply(t)])


def email_too_often(t: Texts) -> list[Message]:
    """Say that enough mails went out for today."""
    words = t("今天已經寄過幾封確認信，請先看看收件匣和垃圾郵件匣；沒收到的話，明天再試。")
    return with_quick_replies([text_message(words)], member_replies(t))


def email_asked(t: Texts, masked: str) -> list[Message]:
    """Say that a mail is on its way, and what to do with it."""
    words = t("確認信會寄到 {email}，請在 24 小時內點信裡的按鈕。", email=masked)
    return with_quick_replies([text_message(words)], member_replies(t))


def email_dropped(t: Texts) -> list[Message]:
    """Say that the address is gone."""
    words = t("好的，已移除您的信箱，不會再寄信給您。")
    return with_quick_replies([text_message(words)], member_replies(t))


def channel_choice(t: Texts, chosen: str | None) -> list[Message]:
    """Offer the ways of being told; what holds now stands out."""
    title = t("想用什麼方式收到優惠？")
    body = titled(
        title,
        paragraph(t("點數、等級等會員通知仍會傳到 LINE。")),
        paragraph(
            t("「自動」會看您平常點開哪一種，同一則只會用一種方式傳。"), size="xs", color=QUIET
        ),
    )
    choices = [
        button(
            postback(_name(t, choice), Action.CHANGE_CHANNEL, to=choice),
            style="primary" if choice == (chosen or AUTOMATIC) else "link",
        )
        for choice in CHOICES
    ]
    return [flex_message(title, bubble(body, footer=footer(*choices)))]


def channel_words(t: Texts, view: ProfileView) -> str:
    """Return how a member is told, in a few words."""
    return _name(t, view.channel or AUTOMATIC)


def email_words(t: Texts, view: ProfileView) -> str:
    """Return a member's masked address and what is wrong with it, if anything."""
    if view.email is None:
        return t("尚未填寫")
    told = {
        "unconfirmed": t("{email}（待確認）", email=view.email),
        "stopped": t("{email}（已取消訂閱）", email=view.email),
        "unusable": t("{email}（無法寄達）", email=view.email),
    }
    return told.get(view.email_state or "", view.email)


def _name(t: Texts, choice: str) -> str:
    return {AUTOMATIC: t("自動"), LINE: "LINE", EMAIL: t("電子郵件")}[choice]
