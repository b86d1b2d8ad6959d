"""Find who stands at, came to and left a step, tasks that are done, and answers, page by page."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0039"
down_revision: str | None = "0038"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DUE, DONE = sa.text("done_at IS NULL"), sa.text("done_at IS NOT NULL")


def upgrade() -> None:
    """Make the indexes; that of the moves by version is not asked any more."""
    op.create_index("ix_journey_visit_state", "journey_visit", ["journey_code", "state", "id"])
    op.create_index(
        "ix_journey_visit_step",
        "journey_visit",
        ["journey_code", "step", "id"],
        postgresql_where=sa.text("step IS NOT NULL"),
    )
    op.create_index("ix_journey_move_to_step", "journey_move", ["journey_code", "to_step", "id"])
    op.create_index(
        "ix_journey_move_from_step", "journey_move", ["journey_code", "from_step", "why", "id"]
    )
    op.drop_index("ix_journey_move_journey_code", "journey_move")
    op.drop_index("ix_journey_task_open", "journey_task")
    op.create_index("ix_journey_task_open", "journey_task", ["due_on", "id"], postgresql_where=DUE)
    op.create_index(
        "ix_journey_task_done", "journey_task", ["done_at", "id"], postgresql_where=DONE
    )
    op.create_index(
        "ix_survey_answer_given",
        "survey_answer",
        ["survey_code", "answered_at", "id"],
        postgresql_where=sa.text("answered_at IS NOT NULL"),
    )


def downgrade() -> None:
    """Drop them, and let the moves be found by version again."""
    op.drop_index("ix_survey_answer_given", "survey_answer")
    op.drop_index("ix_journey_task_done", "journey_task")
    op.drop_index("ix_journey_task_open", "journey_task")
    op.create_index("ix_journey_task_open", "journey_task", ["due_on"], postgresql_where=DUE)
    op.create_index("ix_journey_move_journey_code", "journey_move", ["journey_code", "version"])
    op.drop_index("ix_journey_move_from_step", "journey_move")
    op.drop_index("ix_journey_move_to_step", "journey_move")
    op.drop_index("ix_journey_visit_step", "journey_visit")
    op.drop_index("ix_journey_visit_state", "journey_visit")
