"""A figure: its name, what was measured, and whether it is as good as we promise."""

from dataclasses import dataclass
from typing import Any


class BenchmarkError(Exception):
    """The measurement itself failed; the text says what and where to look."""


@dataclass(frozen=True)
class Goal:
    """A range that is good enough; None is no limit."""

    least: float | None = None
    most: float | None = None
    below: float | None = None

    def __str__(self) -> str:
        """Return the range in one word: `>=0.4`, `<=8`, `<100`, `>=0.8,<=1.2`."""
        limits = ((">=", self.least), ("<=", self.most), ("<", self.below))
        return ",".join(f"{sign}{limit:g}" for sign, limit in limits if limit is not None)

    def is_met(self, value: float) -> bool:
        """Tell whether `value` lies within."""
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.below is None or value < self.below)
        )


@dataclass(frozen=True)
class Figure:
    """One result; without a goal it only informs."""

    name: str
    value: float
    unit: str
    goal: Goal | None = None

    @property
    def is_ok(self) -> bool:
        """Tell whether the goal, if there is one, is met."""
        return self.goal is None or self.goal.is_met(self.value)

    @property
    def verdict(self) -> str:
        """Return `ok` or `short`."""
        return "ok" if self.is_ok else "short"

    def __str__(self) -> str:
        """Return the figure's line: `name value unit goal ok|short`."""
        goal = "-" if self.goal is None else str(self.goal)
        return f"{self.name} {_shown(self.value)} {self.unit} {goal} {self.verdict}"

    def as_json(self) -> dict[str, Any]:
        """Return the line as an object; the value is not rounded."""
        goal = None if self.goal is None else str(self.goal)
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "goal": goal,
            "verdict": self.verdict,
        }


def _shown(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
