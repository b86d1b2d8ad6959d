"""What the analyses of the articles are asked about, and what they note, for their reports."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from models.analysis.scope import ALL, Scope
from models.analysis.told import Note
from models.base import Texts
from models.local_day import local_day


def scope_of(now: datetime, values: Mapping[str, Any]) -> Scope:
    """Return which members and days an analysis is asked about."""
    return Scope(local_day(now), values.get("population", ALL), values.get("window_days"))


def noted(notes: Sequence[Note]) -> tuple[Texts, ...]:
    """Return an analysis' notes as those of a report."""
    return tuple(note.as_json()["text"] for note in notes)
