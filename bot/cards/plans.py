"""Paid membership: what is sold, what one holds, how to pay, and the news of it."""

from typing import Final

from bot import Message
from bot.cards.colour import LEAF, QUIET, SUN, Theme, theme_for
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
    gradient,
    link_button,
    member_replies,
    panel,
    paragraph,
    postback,
    qr_image,
    text,
    text_message,
    titled,
    with_quick_replies,
)
from bot.cards.stamps import weekday
from bot.plan_views import PlanBenefit, PlanNewsView, PlanOffer, PlanRequestView, PlansView
from bot.postback import Action
from bot.texts import Texts

MAX_OFFERS: Final = 6
MAX_BENEFITS: Final = 8

_BENEFIT_LENGTH: Final = 120
_CODE_LENGTH: Final = 40
_COUPON_LENGTH: Final = 60
_QR_SIZE: Final = "190px"
_GROUP: Final = 4


def plans_page(t: Texts, view: PlansView) -> list[Message]:
    """Draw the member's plan before the plans they may choose; say so where there are none."""
    if view.state in ("revoked", "reapplied"):
        return _barred(t, view)
    bubbles = [_held(t, view, view.held)] if view.held else []
    if view.held is None:
        bubbles = [_offer(t, offer) for offer in view.offers[:MAX_OFFERS]]
    if not bubbles:
        words = t("目前沒有付費會員方案，有新方案會在這裡看到。")
        return with_quick_replies([text_message(words)], member_replies(t))
    contents = bubbles[0] if len(bubbles) == 1 else carousel(bubbles)
    card = flex_message(_alt_text(t, view), contents)
    return with_quick_replies([card], member_replies(t))


def plan_request_card(t: Texts, view: PlanRequestView) -> list[Message]:
    """Draw the code with which a plan is paid: to show at the counter, or to name in a transfer."""
    plan = view.plan
    title = t("續約{plan}", plan=_name(plan)) if view.is_renewal else _joining(t, plan)
    code = column(
        qr_image(view.qr_url, _QR_SIZE),
        paragraph(_grouped(view.code), _CODE_LENGTH, size="lg", weight="bold", align="center"),
        backgroundColor=LEAF,
        cornerRadius="10px",
        paddingAll="14px",
        spacing="sm",
    )
    body = titled(
        title,
        column(
            fact(t("費用"), _fee(t, plan), weight="bold"),
            fact(t("付款後有效至"), t.date(view.lasts_through)) if view.lasts_through else None,
            spacing="xs",
        ),
        code,
        paragraph(t("・到門市付款：請店員掃描這個條碼。"), size="xs"),
        paragraph(
            t("・轉帳：帳號請洽門市；備註填上條碼下方的代碼，店長確認後就會生效。"), size="xs"
        ),
        paragraph(
            t("這個代碼到 {date} 為止有效。", date=t.day(view.good_through)), size="xs", color=QUIET
        ),
    )
    back = footer(link_button(postback(t("看付費會員"), Action.SHOW_PLANS)))
    card = flex_message(title, bubble(body, footer=back))
    return with_quick_replies([card], member_replies(t))


def plan_cancel_question(t: Texts, view: PlanNewsView) -> list[Message]:
    """Ask whether a plan shall really not go on."""
    title = t("不再續約{plan}？", plan=_name(view.plan))
    body = titled(
        title,
        paragraph(
            t("權益會保留到 {date}，之後不再提醒您續約。", date=t.date(view.last_on)),
        ),
        paragraph(t("改變心意時，隨時可以再續約。"), size="xs", color=QUIET),
    )
    choice = footer(
        button(postback(t("不再續約"), Action.CONFIRM_CANCEL_PLAN)),
        link_button(postback(t("先保留"), Action.SHOW_PLANS)),
    )
    return with_quick_replies([flex_message(title, bubble(body, footer=choice))], member_replies(t))


def plan_cancelled(t: Texts, view: PlanNewsView) -> list[Message]:
    """Confirm that a plan will not go on."""
    words = t(
        "好的，{plan}不再續約。權益照常用到 {date}。",
        plan=_name(view.plan),
        date=t.date(view.last_on),
    )
    return with_quick_replies([text_message(words)], member_replies(t))


def plan_reapplied(t: Texts) -> list[Message]:
    """Confirm that somebody whose membership was withdrawn asked to be let in again."""
    words = t("已收到您的重新申請。店長確認後，您就能再次加入付費會員。")
    return with_quick_replies([text_message(words)], member_replies(t))


