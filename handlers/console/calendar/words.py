"""What the calendar calls what is on a day."""

from typing import Any

from bot.texts import Texts
from handlers.console.campaigns.words import TONES, said_reason, state_names, weekday_names


def entry_words(t: Texts) -> dict[str, Any]:
    """Return what templates need to name what is on a day."""
    return {
        "tones": TONES,
        "states": state_names(t),
        "reason": lambda why: said_reason(t, why),
        "weekdays": list(weekday_names(t).values()),
    }
