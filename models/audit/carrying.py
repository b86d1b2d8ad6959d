"""Carrying: what people do at the counter becomes entries of the audit, set-based, each fact once.

An entry written with the sale itself would make all tills wait for the chain's one lock at their
commits. So the facts are read from their own tables a few minutes later, in the order of their
ids, up to one below which nobody is still writing (`models/horizon.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import BigInteger, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.audit.entry import HIDDEN, LONGEST_REASON, TELLING
from models.base import Base, squeezed

PART = 200
"""So many ids become entries in one transaction: while it commits, who else notes something waits
for their seals."""


class AuditMark(Base):
    """How far the rows of one table are carried: the last id. Only the carrying moves it on."""

    __tablename__ = "audit_mark"

    fact: Mapped[str] = mapped_column(primary_key=True)
    """The table's name. One without a mark begins with its first row."""
    last_id: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True)
class Carried:
    """What one part did."""

    entries: int
    is_last: bool


FACTS: Mapping[str, str] = {
    "purchase": """
        SELECT fact.id, fact.purchased_at AS at, fact.staff_id, fact.member_id, fact.store_id,
            '#' || device.id || ' ' || device.name AS device, 'purchase.record' AS what,
            'purchase:' || fact.id AS subject, NULL AS reason, NULL::jsonb AS before,
            jsonb_build_object('amount_twd', fact.amount_twd, 'discount_twd', fact.discount_twd,
                'points_twd', fact.points_twd, 'paid_twd', fact.paid_twd,
                'points_earned', fact.points_earned, 'stamps_added', fact.stamps_added) AS after
        FROM purchase AS fact LEFT JOIN device ON device.id = fact.device_id
        WHERE fact.staff_id IS NOT NULL
    """,
    "refund": """
        SELECT fact.id, fact.refunded_at AS at, fact.staff_id, fact.member_id, fact.store_id,
            NULL AS device, 'purchase.refund' AS what,
            'purchase:' || fact.purchase_id AS subject, fact.reason, NULL::jsonb AS before,
            jsonb_build_object('refund_id', fact.id, 'amount_twd', fact.amount_twd,
                'is_full', fact.is_full, 'points_taken', fact.points_taken,
                'points_given_back', fact.points_given_back) AS after
        FROM refund AS fact WHERE fact.staff_id IS NOT NULL
    """,
    "redemption": """
        SELECT fact.id, fact.redeemed_at AS at, fact.staff_id, fact.member_id, fact.store_id,
            '#' || device.id || ' ' || device.name AS device, 'coupon.redeem' AS what,
            'coupon:' || fact.coupon_id AS subject, NULL AS reason,
            '{"state": "issued"}'::jsonb AS before,
            jsonb_build_object('state', 'redeemed', 'purchase_id', fact.purchase_id,
                'discount_twd', fact.discount_twd) AS after
        FROM redemption AS fact
        LEFT JOIN purchase ON purchase.id = fact.purchase_id
        LEFT JOIN device ON device.id = purchase.device_id
        WHERE fact.staff_id IS NOT NULL
    """,
    "coupon_event": """
        SELECT fact.id, fact.at, fact.staff_id, coupon.member_id, fact.store_id, NULL AS device,
            'coupon.' || fact.cause AS what, 'coupon:' || fact.coupon_id AS subject,
            NULL AS reason, jsonb_build_object('state', fact.from_state) AS before,
            jsonb_build_object('state', fact.to_state, 'ref', fact.ref) AS after
        FROM coupon_event AS fact JOIN coupon ON coupon.id = fact.coupon_id
        WHERE fact.staff_id IS NOT NULL AND fact.to_state <> 'redeemed'
            AND fact.cause NOT IN ('sale', 'alone', 'refund', 'unlock', 'relock')
    """,
    "stamp_entry": """
        SELECT fact.id, fact.posted_at AS at, fact.staff_id, fact.member_id,
            NULL::bigint AS store_id, NULL AS device, 'stamps.move' AS what,
            'member:' || fact.member_id AS subject, fact.note AS reason, NULL::jsonb AS before,
            jsonb_build_object('stamps', fact.delta, 'programme_id', fact.programme_id) AS after
        FROM stamp_entry AS fact WHERE fact.staff_id IS NOT NULL AND fact.reason = 'manual'
    """,
    "points_entry": """
        SELECT fact.id, fact.posted_at AS at, fact.staff_id, fact.member_id, fact.store_id,
            NULL AS device, 'points.reverse' AS what,
            'member:' || fact.member_id AS subject, fact.note AS reason, NULL::jsonb AS before,
            jsonb_build_object('points', fact.points + fact.pending, 'entry_id', fact.id,
                'answers_id', fact.answers_id) AS after
        FROM points_entry AS fact WHERE fact.staff_id IS NOT NULL AND fact.reason = 'reversal'
    """,
    "plan_payment": """
        SELECT fact.id, fact.paid_at AS at, fact.staff_id, subscription.member_id,
            NULL::bigint AS store_id, NULL AS device,
            CASE WHEN fact.amount_twd > 0 THEN 'plan.pay' ELSE 'plan.refund' END AS what,
            'subscription:' || fact.subscription_id AS subject, NULL AS reason,
            NULL::jsonb AS before,
            jsonb_build_object('amount_twd', fact.amount_twd, 'months', fact.months,
                'method', fact.method) AS after
        FROM plan_payment AS fact JOIN subscription ON subscription.id = fact.subscription_id
        WHERE fact.staff_id IS NOT NULL
    """,
    "shift": """
        SELECT fact.id, fact.started_at AS at, fact.staff_id, NULL::bigint AS member_id,
            fact.store_id, '#' || device.id || ' ' || device.name AS device,
            'shift.start' AS what, 'staff:' || fact.staff_id AS subject, NULL AS reason,
            NULL::jsonb AS before, jsonb_build_object('shift_id', fact.id) AS after
        FROM shift AS fact JOIN device ON device.id = fact.device_id WHERE TRUE
    """,
    "subscription_event": """
        SELECT fact.id, fact.at, fact.staff_id, subscription.member_id,
            NULL::bigint AS store_id, NULL AS device, 'plan.step' AS what,
            'subscription:' || fact.subscription_id AS subject, fact.reason,
            jsonb_build_object('state', fact.from_state) AS before,
            jsonb_build_object('state', fact.to_state) AS after
        FROM subscription_event AS fact
        JOIN subscription ON subscription.id = fact.subscription_id
        WHERE fact.staff_id IS NOT NULL
    """,
}
"""The tables whose rows are carried, each with its rows as entries: what a person made."""


