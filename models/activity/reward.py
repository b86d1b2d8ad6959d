"""Rewards: what doing something brings, as the shop configured it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from models.base import BusinessError

LARGEST_POINTS = 100_000
LARGEST_COUNT = 20


class RewardRefused(BusinessError):
    """The configured reward names something unknown, or more than a reward may bring."""

    code = "reward_refused"


@dataclass(frozen=True)
class Reward:
    """What one achievement brings; anything may be absent, an empty one is a pat on the back."""

    points: int = 0
    tier_points: int = 0
    coupon: str | None = None
    """The code of a coupon template."""
    lottery: str | None = None
    """The code of a lottery in which it brings `tickets`."""
    tickets: int = 0
    badge: str | None = None
    """The code of a badge."""

    @classmethod
    def from_words(cls, words: Mapping[str, Any] | None) -> Self:
        """Read a reward as a rule's row keeps it. Raises RewardRefused."""
        known = {field.name for field in fields(cls)}
        given = dict(words or {})
        if not given.keys() <= known:
            raise RewardRefused(unknown=sorted(given.keys() - known))
        return cls(**given).checked()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an operator's `points=20,coupon=welcome`. Raises RewardRefused."""
        words: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = part.partition("=")
            is_number = value.isascii() and value.isdigit()
            words[name] = int(value) if is_number else value
        if "lottery" in words:
            words.setdefault("tickets", 1)
        return cls.from_words(words)

    def checked(self) -> Self:
        """Return the reward where it keeps the limits. Raises RewardRefused."""
        numbers = {
            "points": LARGEST_POINTS,
            "tier_points": LARGEST_POINTS,
            "tickets": LARGEST_COUNT,
        }
        for name, largest in numbers.items():
            value = getattr(self, name)
            if not isinstance(value, int) or not 0 <= value <= largest:
                raise RewardRefused(name=name, largest=largest)
        for name in ("coupon", "lottery", "badge"):
            if not isinstance(getattr(self, name), str | None):
                raise RewardRefused(name=name)
        if (self.lottery is None) != (self.tickets == 0):
            raise RewardRefused(name="tickets")
        return self

    def to_words(self) -> dict[str, Any]:
        """Return the reward as its rule's row keeps it: only what it brings."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name)
        }
