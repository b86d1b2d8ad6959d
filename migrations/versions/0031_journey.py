"""Keep journeys, their versions and who is on the way."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
STATES = ("draft", "active", "paused", "archived")
VISIT_STATES = ("under_way", "done", "exited", "held_out", "set_aside")


def upgrade() -> None:
    """Make the tables; versions never change, nor do steps that were taken."""
    _make_journey()
    _make_journey_visit()
    _make_journey_move()
    _make_journey_task()
    op.create_table(
        "journey_presence",
        sa.Column("journey_code", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("entered_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["journey_code"],
            ["journey.code"],
            name=op.f("fk_journey_presence_journey_code_journey"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_journey_presence_member_id_member")
        ),
        sa.PrimaryKeyConstraint("journey_code", "member_id", name=op.f("pk_journey_presence")),
    )
    op.create_index(
        op.f("ix_journey_presence_journey_code_journey_presence_entered_at"),
        "journey_presence",
        ["journey_code", "entered_at"],
    )
    op.create_index(op.f("ix_journey_presence_member_id"), "journey_presence", ["member_id"])
    op.create_table(
        "journey_mark",
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fact", name=op.f("pk_journey_mark")),
    )


def _make_journey() -> None:
    op.create_table(
        "journey",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("active_since", MOMENT),
        sa.Column("looked_at", MOMENT),
        sa.Column("swept_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("archived_at", MOMENT),
        sa.CheckConstraint(
            "code ~ '^[a-z0-9][a-z0-9_-]{0,39}$'", name=op.f("ck_journey_code_slug")
        ),
        sa.CheckConstraint("name ? 'zh-TW'", name=op.f("ck_journey_named_in_chinese")),
        sa.CheckConstraint(
            "state IN ('" + "', '".join(STATES) + "')", name=op.f("ck_journey_state_known")
        ),
        sa.CheckConstraint("version > 0", name=op.f("ck_journey_version_positive")),
        sa.CheckConstraint(
            "state <> 'active' OR active_since IS NOT NULL",
            name=op.f("ck_journey_active_since_a_moment"),
        ),
        sa.CheckConstraint(
            "(state = 'archived') = (archived_at IS NOT NULL)",
            name=op.f("ck_journey_archived_when"),
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_journey")),
    )
    op.create_table(
        "journey_version",
        sa.Column("journey_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("definition", JSONB(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_journey_version_version_positive")),
        sa.ForeignKeyConstraint(
            ["journey_code"], ["journey.code"], name=op.f("fk_journey_version_journey_code_journey")
        ),
        sa.PrimaryKeyConstraint("journey_code", "version", name=op.f("pk_journey_version")),
    )
    _keep_unchanged("journey_version", "UPDATE OR DELETE")


def _make_journey_visit() -> None:
    op.create_table(
        "journey_visit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("journey_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("step", sa.Text()),
        sa.Column("step_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("cause_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("exit_reason", sa.Text()),
        sa.Column("facts", JSONB(), nullable=False),
        sa.CheckConstraint(
            "state IN ('" + "', '".join(VISIT_STATES) + "')",
            name=op.f("ck_journey_visit_state_known"),
        ),
        sa.CheckConstraint(
            "(state = 'under_way') = (due_at IS NOT NULL)",
            name=op.f("ck_journey_visit_under_way_is_due"),
        ),
        sa.CheckConstraint(
            "(state IN ('under_way', 'set_aside')) = (step IS NOT NULL)",
            name=op.f("ck_journey_visit_stands_somewhere"),
        ),
        sa.CheckConstraint(
            "(state IN ('done', 'exited')) = (ended_at IS NOT NULL)",
            name=op.f("ck_journey_visit_ended_when"),
        ),
        sa.ForeignKeyConstraint(
            ["journey_code", "version"],
            ["journey_version.journey_code", "journey_version.version"],
            name=op.f("fk_journey_visit_journey_code_version_journey_version"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_journey_visit_member_id_member")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journey_visit")),
    )
    op.create_index(
        op.f("uq_journey_visit_journey_code_key"),
        "journey_visit",
        ["journey_code", "key"],
        unique=True,
    )
    op.create_index(
        op.f("ix_journey_visit_member_id_journey_visit_journey_code"),
        "journey_visit",
        ["member_id", "journey_code"],
    )
    op.create_index(
        op.f("ix_journey_visit_due"),
        "journey_visit",
        ["journey_code", "due_at", "id"],
        postgresql_where=sa.text("state = 'under_way'"),
    )
    op.create_index(
        op.f("ix_journey_visit_under_way"),
        "journey_visit",
        ["journey_code", "id"],
        postgresql_where=sa.text("state = 'under_way'"),
    )


def _make_journey_move() -> None:
    op.create_table(
        "journey_move",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column("journey_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("from_step", sa.Text()),
        sa.Column("to_step", sa.Text()),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["journey_visit.id"], name=op.f("fk_journey_move_visit_id_journey_visit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journey_move")),
    )
    op.create_index(
        op.f("ix_journey_move_visit_id_journey_move_id"), "journey_move", ["visit_id", "id"]
    )
    op.create_index(
        op.f("ix_journey_move_journey_code"), "journey_move", ["journey_code", "version"]
    )
    _keep_unchanged("journey_move", "UPDATE")


def _make_journey_task() -> None:
    op.create_table(
        "journey_task",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("what", JSONB(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("done_at", MOMENT),
        sa.Column("done_by", sa.BigInteger()),
        sa.CheckConstraint("what ? 'zh-TW'", name=op.f("ck_journey_task_said_in_chinese")),
        sa.CheckConstraint(
            "(done_at IS NULL) = (done_by IS NULL)", name=op.f("ck_journey_task_done_by_somebody")
        ),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["journey_visit.id"], name=op.f("fk_journey_task_visit_id_journey_visit")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_journey_task_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["done_by"], ["staff.id"], name=op.f("fk_journey_task_done_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journey_task")),
    )
    for column in ("member_id", "visit_id"):
        op.create_index(op.f(f"ix_journey_task_{column}"), "journey_task", [column])
    op.create_index(
        op.f("ix_journey_task_open"),
        "journey_task",
        ["due_on"],
        postgresql_where=sa.text("done_at IS NULL"),
    )


def _keep_unchanged(table: str, events: str) -> None:
    """Let the database refuse to change what was written."""
    op.execute(
        f"CREATE TRIGGER append_only BEFORE {events} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """Drop them."""
    for table in (
        "journey_mark",
        "journey_presence",
        "journey_task",
        "journey_move",
        "journey_visit",
        "journey_version",
        "journey",
    ):
        op.drop_table(table)
