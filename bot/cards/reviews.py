"""Reviews: recent purchases to rate with a tap, a sentence to add, and the wall for all."""

from collections.abc import Sequence
from typing import Final

from bot import Message
from bot.activity_views import PostedView, RateableView, WallView
from bot.cards.activity import activity_replies
from bot.cards.colour import EDGE, PAPER, QUIET, TEA
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
    quick_reply,
    row,
    rule,
    text,
    text_message,
    titled,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts

MAX_PURCHASES: Final = 5
MAX_POSTED: Final = 8
_STARS: Final = 5
_FULL, _EMPTY = "★", "☆"
_GOLD: Final = "#9A6B00"


def purchases_card(t: Texts, purchases: Sequence[RateableView]) -> list[Message]:
    """Draw the newest purchases, each with five stars to tap."""
    title = t("最近消費")
    if not purchases:
        words = t("還沒有消費紀錄，第一杯想喝什麼呢？")
        return with_quick_replies([text_message(words)], activity_replies(t))
    parts: list[Part] = []
    for place, view in enumerate(purchases[:MAX_PURCHASES]):
        parts += [rule()] if place else []
        parts.append(_purchase(t, view))
    body = titled(title, *parts, note=t("點星星，告訴我們這次好不好喝。"))
    more = footer(link_button(postback(t("看大家的評論"), Action.SHOW_REVIEWS)))
    return with_quick_replies([flex_message(title, bubble(body, footer=more))], activity_replies(t))


def rated(t: Texts, *, stars: int, points: int) -> list[Message]:
    """Thank for the stars, and ask for a sentence."""
    thanks = t("謝謝您的 {stars} 顆星！", stars=stars)
    if points:
        thanks += t("送您 {points} 點。", points=t.number(points))
    words = thanks + t("想多說一句嗎？直接輸入文字就可以；不想說就點「先不用」。")
    skip = quick_reply(postback(t("先不用"), Action.CANCEL))
    return with_quick_replies([text_message(words)], [skip])


def reviewed(t: Texts) -> list[Message]:
    """Thank for the sentence, and say who reads it."""
    words = t("收到了，謝謝您！我們會仔細看，選登在「大家的評論」；在那之前都可以再修改。")
    return with_quick_replies([text_message(words)], activity_replies(t))


def review_refused(t: Texts, code: str, *, longest: int = 0) -> list[Message]:
    """Say why a review was not taken."""
    words = {
        "review_closed": t("這則評論我們已經讀過了，不能再修改。謝謝您！"),
        "review_too_long": t("有點太長了，請縮短到 {count} 個字以內，再輸入一次。", count=longest),
    }.get(code, t("這筆消費現在不能評論。"))
    return with_quick_replies([text_message(words)], activity_replies(t))


def review_wall(t: Texts, view: WallView) -> list[Message]:
    """Draw the average and the newest reviews the shop has read and approved."""
    if not view.posted:
        words = t("還沒有評論，歡迎您當第一個！")
        return with_quick_replies([text_message(words)], activity_replies(t))
    title = t("大家的評論")
    average = f"{view.hundredths / 100:.1f}"
    score = row(
        text(average, size="3xl", weight="bold", color=_GOLD, flex=0),
        column(
            text(_stars_drawn(round(view.hundredths / 100)), size="lg", color=_GOLD),
            text(t("{count} 則評論", count=t.number(view.reviews)), size="xs", color=QUIET),
        ),
        spacing="lg",
        alignItems="center",
    )
    posted = [_posted(t, review) for review in view.posted[:MAX_POSTED]]
    body = titled(title, score, *posted, note=clip(view.shop_name, NAME_LENGTH))
    write = footer(
        button(postback(t("我也要評論"), Action.SHOW_PURCHASES)),
        link_button(postback(t("會員社群"), Action.SHOW_COMMUNITY)),
    )
    alt_text = t("{title}：平均 {average} 顆星", title=title, average=average)
    return with_quick_replies(
        [flex_message(alt_text, bubble(body, footer=write))], activity_replies(t)
    )


def community_card(t: Texts, name: str, url: str) -> list[Message]:
    """Show the way into the members' community."""
    enter = {"type": "uri", "label": clip_clusters(t("進入社群"), MAX_FLEX_LABEL), "uri": url}
    body = titled(
        clip(name, NAME_LENGTH),
        paragraph(t("會員專屬的聊天空間：聊喝法、分享照片、搶先看新品。")),
        paragraph(t("社群裡的暱稱由您自己決定，請不要張貼個人資料。"), size="xs", color=QUIET),
    )
    card = bubble(body, footer=footer(button(enter)))
    return with_quick_replies([flex_message(t("會員社群"), card)], activity_replies(t))


def community_closed(t: Texts, needed_tier: str | None) -> list[Message]:
    """Say from which tier on the community is open, or that there is none."""
    words = (
        t("會員社群開放給「{tier}」以上的會員，再集一點就能加入！", tier=needed_tier)
        if needed_tier is not None
        else t("目前還沒有會員社群。")
    )
    return with_quick_replies([text_message(words)], activity_replies(t))


def _purchase(t: Texts, view: RateableView) -> Part:
    head = row(
        column(
            text(view.store_name, NAME_LENGTH, weight="bold"),
            text(t.moment(view.at), size="xxs", color=QUIET),
            flex=6,
        ),
        text(t.money(view.paid_twd), weight="bold", align="end", gravity="center", flex=4),
    )
    if not view.is_open:
        shown = _stars_drawn(view.stars) if view.stars else t("已超過評論期限")
        return column(head, text(shown, size="sm", color=_GOLD if view.stars else QUIET))
    return column(head, _tappable_stars(t, view), spacing="xs")


def _tappable_stars(t: Texts, view: RateableView) -> Part:
    stars = [
        column(
            text(
                _FULL if star <= view.stars else _EMPTY,
                size="xxl",
                align="center",
                color=_GOLD,
            ),
            flex=1,
            paddingAll="4px",
            action=postback(
                t("{stars} 顆星", stars=star),
                Action.RATE_PURCHASE,
                purchase=view.purchase,
                stars=star,
            ),
        )
        for star in range(1, _STARS + 1)
    ]
    return row(*stars, spacing="xs")


def _posted(t: Texts, view: PostedView) -> Part:
    return panel(
        row(
            text(_stars_drawn(view.stars), color=_GOLD, flex=0),
            text(clip(view.name, NAME_LENGTH), size="xs", color=TEA, weight="bold", align="end"),
        ),
        paragraph(view.words),
        text(
            f"{clip(view.store_name, NAME_LENGTH)}・{t.date(view.written_on)}",
            size="xxs",
            color=QUIET,
        ),
        backgroundColor=PAPER,
        borderColor=EDGE,
        borderWidth="1px",
        spacing="xs",
    )


def _stars_drawn(stars: int) -> str:
    return _FULL * stars + _EMPTY * (_STARS - stars)
