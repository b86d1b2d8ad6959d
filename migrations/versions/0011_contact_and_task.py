"""Keep who asks for a person, and the birthday cards to write by hand."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
OLD_KINDS = (
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
NEW_KIND = "birthday_card"


def upgrade() -> None:
    """Make both tables, and the benefit of a card written by hand."""
    _make_contact()
    _make_birthday_card()
    _forget_with_the_member()
    _know_kinds((*OLD_KINDS, NEW_KIND))


def _make_contact() -> None:
    op.create_table(
        "contact_request",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("about", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("settled_by", sa.BigInteger()),
        sa.Column("settled_at", MOMENT),
        sa.CheckConstraint(
            "state IN ('open', 'settled')", name=op.f("ck_contact_request_state_known")
        ),
        sa.CheckConstraint(
            "(state = 'settled') = (settled_at IS NOT NULL)"
            " AND (settled_by IS NULL OR settled_at IS NOT NULL)",
            name=op.f("ck_contact_request_settled_when"),
        ),
        sa.CheckConstraint("level >= 0", name=op.f("ck_contact_request_level_not_negative")),
        sa.CheckConstraint(
            "length(about) BETWEEN 1 AND 200", name=op.f("ck_contact_request_about_fits")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_contact_request_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["settled_by"], ["staff.id"], name=op.f("fk_contact_request_settled_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_request")),
    )
    op.create_index("ix_contact_request_member_id", "contact_request", ["member_id"])
    op.create_index(
        "uq_contact_request_open",
        "contact_request",
        ["member_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_contact_request_settled_at", "contact_request", ["settled_at"])


def _make_birthday_card() -> None:
    op.create_table(
        "birthday_card",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("birthday_on", sa.Date(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("done_by", sa.BigInteger()),
        sa.Column("done_at", MOMENT),
        sa.CheckConstraint(
            "(done_at IS NULL) = (done_by IS NULL)", name=op.f("ck_birthday_card_done_by_somebody")
        ),
        sa.CheckConstraint(
            "year = extract(year FROM birthday_on)", name=op.f("ck_birthday_card_of_its_year")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_birthday_card_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["done_by"], ["staff.id"], name=op.f("fk_birthday_card_done_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_birthday_card")),
        sa.UniqueConstraint("member_id", "year", name=op.f("uq_birthday_card_member_id_year")),
    )
    op.create_index(op.f("ix_birthday_card_birthday_on"), "birthday_card", ["birthday_on"])


def _forget_with_the_member() -> None:
    """What a member wrote goes with their data, and nobody calls or greets who has left."""
    op.execute("""
        CREATE FUNCTION forget_wishes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE contact_request
            SET about = NULL, state = 'settled', settled_at = coalesce(settled_at, NEW.erased_at)
            WHERE member_id = NEW.id;
            DELETE FROM birthday_card WHERE member_id = NEW.id AND done_at IS NULL;
            RETURN NULL;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER forget_wishes AFTER UPDATE OF erased_at ON member "
        "FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION forget_wishes()"
    )


def _know_kinds(kinds: Sequence[str]) -> None:
    op.drop_constraint(op.f("ck_benefit_kind_known"), "benefit", type_="check")
    op.create_check_constraint(
        op.f("ck_benefit_kind_known"), "benefit", "kind IN ('" + "', '".join(kinds) + "')"
    )


def downgrade() -> None:
    """Forget who asked, the cards, and the benefit that brought them."""
    op.execute("DELETE FROM benefit WHERE kind = 'birthday_card'")
    _know_kinds(OLD_KINDS)
    op.execute("DROP TRIGGER forget_wishes ON member")
    op.execute("DROP FUNCTION forget_wishes()")
    op.drop_table("birthday_card")
    op.drop_table("contact_request")
