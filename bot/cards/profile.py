"""A member's own data: to see, to change, to take away."""

from bot import Message
from bot.cards.colour import QUIET, TEA, WARM
from bot.cards.email import channel_words, email_words
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    button,
    column,
    fact,
    flex_message,
    footer,
    guest_replies,
    link_button,
    member_replies,
    panel,
    paragraph,
    postback,
    row,
    rule,
    text,
    text_message,
    titled,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import LANGUAGE_NAMES, LANGUAGES, Texts
from bot.views import ProfileView


def profile_card(t: Texts, view: ProfileView) -> list[Message]:
    """Draw the member's data with a way to change each, to stop marketing and to leave."""
    title = t("我的資料")
    body = titled(
        title,
        _editable(t, t("姓名"), view.name, t("修改姓名"), Action.CHANGE_NAME),
        _editable(t, t("手機"), view.phone, t("修改手機"), Action.CHANGE_PHONE),
        _editable(t, t("生日"), t.date(view.birthday), t("修改生日"), Action.CHANGE_BIRTHDAY),
        *_mail(t, view),
        _editable(t, t("語言"), _language_name(view), t("切換語言"), Action.CHOOSE_LANGUAGE),
        _marketing(t, is_on=view.marketing),
        rule(),
        fact(t("入會日"), t.date(view.joined_on), size="xs"),
        fact(t("個資告知版本"), view.notice_version, size="xs"),
    )
    buttons = footer(
        link_button(postback(t("個人資料告知事項"), Action.SHOW_NOTICE)),
        link_button(postback(t("刪除我的會員資料"), Action.DELETE_ME), color=WARM),
    )
    card = flex_message(title, bubble(body, footer=buttons))
    return with_quick_replies([card], member_replies(t))


def language_choice(t: Texts) -> list[Message]:
    """Offer the languages, each under its own name."""
    title = t("請選擇語言")
    choices = [
        button(
            postback(LANGUAGE_NAMES[language], Action.CHANGE_LANGUAGE, to=language),
            style="primary" if language == t.language else "link",
        )
        for language in LANGUAGES
    ]
    return [flex_message(title, bubble(titled(title), footer=footer(*choices)))]


def delete_confirm(
    t: Texts, token: str, *, points: int = 0, usable_coupons: int = 0
) -> list[Message]:
    """Ask once more before a membership is deleted, and say what would be lost."""
    title = t("確定要刪除會員資料嗎？")
    lost = t(
        "您的 {points} 點與 {coupons} 張優惠券會一併取消，無法復原。",
        points=t.number(points),
        coupons=t.number(usable_coupons),
    )
    body = titled(
        title,
        paragraph(t("我們會刪除您的姓名、手機、生日與 LINE 連結。")),
        paragraph(lost, weight="bold", color=WARM),
        panel(
            paragraph(t("依法須保存的交易紀錄會去識別化，不再與您有關。"), size="xs", color=QUIET)
        ),
    )
    buttons = footer(
        button(postback(t("先不要，保留會員"), Action.CANCEL)),
        link_button(postback(t("確定刪除"), Action.CONFIRM_DELETE, token=token), color=WARM),
    )
    return [flex_message(title, bubble(body, footer=buttons))]


def deleted(t: Texts) -> list[Message]:
    """Say goodbye after a membership was deleted."""
    words = t("您的會員資料已刪除。謝謝您一路以來的光臨，隨時歡迎再回來。")
    return with_quick_replies([text_message(words)], guest_replies(t))


def marketing_changed(t: Texts, *, is_on: bool) -> list[Message]:
    """Confirm that marketing was allowed or stopped."""
    words = (
        t("好的，有優惠消息會通知您。隨時可在「我的資料」停止。")
        if is_on
        else t("好的，不會傳送行銷訊息；點數、等級等會員通知仍會照常傳送。")
    )
    return with_quick_replies([text_message(words)], member_replies(t))


def _editable(t: Texts, label: str, value: str, change: str, action: Action) -> Part:
    """Return one line of data with its own way to change it."""
    return row(
        text(label, color=QUIET, flex=4, wrap=True),
        text(value, NAME_LENGTH, flex=6, wrap=True),
        text(
            t("修改"),
            color=TEA,
            weight="bold",
            align="end",
            flex=2,
            wrap=True,
            action=postback(change, action),
        ),
        spacing="sm",
    )


def _mail(t: Texts, view: ProfileView) -> list[Part]:
    """Return the address and, where there is one, how the member is told."""
    if not view.has_mail:
        return []
    email = _editable(t, t("信箱"), email_words(t, view), t("修改信箱"), Action.CHANGE_EMAIL)
    if view.email is None:
        return [email]
    channel, change = channel_words(t, view), t("更改接收方式")
    return [email, _editable(t, t("優惠接收方式"), channel, change, Action.CHOOSE_CHANNEL)]


def _marketing(t: Texts, *, is_on: bool) -> Part:
    state = t("接收優惠消息：開啟") if is_on else t("接收優惠消息：關閉")
    change = (
        postback(t("停止行銷訊息"), Action.STOP_MARKETING)
        if is_on
        else postback(t("開啟優惠消息"), Action.ALLOW_MARKETING)
    )
    return panel(
        column(paragraph(state), link_button(change, margin="xs")),
        paddingBottom="4px",
    )


def _language_name(view: ProfileView) -> str:
    return LANGUAGE_NAMES.get(view.language, view.language)
