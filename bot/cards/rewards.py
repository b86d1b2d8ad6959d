"""Rewards: what points can be exchanged for, the question before, and the result."""

from collections.abc import Sequence
from typing import Final

from bot import Message
from bot.cards.colour import LEAF, PAPER, QUIET, TEA, WARM
from bot.cards.coupons import coupon_card
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    button,
    carousel,
    clip,
    column,
    fact,
    flex_message,
    footer,
    link_button,
    member_replies,
    panel,
    paragraph,
    postback,
    progress_bar,
    rule,
    text,
    text_message,
    titled,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts
from bot.views import CouponView, RewardView

MAX_REWARDS: Final = 12
"""LINE's most bubbles in one carousel."""
FEW_LEFT: Final = 20
"""From so few on, the card says how many are left."""

_VALUE_LENGTH: Final = 40
_SHORT_NAME: Final = 120
_FAR: Final = "#77716A"
"""The ground of a reward that cannot be exchanged now; white text on it can still be read."""


def reward_carousel(t: Texts, rewards: Sequence[RewardView], balance: int) -> list[Message]:
    """Draw up to 12 rewards in the order given, each with what it costs and what is missing."""
    if not rewards:
        return _no_rewards(t, balance)
    shown = carousel([_reward_bubble(t, reward, balance) for reward in rewards[:MAX_REWARDS]])
    alt_text = t("兌換好禮：您有 {points} 點", points=t.number(balance))
    return with_quick_replies([flex_message(alt_text, shown)], member_replies(t))


def reward_confirm(t: Texts, view: RewardView, balance: int, key: str) -> list[Message]:
    """Ask before points are taken; `key` makes two taps one exchange."""
    title = t("要兌換這份好禮嗎？")
    cost = t("{points} 點", points=t.number(view.cost_points))
    left = t("{points} 點", points=t.number(balance - view.cost_points))
    note = (
        t("兌換後的優惠券若未使用，{days} 天內可以取消，點數會退還。", days=view.cancel_days)
        if view.cancel_days
        else t("兌換後不能取消。")
    )
    body = titled(
        title,
        paragraph(view.name, NAME_LENGTH, size="md", weight="bold"),
        paragraph(view.description, color=QUIET) if view.description.strip() else None,
        rule(),
        fact(t("使用點數"), cost, weight="bold", color=WARM),
        fact(t("兌換後剩餘"), left),
        panel(paragraph(note, size="xs")),
    )
    confirm = postback(t("確定兌換"), Action.EXCHANGE_REWARD, reward=view.id, key=key)
    back = postback(t("再看看"), Action.SHOW_REWARDS)
    card = bubble(body, footer=footer(button(confirm), link_button(back, color=QUIET)))
    alt_text = t("確認兌換：{name}", name=clip(view.name, NAME_LENGTH))
    return with_quick_replies([flex_message(alt_text, card)], member_replies(t))


def reward_exchanged(
    t: Texts,
    coupon: CouponView,
    *,
    cost_points: int,
    balance: int,
    exchange_id: int | None,
) -> list[Message]:
    """Show the coupon the points have become; `exchange_id` where it can be given back."""
    title = t("兌換成功！🎉")
    cost = t("{points} 點", points=t.number(-cost_points))
    left = t("{points} 點", points=t.number(balance))
    body = titled(
        title,
        paragraph(coupon.name, NAME_LENGTH, size="md", weight="bold"),
        fact(t("使用點數"), cost, color=WARM, weight="bold"),
        fact(t("剩餘點數"), left),
        paragraph(t("優惠券已放進您的票匣，就在下面。"), size="xs", color=QUIET),
    )
    cancel = None
    if exchange_id is not None:
        tap = postback(t("取消兌換"), Action.CANCEL_EXCHANGE, exchange=exchange_id)
        cancel = footer(link_button(tap, color=QUIET))
    return [flex_message(title, bubble(body, footer=cancel)), *coupon_card(t, coupon)]


def exchange_cancelled(t: Texts, name: str, *, points: int, balance: int) -> list[Message]:
    """Say that a reward was given back, and its points with it."""
    words = t(
        "已取消兌換「{name}」，退還 {points} 點。您現在有 {balance} 點。",
        name=clip(name, NAME_LENGTH),
        points=t.number(points),
        balance=t.number(balance),
    )
    return with_quick_replies([text_message(words)], member_replies(t))


def _reward_bubble(t: Texts, view: RewardView, balance: int) -> Part:
    is_open = not (view.missing_points or view.is_sold_out or view.is_enough)
    benefit = text(
        view.value_text,
        _VALUE_LENGTH,
        size="xl",
        weight="bold",
        color=PAPER,
        wrap=True,
        maxLines=2,
    )
    cost = t("{points} 點", points=t.number(view.cost_points))
    body = column(
        column(benefit, backgroundColor=TEA if is_open else _FAR, paddingAll="16px"),
        column(
            text(view.name, _SHORT_NAME, weight="bold", wrap=True, maxLines=2),
            text(cost, size="lg", weight="bold", color=WARM),
            *_standing(t, view, balance),
            paddingAll="16px",
            spacing="sm",
        ),
        paddingAll="0px",
    )
    if not is_open:
        return bubble(body, size="kilo")
    ask = button(postback(t("我要兌換"), Action.SHOW_REWARD, reward=view.id))
    return bubble(body, footer=footer(ask), size="kilo")


def _standing(t: Texts, view: RewardView, balance: int) -> list[Part]:
    """Return what stands between the member and the reward, or what is left of it."""
    if view.is_sold_out:
        return [paragraph(t("已兌換完畢"), size="xs", color=QUIET)]
    if view.is_enough:
        return [paragraph(t("您已達兌換上限"), size="xs", color=QUIET)]
    parts: list[Part] = []
    if view.missing_points:
        missing = t("還差 {points} 點", points=t.number(view.missing_points))
        percent = max(0, balance) * 100 // view.cost_points
        parts += [paragraph(missing, size="xs", color=QUIET), progress_bar(percent, TEA, LEAF)]
    if view.stock_left is not None and view.stock_left <= FEW_LEFT:
        few = t("只剩 {count} 份", count=t.number(view.stock_left))
        parts.append(paragraph(few, size="xs", color=WARM))
    return parts


def _no_rewards(t: Texts, balance: int) -> list[Message]:
    title = t("目前沒有可兌換的好禮")
    words = t("您有 {points} 點，新的好禮準備好時就能兌換。", points=t.number(balance))
    more = footer(link_button(postback(t("看我的點數"), Action.SHOW_POINTS)))
    message = flex_message(title, bubble(titled(title, paragraph(words)), footer=more))
    return with_quick_replies([message], member_replies(t))
