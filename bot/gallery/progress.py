"""Points: the balance, the tier, and the way to the next one."""

from collections.abc import Mapping

from bot import Message
from bot.cards.colour import PAPER, QUIET, TEA, theme_for
from bot.cards.parts import Part, column, gradient, paragraph, postback, row, text
from bot.gallery.parts import Filled, card, pill, prose
from bot.postback import Action
from bot.texts import Texts
from models.content.gallery import WAY

_BAR = "10px"


def points(t: Texts, filled: Filled, signs: Mapping[str, str], stop: Message | None) -> Message:
    """Draw a member's points large, their tier, and how far the next one is."""
    theme = theme_for(TEA)
    balance = column(
        row(
            paragraph(filled["title"], weight="bold", color=theme.ink, gravity="center"),
            pill(signs["tier"], theme.ink, theme.badge, flex=0, maxWidth="140px"),
            alignItems="center",
            spacing="md",
        ),
        row(
            text(signs["points"], size="4xl", weight="bold", color=theme.ink, flex=0),
            text(t("點"), size="md", color=theme.faint, flex=0, gravity="bottom"),
            spacing="sm",
            margin="lg",
            alignItems="flex-end",
        ),
        background=gradient(theme),
        paddingAll="20px",
    )
    return card(
        t,
        filled["title"],
        _way(t, signs),
        prose(filled.get("body")),
        head=balance,
        action=filled.get("button") or postback(t("看我的點數"), Action.SHOW_POINTS),
        stop=stop,
    )


def _way(t: Texts, signs: Mapping[str, str]) -> Part:
    """Return the bar to the next tier; who holds the highest is thanked instead."""
    theme = theme_for(TEA)
    if WAY not in signs:
        return paragraph(t("您已是最高等級，謝謝您一路相伴"), weight="bold", color=theme.accent)
    return column(
        paragraph(
            t("再消費 {gap} 升級{tier}", gap=signs["gap"], tier=signs["next_tier"]), weight="bold"
        ),
        column(
            column(
                width=f"{signs[WAY]}%",
                height=_BAR,
                backgroundColor=theme.accent,
                cornerRadius="5px",
            ),
            height=_BAR,
            backgroundColor=theme.track,
            cornerRadius="5px",
            margin="md",
        ),
        text(f"{signs[WAY]}%", size="xxs", color=QUIET, align="end", margin="sm"),
        backgroundColor=PAPER,
    )
