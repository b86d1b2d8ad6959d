"""Keep surveys, their answers and the festival calendar."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0032"
down_revision: str | None = "0031"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _make_survey()
    _make_answer()
    _make_festival()


def _make_survey() -> None:
    op.create_table(
        "survey",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", JSONB(), nullable=False),
        sa.Column("question", JSONB(), nullable=False),
        sa.Column("reasons", JSONB(), nullable=False),
        sa.Column("asks_words", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("archived_at", MOMENT),
        sa.CheckConstraint("code <> ''", name=op.f("ck_survey_has_a_code")),
        sa.CheckConstraint("kind IN ('csat', 'nps', 'exit')", name=op.f("ck_survey_kind_known")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_survey")),
    )


def _make_answer() -> None:
    op.create_table(
        "survey_answer",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("survey_code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("answered_at", MOMENT),
        sa.Column("score", sa.Integer()),
        sa.Column("reason", sa.Text()),
        sa.Column("words", sa.Text()),
        sa.CheckConstraint(
            "CASE kind WHEN 'csat' THEN score BETWEEN 1 AND 5"
            " WHEN 'nps' THEN score BETWEEN 0 AND 10 ELSE score IS NULL END",
            name=op.f("ck_survey_answer_score_in_scale"),
        ),
        sa.CheckConstraint(
            "answered_at IS NOT NULL OR num_nonnulls(score, reason, words) = 0",
            name=op.f("ck_survey_answer_answered_when"),
        ),
        sa.ForeignKeyConstraint(
            ["survey_code"], ["survey.code"], name=op.f("fk_survey_answer_survey_code_survey")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_survey_answer_member_id_member")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_answer")),
        sa.UniqueConstraint("key", name=op.f("uq_survey_answer_key")),
    )
    op.create_index(
        op.f("ix_survey_answer_of_member"),
        "survey_answer",
        ["member_id", "kind", "answered_at"],
    )
    op.create_index(
        op.f("ix_survey_answer_survey_code_survey_answer_asked_at"),
        "survey_answer",
        ["survey_code", "asked_at"],
    )


def _make_festival() -> None:
    op.create_table(
        "festival",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", JSONB(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer()),
        sa.CheckConstraint("month BETWEEN 1 AND 12", name=op.f("ck_festival_month_of_a_year")),
        sa.CheckConstraint("day BETWEEN 1 AND 31", name=op.f("ck_festival_day_of_a_month")),
        sa.CheckConstraint("days BETWEEN 1 AND 31", name=op.f("ck_festival_days_in_range")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_festival")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("festival")
    op.drop_table("survey_answer")
    op.drop_table("survey")
