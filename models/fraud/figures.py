"""What the figures of clerks tell: who stands out among their peers, and in which cases.

Each figure is a share of the clerk's own sales, compared with the median of the other clerks. The
yardstick is the larger of their spread (MAD, robust against one who is far off) and of what
chance alone does to a share of so many sales. So a small shop with few clerks raises no alarms
by chance, and one who does it all day cannot hide behind the average.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from statistics import median

from sqlalchemy import (
    ColumnElement,
    Time,
    and_,
    cast,
    exists,
    false,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from models.local_day import TAIPEI, day_start, local_day
from models.member import Member
from models.points import PointsEntry
from models.purchase import Purchase, Refund
from models.shop import get_shop
from models.staff import Staff

FIGURES = ("manual_adds", "same_member", "after_hours", "buy_returns", "staff_cards")
ALARM_AT = 4.0
"""In yardsticks above the others' median: of 400 honest shops at most four come so far."""
LEAST_CASES = 5
LEAST_SALES = 20
LEAST_PEERS = 2
MAD_TO_SPREAD = 1.4826
"""What turns a median absolute deviation into a standard deviation, for bell-shaped figures."""
BUY_RETURN_DAYS = 7
BUY_RETURN_TIMES = 3
MARGIN = timedelta(minutes=45)
"""Opening and closing a shop takes a while; a sale within it is no sale after hours."""
USUAL_HOURS = (time(7), time(23))
MINUTES_A_DAY = 24 * 60
_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*[–—~～至-]\s*(\d{1,2}):(\d{2})")
MOST_CASES = 20


@dataclass(frozen=True)
class Figure:
    """One share of one clerk: `cases` of `sales`, how far above the others, and which."""

    name: str
    cases: int
    sales: int
    score: float
    """In yardsticks above the median of the others; below zero where it is lower."""
    ids: tuple[int, ...]
    """Purchases, or ledger entries for `manual_adds`: the newest few."""
    others: tuple[float, ...]
    """The shares of the other clerks, the lowest first."""

    @property
    def share(self) -> float:
        """Return the cases as a share of the sales."""
        return self.cases / self.sales

    @property
    def verdict(self) -> str:
        """Tell what to make of it: `alarm`, `alone`, `few`, or `usual`.

        Somebody should look at an alarm. `alone` has too few colleagues to compare with; `few`
        stands out, but by too few sales or cases to mean anything.
        """
        if len(self.others) < LEAST_PEERS:
            return "alone"
        if self.score < ALARM_AT:
            return "usual"
        is_much = self.cases >= LEAST_CASES and self.sales >= LEAST_SALES
        return "alarm" if is_much else "few"

    @property
    def is_alarm(self) -> bool:
        """Tell whether somebody should look at the cases."""
        return self.verdict == "alarm"


@dataclass(frozen=True)
class ClerkFigures:
    """What one clerk did in a while."""

    staff_id: int
    username: str
    name: str
    sales: int
    figures: tuple[Figure, ...]

    def figure(self, name: str) -> Figure:
        """Return one of the figures by its name."""
        return next(figure for figure in self.figures if figure.name == name)

    @property
    def alarms(self) -> tuple[Figure, ...]:
        """Return what stands out."""
        return tuple(figure for figure in self.figures if figure.is_alarm)


@dataclass(frozen=True)
class BuyReturn:
    """A member who buys and gives back again and again, and at whose till."""

    member_id: int
    times: int
    amount_twd: int
    purchase_ids: tuple[int, ...]
    staff_ids: tuple[int, ...]


@dataclass
class _Seen:
    """The cases of one clerk as they are gathered."""

    sales: int = 0
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    ids: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, count: int, ids: Iterable[int]) -> None:
        self.counts[name] += count
        self.ids[name].extend(ids)


