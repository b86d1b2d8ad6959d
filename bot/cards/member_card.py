"""The member card: the one thing a shopper shows at the counter."""

from datetime import date

from bot import Message
from bot.cards.colour import INK, PAPER, QUIET, Theme, theme_for
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    button,
    clip,
    column,
    flex_message,
    footer,
    gradient,
    member_replies,
    paragraph,
    postback,
    progress_bar,
    qr_image,
    row,
    text,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts
from bot.views import CardView, StandingView

_QR_SIZE = "190px"
_BADGE_LENGTH = 24


def member_card(t: Texts, view: CardView) -> list[Message]:
    """Draw the card in its tier's colour: with a QR code at the counter, without when pushed."""
    theme = theme_for(view.standing.tier_colour)
    body = column(
        _heading(view, theme),
        _owner(view, theme),
        _code_panel(t, view, view.qr_url) if view.qr_url else None,
        row(
            _tile(t("點數"), t.number(view.points), theme, Action.SHOW_POINTS),
            _tile(t("優惠券"), t.number(view.usable_coupons), theme, Action.SHOW_COUPONS),
            spacing="sm",
            margin="md",
        ),
        column(*progress(t, view.standing, theme), **(_panel_look() | {"paddingAll": "14px"})),
        background=gradient(theme),
        paddingAll="16px",
    )
    card = bubble(body, footer=_main_button(t, theme, has_code=view.qr_url is not None))
    alt_text = t(
        "{shop}會員卡・{tier}・{points} 點",
        shop=clip(view.shop_name, NAME_LENGTH),
        tier=clip(view.standing.tier_name, NAME_LENGTH),
        points=t.number(view.points),
    )
    return with_quick_replies([flex_message(alt_text, card)], member_replies(t))


def progress(t: Texts, standing: StandingView, theme: Theme) -> list[Part]:
    """Return the way to the next tier in words and as a bar, as lines on white."""
    lines = [*_next_step(t, standing, theme)] if standing.next_name else [_at_the_top(t, theme)]
    if standing.keep_until is not None:
        kept = t(
            "{tier}資格保留至 {date}",
            tier=clip(standing.tier_name, NAME_LENGTH),
            date=t.date(standing.keep_until),
        )
        lines.append(paragraph(kept, size="xxs", color=QUIET, margin="sm"))
    return lines


def badge(tier_name: str, ground: str, ink: str) -> Part:
    """Return the name of a tier as a pill."""
    return column(
        text(clip(tier_name, _BADGE_LENGTH), size="xs", weight="bold", color=ink, align="center"),
        backgroundColor=ground,
        cornerRadius="20px",
        paddingAll="4px",
        paddingStart="12px",
        paddingEnd="12px",
        flex=0,
        # A long tier name must leave room for the name of the shop.
        maxWidth="150px",
    )


def _heading(view: CardView, theme: Theme) -> Part:
    shop = text(view.shop_name, NAME_LENGTH, weight="bold", color=theme.ink, gravity="center")
    return row(shop, badge(view.standing.tier_name, theme.ink, theme.badge), alignItems="center")


def _owner(view: CardView, theme: Theme) -> Part:
    return column(
        paragraph(
            view.member_name,
            NAME_LENGTH,
            size="xl",
            weight="bold",
            color=theme.ink,
            maxLines=2,
        ),
        # Beside a code the number stands under it, where a clerk looks who cannot scan.
        None if view.qr_url else text(view.member_number, color=theme.faint, margin="xs"),
        margin="lg",
    )


def _code_panel(t: Texts, view: CardView, url: str) -> Part:
    """Return the code on white: scanners need a light margin around it."""
    valid = None
    if view.qr_until is not None:
        until = t.time(view.qr_until, seconds=True)
        words = t("條碼有效至 {time}，逾時請按更新", time=until)
        valid = paragraph(words, size="xs", color=QUIET, align="center", margin="xs")
    return column(
        qr_image(url, _QR_SIZE),
        text(view.member_number, NAME_LENGTH, size="md", weight="bold", align="center"),
        valid,
        **_panel_look(),
    )


def _tile(label: str, figure: str, theme: Theme, action: Action) -> Part:
    """Return a figure that is a button: a tap tells more."""
    return column(
        row(
            text(label, size="xs", color=QUIET),
            text("›", size="xs", color=QUIET, align="end", flex=0),
        ),
        text(figure, size="xl", weight="bold", color=theme.accent, adjustMode="shrink-to-fit"),
        backgroundColor=PAPER,
        cornerRadius="10px",
        paddingAll="12px",
        flex=1,
        action=postback(label, action),
    )


def _next_step(t: Texts, standing: StandingView, theme: Theme) -> list[Part]:
    gap, so_far = _way(t, standing)
    lines = [
        paragraph(gap, weight="bold", color=INK),
        progress_bar(standing.percent, theme.accent, theme.track, margin="md"),
        row(
            text(so_far, size="xxs", color=QUIET),
            text(f"{standing.percent}%", size="xxs", color=QUIET, align="end", flex=0),
            margin="sm",
        ),
    ]
    if standing.deadline is not None:
        words = _gap_holds(t, standing.basis, standing.deadline)
        lines.append(paragraph(words, size="xxs", color=QUIET, margin="xs"))
    return lines


def _way(t: Texts, standing: StandingView) -> tuple[str, str]:
    """Return what is missing to the next tier and what is there, in money or in points."""
    tier = clip(standing.next_name or "", NAME_LENGTH)
    if standing.value is not None:
        gap = t("再 {gap} 分升級{tier}", gap=t.number(standing.gap or 0), tier=tier)
        return gap, f"{t.number(standing.value)} / {t.number(standing.goal or 0)}"
    gap = t("再消費 {gap} 升級{tier}", gap=t.money(standing.gap_twd or 0), tier=tier)
    so_far = t.money(standing.spend_twd)
    if standing.next_threshold_twd is not None:
        so_far = f"{so_far} / {t.money(standing.next_threshold_twd)}"
    return gap, so_far


def _gap_holds(t: Texts, basis: str, until: date) -> str:
    if basis == "calendar_year":
        return t("此差額算到 {date}（今年）", date=t.date(until))
    return t("此差額算到 {date}（近 365 天）", date=t.date(until))


def _at_the_top(t: Texts, theme: Theme) -> Part:
    words = t("您已是最高等級，謝謝您一路相伴")
    return paragraph(words, weight="bold", color=theme.accent)


def _main_button(t: Texts, theme: Theme, *, has_code: bool) -> Part:
    label = t("更新條碼") if has_code else t("出示會員條碼")
    return footer(
        button(postback(label, Action.SHOW_CARD), color=theme.accent),
        paddingAll="16px",
        paddingTop="16px",
    )


def _panel_look() -> dict[str, str]:
    return {
        "backgroundColor": PAPER,
        "cornerRadius": "12px",
        "paddingAll": "12px",
        "margin": "md",
    }
