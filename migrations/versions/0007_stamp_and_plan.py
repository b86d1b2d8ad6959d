"""Prove stamps entry by entry; add paid plans."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

APPEND_ONLY = ("stamp_entry", "subscription_event", "plan_payment")


def upgrade() -> None:
    """Add columns and tables; write the entries that explain the stamps there are."""
    _widen_stamp_programme()
    _widen_stamp_card()
    _make_stamp_entries()
    _explain_old_stamps()
    _make_plans()
    _make_subscriptions()
    _make_payments()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def _widen_stamp_programme() -> None:
    for column in (
        sa.Column("code", sa.Text()),
        sa.Column("per_twd", sa.Integer()),
        sa.Column("bonuses", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("channel", sa.Text()),
        sa.Column("card_days", sa.Integer()),
        sa.Column("starts_on", sa.Date()),
        sa.Column("ends_on", sa.Date()),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    ):
        op.add_column("stamp_programme", column)
    op.execute("""
        UPDATE stamp_programme SET code = CASE
            WHEN id = (SELECT min(id) FROM stamp_programme) THEN 'main' ELSE 'card-' || id END
    """)
    op.alter_column("stamp_programme", "code", nullable=False)
    op.create_unique_constraint(op.f("uq_stamp_programme_code"), "stamp_programme", ["code"])
    for name, condition in (
        ("step_is_positive", "per_twd > 0"),
        ("card_lives", "card_days > 0"),
        ("runs", "starts_on < ends_on"),
        ("bonuses_are_a_list", "jsonb_typeof(bonuses) = 'array'"),
    ):
        op.create_check_constraint(op.f(f"ck_stamp_programme_{name}"), "stamp_programme", condition)


def _widen_stamp_card() -> None:
    op.add_column("stamp_card", sa.Column("expires_on", sa.Date()))
    op.add_column("stamp_card", sa.Column("reminded_for", sa.Date()))
    op.create_index(
        "ix_stamp_card_expiring",
        "stamp_card",
        ["expires_on"],
        postgresql_where=sa.text("expires_on IS NOT NULL"),
    )


def _foreign(table: str, *others: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            [f"{other}_id"], [f"{other}.id"], name=op.f(f"fk_{table}_{other}_id_{other}")
        )
        for other in others
    ]


def _checks(table: str, **conditions: str) -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
        for name, condition in conditions.items()
    ]


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _make_stamp_entries() -> None:
    op.create_table(
        "stamp_entry",
        _id(),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("delta", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("purchase_id", sa.BigInteger()),
        sa.Column("refund_id", sa.BigInteger()),
        sa.Column("staff_id", sa.BigInteger()),
        sa.Column("note", sa.Text()),
        sa.Column("is_first", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        *_checks(
            "stamp_entry",
            moves_stamps="delta <> 0",
            reason_known="reason IN ('purchase', 'refund', 'expiry', 'manual', 'merge', 'import',"
            " 'opening')",
            manual_says_why="(reason = 'manual') = (note IS NOT NULL)",
        ),
        *_foreign("stamp_entry", "member", "purchase", "refund", "staff"),
        sa.ForeignKeyConstraint(
            ["programme_id"],
            ["stamp_programme.id"],
            name=op.f("fk_stamp_entry_programme_id_stamp_programme"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stamp_entry")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_stamp_entry_idempotency_key")),
    )
    op.create_index(
        op.f("ix_stamp_entry_member_id_stamp_entry_programme_id_stamp_entry_id"),
        "stamp_entry",
        ["member_id", "programme_id", "id"],
    )
    op.create_index(
        "ix_stamp_entry_purchase_id",
        "stamp_entry",
        ["purchase_id"],
        postgresql_where=sa.text("delta > 0"),
    )


def _explain_old_stamps() -> None:
    """Write one entry a stamped purchase, and one for what a card has beside them."""
    op.execute("""
        INSERT INTO stamp_entry
            (member_id, programme_id, delta, reason, purchase_id, idempotency_key, posted_at)
        SELECT sale.member_id, card.programme_id, sale.stamps_added, 'purchase', sale.id,
               sale.idempotency_key || ':' || card.programme_id, sale.purchased_at
        FROM purchase AS sale
        JOIN stamp_card AS card ON card.member_id = sale.member_id
            AND card.programme_id = (SELECT min(id) FROM stamp_programme)
        WHERE sale.stamps_added > 0
        ORDER BY sale.purchased_at, sale.id
    """)
    op.execute("""
        INSERT INTO stamp_entry
            (member_id, programme_id, delta, reason, idempotency_key, posted_at)
        SELECT card.member_id, card.programme_id, card.stamps - coalesce(known.stamps, 0),
               'opening', 'opening:' || card.member_id || ':' || card.programme_id, now()
        FROM stamp_card AS card
        LEFT JOIN (
            SELECT member_id, programme_id, sum(delta) AS stamps FROM stamp_entry
            GROUP BY member_id, programme_id
        ) AS known ON known.member_id = card.member_id AND known.programme_id = card.programme_id
        WHERE card.stamps <> coalesce(known.stamps, 0)
    """)


def _make_plans() -> None:
    op.add_column("member", sa.Column("plan_code", sa.Text()))
    op.add_column("member", sa.Column("plan_until", sa.DateTime(timezone=True)))
    op.create_check_constraint(
        op.f("ck_member_plan_has_end"), "member", "(plan_code IS NULL) = (plan_until IS NULL)"
    )
    op.create_table(
        "plan",
        _id(),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", postgresql.JSONB(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("fee_twd", sa.Integer(), nullable=False),
        sa.Column("points_percent", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        *_checks(
            "plan",
            period_known="period IN ('monthly', 'yearly')",
            fee_is_positive="fee_twd > 0",
            multiplier_not_below_one="points_percent >= 100",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("code", name=op.f("uq_plan_code")),
    )


def _make_subscriptions() -> None:
    op.create_table(
        "subscription",
        _id(),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("anchor_on", sa.Date(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True)),
        sa.Column("reminded_days", sa.Integer()),
        *_checks(
            "subscription",
            state_known="state IN ('active', 'expired', 'cancelled', 'revoked', 'reapplied',"
            " 'readmitted')",
            months_not_negative="months >= 0",
            active_is_paid="months > 0 OR state <> 'active'",
            ends_after_start="starts_at <= ends_at",
        ),
        *_foreign("subscription", "member", "plan"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
    )
    op.create_index(
        "uq_subscription_active",
        "subscription",
        ["member_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        op.f("ix_subscription_member_id_subscription_id"), "subscription", ["member_id", "id"]
    )
    op.create_index(
        "ix_subscription_ends_at",
        "subscription",
        ["ends_at"],
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "subscription_event",
        _id(),
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column("from_state", sa.Text()),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("staff_id", sa.BigInteger()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *_checks(
            "subscription_event",
            actor_known="actor IN ('member', 'staff', 'clock')",
            staff_is_named="actor = 'staff' OR staff_id IS NULL",
        ),
        *_foreign("subscription_event", "subscription", "staff"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_event")),
    )
    op.create_index(
        op.f("ix_subscription_event_subscription_id"), "subscription_event", ["subscription_id"]
    )


def _make_payments() -> None:
    op.create_table(
        "plan_payment",
        _id(),
        sa.Column("subscription_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_twd", sa.Integer(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text()),
        sa.Column("refunds_id", sa.BigInteger()),
        sa.Column("refunds_twd", sa.Integer()),
        sa.Column("covers_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("covers_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger()),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        *_checks(
            "plan_payment",
            method_known="method IN ('counter', 'transfer', 'linepay', 'other')",
            moves_money="amount_twd <> 0",
            takes_back_or_brings="(amount_twd > 0) = (refunds_id IS NULL)"
            " AND (months > 0) = (refunds_id IS NULL)",
            names_what_it_takes_back="(refunds_id IS NULL) = (refunds_twd IS NULL)",
            within_its_payment="-amount_twd <= refunds_twd",
            transfer_has_reference="method <> 'transfer' OR reference IS NOT NULL"
            " OR refunds_id IS NOT NULL",
        ),
        *_foreign("plan_payment", "subscription", "staff"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_payment")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_plan_payment_idempotency_key")),
        sa.UniqueConstraint("method", "reference", name=op.f("uq_plan_payment_method_reference")),
        sa.UniqueConstraint("refunds_id", name=op.f("uq_plan_payment_refunds_id")),
        sa.UniqueConstraint(
            "id", "subscription_id", "amount_twd", name="uq_plan_payment_as_refunded"
        ),
        sa.ForeignKeyConstraint(
            ["refunds_id", "subscription_id", "refunds_twd"],
            ["plan_payment.id", "plan_payment.subscription_id", "plan_payment.amount_twd"],
            name="fk_plan_payment_takes_back",
        ),
    )
    op.create_index(op.f("ix_plan_payment_subscription_id"), "plan_payment", ["subscription_id"])
    op.create_index(op.f("ix_plan_payment_covers_until"), "plan_payment", ["covers_until"])
    op.create_table(
        "renewal_request",
        _id(),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("fee_twd", sa.Integer(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("good_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payment_id", sa.BigInteger()),
        *_checks(
            "renewal_request", lives="requested_at < good_until", fee_is_positive="fee_twd > 0"
        ),
        *_foreign("renewal_request", "member", "plan"),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            ["plan_payment.id"],
            name=op.f("fk_renewal_request_payment_id_plan_payment"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewal_request")),
        sa.UniqueConstraint("code", name=op.f("uq_renewal_request_code")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_renewal_request_payment_id")),
    )
    op.create_index(op.f("ix_renewal_request_member_id"), "renewal_request", ["member_id"])


def downgrade() -> None:
    """Take tables and columns away again."""
    for table in (
        "renewal_request",
        "plan_payment",
        "subscription_event",
        "subscription",
        "plan",
        "stamp_entry",
    ):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_member_plan_has_end"), "member")
    for table, columns in (
        ("member", ("plan_until", "plan_code")),
        ("stamp_card", ("reminded_for", "expires_on")),
        (
            "stamp_programme",
            (
                "is_active",
                "ends_on",
                "starts_on",
                "card_days",
                "channel",
                "bonuses",
                "per_twd",
                "code",
            ),
        ),
    ):
        for column in columns:
            op.drop_column(table, column)
