"""Checking a sale: is it too much, too often, too fast, or on the clerk's own card?

The member's limits of the day are read from their row, which the sale locks anyway: no statement.
A clerk's, a store's and a device's are counted from the purchases themselves, in one statement
over their indexes, each count stopping at its limit: a counter row per store would make all its
tills wait for each other, and this way no one writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.fraud.own_card import is_own_card
from models.local_day import day_start, local_day
from models.points import PointsEntry
from models.programme import get_programme
from models.purchase import Purchase
from models.staff import CLERK, Staff
from models.velocity_rule import ONE_SALE, VelocityRule


class Level(StrEnum):
    """What a check comes to, mildest first."""

    OK = "ok"
    WARN = "warn"
    NEEDS_APPROVAL = "needs_approval"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Reason:
    """Why: the rule's code, what it counted and the limit it reached; 0 where nothing counts."""

    code: str
    count: int = 0
    limit: int = 0


@dataclass(frozen=True)
class Verdict:
    """What a check came to, and all the reasons of that level."""

    level: Level
    reasons: tuple[Reason, ...] = ()

    @property
    def may_go_on(self) -> bool:
        """Tell whether no second person is needed."""
        return self.level in (Level.OK, Level.WARN)


class Buyer(Protocol):
    """A member as far as a check looks: their row, or what a sale read of it."""

    @property
    def id(self) -> int: ...
    @property
    def day_on(self) -> date | None: ...
    @property
    def day_purchases(self) -> int: ...
    @property
    def day_points(self) -> int: ...
    @property
    def frozen_at(self) -> datetime | None: ...


OK = Verdict(Level.OK)


def check_sale(
    session: Session,
    member: Buyer,
    *,
    staff: Staff | None,
    store_id: int,
    now: datetime,
    points: int = 0,
    coupon_twd: int = 0,
    redeems: bool = False,
    device: int | None = None,
    rules: Sequence[VelocityRule] | None = None,
) -> Verdict:
    """Judge a sale before it is recorded; `points` is what it would earn.

    `coupon_twd` is what coupons take off; `device` the id of what it is made on.
    Bring the programme's `velocity_rules` where they were read already. A frozen card earns, so it
    only warns, unless the sale `redeems` something. A verdict that needs approval goes on with
    `use_approval`; one that blocks does not.
    """
    if staff is not None and is_own_card(staff, member):
        return Verdict(Level.BLOCKED, (Reason("own_card"),))
    if member.frozen_at is not None and redeems:
        return Verdict(Level.BLOCKED, (Reason("card_frozen"),))
    if rules is None:
        rules = get_programme(session).velocity_rules
    counted = _of_member(member, rules, local_day(now), points)
    if redeems:
        counted += _redemptions(session, member, rules, now)
    counted += _of_sale(rules, staff, points, coupon_twd)
    made = _Made(staff=staff, store_id=store_id, device=device, points=points)
    counted += _of_purchases(session, rules, made, now)
    notices = (Reason("card_frozen"),) if member.frozen_at is not None else ()
    return judge(counted, notices)


def check_adjustment(session: Session, staff: Staff, member: Buyer, now: datetime) -> Verdict:
    """Judge a correction of points by hand: own card, and how many this clerk made today."""
    if is_own_card(staff, member):
        return Verdict(Level.BLOCKED, (Reason("own_card"),))
    rules = [rule for rule in get_programme(session).velocity_rules if rule.what == "adjustment"]
    if not rules:
        return OK
    made = select(func.count()).where(
        PointsEntry.staff_id == staff.id,
        PointsEntry.reason == "adjustment",
        PointsEntry.posted_at >= day_start(local_day(now)),
    )
    count = (session.scalar(made) or 0) + 1
    return judge([(rule, count) for rule in rules if rule.scope == "staff"])


def judge(counted: Sequence[tuple[VelocityRule, int]], notices: tuple[Reason, ...] = ()) -> Verdict:
    """Compare each count, this sale included, with its rule's limits; the worst one decides.

    The `block_at`-th needs a manager, the `warn_at`-th and those after it are shown to the clerk.
    """
    blocking = tuple(
        Reason(rule.code, count, rule.block_at) for rule, count in counted if count >= rule.block_at
    )
    if blocking:
        return Verdict(Level.NEEDS_APPROVAL, blocking)
    warning = notices + tuple(
        Reason(rule.code, count, rule.warn_at) for rule, count in counted if count >= rule.warn_at
    )
    return Verdict(Level.WARN, warning) if warning else OK


Counted = list[tuple[VelocityRule, int]]


