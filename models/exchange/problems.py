"""What is wrong with a file's rows, in words a shop owner can act on.

A problem names the row and column as a spreadsheet shows them, says what is wrong and what to do,
in the language of whoever reads it.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from models.base import BusinessError, Texts, in_language
from models.exchange.kinds import KINDS

SHOWN_VALUE = 40
KEPT_PROBLEMS = 20


@dataclass(frozen=True)
class Problem:
    """One thing about one row. `column` is the file's own heading, or "" for the whole row."""

    row: int
    column: str
    code: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> str:
        """Return `error`, `warning` or `note`."""
        return KINDS[self.code].severity

    def what(self, language: str = "zh-TW") -> str:
        """Say what is wrong."""
        return in_language(KINDS[self.code].what, language).format(**self.facts)

    def remedy(self, language: str = "zh-TW") -> str:
        """Say what to do."""
        return in_language(KINDS[self.code].remedy, language)

    def to_words(self) -> dict[str, Any]:
        """Return it as a transfer's row keeps it: in no language."""
        return asdict(self)

    @classmethod
    def from_words(cls, words: Mapping[str, Any]) -> "Problem":
        """Return what `to_words` wrote."""
        return cls(**words)


class FileRefused(BusinessError):
    """The file as a whole cannot be imported; the facts carry `reason`, in three languages."""

    code = "file_refused"

    def __init__(self, reason: Texts) -> None:
        super().__init__(reason=reason)


class Findings:
    """Counts problems and keeps the first few; all of them go to `told` as they come."""

    def __init__(self, told: Callable[[Problem], None] | None = None) -> None:
        """Begin with nothing found."""
        self._told = told
        self.by_code: Counter[str] = Counter()
        self.first: list[Problem] = []

    def add(self, row: int, column: str, code: str, **facts: object) -> None:
        """Note a problem; a `value` from the file is cut to what one can read."""
        if "value" in facts:
            facts["value"] = str(facts["value"])[:SHOWN_VALUE]
        problem = Problem(row, column, code, facts)
        self.by_code[code] += 1
        if len(self.first) < KEPT_PROBLEMS:
            self.first.append(problem)
        if self._told is not None:
            self._told(problem)

    def count(self, severity: str) -> int:
        """Return how many problems of this severity were found."""
        return sum(n for code, n in self.by_code.items() if KINDS[code].severity == severity)
