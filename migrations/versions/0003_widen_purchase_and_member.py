"""Widen purchase and member for refunds and running figures; add lines, refunds, earn rules."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ZERO = sa.text("0")
EMPTY = sa.text("'{}'")


def _count(name: str, kind: type[sa.types.TypeEngine[int]] = sa.Integer) -> sa.Column[int]:
    return sa.Column(name, kind(), server_default=ZERO, nullable=False)


def _texts(name: str) -> sa.Column[list[str]]:
    return sa.Column(name, postgresql.ARRAY(sa.Text()), server_default=EMPTY, nullable=False)


def _numbers(name: str) -> sa.Column[list[int]]:
    return sa.Column(name, postgresql.ARRAY(sa.Integer()), server_default=EMPTY, nullable=False)


def upgrade() -> None:
    """Add columns and tables, and fill the new running figures from what is there."""
    _widen_member()
    _widen_purchase()
    _widen_shop()
    _make_lines_and_refunds()
    _make_earn_rules()


def _widen_member() -> None:
    for column in (
        _count("points_pending"),
        _count("tier_points"),
        _count("year_twd"),
        _count("lifetime_twd", sa.BigInteger),
        sa.Column("day_on", sa.Date()),
        _count("day_points"),
        _count("day_purchases"),
        sa.Column("frozen_at", sa.DateTime(timezone=True)),
        sa.Column("frozen_reason", sa.Text()),
        sa.Column("merged_into_id", sa.BigInteger()),
        sa.Column("referral_code", sa.Text()),
        sa.Column("phone_verified_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("member", column)
    op.create_foreign_key(
        op.f("fk_member_merged_into_id_member"), "member", "member", ["merged_into_id"], ["id"]
    )
    op.create_unique_constraint(op.f("uq_member_referral_code"), "member", ["referral_code"])
    for name, condition in (
        ("spends_not_negative", "year_twd >= 0 AND lifetime_twd >= 0"),
        ("pending_not_negative", "points_pending >= 0"),
        ("frozen_why", "(frozen_at IS NULL) = (frozen_reason IS NULL)"),
        ("merged_into_another", "merged_into_id <> id"),
    ):
        op.create_check_constraint(op.f(f"ck_member_{name}"), "member", condition)
    op.execute("""
        UPDATE member SET
            lifetime_twd = spent.lifetime_twd,
            year_twd = spent.year_twd
        FROM (
            SELECT buyer.id,
                   sum(paid_twd) AS lifetime_twd,
                   coalesce(sum(paid_twd) FILTER (
                       WHERE purchased_on >= date_trunc('year', buyer.spend_on)
                         AND purchased_on <= buyer.spend_on), 0) AS year_twd
            FROM purchase JOIN member AS buyer ON buyer.id = purchase.member_id
            GROUP BY buyer.id
        ) AS spent
        WHERE spent.id = member.id
    """)


def _widen_purchase() -> None:
    for column in (
        _count("refunded_twd"),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        _count("points_used"),
        _count("points_twd"),
        sa.Column("earn_twd", sa.Integer()),
        sa.Column("earn_percent", sa.Integer()),
        sa.Column("source", sa.Text()),
        sa.Column("source_ref", sa.Text()),
        sa.Column("earned", sa.JSON()),
    ):
        op.add_column("purchase", column)
    op.create_unique_constraint(
        op.f("uq_purchase_source_source_ref"), "purchase", ["source", "source_ref"]
    )
    op.drop_constraint(op.f("ck_purchase_paid_is_the_rest"), "purchase")
    for name, condition in (
        (
            "paid_is_the_rest",
            "paid_twd = amount_twd - discount_twd - points_twd AND paid_twd >= 0",
        ),
        (
            "earned_by_a_rate",
            "(earn_twd IS NULL) = (earn_percent IS NULL) AND earn_twd > 0",
        ),
        ("points_pay", "points_used >= 0 AND points_twd >= 0"),
        ("points_pay_something", "(points_used = 0) = (points_twd = 0)"),
        ("refunded_within_paid", "refunded_twd >= 0 AND refunded_twd <= paid_twd"),
        ("undone_is_refunded", "undone_at IS NULL OR refunded_twd = paid_twd"),
    ):
        op.create_check_constraint(op.f(f"ck_purchase_{name}"), "purchase", condition)


def _widen_shop() -> None:
    op.add_column(
        "shop", sa.Column("earn_stacking", sa.Text(), server_default="max", nullable=False)
    )
    op.add_column("shop", sa.Column("earn_cap_percent", sa.Integer()))
    op.add_column("shop", sa.Column("earn_daily_cap", sa.Integer()))
    op.create_check_constraint(
        op.f("ck_shop_earn_stacking_known"), "shop", "earn_stacking IN ('max', 'add', 'multiply')"
    )
    op.create_check_constraint(
        op.f("ck_shop_earn_caps_are_positive"),
        "shop",
        "earn_cap_percent >= 100 AND earn_daily_cap > 0",
    )


def _make_lines_and_refunds() -> None:
    op.create_table(
        "purchase_line",
        sa.Column("purchase_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("line_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sku", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text()),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount_twd", sa.Integer(), nullable=False),
        sa.Column("cost_twd", sa.Integer()),
        _count("refunded_quantity"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_purchase_line_quantity_positive")),
        sa.CheckConstraint("amount_twd >= 0", name=op.f("ck_purchase_line_amount_not_negative")),
        sa.CheckConstraint(
            "refunded_quantity BETWEEN 0 AND quantity",
            name=op.f("ck_purchase_line_refunded_within_sold"),
        ),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchase.id"], name=op.f("fk_purchase_line_purchase_id_purchase")
        ),
        sa.PrimaryKeyConstraint("purchase_id", "line_no", name=op.f("pk_purchase_line")),
    )
    op.create_table(
        "refund",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("purchase_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger()),
        sa.Column("amount_twd", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("is_full", sa.Boolean(), nullable=False),
        sa.Column("lines", sa.JSON()),
        sa.Column("points_taken", sa.Integer(), nullable=False),
        sa.Column("points_given_back", sa.Integer(), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refunded_on", sa.Date(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_twd >= 0", name=op.f("ck_refund_amount_not_negative")),
        *(
            sa.ForeignKeyConstraint(
                [f"{table}_id"], [f"{table}.id"], name=op.f(f"fk_refund_{table}_id_{table}")
            )
            for table in ("purchase", "member", "store", "staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_refund_idempotency_key")),
    )
    op.create_index(op.f("ix_refund_purchase_id"), "refund", ["purchase_id"])
    op.create_index(
        op.f("ix_refund_member_id_refund_refunded_on"), "refund", ["member_id", "refunded_on"]
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON refund "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def _make_earn_rules() -> None:
    op.create_table(
        "earn_rule",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", postgresql.JSONB(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("min_spend_twd", sa.Integer(), nullable=False),
        _texts("store_codes"),
        _texts("channels"),
        _texts("tier_codes"),
        _texts("categories"),
        _numbers("weekdays"),
        _numbers("month_days"),
        sa.Column("starts_at", sa.DateTime(timezone=True)),
        sa.Column("ends_at", sa.DateTime(timezone=True)),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_earn_rule_{name}"))
            for name, condition in (
                ("gives_one_thing", "(percent > 100) <> (points > 0)"),
                ("never_takes", "percent >= 100 AND points >= 0"),
                ("min_spend_not_negative", "min_spend_twd >= 0"),
                ("lives", "starts_at < ends_at"),
                ("weekdays_known", "weekdays <@ ARRAY[1, 2, 3, 4, 5, 6, 7]"),
                ("categories_multiply", "categories = '{}' OR points = 0"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_earn_rule")),
        sa.UniqueConstraint("code", name=op.f("uq_earn_rule_code")),
    )


def downgrade() -> None:
    """Take tables and columns away again."""
    op.drop_table("earn_rule")
    op.drop_table("refund")
    op.drop_table("purchase_line")
    for name in ("earn_caps_are_positive", "earn_stacking_known"):
        op.drop_constraint(op.f(f"ck_shop_{name}"), "shop")
    for name in ("earn_daily_cap", "earn_cap_percent", "earn_stacking"):
        op.drop_column("shop", name)
    for name in (
        "undone_is_refunded",
        "earned_by_a_rate",
        "refunded_within_paid",
        "points_pay_something",
        "points_pay",
        "paid_is_the_rest",
    ):
        op.drop_constraint(op.f(f"ck_purchase_{name}"), "purchase")
    op.create_check_constraint(
        op.f("ck_purchase_paid_is_the_rest"), "purchase", "paid_twd = amount_twd - discount_twd"
    )
    for name in (
        "earned",
        "source_ref",
        "source",
        "earn_percent",
        "earn_twd",
        "points_twd",
        "points_used",
        "undone_at",
        "refunded_twd",
    ):
        op.drop_column("purchase", name)
    for name in (
        "merged_into_another",
        "frozen_why",
        "pending_not_negative",
        "spends_not_negative",
    ):
        op.drop_constraint(op.f(f"ck_member_{name}"), "member")
    for name in (
        "phone_verified_at",
        "referral_code",
        "merged_into_id",
        "frozen_reason",
        "frozen_at",
        "day_purchases",
        "day_points",
        "day_on",
        "lifetime_twd",
        "year_twd",
        "tier_points",
        "points_pending",
    ):
        op.drop_column("member", name)