def clerk_figures(session: Session, first_day: date, after_day: date) -> list[ClerkFigures]:
    """Return each clerk's figures of the days from `first_day` to before `after_day`.

    Those with alarms come first. Only who sold something is judged.
    """
    start, end = day_start(first_day), day_start(after_day)
    seen: dict[int, _Seen] = defaultdict(_Seen)
    _gather_sales(session, seen, start, end)
    _gather_odd(session, seen, start, end)
    _gather_returns(session, seen, start, end)
    _gather_adds(session, seen, start, end)
    selling = {staff_id: one for staff_id, one in seen.items() if one.sales}
    people = {
        staff.id: staff for staff in session.scalars(select(Staff).where(Staff.id.in_(selling)))
    }
    found = [
        ClerkFigures(
            staff_id,
            people[staff_id].username,
            people[staff_id].name,
            one.sales,
            tuple(_figure(name, staff_id, selling) for name in FIGURES),
        )
        for staff_id, one in selling.items()
    ]
    return sorted(found, key=lambda clerk: (-len(clerk.alarms), clerk.username))


def score(cases: int, sales: int, others: Sequence[float]) -> float:
    """Return how many yardsticks a share of `cases` in `sales` lies above the others' median."""
    if len(others) < LEAST_PEERS:
        return 0.0
    usual = median(others)
    spread = MAD_TO_SPREAD * median(abs(share - usual) for share in others)
    expected = max(usual, 1 / sales)
    by_chance = math.sqrt(min(expected, 0.5) * (1 - min(expected, 0.5)) / sales)
    beyond = max(cases - 1, 0) / sales - usual  # Small counts jump by one.
    return beyond / max(spread, by_chance)


def list_buy_returns(
    session: Session, first_day: date, after_day: date, *, times: int = BUY_RETURN_TIMES
) -> list[BuyReturn]:
    """Return who gave whole purchases back within a week, `times` or more, the worst first."""
    again = (
        select(
            Refund.member_id,
            func.count(),
            func.sum(Refund.amount_twd),
            func.array_agg(Purchase.id),
            func.array_agg(func.distinct(Purchase.staff_id)),
        )
        .join(Purchase, Purchase.id == Refund.purchase_id)
        .where(
            Refund.is_full,
            Refund.refunded_on >= first_day,
            Refund.refunded_on < after_day,
            Refund.refunded_on <= Purchase.purchased_on + BUY_RETURN_DAYS,
        )
        .group_by(Refund.member_id)
        .having(func.count() >= times)
        .order_by(func.count().desc(), Refund.member_id)
    )
    return [
        BuyReturn(
            member_id,
            count,
            int(amount_twd),
            tuple(sorted(purchase_ids)[-MOST_CASES:]),
            tuple(sorted(staff_id for staff_id in staff_ids if staff_id is not None)),
        )
        for member_id, count, amount_twd, purchase_ids, staff_ids in session.execute(again)
    ]


def opening_hours(text: str) -> tuple[time, time]:
    """Read the first `10:00–22:00` in a shop's hours; without one, the usual ones."""
    found = _HOURS.search(text)
    if found is None:
        return USUAL_HOURS
    hour, minute, last_hour, last_minute = (int(part) for part in found.groups())
    try:
        return time(hour, minute), time(last_hour, last_minute)
    except ValueError:
        return USUAL_HOURS


def _figure(name: str, staff_id: int, selling: Mapping[int, _Seen]) -> Figure:
    one = selling[staff_id]
    others = sorted(
        other.counts[name] / other.sales for key, other in selling.items() if key != staff_id
    )
    cases = one.counts[name]
    ids = tuple(sorted(one.ids[name])[-MOST_CASES:])
    beyond = score(cases, one.sales, others)
    return Figure(name, cases, one.sales, beyond, ids, tuple(others))