def plan_started(t: Texts, view: PlanNewsView) -> list[Message]:
    """Welcome a member to a plan just paid."""
    title = t("歡迎成為{plan}！", plan=_name(view.plan))
    return _news(
        t, view, title, t("從現在起，您享有："), t("有效至 {date}", date=t.date(view.last_on))
    )


def plan_renewed(t: Texts, view: PlanNewsView) -> list[Message]:
    """Thank for a renewal, and say until when it now lasts."""
    title = t("{plan}續約完成", plan=_name(view.plan))
    return _news(t, view, title, t("您繼續享有："), t("有效至 {date}", date=t.date(view.last_on)))


def plan_ending(t: Texts, view: PlanNewsView) -> list[Message]:
    """Remind of a plan's end, with the way to renew."""
    title = t("{plan}快到期了", plan=_name(view.plan))
    left = t("還有 {days} 天", days=view.days) if view.days else t("今天是最後一天")
    until = t("有效至 {date}（{left}）", date=t.date(view.last_on), left=left)
    lead = t("續約後，您繼續享有：")
    renew = button(
        postback(
            t("續約 {fee}", fee=t.money(view.plan.fee_twd)),
            Action.REQUEST_PLAN,
            plan=view.plan.code,
        ),
        color=theme_for(view.plan.colour).accent,
    )
    return _news(t, view, title, lead, until, renew)


def plan_ended(t: Texts, view: PlanNewsView) -> list[Message]:
    """Say that a plan is over and that the free membership goes on, with the way back."""
    plan = _name(view.plan)
    is_revoked = view.state == "revoked"
    title = t("{plan}已停止", plan=plan) if is_revoked else t("{plan}已到期", plan=plan)
    lines = [paragraph(t("會員卡、點數和優惠券都還在，等級也不受影響。"))]
    if is_revoked:
        lines.append(paragraph(t("有疑問請聯絡門市，也可以重新申請。"), size="xs", color=QUIET))
    back = t("看付費會員") if is_revoked else t("再次加入")
    body = titled(title, *lines)
    more = footer(button(postback(back, Action.SHOW_PLANS)))
    return with_quick_replies([flex_message(title, bubble(body, footer=more))], member_replies(t))


def benefit_lines(t: Texts, plan: PlanOffer) -> list[str]:
    """Return what a plan brings, a line each."""
    lines = [_benefit_words(t, benefit) for benefit in plan.benefits]
    if plan.points_percent > 100:
        lines.insert(0, t("消費點數 {times} 倍", times=f"{plan.points_percent / 100:g}"))
    return [line for line in lines if line][:MAX_BENEFITS] or [t("會員專屬優惠通知")]


def _benefit_words(t: Texts, benefit: PlanBenefit) -> str:
    """Return one benefit in words; empty for a kind that says nothing to members."""
    coupon = clip(benefit.coupon_name or t("優惠券"), _COUPON_LENGTH)
    return {
        "points_multiplier": _multiplier_words(t, benefit),
        "monthly_coupon": t("每月一張「{coupon}」", coupon=coupon),
        "birthday_gift": t("生日禮「{coupon}」", coupon=coupon),
        "free_shipping": _shipping_words(t, benefit),
        "early_access": t("新品提前 {hours} 小時開賣", hours=benefit.hours),
        "order_discount": t("每筆消費再折 {percent}%", percent=benefit.percent),
        "service_queue": t("客服優先回覆"),
        "invitation": t("會員專屬活動邀請"),
        "gated_content": t("付費會員專屬內容"),
        "birthday_card": t("店員手寫的生日卡"),
    }.get(benefit.kind, "")


def _multiplier_words(t: Texts, benefit: PlanBenefit) -> str:
    times = f"{benefit.percent / 100:g}"
    if benefit.month_days:
        days = t("、").join(str(day) for day in benefit.month_days)
        return t("每月 {days} 日會員日，點數 {times} 倍", days=days, times=times)
    if benefit.weekdays:
        days = t("、").join(weekday(t, day) for day in benefit.weekdays)
        return t("{days}點數 {times} 倍", days=days, times=times)
    return t("消費點數 {times} 倍", times=times)


def _shipping_words(t: Texts, benefit: PlanBenefit) -> str:
    if benefit.times_a_month:
        return t("每月 {times} 次免運費", times=benefit.times_a_month)
    if benefit.from_twd:
        return t("滿 {money} 免運費", money=t.money(benefit.from_twd))
    return t("訂單免運費")


