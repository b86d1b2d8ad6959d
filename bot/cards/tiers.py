"""Tiers: where a member stands, the ladder, and the news of a move on it."""

from collections.abc import Sequence
from typing import Final

from bot import Message
from bot.cards.colour import EDGE, PAPER, QUIET, TEA, Theme, theme_for
from bot.cards.member_card import badge, progress
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    button,
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
    progress_bar,
    row,
    rule,
    text,
    titled,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts
from bot.views import StandingView, TierStep, TierView, TierWarningView, WhyView

MAX_STEPS: Final = 10
MAX_BENEFITS: Final = 14
MAX_PARTS: Final = 8
MONEY_BASES: Final = ("rolling_365", "calendar_year", "lifetime")

_BENEFIT_LENGTH: Final = 120
_SUMMARY_LENGTH: Final = 80


def tier_card(t: Texts, view: TierView) -> list[Message]:
    """Draw the member's standing and the ladder, the next tier's benefits before all."""
    standing = view.standing
    theme = theme_for(standing.tier_colour)
    title = t("我的等級")
    steps = view.steps[:MAX_STEPS]
    next_step = _next_step(steps, standing)
    body = titled(
        title,
        row(badge(standing.tier_name, theme.accent, PAPER)),
        _why(t, standing, view.why) if view.why else None,
        panel(*progress(t, standing, theme), backgroundColor="#F7F5F1"),
        _parts(t, view.why) if view.why and view.why.parts else None,
        _next_benefits(t, next_step) if next_step else None,
        rule(),
        *(_step(t, step) for step in steps),
    )
    claim = button(postback(t("領取升級禮"), Action.CLAIM_UPGRADE), color=theme.accent)
    show = footer(
        claim if view.has_gift else None,
        link_button(postback(t("我的權益"), Action.SHOW_BENEFITS)),
        link_button(postback(t("付費會員"), Action.SHOW_PLANS)),
        link_button(postback(t("會員卡"), Action.SHOW_CARD)),
    )
    alt_text = t("您目前的等級：{tier}", tier=clip(standing.tier_name, NAME_LENGTH))
    card = flex_message(alt_text, bubble(body, footer=show))
    return with_quick_replies([card], member_replies(t))


def upgrade_card(t: Texts, step: TierStep, previous: str | None) -> list[Message]:
    """Congratulate on a new tier, with its card and what it brings."""
    theme = theme_for(step.colour)
    title = t("恭喜升級{tier}！", tier=clip(step.name, NAME_LENGTH))
    face = column(
        text("🎉", size="3xl", align="center"),
        paragraph(title, size="xl", weight="bold", color=theme.ink, align="center", margin="md"),
        _move(previous, step.name, theme) if previous else None,
        background=gradient(theme),
        paddingAll="24px",
    )
    benefits = column(
        text(t("從現在起，您享有："), weight="bold", color=theme.accent),
        *_benefit_lines(t, step.benefits),
        paddingAll="20px",
        spacing="sm",
    )
    show = footer(
        button(postback(t("領取升級禮與權益"), Action.CLAIM_UPGRADE), color=theme.accent),
        link_button(postback(t("出示會員條碼"), Action.SHOW_CARD)),
    )
    card = bubble(column(face, benefits, paddingAll="0px"), footer=show)
    return with_quick_replies([flex_message(title, card)], member_replies(t))


def tier_warning_card(t: Texts, view: TierWarningView) -> list[Message]:
    """Tell a member in good time what would keep their tier, and by when."""
    theme = theme_for(view.tier_colour)
    tier = clip(view.tier_name, NAME_LENGTH)
    title = t("您的{tier}資格快到期了", tier=tier)
    amount = t.money(view.gap) if view.is_money else t.number(view.gap)
    ask = (
        t("{date} 前再消費 {gap}，就能續享{tier}。", date=t.date(view.by), gap=amount, tier=tier)
        if view.is_money
        else t(
            "{date} 前再累積 {gap} 分，就能續享{tier}。",
            date=t.date(view.by),
            gap=amount,
            tier=tier,
        )
    )
    body = titled(
        title,
        row(badge(view.tier_name, theme.accent, PAPER)),
        panel(
            paragraph(ask, weight="bold"),
            progress_bar(view.percent, theme.accent, theme.track, margin="md"),
            backgroundColor="#F7F5F1",
        ),
        paragraph(t("點數和優惠券不受等級影響。"), size="xs", color=QUIET),
    )
    show = footer(button(postback(t("看等級與權益"), Action.SHOW_TIER), color=theme.accent))
    return with_quick_replies([flex_message(title, bubble(body, footer=show))], member_replies(t))


def tier_down_notice(t: Texts, standing: StandingView, previous: str) -> list[Message]:
    """Tell a member kindly that their tier has changed downwards, and the way back."""
    theme = theme_for(standing.tier_colour)
    title = t("您的會員等級已更新為{tier}", tier=clip(standing.tier_name, NAME_LENGTH))
    body = titled(
        title,
        paragraph(
            t(
                "{previous}的資格到期了。點數和優惠券都還在，不受影響。",
                previous=clip(previous, NAME_LENGTH),
            )
        ),
        panel(*progress(t, standing, theme), backgroundColor="#F7F5F1"),
    )
    show = footer(link_button(postback(t("看等級與權益"), Action.SHOW_TIER)))
    card = flex_message(title, bubble(body, footer=show))
    return with_quick_replies([card], member_replies(t))


