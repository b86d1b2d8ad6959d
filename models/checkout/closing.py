"""The last of a sale's two statements: write purchase, points, stamps, figures and receipt at once.

One statement for all of them, because each trip to the database costs as much as its work. The
constraints of every table it touches are checked as ever, and the ledger's trigger chains the
entry.
"""

import json
import uuid
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.checkout.opening import Opened
from models.purchase.table import CodeAlreadyUsed

RECEIPT_USEFUL = timedelta(hours=24)

_CLOSE = """
WITH bought AS (
    INSERT INTO purchase (member_id, store_id, staff_id, channel, amount_twd, discount_twd,
        points_used, points_twd, paid_twd, coupon_id, points_earned, stamps_added, code_id,
        purchased_at, purchased_on, idempotency_key, source, source_ref, earned)
    VALUES (%(member_id)s, %(store_id)s, %(staff_id)s, %(channel)s, %(amount_twd)s,
        %(discount_twd)s, %(points_used)s, %(points_twd)s, %(paid_twd)s, %(coupon_id)s,
        %(points_earned)s, %(stamps_added)s, %(code_id)s, %(purchased_at)s,
        %(purchased_on)s, %(key)s, %(source)s, %(source_ref)s, %(earned)s)
    RETURNING id
), grown AS (
    UPDATE member SET points = points + %(points_earned)s, spend_twd = %(spend_twd)s,
        spend_on = %(purchased_on)s, year_twd = %(year_twd)s, lifetime_twd = %(lifetime_twd)s,
        purchase_count = purchase_count + 1, last_purchase_on = %(purchased_on)s,
        day_on = %(purchased_on)s, day_points = %(day_points)s,
        day_purchases = %(day_purchases)s, tier_id = %(tier_id)s,
        tier_kept_until = %(tier_kept_until)s
    WHERE id = %(member_id)s
), entry AS (
    INSERT INTO points_entry (member_id, points, balance_after, reason, purchase_id,
        idempotency_key, posted_at)
    SELECT %(member_id)s, %(points_earned)s, %(points_after)s, 'purchase', bought.id,
        'purchase:' || bought.id, %(purchased_at)s
    FROM bought WHERE %(points_earned)s > 0
    RETURNING id
), lot AS (
    INSERT INTO points_lot (entry_id, member_id, granted, remaining, expires_on)
    SELECT entry.id, %(member_id)s, %(points_earned)s, %(points_earned)s, %(points_expire_on)s
    FROM entry
), stamped AS (
    INSERT INTO stamp_card (member_id, programme_id, stamps)
    SELECT %(member_id)s, stamp.programme_id, stamp.added
    FROM unnest(%(stamp_programmes)s::bigint[], %(stamps)s::int[]) AS stamp (programme_id, added)
    ON CONFLICT (member_id, programme_id) DO UPDATE
        SET stamps = stamp_card.stamps + excluded.stamps
), owed AS (
    INSERT INTO outbox (id, line_user_id, member_id, kind, words, language, is_marketing,
        push_if_late, useful_until, idempotency_key, state, tries, in_doubt, created_at,
        next_try_at)
    SELECT %(owed_id)s, %(line_user_id)s, %(member_id)s, 'receipt', %(words)s, %(language)s,
        false, true, %(useful_until)s, 'receipt:' || bought.id, 'waiting', 0, false,
        %(purchased_at)s, %(purchased_at)s
    FROM bought WHERE %(line_user_id)s::text IS NOT NULL
)
SELECT id FROM bought
"""


@dataclass(slots=True, frozen=True)
class Sold:
    """A purchase about to be written, column by column; `key` is the asker's."""

    member_id: int
    store_id: int
    staff_id: int | None
    channel: str
    amount_twd: int
    discount_twd: int
    points_used: int
    points_twd: int
    paid_twd: int
    coupon_id: int | None
    points_earned: int
    stamps_added: int
    code_id: str | None
    purchased_at: datetime
    purchased_on: date
    key: str
    source: str | None
    source_ref: str | None
    earned: dict[str, Any] | None


def close_sale(
    session: Session,
    opened: Opened,
    sold: Sold,
    *,
    stamps: dict[int, int],
    expires_on: date,
    receipt: dict[str, Any],
) -> int:
    """Write the sale and return the purchase's id. Raises CodeAlreadyUsed.

    `stamps` are what each card gets, by programme. The member's figures in `opened` are those
    after the sale, but for points, which the database adds.
    """
    values = asdict(sold)
    values |= {
        "earned": json.dumps(sold.earned) if sold.earned else None,
        "spend_twd": opened.spend_twd,
        "year_twd": opened.year_twd,
        "lifetime_twd": opened.lifetime_twd,
        "day_points": opened.day_points,
        "day_purchases": opened.day_purchases,
        "tier_id": opened.tier_id,
        "tier_kept_until": opened.tier_kept_until,
        "points_after": opened.points + sold.points_earned,
        "points_expire_on": expires_on,
        "stamp_programmes": list(stamps),
        "stamps": list(stamps.values()),
        "owed_id": uuid.uuid4(),
        "line_user_id": opened.line_user_id,
        "language": opened.language,
        "words": json.dumps(receipt, ensure_ascii=False),
        "useful_until": sold.purchased_at + RECEIPT_USEFUL,
    }
    try:
        purchase_id: int = session.connection().exec_driver_sql(_CLOSE, values).scalar_one()
    except IntegrityError as error:
        if "code_id" in str(error.orig):
            raise CodeAlreadyUsed from error
        raise
    if opened.line_user_id is not None:
        session.info["owes"] = True
    return purchase_id
