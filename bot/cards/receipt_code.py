"""What a person hears who forgot to scan: how it is made good, that it was, or why it was not."""

from datetime import datetime
from typing import Literal

from bot import Message
from bot.cards.joining import not_a_member
from bot.cards.parts import (
    NAME_LENGTH,
    clip,
    member_replies,
    postback,
    quick_reply,
    text_message,
    with_quick_replies,
)
from bot.cards.receipt import receipt_card
from bot.postback import Action
from bot.texts import Texts
from bot.views import ReceiptView

ReceiptCodeProblem = Literal[
    "unreadable", "unknown", "claimed", "cancelled", "over", "guesses", "own_card", "too_often"
]


def receipt_claimed(t: Texts, view: ReceiptView, *, is_repeat: bool) -> list[Message]:
    """Tell that a receipt code was good, and show its receipt."""
    where = clip(view.store_name, NAME_LENGTH)
    words = (
        t("這筆之前就補登好了，沒有重複計算。")
        if is_repeat
        else t("補登完成！這是 {time} 在{store}的消費。", time=t.moment(view.at), store=where)
    )
    return [text_message(words), *receipt_card(t, view)]


def receipt_code_help(t: Texts, days: int) -> list[Message]:
    """Say how a purchase without a scan is made good."""
    words = t(
        "結帳時忘了出示會員卡嗎？請店員開一組收據碼（R 開頭），"
        "{days} 天內掃描它的條碼，或直接把收據碼傳到這裡，就會補登點數與集章。",
        days=days,
    )
    return with_quick_replies([text_message(words)], member_replies(t))


def receipt_code_for_guest(t: Texts) -> list[Message]:
    """Ask somebody who is no member to join first; the code waits for them."""
    words = t("先加入會員，再傳一次收據碼，這筆消費就會補登到您的會員卡。收據碼在期限內都有效。")
    return [text_message(words), *not_a_member(t)]


def receipt_code_refused(
    t: Texts, problem: ReceiptCodeProblem, *, until: datetime | None = None
) -> list[Message]:
    """Say why a code was not good, and what to do; `until` is when it, or a pause, ends."""
    contact = quick_reply(postback(t("聯絡門市"), Action.CONTACT_STAFF))
    message = text_message(_problem_words(t, problem, until))
    return with_quick_replies([message], [contact, *member_replies(t)])


def _problem_words(t: Texts, problem: ReceiptCodeProblem, until: datetime | None) -> str:
    when = t.moment(until) if until is not None else ""
    return {
        "unreadable": t("看不懂這組收據碼。它是 R 開頭的 13 個英文與數字，請再輸入一次。"),
        "unknown": t("找不到這組收據碼，請核對後再輸入一次，或請門市協助。"),
        "claimed": t("這組收據碼已經補登過了，一張收據只能補登一次。"),
        "cancelled": t("這組收據碼已由門市取消。有疑問請聯絡門市。"),
        "over": t("這組收據碼已在 {time} 到期，不能補登了。", time=when),
        "guesses": t("輸錯太多次了，請在 {time} 之後再試。收據碼仍然有效。", time=when),
        "own_card": t("這組收據碼是您自己開立的，不能補登到自己的會員卡。"),
        "too_often": t(
            "您今天的消費次數偏多，這筆需要門市確認。收據碼仍然有效，可以明天再傳一次。"
        ),
    }[problem]
