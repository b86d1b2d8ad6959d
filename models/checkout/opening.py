"""The first of a sale's two statements: lock the member and read all that the rules ask for.

Written in SQL and read as plain values: the mapper's way takes four times as long, and a counter
with a queue feels it. What lies beside the locked row is read at the statement's own moment; if
the lock had to be waited for, it is read again, so that nothing of a twin's sale is missed.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from models import tier
from models.base import squeezed
from models.member import NoSuchMember
from models.stamp_card.posting import Held

_OPEN = """
SELECT m.id, m.number, m.line_user_id, m.language, m.tier_id, m.tier_kept_until, m.points,
    m.points_pending, m.spend_twd, m.spend_on, m.year_twd, m.lifetime_twd, m.tier_points,
    m.purchase_count, m.purchase_days, m.first_purchase_on, m.previous_purchase_on,
    m.last_purchase_on, m.day_on, m.day_points, m.day_purchases, m.frozen_at, m.phone,
    m.plan_code, m.plan_until, m.referral_step,
    CASE WHEN %(sold_on)s < m.last_purchase_on THEN EXISTS (SELECT FROM purchase AS p
        WHERE p.member_id = m.id AND p.purchased_on = %(sold_on)s AND p.undone_at IS NULL)
        ELSE %(sold_on)s = m.last_purchase_on END AS has_same_day,
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
WHERE m.{named_by} = %(member)s AND m.erased_at IS NULL AND m.merged_into_id IS NULL
"""
_OPEN_BY_ID = squeezed(_OPEN.format(named_by="id"))
_LOCKED_BY = {
    named_by: squeezed(_OPEN.format(named_by=named_by) + "FOR NO KEY UPDATE OF m")
    for named_by in ("id", "number", "card_ref")
}


_DAY = (
    "SELECT coalesce(sum(points_earned), 0), count(*) FROM purchase"
    " WHERE member_id = %(member_id)s AND purchased_on = %(day)s"
)


@dataclass(slots=True)
class Opened:
    """A member under their row lock as a sale sees them."""

    id: int
    number: str
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
    purchase_days: int
    first_purchase_on: date | None
    previous_purchase_on: date | None
    last_purchase_on: date | None
    day_on: date | None
    day_points: int
    day_purchases: int
    frozen_at: datetime | None
    phone: str | None
    plan_code: str | None
    plan_until: datetime | None
    referral_step: str | None
    has_same_day: bool | None
    """Whether a purchase of the sale's day stands; None before the first one."""
    crossing_twd: int
    """What lies between the first days of the windows of `spend_on` and of today."""
    first_counted_on: date | None
    stamps: dict[str, tuple[int, str | None]] | None
    """Stamps and end of each card, by programme; JSON's keys and days are text."""
    twin_id: int | None
    """The purchase recorded under the asker's key before."""
    is_fresh: bool
    programme_version: int
    newer_day: tuple[date, int, int] | None = None
    """The row's figures of a day, with that day, where the sale is of an earlier one."""

    def held_card(self, programme_id: int) -> Held:
        """Return the member's card in a programme as it is kept."""
        stamps, ends = (self.stamps or {}).get(str(programme_id), (0, None))
        return stamps, date.fromisoformat(ends) if ends else None

    def roll(self, today: date) -> None:
        """Bring the running figures of window and year to `today`."""
        self.spend_twd += self.crossing_twd if self.spend_on > today else -self.crossing_twd
        if self.spend_on.year < today.year:
            self.year_twd = 0
        self.spend_on = today

    def count(self, day: date, paid_twd: int, points: int) -> None:
        """Count a sale of `day` in the running figures, which were brought to today before."""
        self.spend_twd += paid_twd
        if day.year == self.spend_on.year:
            self.year_twd += paid_twd
        self.lifetime_twd += paid_twd
        self.day_points += points
        self.day_purchases += 1
        self._count_day(day)
        if self.first_counted_on is not None and paid_twd:
            self.first_counted_on = min(self.first_counted_on, day)

    def _count_day(self, day: date) -> None:
        """Put a sale of `day`, which may be told late, among the days of the others."""
        if self.last_purchase_on is not None:
            older_on = min(self.last_purchase_on, day)
            self.previous_purchase_on = max(self.previous_purchase_on or older_on, older_on)
        self.first_purchase_on = min(self.first_purchase_on or day, day)
        self.last_purchase_on = max(self.last_purchase_on or day, day)
        self.purchase_days += not self.has_same_day

    @property
    def kept_day(self) -> tuple[date | None, int, int]:
        """Return the figures of a day that the row keeps: those of the member's newest day."""
        return self.newer_day or (self.day_on, self.day_points, self.day_purchases)


def begin_day(session: Session, opened: Opened, day: date) -> None:
    """Bring the member's figures of a day to `day`; one query where they have a newer one."""
    if opened.day_on == day:
        return
    points = purchases = 0
    if opened.day_on is not None and day < opened.day_on:
        opened.newer_day = (opened.day_on, opened.day_points, opened.day_purchases)
        asked = {"member_id": opened.id, "day": day}
        points, purchases = session.connection().exec_driver_sql(_DAY, asked).one()
    opened.day_on, opened.day_points, opened.day_purchases = day, int(points), purchases


@dataclass(slots=True, frozen=True)
class Named:
    """A member by what a till knows of them, so that nobody has to ask for their id before."""

    by: Literal["number", "card_ref"]
    value: str


def open_sale(
    session: Session,
    member: int | Named,
    key: str,
    today: date,
    *,
    sold_on: date,
    lock: bool = True,
) -> Opened:
    """Lock the member, told by id or name, and read what a sale told `today` must know.

    It was made on `sold_on`. A preview, which tells the id, locks nobody. Raises NoSuchMember,
    also where the card named was merged into another.
    """
    by, value = (member.by, member.value) if isinstance(member, Named) else ("id", member)
    statement = _LOCKED_BY[by] if lock else _OPEN_BY_ID
    asked = {
        "member": value,
        "key": key,
        "sold_on": sold_on,
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
