"""What came of a file, counted by outcome."""

from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Summary:
    """What came of a file, or would have in a dry run."""

    kind: str
    source: str
    is_dry_run: bool
    batch_id: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    """Which heading of the file was read as what."""
    same_as_batch: int | None = None
    """The import that brought this very file before."""

    def __post_init__(self) -> None:
        """Several writers count at once."""
        self._lock = Lock()

    def add(self, outcome: str, count: int = 1) -> None:
        """Count an outcome."""
        if not count:
            return
        with self._lock:
            self.counts[outcome] = self.counts.get(outcome, 0) + count
