"""Keep webhook endpoints and their deliveries."""

from collections.abc import Sequence

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make what the counter needs."""


def downgrade() -> None:
    """Take it back."""
