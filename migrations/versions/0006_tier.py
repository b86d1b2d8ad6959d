"""Version the ladder, type the benefits; add metrics, events, early sales, pages and API keys."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

APPEND_ONLY = ("tier_version", "metric_entry")
BASES = "('rolling_365', 'calendar_year', 'lifetime', 'tier_points', 'metric', 'score')"
KINDS = (
    "points_multiplier",
    "early_access",
    "birthday_gift",
    "upgrade_gift",
    "monthly_coupon",
    "free_shipping",
    "service_queue",
    "order_discount",
    "invitation",
    "gated_content",
)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _checks(table: str, **conditions: str) -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
        for name, condition in conditions.items()
    ]


def _foreign(table: str, **targets: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}")
        )
        for column, target in targets.items()
    ]


def upgrade() -> None:
    """Move the thresholds into the first version of the rules, and add the tables."""
    _make_versions()
    _move_thresholds()
    _make_upgrades()
    _make_metrics()
    _make_benefits()
    _make_events()
    _make_api_keys()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def _make_versions() -> None:
    op.create_table(
        "tier_version",
        _id(),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("warn_days", sa.Integer(), nullable=False),
        sa.Column("rights_kept_until", sa.Date()),
        sa.Column("note", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.Column("created_by", sa.Text(), nullable=False),
        *_checks(
            "tier_version",
            basis_known=f"basis IN {BASES}",
            days_not_negative="grace_days >= 0 AND warn_days >= 0",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tier_version")),
        sa.UniqueConstraint("effective_on", name=op.f("uq_tier_version_effective_on")),
    )
    op.create_table(
        "tier_night",
        sa.Column("evaluated_on", sa.Date(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        _moment("ended_at"),
        *_foreign("tier_night", version_id="tier_version"),
        sa.PrimaryKeyConstraint("evaluated_on", name=op.f("pk_tier_night")),
    )


def _move_thresholds() -> None:
    """Write the ladder there is as the first version, as old as the shop's first consent text."""
    op.execute("""
        INSERT INTO tier_version (effective_on, basis, parameters, grace_days, warn_days, note,
            created_at, created_by)
        SELECT date '2000-01-01', 'rolling_365',
            jsonb_build_object('thresholds', jsonb_object_agg(code, threshold_twd)),
            0, 30, '最初的等級規則', now(), 'set-up'
        FROM tier WHERE rank > 0 HAVING count(*) > 0
    """)
    for name in ("first_step_is_free", "threshold_not_negative"):
        op.drop_constraint(op.f(f"ck_tier_{name}"), "tier")
    op.drop_constraint(op.f("uq_tier_threshold_twd"), "tier")
    op.drop_column("tier", "threshold_twd")
    op.create_check_constraint(op.f("ck_tier_rank_not_negative"), "tier", "rank >= 0")


