"""Benefits: what a tier brings today, its events with seats, early sales and kept pages."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot import Message
from bot.cards.colour import PAPER, QUIET, theme_for
from bot.cards.member_card import badge
from bot.cards.parts import (
    NAME_LENGTH,
    SENTENCE_LENGTH,
    Part,
    bubble,
    bullet,
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
    row,
    rule,
    text,
    text_message,
    titled,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts
from bot.views import BenefitLine, BenefitsView, GatheringView, PageLine, SaleEventView

MAX_LINES: Final = 14
MAX_BUBBLES: Final = 10
MAX_ROWS: Final = 8
_SIGNS: Final = {
    "points_multiplier": "✨",
    "early_access": "⏰",
    "birthday_gift": "🎂",
    "upgrade_gift": "🎁",
    "monthly_coupon": "🎟️",
    "free_shipping": "🚚",
    "service_queue": "☎️",
    "order_discount": "🏷️",
    "invitation": "🥂",
    "gated_content": "📖",
    "birthday_card": "✍️",
}


def benefits_card(t: Texts, view: BenefitsView) -> list[Message]:
    """Draw what the member's tier brings, with the taps to use it."""
    theme = theme_for(view.tier_colour)
    title = t("我的權益")
    lines = [bullet(_SIGNS.get(line.kind, "✓"), _said(t, line)) for line in view.lines[:MAX_LINES]]
    nothing = paragraph(t("目前的等級還沒有專屬權益；升級就會有。"), color=QUIET)
    body = titled(title, row(badge(view.tier_name, theme.accent, PAPER)), *(lines or [nothing]))
    taps = footer(
        button(postback(t("領取升級禮"), Action.CLAIM_UPGRADE), color=theme.accent)
        if view.has_gift
        else None,
        button(postback(t("領取本月優惠券"), Action.CLAIM_MONTHLY), color=theme.accent)
        if view.has_monthly
        else None,
        link_button(postback(t("會員活動"), Action.SHOW_EVENTS)) if view.has_events else None,
        link_button(postback(t("優先購"), Action.SHOW_SALES)) if view.has_sales else None,
        link_button(postback(t("會員專屬內容"), Action.SHOW_PAGES)) if view.has_pages else None,
        link_button(postback(t("我的等級"), Action.SHOW_TIER)),
    )
    return with_quick_replies([flex_message(title, bubble(body, footer=taps))], member_replies(t))


def _said(t: Texts, line: BenefitLine) -> str:
    """Say one benefit with its numbers."""
    name = clip(line.name, NAME_LENGTH)
    said = {
        "points_multiplier": lambda: _multiplier(t, line),
        "early_access": lambda: t("新品與特賣提早 {hours} 小時購買", hours=line.hours),
        "birthday_gift": lambda: t("生日禮：{name}", name=name),
        "upgrade_gift": lambda: t("升級禮：{name}", name=name),
        "monthly_coupon": lambda: t("每月一張：{name}", name=name),
        "free_shipping": lambda: _shipping(t, line),
        "service_queue": lambda: t("聯絡客服優先服務"),
        "order_discount": lambda: t("每筆消費折扣 {percent}%", percent=line.percent),
        "invitation": lambda: t("會員專屬活動邀請"),
        "gated_content": lambda: t("會員專屬內容"),
        "birthday_card": lambda: t("店員手寫的生日卡"),
    }.get(line.kind)
    return said() if said else line.kind


def _multiplier(t: Texts, line: BenefitLine) -> str:
    times = f"{line.percent / 100:g}"
    if line.month_days:
        days = t("、").join(str(day) for day in line.month_days)
        return t("會員日（每月 {days} 日）點數 {times} 倍", days=days, times=times)
    if line.weekdays:
        names = (t("一"), t("二"), t("三"), t("四"), t("五"), t("六"), t("日"))
        days = t("、").join(names[day - 1] for day in line.weekdays)
        return t("每週{days}點數 {times} 倍", days=days, times=times)
    return t("點數 {times} 倍", times=times)


def _shipping(t: Texts, line: BenefitLine) -> str:
    said = t("免運費")
    if line.from_twd:
        said = t("滿 {money} 免運費", money=t.money(line.from_twd))
    if line.times_a_month is None:
        return said
    return t("{said}，每月 {times} 次", said=said, times=line.times_a_month)


def gathering_cards(t: Texts, views: Sequence[GatheringView]) -> list[Message]:
    """Draw the coming events, each with the tap that fits the member's place."""
    title = t("會員活動")
    if not views:
        return _sentence(t, t("目前沒有活動，有新的活動會在這裡公布。"))
    cards = carousel([_gathering(t, view) for view in views[:MAX_BUBBLES]])
    return with_quick_replies([flex_message(title, cards)], member_replies(t))


def gathering_moved_up(t: Texts, view: GatheringView) -> list[Message]:
    """Tell someone who waited that they have a seat."""
    title = t("候補成功！您有名額了")
    return with_quick_replies(
        [flex_message(title, _gathering(t, view, title=title))], member_replies(t)
    )


def _gathering(t: Texts, view: GatheringView, *, title: str = "") -> Part:
    body = titled(
        clip(view.name, NAME_LENGTH),
        panel(
            fact(t("時間"), t.moment(view.starts_at)),
            fact(t("地點"), view.place),
            fact(t("名額"), _seats(t, view)),
            spacing="xs",
        ),
        paragraph(_place(t, view), size="xs", color=QUIET) if _place(t, view) else None,
        note=title,
    )
    return bubble(body, footer=_gathering_tap(t, view))


def _seats(t: Texts, view: GatheringView) -> str:
    return t("還有 {seats} 位", seats=view.seats_left) if view.seats_left else t("已額滿，可候補")