def _why(t: Texts, standing: StandingView, why: WhyView) -> Part:
    """Say in two lines why the member is in this tier, and what keeps it."""
    reason, *keeping = why_lines(t, standing, why)
    return column(
        paragraph(reason, size="sm"),
        *(paragraph(line, size="sm", color=QUIET) for line in keeping),
        spacing="xs",
    )


def why_lines(t: Texts, standing: StandingView, why: WhyView) -> list[str]:
    """Return why a member is in their tier, and what keeps it: two lines at most (E-03)."""
    tier = clip(standing.tier_name, NAME_LENGTH)
    keeps = why.keep_gap is not None and why.keep_by is not None
    keeping = [_keeping(t, standing.basis, why, tier)] if keeps else []
    return [_reason(t, standing.basis, why, tier), *keeping]


def _reason(t: Texts, basis: str, why: WhyView, tier: str) -> str:
    counted = t("{what} {value}", what=_counted(t, basis), value=_amount(t, basis, why.value))
    if why.is_lowest:
        return counted
    asked = _amount(t, basis, why.threshold)
    if why.value >= why.threshold:
        return t("{counted}，門檻 {asked}", counted=counted, asked=asked)
    return t("{counted}；{tier}資格仍在保留期", counted=counted, tier=tier)


def _keeping(t: Texts, basis: str, why: WhyView, tier: str) -> str:
    assert why.keep_gap is not None
    assert why.keep_by is not None
    if why.keep_gap == 0:
        return t("目前的消費已足以續等至下一期")
    gap = _amount(t, basis, why.keep_gap)
    return t("{date} 前再 {gap} 可續{tier}", date=t.date(why.keep_by), gap=gap, tier=tier)


def _counted(t: Texts, basis: str) -> str:
    names = {
        "rolling_365": t("近 365 天消費"),
        "calendar_year": t("今年消費"),
        "lifetime": t("累積消費"),
        "tier_points": t("等級點數"),
        "metric": t("累積成果"),
    }
    return names.get(basis) or t("綜合分數")


def _amount(t: Texts, basis: str, amount: int) -> str:
    return t.money(amount) if basis in MONEY_BASES else t.number(amount)


def _parts(t: Texts, why: WhyView) -> Part:
    """Return the parts of the score, which add up to it."""
    return panel(
        *(
            fact(part.label, t("{points} 分", points=t.number(part.points)))
            for part in why.parts[:MAX_PARTS]
        ),
        spacing="xs",
    )


def _next_step(steps: Sequence[TierStep], standing: StandingView) -> TierStep | None:
    """Return the first tier not yet reached, if the member has one before them."""
    if standing.next_name is None:
        return None
    return next((step for step in steps if not step.reached), None)


def _next_benefits(t: Texts, step: TierStep) -> Part:
    theme = theme_for(step.colour)
    title = t("升級{tier}，您將享有", tier=clip(step.name, NAME_LENGTH))
    return column(
        paragraph(title, weight="bold", color=theme.ink),
        *_benefit_lines(t, step.benefits, color=theme.ink),
        background=gradient(theme),
        cornerRadius="10px",
        paddingAll="14px",
        spacing="xs",
    )


def _benefit_lines(t: Texts, benefits: Sequence[str], **style: object) -> list[Part]:
    shown = benefits[:MAX_BENEFITS] or (t("會員專屬優惠通知"),)
    return [paragraph(f"✓ {benefit}", _BENEFIT_LENGTH, **style) for benefit in shown]


def _step(t: Texts, step: TierStep) -> Part:
    """Return one rung of the ladder: its colour, its threshold, what it brings in short."""
    threshold = _threshold(t, step) if step.threshold_twd else t("加入就有")
    benefits = " · ".join(step.benefits[:MAX_BENEFITS])
    return row(
        _dot(step),
        column(
            row(
                text(step.name, NAME_LENGTH, weight="bold", wrap=True, maxLines=2),
                _here(t) if step.current else None,
            ),
            text(threshold, size="xs", color=QUIET, wrap=True),
            text(benefits, _SUMMARY_LENGTH, size="xxs", color=QUIET, wrap=True, maxLines=2)
            if benefits
            else None,
            flex=1,
        ),
        spacing="md",
    )


def _threshold(t: Texts, step: TierStep) -> str:
    asked = _amount(t, step.basis, step.threshold_twd)
    if step.basis == "rolling_365":
        return t("近一年消費滿 {money}", money=asked)
    return t("{what}滿 {asked}", what=_counted(t, step.basis), asked=asked)


def _dot(step: TierStep) -> Part:
    theme = theme_for(step.colour)
    return column(
        text("✓", size="xs", align="center", color=theme.ink) if step.reached else None,
        width="26px",
        height="26px",
        cornerRadius="13px",
        background=gradient(theme),
        borderWidth="1px",
        borderColor=EDGE,
        justifyContent="center",
    )


def _here(t: Texts) -> Part:
    return text(t("目前等級"), size="xs", weight="bold", color=TEA, align="end", flex=0)


def _move(previous: str, present: str, theme: Theme) -> Part:
    words = f"{clip(previous, NAME_LENGTH)} → {clip(present, NAME_LENGTH)}"
    return paragraph(words, 2 * NAME_LENGTH + 3, color=theme.faint, align="center", margin="sm")
