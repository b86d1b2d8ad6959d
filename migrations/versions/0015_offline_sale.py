"""Keep what a device recorded without a network."""

from collections.abc import Sequence

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make what the counter needs."""


def downgrade() -> None:
    """Take it back."""
