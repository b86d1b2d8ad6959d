"""Inviting friends: the code to share, who came by it, and what it brought."""

from typing import Final
from urllib.parse import quote

from bot import Message
from bot.activity_views import GiftView, InvitedView, ReferralRewardedView, ReferralView
from bot.cards.activity import activity_replies, reward_line
from bot.cards.colour import PAPER, QUIET, SUN, TEA
from bot.cards.parts import (
    MAX_FLEX_LABEL,
    NAME_LENGTH,
    Part,
    bubble,
    button,
    clip,
    clip_clusters,
    column,
    flex_message,
    footer,
    link_button,
    panel,
    paragraph,
    postback,
    qr_image,
    row,
    rule,
    text,
    text_message,
    titled,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts

SHARE_URL: Final = "https://line.me/R/share?text="
"""Opens LINE's list of friends to send a text to (LINE, URL scheme, read 2026-11)."""
MAX_URI: Final = 1000
"""LINE, uri action: at most 1,000 characters, after percent-encoding."""
MAX_FRIENDS: Final = 8
_SHOP_LENGTH: Final = 20
_QR_SIZE: Final = "150px"


def referral_card(t: Texts, view: ReferralView) -> list[Message]:
    """Draw the member's code with a button to share it, and who came by it."""
    title = t("推薦好友")
    body = titled(
        title,
        _promise(t, view),
        _code(t, view),
        _terms(t, view),
        *_invited(t, view),
        note=t("把推薦碼分享給朋友，朋友消費後，兩個人都有好禮。"),
    )
    share = {
        "type": "uri",
        "label": clip_clusters(t("分享給 LINE 好友"), MAX_FLEX_LABEL),
        "uri": share_uri(t, view),
    }
    copy = {
        "type": "clipboard",
        "label": clip_clusters(t("複製推薦碼"), MAX_FLEX_LABEL),
        "clipboardText": view.code,
    }
    alt_text = t("您的推薦碼：{code}", code=view.code)
    card = bubble(body, footer=footer(button(share), link_button(copy)))
    return with_quick_replies([flex_message(alt_text, card)], activity_replies(t))


def share_uri(t: Texts, view: ReferralView) -> str:
    """Return the address that opens LINE's share sheet with the invitation written out."""
    words = t(
        "推薦你加入「{shop}」會員！用我的推薦碼 {code} 入會並消費，我們都有好禮 🎁 {link}",
        shop=clip(view.shop_name, _SHOP_LENGTH),
        code=view.code,
        link=view.link,
    )
    uri = SHARE_URL + quote(words, safe="")
    # A base address of uncommon length leaves room for itself only: it says what matters.
    return uri if len(uri) <= MAX_URI else SHARE_URL + quote(view.link, safe="")


def referral_closed(t: Texts) -> list[Message]:
    """Say that the shop has no such programme now."""
    words = t("目前沒有推薦好友的活動，有新活動會在這裡看到。")
    return with_quick_replies([text_message(words)], activity_replies(t))


def referral_claimed(t: Texts, reward: GiftView, *, min_spend_twd: int) -> list[Message]:
    """Thank a friend for their code, and say what follows."""
    return with_quick_replies(
        [text_message(claimed_words(t, reward, min_spend_twd=min_spend_twd))], activity_replies(t)
    )


def claimed_words(t: Texts, reward: GiftView, *, min_spend_twd: int) -> str:
    """Say what a friend has to do for the reward of their code."""
    gift = reward_line(t, reward)
    if min_spend_twd > 1:
        return t(
            "推薦碼已登記！單筆消費滿 {money}，過了退貨期，您和朋友都會收到好禮：{gift}。",
            money=t.money(min_spend_twd),
            gift=gift,
        ) + t("（推薦名額每月有限）")
    return t("推薦碼已登記！完成消費並過了退貨期，您和朋友都會收到好禮：{gift}。", gift=gift) + t(
        "（推薦名額每月有限）"
    )


def referral_refused(t: Texts, reason: str) -> list[Message]:
    """Say why a code cannot be used, and what one can do."""
    return with_quick_replies([text_message(refused_words(t, reason))], activity_replies(t))


def refused_words(t: Texts, reason: str) -> str:
    """Return why a code cannot be used, in words that blame nobody."""
    known = {
        "closed": t("目前沒有推薦好友的活動。"),
        "unknown_code": t("找不到這個推薦碼，請再核對一次（八個英文字母或數字）。"),
        "self": t("這是您自己的推薦碼，分享給朋友才有用喔！"),
        "existing_member": t("推薦碼是給新朋友的：已經是老會員，就不能再使用囉。"),
        "former_member": t("推薦碼是給新朋友的：曾經加入過會員，就不能再使用囉。"),
        "too_late": t("推薦碼要在入會後幾天內輸入，現在已經超過期限了。"),
        "already_invited": t("您已經登記過另一位朋友的推薦碼了。"),
        "cycle": t("這位朋友是經由您的推薦加入的，不能互相推薦喔。"),
    }
    return known.get(reason, t("這個推薦碼現在無法使用，有問題請洽門市。"))


def referral_rewarded(t: Texts, view: ReferralRewardedView) -> list[Message]:
    """Tell one of the two that the invitation brought its reward."""
    name = clip(view.other, NAME_LENGTH)
    is_referrer = view.role == "referrer"
    title = t("推薦成功！") if is_referrer else t("好友推薦禮來了！")
    why = (
        t("您推薦的 {name} 完成了消費，謝謝您的分享。", name=name)
        if is_referrer
        else t("{name} 推薦您加入，這是給您的好禮。", name=name)
    )
    gift = panel(
        paragraph(t("🎁 {reward}", reward=reward_line(t, view.reward)), weight="bold"),
        backgroundColor=SUN,
    )
    more = link_button(postback(t("推薦好友"), Action.SHOW_REFERRAL))
    card = bubble(titled(title, paragraph(why), gift), footer=footer(more))
    return with_quick_replies([flex_message(title, card)], activity_replies(t))


def _promise(t: Texts, view: ReferralView) -> Part:
    def side(who: str, reward: GiftView) -> Part:
        return column(
            text(who, size="xs", color=QUIET),
            paragraph(reward_line(t, reward), weight="bold", color=TEA),
            spacing="xs",
        )

    return panel(
        side(t("朋友得到"), view.friends),
        side(t("您得到"), view.mine),
        backgroundColor=SUN,
        spacing="md",
    )


def _code(t: Texts, view: ReferralView) -> Part:
    return panel(
        text(t("我的推薦碼"), size="xs", color=QUIET, align="center"),
        text(view.code, size="xxl", weight="bold", align="center", color=TEA),
        column(
            qr_image(view.qr_url, _QR_SIZE),
            backgroundColor=PAPER,
            cornerRadius="8px",
            paddingAll="8px",
            alignItems="center",
        ),
        text(t("朋友掃一下也可以"), size="xxs", color=QUIET, align="center"),
        spacing="sm",
    )


def _terms(t: Texts, view: ReferralView) -> Part:
    order = t("首次") if view.on_order == 1 else t("第二次")
    lines = [
        t("・朋友{order}消費滿 {money} 就算數", order=order, money=t.money(view.min_spend_twd))
        if view.min_spend_twd > 1
        else t("・朋友{order}消費就算數", order=order),
        t("・退貨期 {days} 天過後發送", days=view.wait_days)
        if view.wait_days
        else t("・隔天發送好禮"),
        t(
            "・本月已計 {counted} / {cap} 位",
            counted=min(view.counted, view.monthly_cap),
            cap=view.monthly_cap,
        ),
    ]
    return column(*(paragraph(line, size="xs", color=QUIET) for line in lines), spacing="xs")


def _invited(t: Texts, view: ReferralView) -> list[Part]:
    if not view.invited:
        return []
    lines = [
        row(
            text(friend.name, NAME_LENGTH, flex=3, weight="bold"),
            text(_state_words(t, friend), size="xs", align="end", flex=7, color=QUIET, wrap=True),
            spacing="md",
        )
        for friend in view.invited[:MAX_FRIENDS]
    ]
    return [rule(), text(t("我推薦的朋友"), size="xs", color=QUIET), column(*lines, spacing="sm")]


def _state_words(t: Texts, friend: InvitedView) -> str:
    if friend.state == "qualified" and friend.due_on is not None:
        return t("已消費，{date} 起發送", date=t.day(friend.due_on))
    if friend.state == "refused" and friend.is_over_cap:
        return t("超過本月名額")
    return {
        "claimed": t("已加入，等第一次消費"),
        "qualified": t("已消費"),
        "rewarded": t("🎁 好禮已發送"),
        "refused": t("未符合資格"),
        "clawed_back": t("消費已退，好禮收回"),
    }[friend.state]
