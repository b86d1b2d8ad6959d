"""Add referrals, missions, reviews and the lottery."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

APPEND_ONLY = ("mission_event", "draw", "activity_event")
NEWEST_FIRST = (
    "activity_event",
    "review",
    "draw",
    "lottery_ticket",
    "member_badge",
    "mission_award",
    "mission_progress",
    "mission_event",
    "referral_month",
    "referral",
    "community",
    "activity_rule",
    "lottery_prize",
    "lottery",
    "mission",
    "badge",
    "referral_rule",
)


def upgrade() -> None:
    """Add the tables, guard what is only ever added to, and keep odds within one."""
    op.add_column("member", sa.Column("referral_step", sa.Text()))
    _make_rules()
    _make_referrals()
    _make_missions()
    _make_lottery()
    _make_reviews()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    op.execute("""
        CREATE FUNCTION refuse_odds() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF (SELECT sum(odds_ppm) FROM lottery_prize WHERE lottery_id = NEW.lottery_id)
                > 1000000 THEN
                RAISE EXCEPTION 'odds come to more than one' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER odds_within_one AFTER INSERT OR UPDATE OF odds_ppm, lottery_id "
        "ON lottery_prize FOR EACH ROW EXECUTE FUNCTION refuse_odds()"
    )


def _make_rules() -> None:
    op.create_table(
        "referral_rule",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("min_spend_twd", sa.Integer(), nullable=False),
        sa.Column("on_order", sa.Integer(), nullable=False),
        sa.Column("wait_days", sa.Integer(), nullable=False),
        sa.Column("monthly_cap", sa.Integer(), nullable=False),
        sa.Column("claim_days", sa.Integer(), nullable=False),
        sa.Column("referrer_reward", sa.JSON(), nullable=False),
        sa.Column("friend_reward", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "claim_days BETWEEN 0 AND 90", name=op.f("ck_referral_rule_claim_in_range")
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_referral_rule_only_one")),
        sa.CheckConstraint(
            "min_spend_twd >= 0", name=op.f("ck_referral_rule_min_spend_not_negative")
        ),
        sa.CheckConstraint("monthly_cap > 0", name=op.f("ck_referral_rule_cap_positive")),
        sa.CheckConstraint(
            "on_order IN (1, 2)", name=op.f("ck_referral_rule_first_or_second_order")
        ),
        sa.CheckConstraint(
            "wait_days BETWEEN 0 AND 90", name=op.f("ck_referral_rule_wait_in_range")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_rule")),
    )
    op.create_table(
        "badge",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sign", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_badge")),
    )
    op.create_table(
        "mission",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("goal", sa.Integer(), nullable=False),
        sa.Column("things", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("period", sa.Text(), nullable=True),
        sa.Column("day_cap", sa.Integer(), nullable=False),
        sa.Column("min_spend_twd", sa.Integer(), nullable=False),
        sa.Column("min_rank", sa.Integer(), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("reward", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'streak') = (period IS NOT NULL) AND period IN ('day', 'week')",
            name=op.f("ck_mission_streak_has_period"),
        ),
        sa.CheckConstraint(
            "event IN ('purchase', 'visit_store', 'category', 'review', 'profile_complete', "
            "'referral', 'survey', 'rsvp', 'checkin')",
            name=op.f("ck_mission_event_known"),
        ),
        sa.CheckConstraint(
            "kind <> 'set' OR event IN ('visit_store', 'category')", name=op.f("ck_mission_set_of")
        ),
        sa.CheckConstraint(
            "kind IN ('count', 'streak', 'set')", name=op.f("ck_mission_kind_known")
        ),
        sa.CheckConstraint("day_cap > 0", name=op.f("ck_mission_day_cap_positive")),
        sa.CheckConstraint("ends_at IS NULL OR starts_at < ends_at", name=op.f("ck_mission_lasts")),
        sa.CheckConstraint("goal BETWEEN 1 AND 1000", name=op.f("ck_mission_goal_in_range")),
        sa.CheckConstraint("min_spend_twd >= 0", name=op.f("ck_mission_min_spend_not_negative")),
        sa.CheckConstraint("rounds > 0", name=op.f("ck_mission_can_be_done")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mission")),
        sa.UniqueConstraint("code", name=op.f("uq_mission_code")),
    )
    op.create_table(
        "lottery",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("ticket_points", sa.Integer(), nullable=True),
        sa.Column("ticket_day_cap", sa.Integer(), nullable=False),
        sa.Column("purchase_twd", sa.Integer(), nullable=True),
        sa.Column("consolation", sa.JSON(), nullable=True),
        sa.CheckConstraint("purchase_twd > 0", name=op.f("ck_lottery_spend_positive")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_lottery_lasts")),
        sa.CheckConstraint("ticket_day_cap > 0", name=op.f("ck_lottery_day_cap_positive")),
        sa.CheckConstraint("ticket_points > 0", name=op.f("ck_lottery_price_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lottery")),
        sa.UniqueConstraint("code", name=op.f("uq_lottery_code")),
    )
    op.create_table(
        "lottery_prize",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("lottery_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("odds_ppm", sa.Integer(), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("reward", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            '"left" >= 0 AND "left" <= stock', name=op.f("ck_lottery_prize_left_within_stock")
        ),
        sa.CheckConstraint(
            "odds_ppm BETWEEN 1 AND 1000000", name=op.f("ck_lottery_prize_odds_in_range")
        ),
        sa.ForeignKeyConstraint(
            ["lottery_id"], ["lottery.id"], name=op.f("fk_lottery_prize_lottery_id_lottery")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lottery_prize")),
        sa.UniqueConstraint("lottery_id", "place", name=op.f("uq_lottery_prize_lottery_id_place")),
    )
    op.create_table(
        "activity_rule",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("tier_points", sa.Integer(), nullable=False),
        sa.Column("day_cap", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "code IN ('review', 'event', 'feedback')", name=op.f("ck_activity_rule_code_known")
        ),
        sa.CheckConstraint("day_cap > 0", name=op.f("ck_activity_rule_day_cap_positive")),
        sa.CheckConstraint(
            "points >= 0 AND tier_points >= 0",
            name=op.f("ck_activity_rule_brings_nothing_negative"),
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_activity_rule")),
    )
    op.create_table(
        "community",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("min_rank", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_community_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_community")),
    )


def _make_referrals() -> None:
    op.create_table(
        "referral",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("referrer_id", sa.BigInteger(), nullable=False),
        sa.Column("friend_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("device_digest", sa.Text(), nullable=True),
        sa.Column("purchase_id", sa.BigInteger(), nullable=True),
        sa.Column("qualified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("month_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("rewarded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given", sa.JSON(), nullable=True),
        sa.Column("refused_reason", sa.Text(), nullable=True),
        sa.Column("clawed_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owes_claw_back", sa.Boolean(), nullable=False),
        sa.Column("kept_by_friend", sa.Text(), nullable=True),
        sa.Column("kept_by_referrer", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'refused') = (refused_reason IS NOT NULL)",
            name=op.f("ck_referral_refused_why"),
        ),
        sa.CheckConstraint(
            "state <> 'rewarded' OR rewarded_at IS NOT NULL", name=op.f("ck_referral_rewarded_when")
        ),
        sa.CheckConstraint(
            "state IN ('claimed', 'qualified', 'rewarded', 'refused', 'clawed_back')",
            name=op.f("ck_referral_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('qualified', 'rewarded', 'clawed_back') OR "
            "(purchase_id IS NOT NULL AND due_on IS NOT NULL AND month_on IS NOT NULL)",
            name=op.f("ck_referral_qualified_by_an_order"),
        ),
        sa.CheckConstraint("referrer_id <> friend_id", name=op.f("ck_referral_not_oneself")),
        sa.ForeignKeyConstraint(
            ["friend_id"], ["member.id"], name=op.f("fk_referral_friend_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchase.id"], name=op.f("fk_referral_purchase_id_purchase")
        ),
        sa.ForeignKeyConstraint(
            ["referrer_id"], ["member.id"], name=op.f("fk_referral_referrer_id_member")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral")),
        sa.UniqueConstraint("friend_id", name=op.f("uq_referral_friend_id")),
    )
    op.create_index(
        "ix_referral_due",
        "referral",
        ["due_on"],
        unique=False,
        postgresql_where=sa.text("state = 'qualified'"),
    )
    op.create_index(
        "ix_referral_owing",
        "referral",
        ["id"],
        unique=False,
        postgresql_where=sa.text("owes_claw_back"),
    )
    op.create_index("ix_referral_referrer_id", "referral", ["referrer_id", "id"], unique=False)
    op.create_index(
        "uq_referral_device",
        "referral",
        ["device_digest"],
        unique=True,
        postgresql_where=sa.text("device_digest IS NOT NULL"),
    )
    op.create_table(
        "referral_month",
        sa.Column("referrer_id", sa.BigInteger(), nullable=False),
        sa.Column("month_on", sa.Date(), nullable=False),
        sa.Column("friends", sa.Integer(), nullable=False),
        sa.CheckConstraint("friends >= 0", name=op.f("ck_referral_month_not_negative")),
        sa.ForeignKeyConstraint(
            ["referrer_id"], ["member.id"], name=op.f("fk_referral_month_referrer_id_member")
        ),
        sa.PrimaryKeyConstraint("referrer_id", "month_on", name=op.f("pk_referral_month")),
    )


def _make_missions() -> None:
    op.create_table(
        "mission_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("mission_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("things", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("period", sa.Integer(), nullable=True),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("purchase_id", sa.BigInteger(), nullable=True),
        sa.Column("answers_id", sa.BigInteger(), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["answers_id"],
            ["mission_event.id"],
            name=op.f("fk_mission_event_answers_id_mission_event"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_mission_event_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["mission_id"], ["mission.id"], name=op.f("fk_mission_event_mission_id_mission")
        ),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchase.id"], name=op.f("fk_mission_event_purchase_id_purchase")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mission_event")),
        sa.UniqueConstraint("answers_id", name=op.f("uq_mission_event_answers_id")),
        sa.UniqueConstraint("mission_id", "key", name=op.f("uq_mission_event_mission_id_key")),
    )
    op.create_index(
        "ix_mission_event_member_id",
        "mission_event",
        ["member_id", "mission_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_mission_event_purchase_id",
        "mission_event",
        ["purchase_id"],
        unique=False,
        postgresql_where=sa.text("purchase_id IS NOT NULL"),
    )
    op.create_table(
        "mission_progress",
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("mission_id", sa.BigInteger(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("things", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("period", sa.Integer(), nullable=True),
        sa.Column("day_on", sa.Date(), nullable=True),
        sa.Column("day_count", sa.Integer(), nullable=False),
        sa.CheckConstraint("done >= 0", name=op.f("ck_mission_progress_done_not_negative")),
        sa.CheckConstraint("round > 0", name=op.f("ck_mission_progress_round_positive")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_mission_progress_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["mission_id"], ["mission.id"], name=op.f("fk_mission_progress_mission_id_mission")
        ),
        sa.PrimaryKeyConstraint("member_id", "mission_id", name=op.f("pk_mission_progress")),
    )
    op.create_table(
        "mission_award",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("mission_id", sa.BigInteger(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_mission_award_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["mission_id"], ["mission.id"], name=op.f("fk_mission_award_mission_id_mission")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mission_award")),
        sa.UniqueConstraint(
            "member_id",
            "mission_id",
            "round",
            "attempt",
            name=op.f("uq_mission_award_member_id_mission_id_round_attempt"),
        ),
    )
    op.create_index(
        "uq_mission_award_standing",
        "mission_award",
        ["member_id", "mission_id", "round"],
        unique=True,
        postgresql_where=sa.text("taken_back_at IS NULL"),
    )
    op.create_table(
        "member_badge",
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("badge_code", sa.Text(), nullable=False),
        sa.Column("give_key", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["badge_code"], ["badge.code"], name=op.f("fk_member_badge_badge_code_badge")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_member_badge_member_id_member")
        ),
        sa.PrimaryKeyConstraint("member_id", "badge_code", name=op.f("pk_member_badge")),
    )


def _make_lottery() -> None:
    op.create_table(
        "lottery_ticket",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("lottery_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("purchase_id", sa.BigInteger(), nullable=True),
        sa.Column("got_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("got_on", sa.Date(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "drawn_at IS NULL OR drawn_at >= got_at", name=op.f("ck_lottery_ticket_drawn_later")
        ),
        sa.ForeignKeyConstraint(
            ["lottery_id"], ["lottery.id"], name=op.f("fk_lottery_ticket_lottery_id_lottery")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_lottery_ticket_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchase.id"], name=op.f("fk_lottery_ticket_purchase_id_purchase")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lottery_ticket")),
        sa.UniqueConstraint("key", name=op.f("uq_lottery_ticket_key")),
    )
    op.create_index(
        "ix_lottery_ticket_open",
        "lottery_ticket",
        ["member_id", "lottery_id"],
        unique=False,
        postgresql_where=sa.text("drawn_at IS NULL AND void_at IS NULL"),
    )
    op.create_index(
        "ix_lottery_ticket_purchase_id", "lottery_ticket", ["purchase_id"], unique=False
    )
    op.create_table(
        "draw",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("lottery_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("odds", sa.JSON(), nullable=False),
        sa.Column("hit_prize_id", sa.BigInteger(), nullable=True),
        sa.Column("was_out_of_stock", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reward", sa.JSON(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "NOT was_out_of_stock OR outcome <> 'prize'", name=op.f("ck_draw_stock_was_there")
        ),
        sa.CheckConstraint(
            "outcome <> 'prize' OR hit_prize_id IS NOT NULL", name=op.f("ck_draw_prize_was_hit")
        ),
        sa.CheckConstraint(
            "outcome IN ('prize', 'consolation', 'none')", name=op.f("ck_draw_outcome_known")
        ),
        sa.CheckConstraint(
            "number >= 0 AND number < 1000000", name=op.f("ck_draw_number_in_range")
        ),
        sa.ForeignKeyConstraint(
            ["hit_prize_id"], ["lottery_prize.id"], name=op.f("fk_draw_hit_prize_id_lottery_prize")
        ),
        sa.ForeignKeyConstraint(
            ["lottery_id"], ["lottery.id"], name=op.f("fk_draw_lottery_id_lottery")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_draw_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["lottery_ticket.id"], name=op.f("fk_draw_ticket_id_lottery_ticket")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draw")),
        sa.UniqueConstraint("ticket_id", name=op.f("uq_draw_ticket_id")),
    )
    op.create_index("ix_draw_lottery_id", "draw", ["lottery_id", "id"], unique=False)
    op.create_index("ix_draw_member_id", "draw", ["member_id", "id"], unique=False)


def _make_reviews() -> None:
    op.create_table(
        "review",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("purchase_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moderated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'pending') = (moderated_at IS NULL)", name=op.f("ck_review_moderated_when")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'approved', 'hidden')", name=op.f("ck_review_state_known")
        ),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_review_stars_in_range")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_review_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchase.id"], name=op.f("fk_review_purchase_id_purchase")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_review_store_id_store")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
        sa.UniqueConstraint("purchase_id", name=op.f("uq_review_purchase_id")),
    )
    op.create_index("ix_review_member_id", "review", ["member_id"], unique=False)
    op.create_index("ix_review_state", "review", ["state", "id"], unique=False)
    op.create_table(
        "activity_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "what IN ('review', 'event', 'feedback')", name=op.f("ck_activity_event_what_known")
        ),
        sa.CheckConstraint("place > 0", name=op.f("ck_activity_event_place_positive")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_activity_event_member_id_member")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity_event")),
        sa.UniqueConstraint("key", name=op.f("uq_activity_event_key")),
        sa.UniqueConstraint(
            "member_id",
            "what",
            "day_on",
            "place",
            name=op.f("uq_activity_event_member_id_what_day_on_place"),
        ),
    )


def downgrade() -> None:
    """Remove the tables and the column."""
    for table in NEWEST_FIRST:
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_odds()")
    op.drop_column("member", "referral_step")
