"""The last of a sale's two statements: write purchase, points, stamps, figures and receipt at once.

One statement for all of them, because each trip to the database costs as much as its work. The
constraints of every table it touches are checked as ever, and the ledger's trigger chains the
entry.
"""

import json
import uuid
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import DELIVERY, BusinessError, constraint_of, squeezed, wake
from models.checkout.opening import Opened
from models.points.entry import repaid_by
from models.purchase.table import CodeAlreadyUsed, OrderKnown
from models.stamp_card.posting import STAMP_COLUMNS, WRITE_STAMPS

RECEIPT_USEFUL = timedelta(hours=24)

_CLOSE = squeezed(f"""
WITH sale AS (
    SELECT * FROM json_to_record(%(sale)s) AS told (
        member_id bigint, store_id bigint, staff_id bigint, device_id bigint, channel text,
        amount_twd int, discount_twd int, points_used int, points_twd int, paid_twd int,
        coupon_id bigint, points_earned int, earn_twd int, earn_percent int, stamps_added int,
        code_id text, purchased_at timestamptz, purchased_on date, key text, source text,
        source_ref text, earned json, spend_twd int, year_twd int, lifetime_twd bigint,
        day_points int, day_on date, day_purchases int, spend_on date, recorded_at timestamptz,
        first_on date, previous_on date, last_on date, purchase_days int,
        tier_id bigint, tier_kept_until date, tier_points int,
        points_active int, points_after int, points_pending int, pending_after int,
        repaid int, expire_on date, pending_until date, owed_id uuid,
        line_user_id text, language text, words json, useful_until timestamptz, {STAMP_COLUMNS})
), bought AS (
    INSERT INTO purchase (member_id, store_id, staff_id, device_id, channel, amount_twd,
        discount_twd, points_used, points_twd, paid_twd, coupon_id, points_earned, earn_twd,
        earn_percent, stamps_added, code_id, purchased_at, purchased_on, idempotency_key, source,
        source_ref, earned)
    SELECT member_id, store_id, staff_id, device_id, channel, amount_twd, discount_twd, points_used,
        points_twd, paid_twd, coupon_id, points_earned, earn_twd, earn_percent, stamps_added,
        code_id, purchased_at, purchased_on, key, source, source_ref, earned
    FROM sale RETURNING id
), grown AS (
    UPDATE member SET points = points_after, points_pending = pending_after,
        spend_twd = sale.spend_twd, spend_on = sale.spend_on, year_twd = sale.year_twd,
        lifetime_twd = sale.lifetime_twd, purchase_count = purchase_count + 1,
        purchase_days = sale.purchase_days, first_purchase_on = first_on,
        previous_purchase_on = previous_on, last_purchase_on = last_on,
        promo_count = promo_count + (discount_twd > 0)::int,
        day_on = sale.day_on, day_points = sale.day_points,
        day_purchases = sale.day_purchases, tier_id = sale.tier_id,
        tier_kept_until = sale.tier_kept_until
    FROM sale WHERE member.id = sale.member_id
), entry AS (
    INSERT INTO points_entry (member_id, points, balance_after, pending, pending_after,
        tier_points_after, reason, purchase_id, staff_id, store_id, idempotency_key, posted_at)
    SELECT member_id, points_active, points_after, points_pending, pending_after, tier_points,
        'purchase', bought.id, staff_id, store_id, 'purchase:' || bought.id, recorded_at
    FROM sale, bought WHERE points_earned > 0 RETURNING id
), lot AS (
    INSERT INTO points_lot (entry_id, member_id, granted, remaining, expires_on, pending_until,
        repaid)
    SELECT entry.id, member_id, points_earned, points_earned - repaid, expire_on,
        pending_until, repaid
    FROM sale, entry
), {WRITE_STAMPS}, owed AS (
    INSERT INTO outbox (id, line_user_id, member_id, kind, words, language, is_marketing,
        push_if_late, useful_until, idempotency_key, state, tries, in_doubt, created_at,
        next_try_at)
    SELECT owed_id, line_user_id, member_id, 'receipt',
        (left(words::text, -1) || ', "purchase_id": ' || bought.id || '}}')::json, language,
        false, true, useful_until, 'receipt:' || bought.id, 'waiting', 0, false, recorded_at,
        recorded_at
    FROM sale, bought WHERE line_user_id IS NOT NULL
)
SELECT id FROM bought
""")  # noqa: S608 - put together from constants
"""The sale comes as one JSON value: the driver keeps a statement of few parameters and up to 4,096
characters prepared, and one with sixty would be taken apart anew for every sale."""