def _of_member(member: Buyer, rules: Sequence[VelocityRule], today: date, points: int) -> Counted:
    """Count by the running figures of the member's row."""
    is_today = member.day_on == today
    counts = {
        "purchase": (member.day_purchases if is_today else 0) + 1,
        "points": (member.day_points if is_today else 0) + points,
    }
    return [
        (rule, counts[rule.what])
        for rule in rules
        if rule.scope == "member" and rule.window_minutes is None and rule.what in counts
    ]


def _redemptions(
    session: Session, member: Buyer, rules: Sequence[VelocityRule], now: datetime
) -> Counted:
    """Count the sales of today in which the member redeemed a coupon or paid with points."""
    asked = [rule for rule in rules if (rule.scope, rule.what) == ("member", "redemption")]
    if not asked:
        return []
    made = select(func.count()).where(
        Purchase.member_id == member.id,
        Purchase.purchased_on == local_day(now),
        Purchase.coupon_id.is_not(None) | (Purchase.points_used > 0),
    )
    count = (session.scalar(made) or 0) + 1
    return [(rule, count) for rule in asked]


def _of_sale(
    rules: Sequence[VelocityRule], staff: Staff | None, points: int, coupon_twd: int
) -> Counted:
    """Return what a clerk gives away with this sale alone, where a rule asks."""
    if staff is None or staff.role != CLERK:
        return []
    given = {"points": points, "coupon_twd": coupon_twd}
    return [
        (rule, given[rule.what])
        for rule in rules
        if rule.scope == "staff" and rule.window_minutes == ONE_SALE and rule.what in given
    ]


@dataclass(frozen=True)
class _Made:
    """Who makes a sale, where, on what, and the points it gives."""

    staff: Staff | None
    store_id: int
    device: int | None
    points: int

    def is_counted_by(self, rule: VelocityRule) -> bool:
        """Tell whether a rule asks what was sold before by whom this sale names."""
        if rule.window_minutes == ONE_SALE:
            return False
        if rule.what == "points":
            is_clerk = self.staff is not None and self.staff.role == CLERK
            return rule.scope == "staff" and is_clerk and self.points > 0
        named = {"staff": self.staff, "store": self.store_id, "device": self.device}
        return rule.what == "purchase" and named.get(rule.scope) is not None


def _of_purchases(
    session: Session, rules: Sequence[VelocityRule], made: _Made, now: datetime
) -> Counted:
    """Count what clerk, store and device sold, in one statement, none where no rule asks."""
    asked = [rule for rule in rules if made.is_counted_by(rule)]
    if not asked:
        return []
    values: dict[str, Any] = {
        "staff": made.staff.id if made.staff is not None else None,
        "store": made.store_id,
        "device": made.device,
        "until": now,
    }
    for place, rule in enumerate(asked):
        since = _since(rule, now)
        values |= {
            f"since_{place}": since,
            f"day_{place}": local_day(since),
            f"most_{place}": rule.block_at,
        }
    statement = _counting(tuple((rule.scope, rule.what) for rule in asked))
    counts = session.connection().exec_driver_sql(statement, values).one()
    more = {"purchase": 1, "points": made.points}
    return [(rule, int(count) + more[rule.what]) for rule, count in zip(asked, counts, strict=True)]


_WHERE = {
    "staff": "staff_id = %(staff)s",
    # The day is what the store's index knows.
    "store": "store_id = %(store)s AND purchased_on >= %(day_PLACE)s",
    "device": "device_id = %(device)s",
}
_WORTH = {"purchase": ("1", ""), "points": ("points_earned", " AND points_earned > 0")}
"""What a sale counts for, and which ones count at all: each for one at least, so that a limit of
so many is reached by so many rows."""


@lru_cache(maxsize=64)
def _counting(kinds: tuple[tuple[str, str], ...]) -> str:
    """Return one statement with a sum for each kind, going no further than where it blocks.

    Written out once: building it anew takes longer than running it.
    """
    counts = (
        (
            f"(SELECT coalesce(sum(worth), 0) FROM (SELECT {_WORTH[what][0]} AS worth"  # noqa: S608 - ours
            f" FROM purchase WHERE {_WHERE[scope]}{_WORTH[what][1]}"
            " AND purchased_at > %(since_PLACE)s AND purchased_at <= %(until)s"
            " LIMIT %(most_PLACE)s) AS recent)"
        ).replace("PLACE", str(place))
        for place, (scope, what) in enumerate(kinds)
    )
    return "SELECT " + ", ".join(counts)


def _since(rule: VelocityRule, now: datetime) -> datetime:
    if rule.window_minutes is None:
        return day_start(local_day(now)) - timedelta(microseconds=1)
    return now - timedelta(minutes=rule.window_minutes)
