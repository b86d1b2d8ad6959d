"""One thing that happened to a member, and where a page of the line ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

MOST_AT_ONCE = 100
KINDS = (
    "purchases",
    "points",
    "coupons",
    "rewards",
    "messages",
    "actions",
    "tiers",
    "tags",
    "journeys",
    "voice",
    "changes",
)
"""What the line can be narrowed to."""


@dataclass(frozen=True)
class Place:
    """Where a page ended: the last thing on it. The next page begins right after."""

    at: datetime
    source: str
    id: int


@dataclass(frozen=True)
class Happening:
    """One thing that happened; which figures stand there depends on its `source`.

    `what` tells the sort of it within its source: a state, a reason or a code. `name` is what it
    was about, a text a language, and `words` what somebody wrote, or a code more of it.
    """

    at: datetime
    source: str
    id: int
    what: str
    name: dict[str, str] | None
    words: str | None
    store_id: int | None
    staff_name: str | None
    amount_twd: int | None
    points: int | None
    balance: int | None
    facts: dict[str, Any] | None

    @property
    def place(self) -> Place:
        """Return where a page that ends with it ends."""
        return Place(self.at, self.source, self.id)
