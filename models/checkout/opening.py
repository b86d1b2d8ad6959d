"""The first of a sale's two statements: lock the member and read all that the rules ask for.

Written in SQL and read as plain values: the mapper's way takes four times as long, and a counter
with a queue feels it. What lies beside the locked row is read at the statement's own moment; if
the lock had to be waited for, it is read again, so that nothing of a twin's sale is missed.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from models import tier
from models.base import squeezed
from models.member import NoSuchMember
from models.stamp_card.posting import Held

_OPEN = """
SELECT m.id, m.line_user_id, m.language, m.tier_id, m.tier_kept_until, m.points,
    m.points_pending, m.spend_twd, m.spend_on, m.year_twd, m.lifetime_twd, m.tier_points,
    m.purchase_count, m.day_on, m.day_points, m.day_purchases, m.frozen_at, m.phone,
    m.plan_code, m.plan_until, m.referral_step,
    (SELECT coalesce(sum(p.paid_twd - p.refunded_twd), 0) FROM purchase AS p
        WHERE p.member_id = m.id
          AND p.purchased_on >= least(m.spend_on - %(window)s, %(counted_from)s)
          AND p.purchased_on < greatest(m.spend_on - %(window)s, %(counted_from)s)
    ) AS crossing_twd,
    (SELECT min(p.purchased_on) FROM purchase AS p
        WHERE p.member_id = m.id AND p.purchased_on >= %(counted_from)s
          AND p.refunded_twd < p.paid_twd
    ) AS first_counted_on,
    (SELECT json_object_agg(c.programme_id, json_build_array(c.stamps, c.expires_on))
        FROM stamp_card AS c WHERE c.member_id = m.id
    ) AS stamps,
    (SELECT p.id FROM purchase AS p WHERE p.idempotency_key = %(key)s) AS twin_id,
    (SELECT seen.xmin = m.xmin FROM member AS seen WHERE seen.id = m.id) AS is_fresh,
    s.programme_version
FROM member AS m, shop AS s
WHERE m.id = %(member_id)s AND m.erased_at IS NULL AND m.merged_into_id IS NULL
"""
_OPEN_LOCKED = squeezed(_OPEN + "FOR NO KEY UPDATE OF m")


@dataclass(slots=True)
class Opened:
    """A member under their row lock as a sale sees them."""

    id: int
    line_user_id: str | None
    language: str
    tier_id: int
    tier_kept_until: date | None
    points: int
    points_pending: int
    spend_twd: int
    spend_on: date
    year_twd: int
    lifetime_twd: int
    tier_points: int
    purchase_count: int
    day_on: date | None
    day_points: int
    day_purchases: int
    frozen_at: datetime | None
    phone: str | None
    plan_code: str | None
    plan_until: datetime | None
    referral_step: str | None
    crossing_twd: int
    """What lies between the first days of the windows of `spend_on` and of today."""
    first_counted_on: date | None
    stamps: dict[str, tuple[int, str | None]] | None
    """Stamps and end of each card, by programme; JSON's keys and days are text."""
    twin_id: int | None
    """The purchase recorded under the asker's key before."""
    is_fresh: bool
    programme_version: int

    def held_card(self, programme_id: int) -> Held:
        """Return the member's card in a programme as it is kept."""
        stamps, ends = (self.stamps or {}).get(str(programme_id), (0, None))
        return stamps, date.fromisoformat(ends) if ends else None

    def roll(self, today: date) -> None:
        """Bring the running figures of window, year and day to `today`."""
        self.spend_twd += self.crossing_twd if self.spend_on > today else -self.crossing_twd
        if self.spend_on.year < today.year:
            self.year_twd = 0
        self.spend_on = today
        if self.day_on != today:
            self.day_on, self.day_points, self.day_purchases = today, 0, 0


def open_sale(
    session: Session, member_id: int, key: str, today: date, *, lock: bool = True
) -> Opened:
    """Lock the member and read what a sale of `today` must know; a preview locks nobody.

    Raises NoSuchMember.
    """
    statement = _OPEN_LOCKED if lock else _OPEN
    asked = {
        "member_id": member_id,
        "key": key,
        "window": tier.WINDOW_DAYS - 1,
        "counted_from": tier.window_start(today),
    }
    opened = _read(session, statement, asked)
    return opened if opened.is_fresh else _read(session, statement, asked)


def _read(session: Session, statement: str, asked: dict[str, Any]) -> Opened:
    found = session.connection().exec_driver_sql(statement, asked).one_or_none()
    if found is None:
        raise NoSuchMember
    return Opened(*found)
