"""Moving stamps: what stamping makes of a card, its one statement, and rewards of full cards."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import BusinessError, squeezed
from models.coupon import Coupon, CouponTemplate, expiry_of, issue_coupon
from models.local_day import local_day
from models.stamp_card.rules import EarnedStamps, card_ends_on, shown_stamps
from models.stamp_card.table import StampCard, StampEntry, StampProgramme, reward_key

Held = tuple[int, date | None]
"""A card as it is kept: all its stamps, and the day on which the unfilled ones are gone."""

STAMP_COLUMNS = """stamp_programmes bigint[], stamp_sums int[], stamp_ends date[],
    entry_programmes bigint[], entry_deltas int[], entry_reasons text[], stamp_is_first boolean,
    stamp_note text, stamped_at timestamptz"""
"""What `stamp_values` returns, as columns."""
WRITE_STAMPS = """stamped AS (
    INSERT INTO stamp_card (member_id, programme_id, stamps, expires_on)
    SELECT member_id, card.programme_id, card.stamps, card.expires_on
    FROM sale, unnest(stamp_programmes, stamp_sums, stamp_ends)
        AS card (programme_id, stamps, expires_on)
    ON CONFLICT (member_id, programme_id)
    DO UPDATE SET stamps = excluded.stamps, expires_on = excluded.expires_on
), stamps_noted AS (
    INSERT INTO stamp_entry (member_id, programme_id, delta, reason, purchase_id, is_first,
        staff_id, note, idempotency_key, posted_at)
    SELECT member_id, programme_id, delta, reason, CASE WHEN delta > 0 THEN bought.id END,
        delta > 0 AND stamp_is_first, CASE WHEN delta > 0 THEN staff_id END,
        CASE WHEN delta > 0 THEN stamp_note END,
        CASE WHEN delta > 0 THEN '' ELSE 'lapse:' END || key || ':' || programme_id, stamped_at
    FROM sale, bought, unnest(entry_programmes, entry_deltas, entry_reasons) WITH ORDINALITY
        AS entry (programme_id, delta, reason, place)
    ORDER BY place
)"""
"""Two parts of a WITH: writes cards and entries.

