"""Kind words when a registration, or a change of data, cannot go on as it was."""

from typing import Final, Literal

from bot import Message
from bot.cards.parts import (
    cancel_reply,
    guest_replies,
    member_replies,
    text_message,
    with_quick_replies,
)
from bot.texts import Texts

Problem = Literal[
    "name_empty",
    "name_too_long",
    "phone_not_mobile",
    "phone_taken",
    "birthday_in_future",
    "birthday_impossible",
    "not_a_text",
    "session_resumed",
    "already_member",
    "cancelled",
]

MAX_NAME_CLUSTERS: Final = 40


def registration_problem(t: Texts, problem: Problem, *, is_member: bool = False) -> list[Message]:
    """Say what is wrong and what to do; `is_member` chooses the ways on after `cancelled`."""
    message = text_message(problem_words(t, problem))
    if problem == "already_member" or (problem == "cancelled" and is_member):
        return with_quick_replies([message], member_replies(t))
    if problem == "cancelled":
        return with_quick_replies([message], guest_replies(t))
    return with_quick_replies([message], [cancel_reply(t)])


def problem_words(t: Texts, problem: Problem) -> str:
    """Return the sentence of a problem."""
    return {
        "name_empty": t("還沒有收到您的姓名，請再輸入一次。"),
        "name_too_long": t("姓名有點長，請縮短到 {most} 個字以內。", most=MAX_NAME_CLUSTERS),
        "phone_not_mobile": t("這個號碼好像不是台灣手機，請輸入 09 開頭的 10 位數字。"),
        "phone_taken": t("這支手機已經登記過會員了。若是您本人，請到門市櫃檯，店員會幫您處理。"),
        "birthday_in_future": t("這一天還沒到呢，請再選一次您的生日。"),
        "birthday_impossible": t("這個日期好像不太對，請再選一次您的生日。"),
        "not_a_text": t("謝謝您！不過這一步需要文字，請直接輸入。"),
        "session_resumed": t("歡迎回來！我們接著上次的步驟，繼續完成吧。"),
        "already_member": t("您已經是我們的會員囉！"),
        "cancelled": t("好的，先到這裡。想繼續時隨時告訴我們。"),
    }[problem]
