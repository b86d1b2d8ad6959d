"""What was bought and given back, and how points, stamps and coupons moved."""

from models.timeline.source import Source

BUYING = (
    Source(
        "purchase",
        "purchases",
        "FROM purchase WHERE purchase.member_id = card.id"
        " AND purchased_on <= CAST(CAST(:until AS timestamptz) AT TIME ZONE 'Asia/Taipei' AS date)",
        "purchased_at",
        "purchase.id",
        {
            "what": "CASE WHEN undone_at IS NOT NULL THEN 'undone'"
            " WHEN refunded_twd > 0 THEN 'part_refunded' ELSE 'sale' END",
            "words": "channel",
            "store_id": "store_id",
            "staff_id": "staff_id",
            "amount_twd": "paid_twd",
            "points": "points_earned",
            "facts": """jsonb_strip_nulls(jsonb_build_object('amount_twd', amount_twd,
                'discount_twd', discount_twd, 'points_twd', points_twd,
                'refunded_twd', refunded_twd, 'stamps', stamps_added, 'ref', source_ref,
                'lines', (SELECT jsonb_agg(jsonb_build_object('name', line.name,
                        'quantity', line.quantity) ORDER BY line.line_no)
                    FROM purchase_line AS line WHERE line.purchase_id = purchase.id)))""",
        },
        order="purchased_on DESC, ",
    ),
    Source(
        "refund",
        "purchases",
        "FROM refund WHERE refund.member_id = card.id",
        "refunded_at",
        "refund.id",
        {
            "what": "CASE WHEN is_full THEN 'full' ELSE 'part' END",
            "words": "reason",
            "store_id": "store_id",
            "staff_id": "staff_id",
            "amount_twd": "-amount_twd",
            "points": "points_given_back - points_taken",
        },
    ),
    Source(
        "points",
        "points",
        """FROM points_entry AS entry LEFT JOIN points_lot AS lot ON lot.entry_id = entry.id
        WHERE entry.member_id = card.id AND (:with_sales OR entry.reason <> 'purchase')""",
        "entry.posted_at",
        "entry.id",
        {
            "what": "entry.reason",
            "words": "entry.note",
            "store_id": "entry.store_id",
            "staff_id": "entry.staff_id",
            "points": "entry.points",
            "balance": "entry.balance_after",
            "facts": """jsonb_strip_nulls(jsonb_build_object('pending', nullif(entry.pending, 0),
                'tier_points', nullif(entry.tier_points, 0),
                'forgiven', nullif(entry.forgiven, 0), 'expires_on', lot.expires_on))""",
        },
    ),
    Source(
        "adjustment",
        "points",
        "FROM points_adjustment AS wish WHERE wish.member_id = card.id AND wish.state <> 'posted'",
        "coalesce(wish.decided_at, wish.asked_at)",
        "wish.id",
        {
            "what": "wish.state",
            "words": "wish.reason",
            "staff_id": "coalesce(wish.decided_by, wish.asked_by)",
            "points": "wish.points",
        },
    ),
    Source(
        "stamps",
        "points",
        """FROM stamp_entry AS entry JOIN stamp_programme AS programme
            ON programme.id = entry.programme_id
        WHERE entry.member_id = card.id AND (:with_sales OR entry.purchase_id IS NULL)""",
        "entry.posted_at",
        "entry.id",
        {
            "what": "entry.reason",
            "name": "programme.name",
            "words": "entry.note",
            "staff_id": "entry.staff_id",
            "facts": "jsonb_build_object('stamps', entry.delta)",
        },
    ),
    Source(
        "coupon",
        "coupons",
        """FROM coupon JOIN coupon_event AS step ON step.coupon_id = coupon.id
            JOIN coupon_template AS template ON template.id = coupon.template_id
        WHERE coupon.member_id = card.id""",
        "step.at",
        "step.id",
        {
            "what": "step.to_state",
            "name": "template.name",
            "words": "step.cause",
            "store_id": "step.store_id",
            "staff_id": "step.staff_id",
            "facts": "jsonb_build_object('code', coupon.code, 'expires_at', coupon.expires_at)",
        },
    ),
    Source(
        "exchange",
        "rewards",
        """FROM reward_exchange AS exchange JOIN reward ON reward.id = exchange.reward_id
        WHERE exchange.member_id = card.id""",
        "exchange.exchanged_at",
        "exchange.id",
        {
            "what": "CASE WHEN exchange.cancelled_at IS NULL THEN 'given' ELSE 'cancelled' END",
            "name": "reward.name",
            "points": "-exchange.cost_points",
        },
    ),
    Source(
        "draw",
        "rewards",
        "FROM draw JOIN lottery ON lottery.id = draw.lottery_id WHERE draw.member_id = card.id",
        "draw.drawn_at",
        "draw.id",
        {"what": "draw.outcome", "name": "lottery.name"},
    ),
    Source(
        "mission",
        "rewards",
        """FROM mission_award AS award JOIN mission ON mission.id = award.mission_id
        WHERE award.member_id = card.id""",
        "award.completed_at",
        "award.id",
        {
            "what": "CASE WHEN award.taken_back_at IS NULL THEN 'done' ELSE 'taken_back' END",
            "name": "mission.name",
        },
    ),
    Source(
        "badge",
        "rewards",
        """FROM member_badge AS held JOIN badge ON badge.code = held.badge_code
        WHERE held.member_id = card.id""",
        "held.given_at",
        "hashtext(held.badge_code)",
        {"name": "badge.name", "words": "badge.sign"},
    ),
    Source(
        "gathering",
        "rewards",
        """FROM gathering_seat AS seat JOIN gathering ON gathering.id = seat.gathering_id
        WHERE seat.member_id = card.id""",
        "seat.asked_at",
        "seat.gathering_id",
        {"what": "seat.state", "name": "gathering.name"},
    ),
    Source(
        "invited",
        "rewards",
        """FROM referral LEFT JOIN member AS other ON other.id = referral.friend_id
        WHERE referral.referrer_id = card.id""",
        "referral.claimed_at",
        "referral.id",
        {"what": "referral.state", "facts": "jsonb_build_object('number', other.number)"},
    ),
    Source(
        "invited_by",
        "rewards",
        """FROM referral LEFT JOIN member AS other ON other.id = referral.referrer_id
        WHERE referral.friend_id = card.id""",
        "referral.claimed_at",
        "referral.id",
        {"what": "referral.state", "facts": "jsonb_build_object('number', other.number)"},
    ),
    Source(
        "plan",
        "tiers",
        """FROM subscription AS held JOIN plan ON plan.id = held.plan_id
            JOIN subscription_event AS step ON step.subscription_id = held.id
        WHERE held.member_id = card.id""",
        "step.at",
        "step.id",
        {
            "what": "step.to_state",
            "name": "plan.name",
            "words": "step.reason",
            "staff_id": "step.staff_id",
        },
    ),
    Source(
        "plan_payment",
        "tiers",
        """FROM subscription AS held JOIN plan ON plan.id = held.plan_id
            JOIN plan_payment AS payment ON payment.subscription_id = held.id
        WHERE held.member_id = card.id""",
        "payment.paid_at",
        "payment.id",
        {
            "what": "CASE WHEN payment.amount_twd > 0 THEN 'paid' ELSE 'returned' END",
            "name": "plan.name",
            "staff_id": "payment.staff_id",
            "amount_twd": "payment.amount_twd",
        },
    ),
    Source(
        "tier",
        "tiers",
        """FROM tier_change AS step LEFT JOIN tier AS held ON held.id = step.from_tier_id
            JOIN tier AS reached ON reached.id = step.to_tier_id
        WHERE step.member_id = card.id""",
        "step.changed_at",
        "step.id",
        {
            "what": "CASE WHEN held.rank > reached.rank THEN 'down' "
            "WHEN held.rank = reached.rank THEN 'kept' ELSE 'up' END",
            "name": "reached.name",
            "words": "step.reason ->> 'rule'",
            "facts": "jsonb_build_object('from', held.name)",
        },
    ),
)