def _gather_sales(session: Session, seen: dict[int, _Seen], start: datetime, end: datetime) -> None:
    """Count each clerk's sales, and those to the member whom they served most often."""
    cards = (
        select(Purchase.staff_id, Purchase.member_id, func.count().label("sales"))
        .where(_is_sold(start, end))
        .group_by(Purchase.staff_id, Purchase.member_id)
        .cte("card")
    )
    clerks = (
        select(
            cards.c.staff_id,
            func.sum(cards.c.sales).label("sales"),
            func.max(cards.c.sales).label("most"),
        )
        .group_by(cards.c.staff_id)
        .subquery("clerk")
    )
    is_most = and_(cards.c.staff_id == clerks.c.staff_id, cards.c.sales == clerks.c.most)
    rows = session.execute(
        select(clerks.c.staff_id, clerks.c.sales, func.min(cards.c.member_id))
        .join(cards, is_most)
        .group_by(clerks.c.staff_id, clerks.c.sales)
    ).all()
    served = [(staff_id, member_id) for staff_id, _, member_id in rows]
    is_served = tuple_(Purchase.staff_id, Purchase.member_id).in_(served)
    # Said twice, for the index knows purchases by their member.
    is_one = Purchase.member_id.in_({member_id for _, member_id in served})
    for staff_id, sales, _member_id in rows:
        seen[staff_id].sales = int(sales)
    _gather(session, seen, "same_member", start, end, and_(is_one, is_served))


def _gather_odd(session: Session, seen: dict[int, _Seen], start: datetime, end: datetime) -> None:
    """Gather sales after hours, and those on cards of staff."""
    is_late = _is_after_hours(*opening_hours(get_shop(session).hours["zh-TW"]))
    _gather(session, seen, "after_hours", start, end, is_late)
    own_cards = select(Member.id).join(
        Staff, or_(Staff.member_id == Member.id, Staff.phone == Member.phone)
    )
    _gather(session, seen, "staff_cards", start, end, Purchase.member_id.in_(own_cards))


def _gather(
    session: Session,
    seen: dict[int, _Seen],
    name: str,
    start: datetime,
    end: datetime,
    is_case: ColumnElement[bool],
) -> None:
    """Gather the sales of a time that are cases of a figure, by clerk."""
    rows = session.execute(
        select(Purchase.staff_id, func.array_agg(Purchase.id))
        .where(_is_sold(start, end), is_case)
        .group_by(Purchase.staff_id)
    )
    for staff_id, ids in rows:
        assert staff_id is not None
        seen[staff_id].add(name, len(ids), ids)


def _is_after_hours(opens: time, closes: time) -> ColumnElement[bool]:
    """Return the condition that a sale was rung up while the shop was closed, its margin aside."""
    clock = cast(func.timezone(str(TAIPEI), Purchase.purchased_at), Time)
    margin = int(MARGIN.total_seconds()) // 60
    first, after = _minutes(opens) - margin, _minutes(closes) + margin
    early = clock < _at(first) if first > 0 else false()
    return or_(early, clock >= _at(after) if after < MINUTES_A_DAY else false())


def _is_sold(start: datetime, end: datetime) -> ColumnElement[bool]:
    """Return the condition that a clerk sold something in a time."""
    return and_(
        Purchase.staff_id.is_not(None), Purchase.purchased_at >= start, Purchase.purchased_at < end
    )


def _gather_returns(
    session: Session, seen: dict[int, _Seen], start: datetime, end: datetime
) -> None:
    """Gather sales that were wholly given back soon: few, so the refunds are read first."""
    back = select(Refund.purchase_id, Refund.refunded_on).where(
        Refund.is_full,
        Refund.refunded_on >= local_day(start),
        Refund.refunded_on < local_day(end) + timedelta(days=BUY_RETURN_DAYS),
    )
    given = back.cte("given").prefix_with("MATERIALIZED")
    is_soon = given.c.refunded_on <= Purchase.purchased_on + BUY_RETURN_DAYS
    is_back = exists().where(given.c.purchase_id == Purchase.id, is_soon)
    _gather(session, seen, "buy_returns", start, end, is_back)


def _gather_adds(session: Session, seen: dict[int, _Seen], start: datetime, end: datetime) -> None:
    rows = session.execute(
        select(PointsEntry.staff_id, func.array_agg(PointsEntry.id))
        .where(
            PointsEntry.staff_id.is_not(None),
            PointsEntry.reason == "adjustment",
            PointsEntry.points > 0,
            PointsEntry.posted_at >= start,
            PointsEntry.posted_at < end,
        )
        .group_by(PointsEntry.staff_id)
    )
    for staff_id, ids in rows:
        assert staff_id is not None
        seen[staff_id].add("manual_adds", len(ids), ids)


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def _at(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)
