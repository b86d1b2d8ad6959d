"""The demo's fraud: one clerk who buys and gives back on one card, and one stolen card.

Nothing here moves a balance: what was bought was given back, and its points with it.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from models.fraud import link_staff
from models.fraud.not_me import say_not_me
from models.local_day import local_day
from models.member import Member
from models.purchase import Purchase, Refund
from models.staff import Staff

TIMES = 9
AMOUNT_TWD = 1_880
STOLEN_DAYS = 13


def add_fraud(session: Session, now: datetime) -> None:
    """Let one clerk buy and return on a friend's card, one member say 不是我, and link a card."""
    clerk = session.scalars(
        select(Staff).where(Staff.role == "clerk").order_by(Staff.id.desc()).limit(1)
    ).one()
    friend, own = session.scalars(
        select(Member)
        .where(Member.line_user_id.is_not(None), Member.frozen_at.is_(None))
        .order_by(Member.id.desc())
        .limit(2)
    ).all()
    _buy_and_return(session, clerk, friend, now)
    link_staff(session, clerk.username, own)
    _steal(session, now, but_for=(friend.id, own.id))


def _buy_and_return(session: Session, clerk: Staff, friend: Member, now: datetime) -> None:
    bought = [
        now.replace(minute=7 * number % 60) - timedelta(days=3 * number + 1)
        for number in range(TIMES)
    ]
    ids = session.scalars(
        insert(Purchase).returning(Purchase.id, sort_by_parameter_order=True),
        [_sale(clerk, friend, moment, number) for number, moment in enumerate(bought)],
    ).all()
    session.execute(
        insert(Refund),
        [
            {
                "purchase_id": purchase_id,
                "member_id": friend.id,
                "store_id": clerk.store_id,
                "staff_id": clerk.id,
                "amount_twd": AMOUNT_TWD,
                "reason": "顧客取消",
                "is_full": True,
                "points_taken": 0,
                "points_given_back": 0,
                "refunded_at": moment + timedelta(hours=2),
                "refunded_on": local_day(moment + timedelta(hours=2)),
                "idempotency_key": f"demo:returned:{number}",
            }
            for number, (purchase_id, moment) in enumerate(zip(ids, bought, strict=True))
        ],
    )


def _sale(clerk: Staff, friend: Member, moment: datetime, number: int) -> dict[str, Any]:
    return {
        "member_id": friend.id,
        "store_id": clerk.store_id,
        "staff_id": clerk.id,
        "channel": "till",
        "amount_twd": AMOUNT_TWD,
        "discount_twd": 0,
        "paid_twd": AMOUNT_TWD,
        "refunded_twd": AMOUNT_TWD,
        "undone_at": moment + timedelta(hours=2),
        "points_earned": 0,
        "stamps_added": 0,
        "purchased_at": moment,
        "purchased_on": local_day(moment),
        "idempotency_key": f"demo:bought:{number}",
    }


def _steal(session: Session, now: datetime, *, but_for: tuple[int, ...]) -> None:
    """Let the last but one who bought lately say that it was not them."""
    newest = (
        select(Purchase.member_id, func.max(Purchase.id).label("purchase_id"))
        .where(
            Purchase.purchased_at > now - timedelta(days=STOLEN_DAYS),
            Purchase.purchased_at <= now,
            Purchase.member_id.not_in(but_for),
        )
        .group_by(Purchase.member_id)
        .order_by(Purchase.member_id.desc())
        .limit(1)
    )
    found = session.execute(newest).one_or_none()
    if found is not None:
        member = session.get_one(Member, found.member_id)
        say_not_me(session, member, "purchase", found.purchase_id, now)