def _held(t: Texts, view: PlansView, plan: PlanOffer) -> Part:
    theme = theme_for(plan.colour)
    until = t("有效至 {date}", date=t.date(view.last_on)) if view.last_on else ""
    note = t("到期後不再續約") if view.is_cancelled else t("使用中")
    renew = button(
        postback(t("續約 {fee}", fee=t.money(plan.fee_twd)), Action.REQUEST_PLAN, plan=plan.code),
        color=theme.accent,
    )
    stop = link_button(postback(t("不再續約"), Action.CANCEL_PLAN))
    return _drawn(
        t, plan, _face(plan, theme, until, note), footer(renew, None if view.is_cancelled else stop)
    )


def _offer(t: Texts, plan: PlanOffer) -> Part:
    theme = theme_for(plan.colour)
    join = button(
        postback(t("加入這個方案"), Action.REQUEST_PLAN, plan=plan.code), color=theme.accent
    )
    face = _face(plan, theme, _fee(t, plan), t("付費會員"))
    return _drawn(t, plan, face, footer(join))


def _drawn(t: Texts, plan: PlanOffer, face: Part, buttons: Part) -> Part:
    benefits = column(*_benefits(t, plan), paddingAll="20px", spacing="sm")
    return bubble(column(face, benefits, paddingAll="0px"), footer=buttons)


def _face(plan: PlanOffer, theme: Theme, line: str, note: str) -> Part:
    return column(
        text(note, NAME_LENGTH, size="xs", color=theme.faint),
        paragraph(plan.name, NAME_LENGTH, size="xl", weight="bold", color=theme.ink, maxLines=2),
        paragraph(line, NAME_LENGTH, color=theme.ink, margin="sm") if line else None,
        background=gradient(theme),
        paddingAll="20px",
    )


def _benefits(t: Texts, plan: PlanOffer) -> list[Part]:
    return [paragraph(f"✓ {line}", _BENEFIT_LENGTH) for line in benefit_lines(t, plan)]


def _news(
    t: Texts, view: PlanNewsView, title: str, lead: str, until: str, first: Part | None = None
) -> list[Message]:
    plan, theme = view.plan, theme_for(view.plan.colour)
    face = column(
        paragraph(title, size="xl", weight="bold", color=theme.ink),
        paragraph(until, color=theme.ink, margin="sm"),
        background=gradient(theme),
        paddingAll="20px",
    )
    benefits = column(
        text(lead, weight="bold", color=theme.accent),
        *_benefits(t, plan),
        paddingAll="20px",
        spacing="sm",
    )
    see = postback(t("看付費會員"), Action.SHOW_PLANS)
    more = footer(first, link_button(see)) if first else footer(button(see, color=theme.accent))
    card = bubble(column(face, benefits, paddingAll="0px"), footer=more)
    return with_quick_replies([flex_message(title, card)], member_replies(t))


def _barred(t: Texts, view: PlansView) -> list[Message]:
    is_waiting = view.state == "reapplied"
    title = t("付費會員資格已停止")
    words = (
        t("已收到您的重新申請，店長確認後會再開放。")
        if is_waiting
        else t("您的付費會員資格已由門市停止。免費會員的卡片、點數與等級不受影響。")
    )
    again = button(postback(t("重新申請"), Action.REAPPLY_PLAN))
    contact = link_button(postback(t("聯絡門市"), Action.CONTACT_STAFF))
    body = titled(title, panel(paragraph(words), backgroundColor=SUN))
    buttons = footer(None if is_waiting else again, contact)
    card = flex_message(title, bubble(body, footer=buttons))
    return with_quick_replies([card], member_replies(t))


def _alt_text(t: Texts, view: PlansView) -> str:
    if view.held is None:
        return t("付費會員方案")
    return t("您的付費會員：{plan}", plan=_name(view.held))


def _joining(t: Texts, plan: PlanOffer) -> str:
    return t("加入{plan}", plan=_name(plan))


def _name(plan: PlanOffer) -> str:
    return clip(plan.name, NAME_LENGTH)


def _fee(t: Texts, plan: PlanOffer) -> str:
    fee = t.money(plan.fee_twd)
    return t("每年 {fee}", fee=fee) if plan.period == "yearly" else t("每月 {fee}", fee=fee)


def _grouped(code: str) -> str:
    return " ".join(code[first : first + _GROUP] for first in range(0, len(code), _GROUP))
