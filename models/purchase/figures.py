"""A member's running figures of their purchases: worked out again where a sale cannot add to them.

A purchase stands as long as `undone_at` is empty. Every sale moves the figures in the statement
that writes it (`models/checkout/closing.py`); whatever changes many at once, or whose they are,
has them worked out again from the purchases.
"""

from collections.abc import Collection

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from sqlalchemy.orm.util import identity_key

from models.member import Member
from models.purchase.table import Purchase

FIGURES = (
    "purchase_count",
    "purchase_days",
    "first_purchase_on",
    "previous_purchase_on",
    "last_purchase_on",
    "promo_count",
)
_REFIGURE = text("""
    UPDATE member SET purchase_count = bought.purchases, purchase_days = bought.days,
        first_purchase_on = bought.first_on, previous_purchase_on = bought.newest[2],
        last_purchase_on = bought.newest[1], promo_count = bought.promos
    FROM (
        SELECT asked.id, count(p.id) AS purchases, count(DISTINCT p.purchased_on) AS days,
            min(p.purchased_on) AS first_on,
            array_agg(p.purchased_on ORDER BY p.purchased_on DESC) AS newest,
            count(p.id) FILTER (WHERE p.discount_twd > 0) AS promos
        FROM unnest(CAST(:ids AS bigint[])) AS asked (id)
        LEFT JOIN purchase AS p ON p.member_id = asked.id AND p.undone_at IS NULL
        GROUP BY asked.id
    ) AS bought
    WHERE member.id = bought.id
""")


def refigure(session: Session, member_ids: Collection[int]) -> None:
    """Work these members' figures of purchases out again; one statement, however many they are.

    The caller holds their locks. What the session holds of them is read anew when asked for.
    """
    session.flush()
    session.execute(_REFIGURE, {"ids": list(member_ids)})
    for member_id in member_ids:
        held = session.identity_map.get(identity_key(Member, member_id))
        if held is not None:
            session.expire(held, FIGURES)


def count_undone(session: Session, member: Member, purchase: Purchase) -> None:
    """Take a purchase that was just undone, and flushed, out of its locked member's figures.

    One query, which looks at the ends of the member's purchases and at the one day: a long
    history costs no more than a short one.
    """
    standing = select(Purchase.purchased_on).where(
        Purchase.member_id == member.id, Purchase.undone_at.is_(None)
    )
    first = standing.order_by(Purchase.purchased_on).limit(1)
    newest = standing.order_by(Purchase.purchased_on.desc()).limit(2)
    same_day = standing.where(Purchase.purchased_on == purchase.purchased_on).exists()
    first_on, newest_on, has_same_day = session.execute(
        select(first.scalar_subquery(), func.array(newest.scalar_subquery()), same_day)
    ).one()
    last_on, previous_on = [*newest_on, None, None][:2]
    member.purchase_count -= 1
    member.purchase_days -= not has_same_day
    member.promo_count -= purchase.discount_twd > 0
    member.first_purchase_on = first_on
    member.previous_purchase_on = previous_on
    member.last_purchase_on = last_on
