"""Add bindings, one-time codes, merges, audit and fraud rules."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
TABLES = (
    "device_count",
    "fraud_alert",
    "approval",
    "velocity_rule",
    "audit_seal",
    "audit_entry",
    "member_merge",
    "binding_request",
    "text_message",
    "otp",
    "line_binding",
)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _make(
    table: str,
    *columns: sa.Column[Any],
    checks: dict[str, str] | None = None,
    foreign: dict[str, str] | None = None,
    unique: Sequence[str] = (),
    key: Sequence[str] = ("id",),
) -> None:
    """Make a table whose constraints have the names our models give them."""
    op.create_table(
        table,
        *columns,
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
            for name, condition in (checks or {}).items()
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{target}"], name=op.f(f"fk_{table}_{column}_{target.split('.')[0]}")
            )
            for column, target in (foreign or {}).items()
        ),
        *(sa.UniqueConstraint(column, name=op.f(f"uq_{table}_{column}")) for column in unique),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
    )


def upgrade() -> None:
    """Make the tables of identity, audit and fraud, and note today's bindings."""
    _link_staff()
    _make_bindings()
    _make_codes()
    _make_merges()
    _make_audit()
    _make_fraud()


def _link_staff() -> None:
    op.add_column("staff", sa.Column("member_id", sa.BigInteger()))
    op.add_column("staff", sa.Column("phone", sa.Text()))
    op.create_foreign_key(
        op.f("fk_staff_member_id_member"), "staff", "member", ["member_id"], ["id"]
    )
    op.create_unique_constraint(op.f("uq_staff_member_id"), "staff", ["member_id"])
    op.create_unique_constraint(op.f("uq_staff_phone"), "staff", ["phone"])


