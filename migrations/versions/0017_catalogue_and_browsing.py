"""Keep catalogue items, and what people looked at."""

from collections.abc import Sequence

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make what the counter needs."""


def downgrade() -> None:
    """Take it back."""
