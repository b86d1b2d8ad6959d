"""Chain and seal the points ledger, with pending points and a second wallet."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OLD_REASONS = (
    "purchase",
    "welcome",
    "birthday",
    "adjustment",
    "expiry",
    "refund",
    "redemption",
)
NEW_REASONS = (
    "reward",
    "activation",
    "referral",
    "mission",
    "review",
    "lottery",
    "merge",
    "import",
    "reversal",
    "survey",
)
APPEND_ONLY = ("points_take", "ledger_seal")
ONLY_GROWING = ("points_entry", *APPEND_ONLY)
ZERO = sa.text("0")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=ZERO, nullable=False)


def _reasons(reasons: tuple[str, ...]) -> str:
    return "reason IN ('" + "', '".join(reasons) + "')"


def upgrade() -> None:
    """Widen entries and lots, chain what is there, and let the database chain what comes."""
    _widen_shop()
    _widen_entry()
    _widen_lot()
    _make_take()
    _chain()
    _make_seal()
    _make_adjustment()
    _make_bonus_code()
    for table in ONLY_GROWING:
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _widen_shop() -> None:
    op.add_column("shop", _count("return_days"))
    op.add_column(
        "shop", sa.Column("negative_points", sa.Text(), server_default="floor", nullable=False)
    )
    op.add_column(
        "shop",
        sa.Column("adjust_limit_points", sa.Integer(), server_default="500", nullable=False),
    )
    op.add_column(
        "shop", sa.Column("point_value_twd", sa.Integer(), server_default="1", nullable=False)
    )
    for name, condition in (
        ("return_days_not_negative", "return_days >= 0"),
        ("negative_points_known", "negative_points IN ('floor', 'debt')"),
        ("points_worth_something", "adjust_limit_points >= 0 AND point_value_twd > 0"),
    ):
        op.create_check_constraint(op.f(f"ck_shop_{name}"), "shop", condition)


def _widen_entry() -> None:
    for name in ("pending", "pending_after", "tier_points", "tier_points_after", "forgiven"):
        op.add_column("points_entry", _count(name))
    op.add_column("points_entry", sa.Column("seq", sa.Integer()))
    op.add_column("points_entry", sa.Column("hash", sa.LargeBinary()))
    op.add_column("points_entry", sa.Column("note", sa.Text()))
    for name, table in (("answers", "points_entry"), ("staff", "staff"), ("store", "store")):
        op.add_column("points_entry", sa.Column(f"{name}_id", sa.BigInteger()))
        op.create_foreign_key(
            op.f(f"fk_points_entry_{name}_id_{table}"),
            "points_entry",
            table,
            [f"{name}_id"],
            ["id"],
        )
    for name in ("reason_known", "moves_points", "balance_not_negative"):
        op.drop_constraint(op.f(f"ck_points_entry_{name}"), "points_entry")
    for name, condition in (
        ("reason_known", _reasons(OLD_REASONS + NEW_REASONS)),
        ("moves_points", "points <> 0 OR pending <> 0 OR tier_points <> 0 OR forgiven <> 0"),
        (
            "balance_not_negative",
            "balance_after >= 0 OR points >= 0 OR reason IN ('refund', 'reversal')",
        ),
        ("pending_not_negative", "pending_after >= 0"),
        ("tier_points_not_negative", "tier_points_after >= 0"),
        ("forgiven_not_negative", "forgiven >= 0 OR points < 0"),
    ):
        op.create_check_constraint(op.f(f"ck_points_entry_{name}"), "points_entry", condition)
    op.create_index(
        "ix_points_entry_answers_id",
        "points_entry",
        ["answers_id"],
        postgresql_where="answers_id IS NOT NULL",
    )
    op.create_index(
        "ix_points_entry_posted_at", "points_entry", ["posted_at"], postgresql_using="brin"
    )
    op.drop_index(op.f("ix_points_entry_member_id_points_entry_id"), table_name="points_entry")
    op.drop_constraint(op.f("ck_member_points_not_negative"), "member")


def _widen_lot() -> None:
    op.add_column("points_lot", sa.Column("pending_until", sa.Date()))
    for name in ("repaid", "expired", "reversed", "recalled", "excused"):
        op.add_column("points_lot", _count(name))
    for name, condition in (
        (
            "parts_within_granted",
            "repaid >= 0 AND expired >= 0 AND reversed >= 0"
            " AND remaining + repaid + expired + reversed <= granted",
        ),
        (
            "recalled_within_granted",
            "excused >= 0 AND excused <= expired AND excused <= recalled AND recalled <= granted",
        ),
        ("pending_before_it_ends", "pending_until < expires_on"),
    ):
        op.create_check_constraint(op.f(f"ck_points_lot_{name}"), "points_lot", condition)
    op.create_index(
        "ix_points_lot_pending",
        "points_lot",
        ["pending_until"],
        postgresql_where="pending_until IS NOT NULL AND remaining > 0",
    )


def _make_take() -> None:
    op.create_table(
        "points_take",
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lot_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.CheckConstraint("points <> 0", name=op.f("ck_points_take_takes_points")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["points_entry.id"], name=op.f("fk_points_take_entry_id_points_entry")
        ),
        sa.ForeignKeyConstraint(
            ["lot_id"], ["points_lot.entry_id"], name=op.f("fk_points_take_lot_id_points_lot")
        ),
        sa.PrimaryKeyConstraint("entry_id", "lot_id", name=op.f("pk_points_take")),
    )
    op.create_index(op.f("ix_points_take_lot_id"), "points_take", ["lot_id"])
    _find_past_takes()
    _guard("points_take")


def _find_past_takes() -> None:
    """Work out what past entries took from which lot.

    An expiry names its lot. Spendings took what ended first, so laid end to end they cover the
    spent parts of the lots, laid end to end in that order.
    """
    op.execute("""
        INSERT INTO points_take (entry_id, lot_id, points)
        SELECT entry.id, lot.entry_id, -entry.points
        FROM points_entry AS entry
        JOIN points_lot AS lot ON entry.idempotency_key = 'expire:' || lot.entry_id
        WHERE entry.reason = 'expiry'
    """)
    op.execute("""
        UPDATE points_lot SET expired = take.points
        FROM points_take AS take WHERE take.lot_id = points_lot.entry_id
    """)
    op.execute("""
        INSERT INTO points_take (entry_id, lot_id, points)
        SELECT spent.id, lot.entry_id,
            least(spent.upto, lot.upto)
                - greatest(spent.upto - spent.points, lot.upto - lot.points)
        FROM (
            SELECT id, member_id, -points AS points,
                sum(-points) OVER (PARTITION BY member_id ORDER BY id) AS upto
            FROM points_entry WHERE points < 0 AND reason <> 'expiry'
        ) AS spent JOIN (
            SELECT entry_id, member_id, granted - remaining - expired AS points,
                sum(granted - remaining - expired)
                    OVER (PARTITION BY member_id ORDER BY expires_on, entry_id) AS upto
            FROM points_lot WHERE granted > remaining + expired
        ) AS lot ON lot.member_id = spent.member_id
            AND lot.upto - lot.points < spent.upto AND spent.upto - spent.points < lot.upto
    """)


CONTENT = """json_build_array(
                row.id, row.member_id, row.seq, row.points, row.balance_after, row.pending,
                row.pending_after, row.tier_points, row.tier_points_after, row.forgiven,
                row.reason, row.purchase_id, row.answers_id, row.staff_id, row.store_id, row.note,
                row.idempotency_key,
                to_char(row.posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text"""
"""An entry's content, as `models/points/verifying.py` reads it."""


def _chain() -> None:
    """Chain the entries there are, member by member, then let a trigger chain each new one."""
    op.execute("ALTER TABLE points_entry DISABLE TRIGGER append_only")
    past = """
        DO $$
        DECLARE
            entry points_entry;
            before bytea;
            owner bigint := -1;
            place integer;
        BEGIN
            FOR entry IN SELECT * FROM points_entry ORDER BY member_id, id LOOP
                IF entry.member_id <> owner THEN
                    owner := entry.member_id;
                    place := 0;
                    before := '';
                END IF;
                place := place + 1;
                entry.seq := place;
                before := sha256(before || convert_to(<content>, 'UTF8'));
                UPDATE points_entry SET seq = place, hash = before WHERE id = entry.id;
            END LOOP;
        END $$
    """
    op.execute(past.replace("<content>", CONTENT.replace("row.", "entry.")))
    op.execute("ALTER TABLE points_entry ENABLE TRIGGER append_only")
    for name in ("seq", "hash"):
        op.alter_column("points_entry", name, nullable=False)
    op.create_unique_constraint(
        op.f("uq_points_entry_member_id_seq"), "points_entry", ["member_id", "seq"]
    )
    chain = """
        CREATE FUNCTION chain_points_entry() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            before record;
        BEGIN
            SELECT seq, hash, balance_after, pending_after, tier_points_after INTO before
            FROM points_entry WHERE member_id = NEW.member_id ORDER BY seq DESC LIMIT 1;
            IF NOT FOUND THEN
                SELECT 0 AS seq, ''::bytea AS hash, 0 AS balance_after, 0 AS pending_after,
                    0 AS tier_points_after INTO before;
            END IF;
            IF NEW.balance_after <> before.balance_after + NEW.points
                OR NEW.pending_after <> before.pending_after + NEW.pending
                OR NEW.tier_points_after <> before.tier_points_after + NEW.tier_points
            THEN
                RAISE EXCEPTION 'an entry of member % does not follow from the one before it',
                    NEW.member_id USING ERRCODE = 'integrity_constraint_violation',
                    TABLE = 'points_entry', CONSTRAINT = 'entry_follows';
            END IF;
            NEW.seq := before.seq + 1;
            NEW.hash := sha256(before.hash || convert_to(<content>, 'UTF8'));
            RETURN NEW;
        END $$
    """
    op.execute(chain.replace("<content>", CONTENT.replace("row.", "NEW.")))
    op.execute(
        "CREATE TRIGGER chain BEFORE INSERT ON points_entry "
        "FOR EACH ROW EXECUTE FUNCTION chain_points_entry()"
    )


def _make_seal() -> None:
    op.create_table(
        "ledger_seal",
        sa.Column("sealed_on", sa.Date(), nullable=False),
        sa.Column("last_entry_id", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("entries >= 0", name=op.f("ck_ledger_seal_entries_not_negative")),
        sa.PrimaryKeyConstraint("sealed_on", name=op.f("pk_ledger_seal")),
    )
    _guard("ledger_seal")


def _make_adjustment() -> None:
    op.create_table(
        "points_adjustment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("needs_second", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("entry_id", sa.BigInteger()),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_points_adjustment_{name}"))
            for name, condition in (
                ("moves_points", "points <> 0"),
                ("has_reason", "reason <> ''"),
                ("state_known", "state IN ('asked', 'posted', 'refused')"),
                ("decided_when", "(state = 'asked') = (decided_at IS NULL)"),
                ("posted_as", "(state = 'posted') = (entry_id IS NOT NULL)"),
                ("decided_by_another", "asked_by <> decided_by"),
                (
                    "second_person_decides",
                    "state <> 'posted' OR NOT needs_second OR decided_by IS NOT NULL",
                ),
            )
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_points_adjustment_{column}_{table}")
            )
            for column, table in (
                ("member_id", "member"),
                ("asked_by", "staff"),
                ("decided_by", "staff"),
                ("entry_id", "points_entry"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_adjustment")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_points_adjustment_idempotency_key")),
    )
    op.create_index(op.f("ix_points_adjustment_member_id"), "points_adjustment", ["member_id"])
    op.create_index(
        "ix_points_adjustment_asked",
        "points_adjustment",
        ["asked_at"],
        postgresql_where="state = 'asked'",
    )
    op.create_index(
        op.f("ix_points_adjustment_asked_by_points_adjustment_asked_at"),
        "points_adjustment",
        ["asked_by", "asked_at"],
    )


