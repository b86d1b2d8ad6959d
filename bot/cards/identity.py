"""Proving who one is: the way back to an old card, the code by text message, the clerk's check."""

from datetime import datetime
from typing import Final, Literal

from bot import Message
from bot.cards.colour import INK, QUIET, TEA, WARM
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    bullet,
    button,
    cancel_reply,
    clip,
    flex_message,
    footer,
    guest_replies,
    link_button,
    member_replies,
    panel,
    paragraph,
    postback,
    qr_image,
    quick_reply,
    text,
    text_message,
    titled,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts

CodeProblem = Literal["wrong", "over", "too_many", "second_card", "phone_of_another", "unknown"]

_QR_SIZE: Final = "190px"
_HALF: Final = 4
"""Eight digits are read aloud in two groups."""


def ask_old_phone(t: Texts) -> list[Message]:
    """Offer a former member the two ways back: the phone they gave, or a clerk."""
    title = t("找回您的會員卡")
    body = titled(
        title,
        paragraph(t("換了手機或 LINE 帳號？點數、優惠券和等級都還在。")),
        bullet("📱", t("輸入入會時的手機號碼，我們會傳驗證碼給您")),
        bullet("🏪", t("或到門市，由店員核對後幫您接回")),
        paragraph(
            t("接回後，原本的 LINE 帳號就不再連結這張卡。"), size="xs", color=QUIET, margin="lg"
        ),
        panel(paragraph(t("請直接輸入您的手機號碼，例如 0912345678。"), color=INK)),
    )
    card = bubble(body, footer=footer(_clerk_button(t)))
    return with_quick_replies([flex_message(title, card)], [cancel_reply(t)])


def ask_code(
    t: Texts, phone: str, until: datetime, *, demo_code: str | None = None
) -> list[Message]:
    """Ask for the code sent to `phone` (masked); only the demo shows the code itself."""
    title = t("請輸入 6 位數驗證碼")
    shown = None
    if demo_code is not None:
        words = t("示範模式：簡訊內容是 {code}", code=demo_code)
        shown = panel(paragraph(words, size="xs", color=QUIET))
    body = titled(
        title,
        paragraph(t("驗證碼已傳到 {phone}。", phone=phone)),
        paragraph(t("{time} 前輸入有效，最多可以試 5 次。", time=t.time(until)), color=QUIET),
        paragraph(t("店員不會向您要驗證碼，請不要告訴任何人。"), size="xs", color=WARM),
        shown,
    )
    card = bubble(body, footer=footer(link_button(postback(t("重新傳送"), Action.SEND_CODE))))
    typed = [] if demo_code is None else [_say(demo_code)]
    return with_quick_replies([flex_message(title, card)], [*typed, *_code_replies(t)])


def code_problem(t: Texts, problem: CodeProblem) -> list[Message]:
    """Say why a code, or a phone just proved, leads no further, and what to do."""
    words = {
        "wrong": t("驗證碼不對，請看一下簡訊再輸入一次。"),
        "over": t("這個驗證碼已經失效了，請點「重新傳送」再試一次。"),
        "too_many": t("驗證碼的傳送次數已達上限，請一小時後再試，或到門市由店員協助。"),
        "second_card": t("這個 LINE 帳號已經有另一張會員卡。兩張卡可以到門市請店員合併。"),
        "phone_of_another": t("這支手機已登記在另一張會員卡。兩張卡可以到門市請店員合併。"),
        "unknown": t("這支手機還沒有會員卡，歡迎現在加入，只要約 30 秒。"),
    }[problem]
    message = text_message(words)
    if problem in ("wrong", "over"):
        return with_quick_replies([message], _code_replies(t))
    if problem == "too_many":
        return with_quick_replies([message], [_clerk_reply(t), cancel_reply(t)])
    if problem == "unknown":
        return with_quick_replies([message], guest_replies(t))
    return with_quick_replies([message], member_replies(t))


