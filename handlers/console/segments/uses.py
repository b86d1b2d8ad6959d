"""What uses a segment, as its page says it: each by name, with where it is shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import g, url_for

from bot.texts import Texts
from handlers.console.campaigns.words import TONES as CAMPAIGN_TONES
from handlers.console.campaigns.words import state_names
from handlers.console.door import console_texts
from handlers.console.journeys.words import TONES as JOURNEY_TONES
from handlers.console.journeys.words import state_name
from handlers.console.members.links import members_url
from models.base import in_language
from models.segment.using import CAMPAIGN, HANDOUT, JOURNEY, LETTER, TAG, Use, uses_of


@dataclass(frozen=True)
class ToldUse:
    """One use in words; `stops` where it cannot go on once the segment is archived."""

    kind: str
    name: str
    url: str
    state: tuple[str, str] | None
    """In words, and the colour to show it in."""
    stops: bool
    is_over: bool


def told_uses(code: str) -> list[ToldUse]:
    """Return what uses a segment."""
    t = console_texts()
    kinds = {
        CAMPAIGN: t("活動"),
        JOURNEY: t("旅程"),
        TAG: t("自動標籤"),
        HANDOUT: t("發過的券"),
        LETTER: t("定期寄送的報表"),
    }
    return [
        ToldUse(
            kinds[use.kind],
            in_language(use.name, t.language),
            _URLS[use.kind](use.code),
            _state(t, use),
            use.stops,
            use.is_over,
        )
        for use in uses_of(g.session, code)
    ]


def _state(t: Texts, use: Use) -> tuple[str, str] | None:
    if use.kind == CAMPAIGN and use.state is not None:
        return state_names(t)[use.state], CAMPAIGN_TONES[use.state]
    if use.kind == JOURNEY and use.state is not None:
        return state_name(t, use.state), JOURNEY_TONES[use.state]
    return (t.moment(use.at), "secondary") if use.at is not None else None


def _with_tag(code: str) -> str:
    where: dict[str, Any] = {"field": "tag", "is": "any_of", "value": [code]}
    return members_url({"schema": 1, "where": where})


_URLS: Mapping[str, Callable[[str], str]] = {
    CAMPAIGN: lambda code: url_for("console.campaigns_standing_show_campaign", code=code),
    JOURNEY: lambda code: url_for("console.journeys_showing_show_journey", code=code),
    TAG: _with_tag,
    HANDOUT: lambda code: url_for("console.programme_handing_show_run", handout_id=int(code)),
    LETTER: lambda _code: url_for("console.reports_show_letters"),
}