def _make_bonus_code() -> None:
    op.create_table(
        "bonus_code",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.BigInteger()),
        sa.Column("note", sa.Text()),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("redeemed_by", sa.BigInteger()),
        sa.Column("redeemed_at", sa.DateTime(timezone=True)),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_bonus_code_{name}"))
            for name, condition in (
                ("gives_points", "points > 0"),
                ("redeemed_when", "(redeemed_by IS NULL) = (redeemed_at IS NULL)"),
                ("redeemed_by_its_member", "redeemed_by = member_id"),
                ("lives", "made_at < expires_at"),
            )
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], ["member.id"], name=op.f(f"fk_bonus_code_{column}_member")
            )
            for column in ("member_id", "redeemed_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bonus_code")),
        sa.UniqueConstraint("code", name=op.f("uq_bonus_code_code")),
    )


def _guard(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """Take chain, seals and new tables away; fails where entries say what the old ones cannot."""
    op.execute("DROP TRIGGER never_emptied ON points_entry")
    for table in ("bonus_code", "points_adjustment", "ledger_seal", "points_take"):
        op.drop_table(table)
    op.execute("DROP TRIGGER chain ON points_entry")
    op.execute("DROP FUNCTION chain_points_entry()")
    op.create_check_constraint(op.f("ck_member_points_not_negative"), "member", "points >= 0")
    op.create_index(
        op.f("ix_points_entry_member_id_points_entry_id"), "points_entry", ["member_id", "id"]
    )
    for name in ("excused", "recalled", "reversed", "expired", "repaid", "pending_until"):
        op.drop_column("points_lot", name)
    for name in (
        "reason_known",
        "moves_points",
        "balance_not_negative",
        "pending_not_negative",
        "tier_points_not_negative",
        "forgiven_not_negative",
    ):
        op.drop_constraint(op.f(f"ck_points_entry_{name}"), "points_entry")
    for name in (
        "store_id",
        "staff_id",
        "answers_id",
        "note",
        "hash",
        "seq",
        "forgiven",
        "tier_points_after",
        "tier_points",
        "pending_after",
        "pending",
    ):
        op.drop_column("points_entry", name)
    op.drop_index("ix_points_entry_posted_at", table_name="points_entry")
    for name, condition in (
        ("reason_known", _reasons(OLD_REASONS)),
        ("balance_not_negative", "balance_after >= 0"),
        ("moves_points", "points <> 0"),
    ):
        op.create_check_constraint(op.f(f"ck_points_entry_{name}"), "points_entry", condition)
    for name in ("points_worth_something", "negative_points_known", "return_days_not_negative"):
        op.drop_constraint(op.f(f"ck_shop_{name}"), "shop")
    for name in ("point_value_twd", "adjust_limit_points", "negative_points", "return_days"):
        op.drop_column("shop", name)