def _make_bindings() -> None:
    _make(
        "line_binding",
        _id(),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("line_user_id", sa.Text()),
        sa.Column("bound_at", MOMENT, nullable=False),
        sa.Column("bound_how", sa.Text(), nullable=False),
        sa.Column("bound_by", sa.BigInteger()),
        sa.Column("revoked_at", MOMENT),
        sa.Column("revoke_reason", sa.Text()),
        checks={
            "bound_how_known": "bound_how IN ('joined', 'otp', 'clerk', 'merge')",
            "clerk_is_named": "bound_how <> 'clerk' OR bound_by IS NOT NULL",
            "revoked_why": "(revoked_at IS NULL) = (revoke_reason IS NULL)",
            "open_has_account": "revoked_at IS NOT NULL OR line_user_id IS NOT NULL",
        },
        foreign={"member_id": "member.id", "bound_by": "staff.id"},
    )
    op.create_index("ix_line_binding_member_id", "line_binding", ["member_id", "id"])
    for column in ("member_id", "line_user_id"):
        op.create_index(
            f"uq_line_binding_open_{column}",
            "line_binding",
            [column],
            unique=True,
            postgresql_where=sa.text("revoked_at IS NULL"),
        )
    op.execute("""
        INSERT INTO line_binding (member_id, line_user_id, bound_at, bound_how)
        SELECT id, line_user_id, joined_at, 'joined' FROM member WHERE line_user_id IS NOT NULL
    """)
    # A binding is closed once; an erased person's account may leave it, nothing else changes.
    op.execute("""
        CREATE FUNCTION close_binding_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE'
                OR (NEW.id, NEW.member_id, NEW.bound_at, NEW.bound_how, NEW.bound_by)
                    IS DISTINCT FROM
                   (OLD.id, OLD.member_id, OLD.bound_at, OLD.bound_how, OLD.bound_by)
                OR (OLD.revoked_at IS NOT NULL AND (NEW.revoked_at, NEW.revoke_reason)
                    IS DISTINCT FROM (OLD.revoked_at, OLD.revoke_reason))
                OR (NEW.line_user_id IS NOT NULL
                    AND NEW.line_user_id IS DISTINCT FROM OLD.line_user_id)
            THEN
                RAISE EXCEPTION 'line_binding is append-only'
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER close_only BEFORE UPDATE OR DELETE ON line_binding "
        "FOR EACH ROW EXECUTE FUNCTION close_binding_only()"
    )
    _make(
        "binding_request",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("line_user_id", sa.Text(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
        unique=("code", "line_user_id"),
        key=("ref",),
    )


def _make_codes() -> None:
    _make(
        "otp",
        _id(),
        sa.Column("phone_digest", sa.Text(), nullable=False),
        sa.Column("asker_digest", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("used_at", MOMENT),
        checks={
            "tries_not_negative": "tries_left >= 0",
            "purpose_known": "purpose IN ('join', 'rebind', 'change_phone')",
        },
    )
    op.create_index("ix_otp_phone_digest", "otp", ["phone_digest", "sent_at"])
    op.create_index("ix_otp_asker_digest", "otp", ["asker_digest", "sent_at"])
    op.create_index("ix_otp_sent_at", "otp", ["sent_at"])
    _make(
        "text_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("phone", sa.Text()),
        sa.Column("code", sa.Text()),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("next_try_at", MOMENT, nullable=False),
        sa.Column("useful_until", MOMENT, nullable=False),
        sa.Column("settled_at", MOMENT),
        sa.Column("reason", sa.Text()),
        checks={
            "state_known": "state IN ('waiting', 'accepted', 'refused', 'late')",
            "settled_when": "(state = 'waiting') = (settled_at IS NULL)",
            "settled_keeps_nothing": "state = 'waiting' OR (phone IS NULL AND code IS NULL)",
        },
    )
    op.create_index(
        "ix_text_message_due",
        "text_message",
        ["next_try_at"],
        postgresql_where=sa.text("state = 'waiting'"),
    )


def _make_merges() -> None:
    _make(
        "member_merge",
        _id(),
        sa.Column("kept_id", sa.BigInteger(), nullable=False),
        sa.Column("dropped_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("merged_at", MOMENT, nullable=False),
        sa.Column("undo_until", MOMENT, nullable=False),
        sa.Column("moved", postgresql.JSONB(), nullable=False),
        sa.Column("personal", postgresql.JSONB()),
        sa.Column("undone_at", MOMENT),
        sa.Column("undone_by", sa.BigInteger()),
        checks={
            "of_two": "kept_id <> dropped_id",
            "undone_by_whom": "(undone_at IS NULL) = (undone_by IS NULL)",
        },
        foreign={
            "kept_id": "member.id",
            "dropped_id": "member.id",
            "staff_id": "staff.id",
            "undone_by": "staff.id",
        },
        unique=("idempotency_key",),
    )
    op.create_index("ix_member_merge_kept_id", "member_merge", ["kept_id"])
    op.create_index(
        "uq_member_merge_dropped",
        "member_merge",
        ["dropped_id"],
        unique=True,
        postgresql_where=sa.text("undone_at IS NULL"),
    )


def _make_audit() -> None:
    _make(
        "audit_entry",
        _id(),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("staff_id", sa.BigInteger()),
        sa.Column("member_id", sa.BigInteger()),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB()),
        sa.Column("after", postgresql.JSONB()),
        sa.Column("reason", sa.Text()),
        sa.Column("store_id", sa.BigInteger()),
        sa.Column("device", sa.Text()),
        checks={
            "actor_known": "actor IN ('staff', 'system', 'member')",
            "actor_is_named": "(actor = 'staff') = (staff_id IS NOT NULL)"
            " AND (actor <> 'member' OR member_id IS NOT NULL)",
        },
        foreign={"staff_id": "staff.id", "member_id": "member.id", "store_id": "store.id"},
    )
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject", "id"])
    op.create_index("ix_audit_entry_staff_id", "audit_entry", ["staff_id", "id"])
    _make(
        "audit_seal",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", postgresql.BYTEA(), nullable=False),
        foreign={"entry_id": "audit_entry.id"},
        unique=("entry_id",),
        key=("seq",),
    )
    for table in ("audit_entry", "audit_seal", "notice"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    op.execute("""
        CREATE FUNCTION audit_digest(previous bytea, entry audit_entry) RETURNS bytea
        LANGUAGE sql STABLE AS $$
            SELECT sha256(previous || convert_to(jsonb_build_array(
                entry.id, extract(epoch FROM entry.at), entry.actor, entry.staff_id,
                entry.member_id, entry.what, entry.subject, entry.before, entry.after,
                entry.reason, entry.store_id, entry.device)::text, 'UTF8'))
        $$
    """)
    # Sealed at the commit, not at the insert: the chain's lock is then the last one taken and
    # held for a moment, so that it can neither make tills wait nor close a circle of locks.
    op.execute("""
        CREATE FUNCTION seal_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE last_seal audit_seal;
        BEGIN
            PERFORM pg_advisory_xact_lock(7241009);
            SELECT * INTO last_seal FROM audit_seal ORDER BY seq DESC LIMIT 1;
            INSERT INTO audit_seal (seq, entry_id, digest) VALUES (
                coalesce(last_seal.seq, 0) + 1, NEW.id,
                audit_digest(coalesce(last_seal.digest, ''::bytea), NEW));
            RETURN NULL;
        END $$
    """)
    op.execute(
        "CREATE CONSTRAINT TRIGGER seal AFTER INSERT ON audit_entry DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION seal_audit_entry()"
    )


def _make_fraud() -> None:
    _make(
        "velocity_rule",
        _id(),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("window_minutes", sa.Integer()),
        sa.Column("warn_at", sa.Integer(), nullable=False),
        sa.Column("block_at", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        checks={
            "scope_known": "scope IN ('member', 'staff', 'device', 'store')",
            "what_known": "what IN ('purchase', 'redemption', 'points', 'adjustment')",
            "limits_rise": "warn_at > 0 AND block_at >= warn_at",
            "window_in_range": "window_minutes BETWEEN 1 AND 1440",
        },
        unique=("code",),
    )
    # A shop already at work gets what set-up gives a new one.
    op.execute("""
        INSERT INTO velocity_rule (code, scope, what, window_minutes, warn_at, block_at, is_active)
        SELECT rule.* FROM (VALUES
            ('member_day', 'member', 'purchase', NULL::integer, 5, 10, true),
            ('member_points_day', 'member', 'points', NULL, 500, 2000, true),
            ('member_redemptions_day', 'member', 'redemption', NULL, 3, 6, true),
            ('staff_10_minutes', 'staff', 'purchase', 10, 30, 60, true),
            ('staff_adjustments_day', 'staff', 'adjustment', NULL, 10, 30, true),
            ('device_hour', 'device', 'purchase', 60, 150, 400, false),
            ('store_hour', 'store', 'purchase', 60, 400, 1000, false)
        ) AS rule WHERE EXISTS (SELECT FROM shop)
    """)
    _make(
        "approval",
        _id(),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("subject", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT),
        sa.Column("used_at", MOMENT),
        sa.Column("expires_at", MOMENT, nullable=False),
        checks={
            "state_known": "state IN ('asked', 'approved', 'refused', 'used')",
            "second_person": "asked_by <> decided_by",
            "decided_by_whom": "(state = 'asked') = (decided_by IS NULL)"
            " AND (decided_by IS NULL) = (decided_at IS NULL)",
            "used_when": "(state = 'used') = (used_at IS NOT NULL)",
        },
        foreign={"asked_by": "staff.id", "decided_by": "staff.id"},
        unique=("code",),
    )
    op.create_index(
        "ix_approval_open",
        "approval",
        ["expires_at"],
        postgresql_where=sa.text("state = 'asked'"),
    )
    _make(
        "fraud_alert",
        _id(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger()),
        sa.Column("staff_id", sa.BigInteger()),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT),
        sa.Column("decided_by", sa.BigInteger()),
        checks={
            "state_known": "state IN ('open', 'confirmed', 'released')",
            "decided_when": "(state = 'open') = (decided_at IS NULL)",
            "about_someone": "member_id IS NOT NULL OR staff_id IS NOT NULL",
        },
        foreign={"member_id": "member.id", "staff_id": "staff.id", "decided_by": "staff.id"},
        unique=("idempotency_key",),
    )
    op.create_index(
        "ix_fraud_alert_open",
        "fraud_alert",
        ["id"],
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_fraud_alert_member_id", "fraud_alert", ["member_id"])
    _make(
        "device_count",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("bucket", MOMENT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        key=("device", "bucket"),
    )
    op.create_index("ix_purchase_staff_id", "purchase", ["staff_id", "purchased_at"])


def downgrade() -> None:
    """Take all of it away again."""
    op.drop_index("ix_purchase_staff_id", "purchase")
    op.execute("DROP TRIGGER append_only ON notice")
    for table in TABLES:
        if table == "audit_entry":
            op.execute("DROP FUNCTION audit_digest(bytea, audit_entry)")
        op.drop_table(table)
    op.execute("DROP FUNCTION close_binding_only()")
    op.execute("DROP FUNCTION seal_audit_entry()")
    for name in ("uq_staff_phone", "uq_staff_member_id"):
        op.drop_constraint(op.f(name), "staff")
    op.drop_constraint(op.f("fk_staff_member_id_member"), "staff", type_="foreignkey")
    for name in ("phone", "member_id"):
        op.drop_column("staff", name)
