"""What a visit earns: the programme's step, and bonuses on top of it. Pure; nothing is read."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self

from models.stamp_card.table import StampProgramme, StampRuleRefused

MOST_BONUS_STAMPS = 20
WEEKDAYS = range(1, 8)
"""1 is Monday, as in ISO 8601."""


Line = tuple[str | None, int]
"""Category and NT$ of one item of a sale, as far as the asker told."""


@dataclass(frozen=True)
class StampBonus:
    """`stamps` on top for a visit that earns at all, on the days from `starts_on` to `ends_on`.

    `weekday`: on these days of the week; `first_visit`: on the member's first purchase;
    `category`: with an item of it; `window`: on any visit of a campaign, which needs its days.
    """

    kind: str
    stamps: int
    weekdays: tuple[int, ...] = ()
    category: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    """The first day without it."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises StampRuleRefused."""
        needs = {
            "weekday": bool(self.weekdays) and set(self.weekdays) <= set(WEEKDAYS),
            "category": bool(self.category),
            "window": self.starts_on is not None or self.ends_on is not None,
            "first_visit": True,
        }
        if not needs.get(self.kind, False):
            raise StampRuleRefused(what=self.kind)
        if not 0 < self.stamps <= MOST_BONUS_STAMPS:
            raise StampRuleRefused(what="stamps", largest=MOST_BONUS_STAMPS)
        if self.starts_on and self.ends_on and self.starts_on >= self.ends_on:
            raise StampRuleRefused(what="days")

    def to_words(self) -> dict[str, Any]:
        """Return it as the programme's row keeps it; days are ISO."""
        return {
            "kind": self.kind,
            "stamps": self.stamps,
            "weekdays": list(self.weekdays),
            "category": self.category,
            "starts_on": self.starts_on.isoformat() if self.starts_on else None,
            "ends_on": self.ends_on.isoformat() if self.ends_on else None,
        }

    @classmethod
    def from_words(cls, words: dict[str, Any]) -> Self:
        """Return the bonus `to_words` wrote. Raises StampRuleRefused."""
        starts_on, ends_on = words.get("starts_on"), words.get("ends_on")
        return cls(
            kind=words["kind"],
            stamps=words["stamps"],
            weekdays=tuple(words.get("weekdays") or ()),
            category=words.get("category"),
            starts_on=date.fromisoformat(starts_on) if starts_on else None,
            ends_on=date.fromisoformat(ends_on) if ends_on else None,
        )

    def holds(self, day: date, categories: Collection[str | None], *, is_first: bool) -> bool:
        """Tell whether a visit on `day` with items of these categories gets it."""
        if (self.starts_on and day < self.starts_on) or (self.ends_on and day >= self.ends_on):
            return False
        if self.kind == "weekday":
            return day.isoweekday() in self.weekdays
        if self.kind == "category":
            return self.category in categories
        return self.kind == "window" or is_first


@dataclass(frozen=True)
class EarnedStamps:
    """So many stamps of one programme, more than none."""

    programme: StampProgramme
    stamps: int


def bonuses_of(programme: StampProgramme) -> list[StampBonus]:
    """Return the programme's bonuses."""
    return [StampBonus.from_words(words) for words in programme.bonuses]


def stamps_for(
    programme: StampProgramme,
    paid_twd: int,
    lines: Iterable[Line],
    channel: str,
    day: date,
    *,
    is_first: bool = False,
) -> int:
    """Return what a purchase of `paid_twd` earns in the programme on a Taipei `day`.

    `lines` may be empty where nobody told the items. Bonuses add up; without a stamp of its own
    a visit gets none. `is_first` says that it is the member's first purchase.
    """
    if not programme.is_running(day) or programme.channel not in (None, channel):
        return 0
    return stamps_by_rule(programme, paid_twd, lines, day, is_first=is_first)


def stamps_by_rule(
    programme: StampProgramme,
    paid_twd: int,
    lines: Iterable[Line],
    day: date,
    *,
    is_first: bool,
) -> int:
    """Return what the programme's numbers give, whether or not it runs at present."""
    if paid_twd < programme.min_spend_twd:
        return 0
    own = paid_twd // programme.per_twd if programme.per_twd else 1
    if not own or not programme.bonuses:
        return own
    categories = {category for category, _ in lines}
    return own + sum(
        bonus.stamps
        for bonus in bonuses_of(programme)
        if bonus.holds(day, categories, is_first=is_first)
    )


def earned_stamps(
    programmes: Iterable[StampProgramme],
    paid_twd: int,
    lines: Sequence[Line],
    channel: str,
    day: date,
    *,
    is_first: bool = False,
) -> tuple[EarnedStamps, ...]:
    """Return what a purchase earns in each programme in which it earns anything."""
    counted = (
        (programme, stamps_for(programme, paid_twd, lines, channel, day, is_first=is_first))
        for programme in programmes
    )
    return tuple(EarnedStamps(programme, stamps) for programme, stamps in counted if stamps)


def shown_stamps(stamps: int, size: int) -> int:
    """Return how many stamps the current card shows: a card just filled shows full."""
    return (stamps - 1) % size + 1 if stamps else 0


def card_ends_on(programme: StampProgramme, first_stamp_on: date) -> date | None:
    """Return the first day on which a card begun on a day is gone, or None where it never is."""
    if programme.card_days is None:
        return None
    return first_stamp_on + timedelta(days=programme.card_days)
