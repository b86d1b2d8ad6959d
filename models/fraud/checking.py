"""Checking a sale: is it too much, too often, too fast, or on the clerk's own card?

The member's limits of the day are read from their row, which the sale locks anyway: no statement.
A clerk's and a store's are counted from the purchases themselves, in one statement over two
indexes, each count stopping at its limit: a counter row per store would make all its tills wait
for each other, and this way no one writes. Only a device, which nothing else names, has a counter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.fraud.device import count_on_device
from models.fraud.own_card import is_own_card
from models.local_day import day_start, local_day
from models.points import PointsEntry
from models.programme import get_programme
from models.purchase import Purchase
from models.staff import Staff
from models.velocity_rule import VelocityRule


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
    redeems: bool = False,
    device: str | None = None,
    rules: Sequence[VelocityRule] | None = None,
) -> Verdict:
    """Judge a sale before it is recorded; `points` is what it would earn.

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
    counted += _of_purchases(session, rules, staff, store_id, now)
    if device is not None:
        counted += _of_device(session, rules, device, now)
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


def _of_purchases(
    session: Session,
    rules: Sequence[VelocityRule],
    staff: Staff | None,
    store_id: int,
    now: datetime,
) -> Counted:
    """Count a clerk's and a store's sales in one statement, none where no rule asks."""
    asked = [
        rule
        for rule in rules
        if rule.what == "purchase"
        and (rule.scope == "store" or (rule.scope == "staff" and staff is not None))
    ]
    if not asked:
        return []
    values: dict[str, Any] = {"staff": staff.id if staff is not None else None, "store": store_id}
    for place, rule in enumerate(asked):
        since = _since(rule, now)
        values |= {
            f"since_{place}": since,
            f"day_{place}": local_day(since),
            f"most_{place}": rule.block_at,
        }
    statement = _counting(tuple(rule.scope for rule in asked))
    counts = session.connection().exec_driver_sql(statement, values).one()
    return [(rule, count + 1) for rule, count in zip(asked, counts, strict=True)]


_WHERE = {
    "staff": "staff_id = %(staff)s",
    # The day is what the store's index knows.
    "store": "store_id = %(store)s AND purchased_on >= %(day_PLACE)s",
}


@lru_cache(maxsize=64)
def _counting(scopes: tuple[str, ...]) -> str:
    """Return one statement with a count for each scope, going no further than where it blocks.

    Written out once: building it anew takes longer than running it.
    """
    counts = (
        (
            f"(SELECT count(*) FROM (SELECT 1 FROM purchase WHERE {_WHERE[scope]}"  # noqa: S608 - ours
            " AND purchased_at > %(since_PLACE)s LIMIT %(most_PLACE)s) AS recent)"
        ).replace("PLACE", str(place))
        for place, scope in enumerate(scopes)
    )
    return "SELECT " + ", ".join(counts)


def _since(rule: VelocityRule, now: datetime) -> datetime:
    if rule.window_minutes is None:
        return day_start(local_day(now)) - timedelta(microseconds=1)
    return now - timedelta(minutes=rule.window_minutes)


def _of_device(
    session: Session, rules: Sequence[VelocityRule], device: str, now: datetime
) -> Counted:
    """Count this sale on its device and return what each rule asks for."""
    asked = [rule for rule in rules if (rule.scope, rule.what) == ("device", "purchase")]
    if not asked:
        return []
    counts = count_on_device(session, device, [_since(rule, now) for rule in asked], now)
    return list(zip(asked, counts, strict=True))