def _place(t: Texts, view: GatheringView) -> str:
    if view.needs:
        return t("這場活動邀請{tier}以上的會員。", tier=clip(view.needs, NAME_LENGTH))
    return {
        "going": t("您已報名成功，當天見！"),
        "waiting": t("候補中，前面還有 {ahead} 位。", ahead=view.ahead),
        "attended": t("謝謝您的參加。"),
    }.get(view.state, "")


def _gathering_tap(t: Texts, view: GatheringView) -> Part | None:
    if view.needs:
        return footer(link_button(postback(t("看等級與權益"), Action.SHOW_TIER)))
    if view.state in ("going", "waiting"):
        leave = postback(t("取消報名"), Action.LEAVE_EVENT, event=view.id)
        return footer(link_button(leave))
    if view.state == "attended":
        return None
    label = t("我要報名") if view.seats_left else t("加入候補")
    return footer(button(postback(label, Action.JOIN_EVENT, event=view.id)))


def sales_card(t: Texts, views: Sequence[SaleEventView]) -> list[Message]:
    """Draw the sales, each with this member's own opening moment."""
    title = t("優先購")
    if not views:
        return _sentence(t, t("目前沒有特賣，有新的特賣會在這裡公布。"))
    body = titled(title, *(_sale(t, view) for view in views[:MAX_ROWS]))
    return with_quick_replies([flex_message(title, bubble(body))], member_replies(t))


def _sale(t: Texts, view: SaleEventView) -> Part:
    is_early = view.opens_at < view.public_at
    return panel(
        paragraph(view.name, NAME_LENGTH, weight="bold"),
        fact(t("為您開放"), t.moment(view.opens_at)),
        fact(t("公開開賣"), t.moment(view.public_at)) if is_early else None,
        button(postback(t("進入特賣"), Action.ENTER_SALE, sale=view.id))
        if view.is_open
        else text(t("尚未開放"), size="xs", color=QUIET),
        spacing="sm",
    )


def sale_refused(t: Texts, opens_at: datetime) -> list[Message]:
    """Say when the sale opens for this member."""
    return _sentence(t, t("這場特賣將於 {moment} 為您開放。", moment=t.moment(opens_at)))


def sale_entered(t: Texts, name: str, shop_name: str) -> list[Message]:
    """Let the member in."""
    words = t(
        "「{name}」已為您開放！到{shop}任一門市出示會員條碼即可選購。",
        name=clip(name, NAME_LENGTH),
        shop=clip(shop_name, NAME_LENGTH),
    )
    return _sentence(t, words)


def pages_card(t: Texts, lines: Sequence[PageLine]) -> list[Message]:
    """List the pages kept for tiers; those beyond the member's say which tier they need."""
    title = t("會員專屬內容")
    if not lines:
        return _sentence(t, t("目前沒有專屬內容，敬請期待。"))
    rows: list[Part | None] = []
    for line in lines[:MAX_ROWS]:
        rows += [_page_line(t, line), rule()]
    return with_quick_replies(
        [flex_message(title, bubble(titled(title, *rows[:-1])))], member_replies(t)
    )


def _page_line(t: Texts, line: PageLine) -> Part:
    needs = t("{tier}以上", tier=clip(line.needs, NAME_LENGTH)) if line.needs else None
    return column(
        paragraph(line.title, NAME_LENGTH, weight="bold"),
        text(f"🔒 {needs}", size="xs", color=QUIET)
        if needs
        else link_button(postback(t("閱讀"), Action.READ_PAGE, page=line.id)),
        spacing="xs",
    )


def page_card(t: Texts, title: str, body: str) -> list[Message]:
    """Draw one page."""
    shown = titled(clip(title, NAME_LENGTH), paragraph(body, SENTENCE_LENGTH))
    return with_quick_replies(
        [flex_message(clip(title, NAME_LENGTH), bubble(shown))], member_replies(t)
    )


def page_refused(t: Texts, needs: str, standing_gap: str) -> list[Message]:
    """Say which tier a page needs, and what is missing to the next one."""
    words = t("這個內容是{tier}以上會員專屬。", tier=clip(needs, NAME_LENGTH))
    return _sentence(t, f"{words}{standing_gap}")


def gap_sentence(t: Texts, gap_twd: int, next_name: str) -> str:
    """Say what is missing to the next tier."""
    return t(
        "您再消費 {gap} 就能升級{tier}。", gap=t.money(gap_twd), tier=clip(next_name, NAME_LENGTH)
    )


def gift_claimed(t: Texts, coupon_name: str) -> list[Message]:
    """Say that the gift lies among the coupons."""
    words = t(
        "升級禮「{name}」已放進您的優惠券，隨時可以使用。", name=clip(coupon_name, NAME_LENGTH)
    )
    return _sentence(t, words)


def gift_gone(t: Texts) -> list[Message]:
    """Say that the last gift was claimed before."""
    return _sentence(t, t("不好意思，升級禮已全數送出；其他權益照常使用。"))


def monthly_claimed(t: Texts, names: Sequence[str]) -> list[Message]:
    """Say which of this month's coupons lie among the coupons now."""
    said = t("、").join(clip(name, NAME_LENGTH) for name in names)
    return _sentence(t, t("本月的「{names}」已放進您的優惠券。", names=said))


def nothing_monthly(t: Texts) -> list[Message]:
    """Say that this month's coupons were taken before."""
    return _sentence(t, t("本月的專屬優惠券已經領過了，下個月 1 日再來領。"))


def _sentence(t: Texts, words: str) -> list[Message]:
    return with_quick_replies([text_message(words)], member_replies(t))
