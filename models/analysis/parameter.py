"""What may be asked of an analysis, as people type it: a name, a kind, and what may be said."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from models.analysis.refusals import ParameterRefused
from models.analysis.stall import MOST_EDGES
from models.base import Texts

Kind = Literal["whole", "decimal", "day", "choice", "code", "wholes"]
LARGEST = 1_000_000_000_000
LONGEST_CODE = 64


@dataclass(frozen=True)
class Parameter:
    """Something that may be asked of an analysis, as text; left out, `default` holds."""

    name: str
    kind: Kind
    title: Texts
    default: Any = None
    least: int = 0
    most: int = LARGEST
    choices: tuple[str, ...] = ()
    """What a `choice` may be. `wholes` are whole numbers with commas between."""

    def read(self, told: str) -> Any:
        """Return the value of a text. Raises ParameterRefused."""
        try:
            value = _READ[self.kind](told.strip())
        except (ValueError, InvalidOperation) as error:
            raise ParameterRefused(name=self.name, why=self.kind) from error
        if not self._admits(value):
            raise ParameterRefused(name=self.name, why=self.possible)
        return value

    def _admits(self, value: Any) -> bool:
        if self.kind == "choice":
            return value in self.choices
        if self.kind == "wholes":
            return 0 < len(value) <= MOST_EDGES and all(0 <= each <= self.most for each in value)
        if self.kind == "code":
            return len(value) <= LONGEST_CODE
        return self.kind == "day" or self.least <= value <= self.most

    @property
    def possible(self) -> str:
        """Return what may be said, in the shortest words."""
        if self.kind == "choice":
            return "|".join(self.choices)
        if self.kind in ("day", "code"):
            return "2026-11-22" if self.kind == "day" else f"≤ {LONGEST_CODE}"
        wanted = f"≥ {self.least}" if self.most == LARGEST else f"{self.least}–{self.most}"
        return f"{wanted}, …" if self.kind == "wholes" else wanted


def read_all(parameters: Sequence[Parameter], asked: Mapping[str, str]) -> dict[str, Any]:
    """Return the value of each parameter by name. Raises ParameterRefused for an unknown one."""
    known = {parameter.name for parameter in parameters}
    unknown = sorted(set(asked) - known)
    if unknown:
        raise ParameterRefused(name=unknown[0][:60], why="|".join(sorted(known)))
    return {
        parameter.name: parameter.read(asked[parameter.name])
        if asked.get(parameter.name, "").strip()
        else parameter.default
        for parameter in parameters
    }


def _wholes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(text)
    return value


_READ: Mapping[Kind, Callable[[str], Any]] = {
    "whole": int,
    "decimal": _decimal,
    "day": date.fromisoformat,
    "choice": str,
    "code": str,
    "wholes": _wholes,
}