def payment_key(purchase_id: int) -> str:
    """Return the ledger's key of the points that paid a part of a purchase."""
    return f"pay:{purchase_id}"


@dataclass(slots=True, frozen=True)
class Sold:
    """A purchase about to be written, column by column; `key` is the asker's."""

    member_id: int
    store_id: int
    staff_id: int | None
    device_id: int | None
    channel: str
    amount_twd: int
    discount_twd: int
    points_used: int
    points_twd: int
    paid_twd: int
    coupon_id: int | None
    points_earned: int
    earn_twd: int | None
    earn_percent: int | None
    stamps_added: int
    code_id: str | None
    purchased_at: datetime
    purchased_on: date
    key: str
    source: str | None
    source_ref: str | None
    earned: dict[str, Any] | None


_COLUMNS = tuple(field.name for field in fields(Sold))
_REFUSALS: dict[str, type[BusinessError]] = {
    "uq_purchase_code_id": CodeAlreadyUsed,
    "uq_purchase_source_source_ref": OrderKnown,
}


def close_sale(
    session: Session,
    opened: Opened,
    sold: Sold,
    *,
    stamps: dict[str, Any],
    expires_on: date,
    pending_until: date | None,
    receipt: dict[str, Any],
    now: datetime,
) -> int:
    """Write the sale and return the purchase's id. Raises CodeAlreadyUsed, OrderKnown.

    `stamps` are the parameters of WRITE_STAMPS. The member's figures in `opened` are those after
    the sale, but for points, which are added here. `receipt` has words, to which the purchase's
    id is added, so that its owner can rate it, or say: not me.
    """
    told = {name: getattr(sold, name) for name in _COLUMNS} | stamps
    told |= _points(opened, sold, expires_on, pending_until)
    day_on, day_points, day_purchases = opened.kept_day
    told |= {
        "spend_twd": opened.spend_twd,
        "year_twd": opened.year_twd,
        "lifetime_twd": opened.lifetime_twd,
        "spend_on": opened.spend_on,
        "first_on": opened.first_purchase_on,
        "previous_on": opened.previous_purchase_on,
        "last_on": opened.last_purchase_on,
        "purchase_days": opened.purchase_days,
        "day_on": day_on,
        "day_points": day_points,
        "day_purchases": day_purchases,
        "tier_id": opened.tier_id,
        "tier_kept_until": opened.tier_kept_until,
        "tier_points": opened.tier_points,
        "owed_id": uuid.uuid4(),
        "line_user_id": opened.line_user_id,
        "language": opened.language,
        "words": receipt,
        "recorded_at": now,
        "useful_until": now + RECEIPT_USEFUL,
    }
    sale = json.dumps(told, default=str, ensure_ascii=False)
    try:
        purchase_id: int = session.connection().exec_driver_sql(_CLOSE, {"sale": sale}).scalar_one()
    except IntegrityError as error:
        refusal = _REFUSALS.get(constraint_of(error))
        if refusal is None:
            raise
        raise refusal from error
    if opened.line_user_id is not None:
        wake(session, DELIVERY)
    return purchase_id


def _points(
    opened: Opened, sold: Sold, expires_on: date, pending_until: date | None
) -> dict[str, Any]:
    """Return the parameters of the earning and its lot; a balance below zero is repaid first."""
    earned = sold.points_earned
    active = earned if pending_until is None else 0
    return {
        "points_active": active,
        "points_after": opened.points + active,
        "points_pending": earned - active,
        "pending_after": opened.points_pending + earned - active,
        "repaid": repaid_by(opened.points, active),
        "expire_on": expires_on,
        "pending_until": pending_until,
    }