They stand beside a part `sale`, one row of STAMP_COLUMNS, `member_id`, `staff_id` and the asker's
`key`, and a part `bought (id)`, the purchase.
"""

_POST = squeezed(f"""
WITH sale AS (
    SELECT * FROM json_to_record(%(sale)s)
        AS told (member_id bigint, staff_id bigint, key text, purchase_id bigint, {STAMP_COLUMNS})
), bought AS (SELECT purchase_id AS id FROM sale), {WRITE_STAMPS}
SELECT 1
""")  # noqa: S608 - put together from the constants above


@dataclass(frozen=True)
class Stamped:
    """What stamping a card makes of it."""

    programme: StampProgramme
    added: int
    lapsed: int
    """Stamps whose day had come before the night's job said so; they go first."""
    base: int
    stamps: int
    """All the member's stamps in the programme, with these."""
    expires_on: date | None

    @property
    def shown(self) -> int:
        """Return how many stamps the current card shows."""
        return shown_stamps(self.stamps, self.programme.size)

    @property
    def filled(self) -> range:
        """Return the numbers of the cards that these stamps fill, often none."""
        size = self.programme.size
        return range(self.base // size + 1, self.stamps // size + 1)


def stamp(earned: EarnedStamps, held: Held, today: date) -> Stamped:
    """Work out what stamping makes of a card; several cards may fill in a row."""
    programme, (kept, expires_on) = earned.programme, held
    size = programme.size
    lapsed = kept % size if expires_on is not None and expires_on <= today else 0
    base = kept - lapsed
    stamps = base + earned.stamps
    if stamps % size == 0:
        expires_on = None
    elif base % size == 0 or base // size < stamps // size:
        expires_on = card_ends_on(programme, today)
    return Stamped(programme, earned.stamps, lapsed, base, stamps, expires_on)


def stamp_values(
    stamped: Sequence[Stamped],
    now: datetime,
    *,
    is_first: bool = False,
    reason: str = "purchase",
    note: str | None = None,
) -> dict[str, Any]:
    """Return what WRITE_STAMPS writes for these cards."""
    entries = [
        (each.programme.id, delta, why)
        for each in stamped
        for delta, why in ((-each.lapsed, "expiry"), (each.added, reason))
        if delta
    ]
    return {
        "stamp_programmes": [each.programme.id for each in stamped],
        "stamp_sums": [each.stamps for each in stamped],
        "stamp_ends": [each.expires_on for each in stamped],
        "entry_programmes": [programme_id for programme_id, _, _ in entries],
        "entry_deltas": [delta for _, delta, _ in entries],
        "entry_reasons": [why for _, _, why in entries],
        "stamp_is_first": is_first,
        "stamp_note": note,
        "stamped_at": now,
    }


def post_stamps(
    session: Session,
    member_id: int,
    earned: Sequence[EarnedStamps],
    *,
    reason: str,
    idempotency_key: str,
    now: datetime,
    purchase_id: int | None = None,
    is_first: bool = False,
    staff_id: int | None = None,
    note: str | None = None,
) -> list[Stamped]:
    """Stamp the member's cards, note it, and give the rewards of full cards.

    The caller holds the member's lock. A card whose day has come is ended first. A key used
    before fails the caller's transaction.
    """
    kept = held_cards(session, member_id)
    stamped = [
        stamp(each, kept.get(each.programme.id, (0, None)), local_day(now)) for each in earned
    ]
    values = stamp_values(stamped, now, is_first=is_first, reason=reason, note=note) | {
        "member_id": member_id,
        "purchase_id": purchase_id,
        "staff_id": staff_id,
        "key": idempotency_key,
    }
    session.flush()
    sale = json.dumps(values, default=str, ensure_ascii=False)
    session.connection().exec_driver_sql(_POST, {"sale": sale})
    give_rewards(session, member_id, stamped, now)
    return stamped


def held_cards(session: Session, member_id: int) -> dict[int, Held]:
    """Return a member's cards as they are kept, by programme."""
    rows = session.execute(
        select(StampCard.programme_id, StampCard.stamps, StampCard.expires_on).where(
            StampCard.member_id == member_id
        )
    )
    return {programme_id: (stamps, expires_on) for programme_id, stamps, expires_on in rows}


def give_rewards(
    session: Session, member_id: int, stamped: Iterable[Stamped], now: datetime
) -> list[CouponTemplate]:
    """Give the reward of each card just filled; return them. Asks nothing where none is full.

    A reward voided by a refund is given back. One that was used (or ended) is not given twice.
    """
    return [
        each.programme.reward
        for each in stamped
        for number in each.filled
        if _give_reward(session, member_id, each.programme, number, now)
    ]


def _give_reward(
    session: Session, member_id: int, programme: StampProgramme, number: int, now: datetime
) -> bool:
    key = reward_key(member_id, programme.id, number)
    try:
        given = issue_coupon(session, member_id, programme.reward, issue_key=key, now=now)
    except BusinessError:
        return False  # A reward no longer offered must not stop a sale.
    return given is not None or _give_back(session, programme, key, now)


def _give_back(session: Session, programme: StampProgramme, key: str, now: datetime) -> bool:
    """Make a reward that a refund voided good again, with fresh days; tell if there was one."""
    coupon = session.scalars(
        select(Coupon)
        .where(Coupon.issue_key == key, Coupon.state == "void")
        .execution_options(populate_existing=True)
    ).one_or_none()
    if coupon is None:
        return False
    coupon.move("issued", "stamps", now, ref=key)
    coupon.issued_at, coupon.usable_from = now, now
    coupon.expires_at = expiry_of(programme.reward, now)
    coupon.reminded_at = None
    session.flush()
    return True


def list_entries(session: Session, member_id: int, programme_id: int) -> Sequence[StampEntry]:
    """Return all a member's movements in a programme, oldest first."""
    return session.scalars(
        select(StampEntry)
        .where(StampEntry.member_id == member_id, StampEntry.programme_id == programme_id)
        .order_by(StampEntry.id)
    ).all()
