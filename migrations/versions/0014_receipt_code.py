"""Keep receipt codes, for those who forgot to scan."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the codes, who guessed at them, and what the shop says of them."""
    _add_settings()
    _make_codes()
    op.create_table(
        "receipt_code_guess",
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("guesses", sa.Integer(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.CheckConstraint("guesses > 0", name=op.f("ck_receipt_code_guess_guessed")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_receipt_code_guess_member_id_member")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_receipt_code_guess")),
    )


def _add_settings() -> None:
    for name, usual in (("receipt_code_days", "7"), ("receipt_codes_per_day", "20")):
        op.add_column(
            "shop", sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text(usual))
        )
    op.create_check_constraint(
        op.f("ck_shop_receipt_codes_end"),
        "shop",
        "receipt_code_days BETWEEN 1 AND 7 AND receipt_codes_per_day >= 0",
    )


def _make_codes() -> None:
    op.create_table(
        "receipt_code",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger()),
        sa.Column("amount_twd", sa.Integer(), nullable=False),
        sa.Column("lines", sa.JSON()),
        sa.Column("invoice_number", sa.Text()),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("claimed_at", MOMENT),
        sa.Column("purchase_id", sa.BigInteger()),
        sa.Column("cancelled_at", MOMENT),
        sa.Column("cancelled_by", sa.BigInteger()),
        sa.CheckConstraint("amount_twd > 0", name=op.f("ck_receipt_code_amount_positive")),
        sa.CheckConstraint("issued_at < expires_at", name=op.f("ck_receipt_code_lives")),
        sa.CheckConstraint(
            "(claimed_at IS NULL) = (purchase_id IS NULL)", name=op.f("ck_receipt_code_claimed_as")
        ),
        sa.CheckConstraint(
            "claimed_at IS NULL OR cancelled_at IS NULL", name=op.f("ck_receipt_code_ends_once")
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_receipt_code_{column}_{table}")
            )
            for column, table in (
                ("store_id", "store"),
                ("staff_id", "staff"),
                ("purchase_id", "purchase"),
                ("cancelled_by", "staff"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_code")),
        *(
            sa.UniqueConstraint(column, name=op.f(f"uq_receipt_code_{column}"))
            for column in ("digest", "idempotency_key", "purchase_id")
        ),
    )
    op.create_index(
        "uq_receipt_code_invoice_number",
        "receipt_code",
        ["invoice_number"],
        unique=True,
        postgresql_where=sa.text("cancelled_at IS NULL"),
    )
    for person in ("store_id", "staff_id"):
        op.create_index(f"ix_receipt_code_{person}", "receipt_code", [person, "issued_at"])


def downgrade() -> None:
    """Forget codes, guesses and settings."""
    op.drop_table("receipt_code_guess")
    op.drop_table("receipt_code")
    op.drop_constraint(op.f("ck_shop_receipt_codes_end"), "shop", type_="check")
    for name in ("receipt_codes_per_day", "receipt_code_days"):
        op.drop_column("shop", name)
