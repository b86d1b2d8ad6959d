"""From the first hello to a registered member: greeting, notice, questions, welcome."""

from datetime import date
from typing import Final

from bot import Message
from bot.cards.colour import INK, PAPER, QUIET, TEA
from bot.cards.identity import was_member_link
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    bullet,
    button,
    cancel_reply,
    clip,
    clip_clusters,
    column,
    date_picker,
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
from bot.views import NoticeView

MAX_NOTICE_BYTES: Final = 20_000
"""The notice must fit one bubble (30 KB) with its frame; it is never shortened."""

_MAX_MESSAGE_ACTION_TEXT: Final = 300


class NoticeTooLong(ValueError):
    """A notice of the law cannot be shown in full, so it cannot be agreed to."""


def greeting(t: Texts, shop_name: str, *, is_back: bool, is_member: bool) -> list[Message]:
    """Greet a person who added the account, or came back to it after blocking it."""
    shop = clip(shop_name, NAME_LENGTH)
    if is_member:
        return _greet_member(t, shop)
    title = t("好久不見，歡迎回到{shop}", shop=shop) if is_back else t("歡迎來到{shop}", shop=shop)
    body = titled(
        title,
        paragraph(t("加入會員，讓每一次光臨都算數：")),
        bullet("🧋", t("消費累積點數，還能集點換好禮")),
        bullet("🎁", t("生日禮與會員專屬優惠券")),
        bullet("✨", t("消費越多、等級越高，回饋越多")),
        paragraph(t("只要約 30 秒，填寫姓名、手機和生日就完成。"), size="xs", color=QUIET),
    )
    card = bubble(body, footer=footer(_join_button(t), was_member_link(t)))
    return with_quick_replies([flex_message(title, card)], guest_replies(t))


def not_a_member(t: Texts) -> list[Message]:
    """Answer a guest who tapped something only members have."""
    title = t("這是會員專屬功能")
    body = titled(title, paragraph(t("您還不是會員，現在加入只要約 30 秒，馬上就能使用。")))
    card = bubble(body, footer=footer(_join_button(t), was_member_link(t)))
    return with_quick_replies([flex_message(title, card)], guest_replies(t))


def notice(t: Texts, view: NoticeView, *, to_agree: bool = True) -> list[Message]:
    """Show the notice of Article 8 in full, with the buttons to agree or to leave.

    A member who reads it again has agreed already: without `to_agree` it has no buttons.
    Raises NoticeTooLong where LINE's bubble has no room for all of it.
    """
    length = sum(len(words.encode()) for item in view.items for words in item)
    if length > MAX_NOTICE_BYTES:
        raise NoticeTooLong(f"{length} bytes, there is room for {MAX_NOTICE_BYTES}")
    title = t("個人資料告知事項")
    by = t("{legal_name}・版本 {version}", legal_name=view.legal_name, version=view.version)
    items = [_notice_item(name, words) for name, words in view.items]
    body = titled(title, *items, note=by)
    if not to_agree:
        return with_quick_replies([flex_message(title, bubble(body))], member_replies(t))
    buttons = footer(
        button(postback(t("同意並繼續"), Action.AGREE_NOTICE, version=view.version)),
        link_button(postback(t("先不要"), Action.CANCEL), color=QUIET),
    )
    alt_text = t("加入會員前，請先閱讀個人資料告知事項")
    return [flex_message(alt_text, bubble(body, footer=buttons))]


def ask_name(t: Texts, *, line_name: str | None = None) -> list[Message]:
    """Ask for the name; offer the LINE display name as one tap that types it."""
    words = t("請問怎麼稱呼您？請輸入您的姓名。")
    replies = [_say(line_name)] if line_name and line_name.strip() else []
    return with_quick_replies([text_message(words)], [*replies, cancel_reply(t)])


def ask_phone(t: Texts) -> list[Message]:
    """Ask for the mobile number."""
    words = t("請輸入您的手機號碼，例如 0912345678。\n結帳時報手機號碼也能累點。")
    return with_quick_replies([text_message(words)], [cancel_reply(t)])


def ask_birthday(t: Texts, *, initial: date, earliest: date, latest: date) -> list[Message]:
    """Ask for the birthday with LINE's date picker, or typed where LINE has no picker (PC)."""
    title = t("您的生日是哪一天？")
    pick = date_picker(
        t("選擇生日"), Action.PICK_BIRTHDAY, initial=initial, earliest=earliest, latest=latest
    )
    body = titled(
        title,
        paragraph(t("我們會在您生日時送上小禮物。")),
        paragraph(t("也可以直接輸入，例如 1990-05-20。"), size="xs", color=QUIET),
    )
    card = bubble(body, footer=footer(button(pick)))
    return with_quick_replies([flex_message(title, card)], [cancel_reply(t)])


def marketing_question(t: Texts) -> list[Message]:
    """Ask for the separate, optional consent to marketing (Article 20)."""
    title = t("想收到我們的優惠消息嗎？")
    body = titled(
        title,
        paragraph(t("新品、限時優惠與專屬好康，我們會挑重要的告訴您。")),
        panel(
            paragraph(
                t("這是自由選擇，不影響您的會員權益；之後隨時可在「我的資料」停止。"),
                size="xs",
                color=INK,
            )
        ),
    )
    buttons = footer(
        button(postback(t("好，請通知我"), Action.ALLOW_MARKETING)),
        link_button(postback(t("先不用"), Action.STOP_MARKETING), color=QUIET),
    )
    return [flex_message(title, bubble(body, footer=buttons))]


def registered(t: Texts, name: str, welcome: str = "") -> list[Message]:
    """Welcome a new member; `welcome` says what they got, in their language."""
    first = t("{name}，歡迎成為我們的會員！🎉", name=clip(name, NAME_LENGTH))
    words = f"{first}\n{welcome}" if welcome.strip() else first
    return with_quick_replies([text_message(words)], member_replies(t))


def _greet_member(t: Texts, shop: str) -> list[Message]:
    title = t("歡迎回來！")
    body = titled(title, paragraph(t("您在{shop}的會員卡、點數和優惠券都還在。", shop=shop)))
    card = bubble(body, footer=footer(button(postback(t("出示會員條碼"), Action.SHOW_CARD))))
    return with_quick_replies([flex_message(title, card)], member_replies(t))


def _join_button(t: Texts) -> Part:
    return button(postback(t("加入會員"), Action.JOIN), height="md")


def _notice_item(name: str, words: str) -> Part:
    """Return one of the six items; its words are the law's, so nothing is cut."""
    return column(
        paragraph(name, MAX_NOTICE_BYTES, weight="bold", color=TEA),
        paragraph(words, MAX_NOTICE_BYTES, size="xs", margin="xs"),
        backgroundColor=PAPER,
    )


def _say(words: str) -> Part:
    """Return a quick reply that says `words` for the person."""
    said = clip_clusters(words.strip(), _MAX_MESSAGE_ACTION_TEXT)
    return quick_reply({"type": "message", "label": said, "text": said})