def carry(session: Session, fact: str, last_id: int, *, limit: int = PART) -> Carried:
    """Make entries of a table's next rows, through a settled id, and move its mark on.

    Two at once wait for each other; a row that has its entry gets no second one.
    """
    session.execute(_BEGIN, {"fact": fact})
    after_id = session.scalars(_LOCK, {"fact": fact}).one()
    through_id = max(last_id, after_id)
    asked = {"after_id": after_id, "through_id": through_id, "limit": limit, "fact": fact}
    rest = {"telling": TELLING, "hidden": HIDDEN, "longest": LONGEST_REASON}
    found, reached_id, entries = session.execute(_CARRY[fact], asked | rest).one()
    is_last = found < limit
    session.execute(_MOVE, {"fact": fact, "last_id": through_id if is_last else reached_id})
    return Carried(entries, is_last)


_BEGIN = text("INSERT INTO audit_mark (fact, last_id) VALUES (:fact, 0) ON CONFLICT DO NOTHING")
_LOCK = text("SELECT last_id FROM audit_mark WHERE fact = :fact FOR UPDATE")
_MOVE = text("UPDATE audit_mark SET last_id = :last_id WHERE fact = :fact")
_HELD = """
    SELECT min(shift.store_id) AS store_id, min('#' || device.id || ' ' || device.name) AS device
    FROM shift JOIN device ON device.id = shift.device_id
    WHERE shift.staff_id = made.staff_id AND shift.started_at <= made.at
        AND (shift.ended_at IS NULL OR shift.ended_at >= made.at)
    HAVING count(*) = 1
"""
"""Where a fact does not say where it was done: the shift its person had then, if they had one."""
_CARRY = {
    fact: text(
        squeezed(f"""
            WITH made AS (
                {rows} AND fact.id > :after_id AND fact.id <= :through_id
                ORDER BY fact.id LIMIT :limit
            ), kept AS (
                INSERT INTO audit_entry (at, actor, staff_id, member_id, what, subject, before,
                    after, reason, store_id, device, fact)
                SELECT made.at, 'staff', made.staff_id, made.member_id, made.what, made.subject,
                    made.before, jsonb_strip_nulls(made.after),
                    left(regexp_replace(made.reason, :telling, :hidden, 'g'), :longest),
                    coalesce(made.store_id, held.store_id), coalesce(made.device, held.device),
                    :fact || ':' || made.id
                FROM made LEFT JOIN LATERAL ({_HELD}) AS held ON true ORDER BY made.id
                ON CONFLICT (fact) DO NOTHING RETURNING id
            )
            SELECT count(*), max(id), (SELECT count(*) FROM kept) FROM made
        """)  # noqa: S608  # Of our own words only.
    )
    for fact, rows in FACTS.items()
}