def binding_code_card(
    t: Texts, *, qr_url: str, qr_until: datetime, code: str, code_until: datetime
) -> list[Message]:
    """Draw what a guest shows a clerk who binds them to their card: a QR, and digits to type."""
    title = t("請向店員出示這個條碼")
    body = titled(
        title,
        paragraph(t("店員會核對您的姓名與手機，再把會員卡接到這個 LINE 帳號。")),
        panel(
            qr_image(qr_url, _QR_SIZE),
            text(
                f"{code[:_HALF]} {code[_HALF:]}",
                size="xl",
                weight="bold",
                color=TEA,
                align="center",
                margin="md",
            ),
            paragraph(
                t("條碼有效至 {time}，逾時請按更新", time=t.time(qr_until, seconds=True)),
                size="xs",
                color=QUIET,
                align="center",
                margin="sm",
            ),
            paragraph(
                t("數字有效至 {time}", time=t.time(code_until)),
                size="xs",
                color=QUIET,
                align="center",
            ),
        ),
    )
    refresh = button(postback(t("更新條碼"), Action.SHOW_BINDING_CODE))
    card = bubble(body, footer=footer(refresh))
    return with_quick_replies([flex_message(title, card)], guest_replies(t))


def card_is_back(t: Texts, name: str | None) -> list[Message]:
    """Welcome somebody whose card is on their LINE account again; the card itself follows."""
    words = (
        t("{name}，歡迎回來！您的會員卡已接到這個 LINE 帳號。", name=clip(name, NAME_LENGTH))
        if name
        else t("歡迎回來！您的會員卡已接到這個 LINE 帳號。")
    )
    return with_quick_replies([text_message(words)], member_replies(t))


def line_moved(t: Texts) -> list[Message]:
    """Tell the account a card was taken off: to a friend it is news, to a victim an alarm."""
    title = t("會員卡已移到另一個 LINE 帳號")
    body = titled(
        title,
        paragraph(t("這個 LINE 帳號不再連結您的會員卡，原本的條碼也已失效。")),
        panel(paragraph(t("如果不是您本人操作，請馬上聯絡我們。"), weight="bold", color=WARM)),
    )
    buttons = footer(
        button(postback(t("聯絡門市"), Action.CONTACT_STAFF)),
        link_button(postback(t("找回我的會員卡"), Action.WAS_MEMBER)),
    )
    return with_quick_replies([flex_message(title, bubble(body, footer=buttons))], guest_replies(t))


def member_merged(t: Texts, *, points: int, number: str) -> list[Message]:
    """Tell a member that their two cards are one now."""
    title = t("您的兩張會員卡已合併")
    body = titled(
        title,
        paragraph(t("點數、優惠券和消費紀錄都在這張卡上了。")),
        panel(
            text(t("會員編號"), size="xs", color=QUIET),
            text(number, size="md", weight="bold"),
            text(t("目前點數"), size="xs", color=QUIET, margin="md"),
            text(t.number(points), size="xxl", weight="bold", color=TEA),
        ),
    )
    card = bubble(body, footer=footer(button(postback(t("出示會員條碼"), Action.SHOW_CARD))))
    return with_quick_replies([flex_message(title, card)], member_replies(t))


def was_member_link(t: Texts) -> Part:
    """Return the button by which a guest says that they have a card already."""
    return link_button(postback(t("我以前是會員"), Action.WAS_MEMBER), color=QUIET)


def _clerk_button(t: Texts) -> Part:
    return link_button(postback(t("請店員協助"), Action.SHOW_BINDING_CODE))


def _clerk_reply(t: Texts) -> Part:
    return quick_reply(postback(t("請店員協助"), Action.SHOW_BINDING_CODE))


def _code_replies(t: Texts) -> list[Part]:
    return [
        quick_reply(postback(t("重新傳送"), Action.SEND_CODE)),
        _clerk_reply(t),
        cancel_reply(t),
    ]


def _say(words: str) -> Part:
    return quick_reply({"type": "message", "label": words, "text": words})