def _make_upgrades() -> None:
    op.create_table(
        "upgrade",
        _id(),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("tier_id", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("told_by", sa.Text()),
        _moment("qualified_at"),
        _moment("notified_at", nullable=True),
        _moment("opened_at", nullable=True),
        _moment("claimed_at", nullable=True),
        _moment("first_used_at", nullable=True),
        _moment("voided_at", nullable=True),
        sa.Column("gift_coupon_id", sa.BigInteger()),
        sa.Column("claims", sa.Integer(), server_default=sa.text("0"), nullable=False),
        *_checks("upgrade", claims_not_negative="claims >= 0"),
        *_foreign(
            "upgrade",
            member_id="member",
            tier_id="tier",
            version_id="tier_version",
            gift_coupon_id="coupon",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upgrade")),
        sa.UniqueConstraint(
            "member_id",
            "tier_id",
            "version_id",
            name=op.f("uq_upgrade_member_id_tier_id_version_id"),
        ),
    )
    op.create_index(
        "ix_upgrade_told_by",
        "upgrade",
        ["told_by"],
        postgresql_where=sa.text("notified_at IS NULL"),
    )
    op.create_index(
        "ix_upgrade_unused",
        "upgrade",
        ["gift_coupon_id"],
        postgresql_where=sa.text("first_used_at IS NULL"),
    )


def _make_metrics() -> None:
    op.create_table(
        "metric_definition",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_metric_definition")),
    )
    op.create_table(
        "member_metric",
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        _moment("at"),
        *_foreign("member_metric", member_id="member"),
        sa.PrimaryKeyConstraint("member_id", "name", name=op.f("pk_member_metric")),
    )
    op.create_index(
        op.f("ix_member_metric_name_member_metric_value"), "member_metric", ["name", "value"]
    )
    op.create_table(
        "metric_entry",
        _id(),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        _moment("at"),
        sa.Column("source", sa.Text(), nullable=False),
        *_checks("metric_entry", has_a_name="name <> ''"),
        *_foreign("metric_entry", member_id="member"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_entry")),
    )
    op.create_index(
        op.f("ix_metric_entry_member_id_metric_entry_name_metric_entry_id"),
        "metric_entry",
        ["member_id", "name", "id"],
    )


def _make_benefits() -> None:
    op.create_table(
        "benefit",
        _id(),
        sa.Column("tier_id", sa.BigInteger()),
        sa.Column("plan_code", sa.Text()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("starts_on", sa.Date()),
        sa.Column("ends_on", sa.Date()),
        sa.Column("stock_left", sa.Integer()),
        *_checks(
            "benefit",
            kind_known="kind IN ('" + "', '".join(KINDS) + "')",
            belongs_to_one="(tier_id IS NULL) <> (plan_code IS NULL)",
            lives="starts_on < ends_on",
            stock_not_negative="stock_left >= 0",
        ),
        *_foreign("benefit", tier_id="tier"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_benefit")),
    )
    op.create_index(op.f("ix_benefit_tier_id"), "benefit", ["tier_id"])
    op.create_index(op.f("ix_benefit_plan_code"), "benefit", ["plan_code"])


def _make_events() -> None:
    op.create_table(
        "gathering",
        _id(),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", postgresql.JSONB(), nullable=False),
        sa.Column("place", postgresql.JSONB(), nullable=False),
        _moment("starts_at"),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("seats_left", sa.Integer(), nullable=False),
        sa.Column("min_tier_id", sa.BigInteger(), nullable=False),
        *_checks(
            "gathering",
            seats_within_capacity="seats_left >= 0 AND seats_left <= capacity",
            has_room="capacity > 0",
        ),
        *_foreign("gathering", min_tier_id="tier"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gathering")),
        sa.UniqueConstraint("code", name=op.f("uq_gathering_code")),
    )
    op.create_table(
        "gathering_seat",
        sa.Column("gathering_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        _moment("asked_at"),
        _moment("moved_up_at", nullable=True),
        *_checks("gathering_seat", state_known="state IN ('going', 'waiting', 'left', 'attended')"),
        *_foreign("gathering_seat", gathering_id="gathering", member_id="member"),
        sa.PrimaryKeyConstraint("gathering_id", "member_id", name=op.f("pk_gathering_seat")),
    )
    op.create_index("ix_gathering_seat_waiting", "gathering_seat", ["gathering_id", "asked_at"])
    op.create_index(op.f("ix_gathering_seat_member_id"), "gathering_seat", ["member_id"])
    op.create_table(
        "sale_event",
        _id(),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", postgresql.JSONB(), nullable=False),
        _moment("public_at"),
        _moment("ends_at"),
        *_checks("sale_event", lives="public_at < ends_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale_event")),
        sa.UniqueConstraint("code", name=op.f("uq_sale_event_code")),
    )
    op.create_table(
        "content_page",
        _id(),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", postgresql.JSONB(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("min_tier_id", sa.BigInteger(), nullable=False),
        *_foreign("content_page", min_tier_id="tier"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content_page")),
        sa.UniqueConstraint("code", name=op.f("uq_content_page_code")),
    )


def _make_api_keys() -> None:
    op.create_table(
        "api_key",
        _id(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        _moment("created_at"),
        _moment("last_used_at", nullable=True),
        _moment("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
    )


def downgrade() -> None:
    """Give each step its threshold back, from the first version, and take the tables away.

    A first version that does not go by spend, or lacks a step, gives its steps made-up thresholds
    in their order: the older program knows no others.
    """
    op.drop_constraint(op.f("ck_tier_rank_not_negative"), "tier")
    op.add_column("tier", sa.Column("threshold_twd", sa.Integer()))
    op.execute("""
        UPDATE tier SET threshold_twd = CASE WHEN rank = 0 THEN 0 ELSE coalesce((
            SELECT (parameters -> 'thresholds' ->> tier.code)::integer FROM tier_version
            ORDER BY effective_on LIMIT 1), 1000000 + rank) END
    """)
    op.alter_column("tier", "threshold_twd", nullable=False)
    op.create_unique_constraint(op.f("uq_tier_threshold_twd"), "tier", ["threshold_twd"])
    op.create_check_constraint(
        op.f("ck_tier_first_step_is_free"), "tier", "(rank = 0) = (threshold_twd = 0)"
    )
    op.create_check_constraint(op.f("ck_tier_threshold_not_negative"), "tier", "threshold_twd >= 0")
    for table in (
        "api_key",
        "content_page",
        "sale_event",
        "gathering_seat",
        "gathering",
        "benefit",
        "metric_entry",
        "member_metric",
        "metric_definition",
        "upgrade",
        "tier_night",
        "tier_version",
    ):
        op.drop_table(table)
