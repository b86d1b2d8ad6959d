"""A shop of made-up histories, and the plain Python that says what classes they should give."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import uuid4

from sqlalchemy.orm import Session

from models.lifecycle import MODELS, MemberFigures, class_of, get_settings
from models.local_day import day_start, local_day
from models.member import Member
from models.purchase import Purchase, Refund, refigure
from models.rfm import GROUPS, CutRule, RfmSettings
from tests.conftest import NOON, Maker

TODAY = local_day(NOON)
Refunds = tuple[tuple[int, int], ...]
"""Days before TODAY and NT$ of each."""


@dataclass
class Sold:
    """One sale with what was given back of it later."""

    on: date
    paid_twd: int
    refunds: list[tuple[date, int]] = field(default_factory=list)

    def net_by(self, day: date) -> int:
        """Return what was left of it at the end of a day."""
        return self.paid_twd - sum(twd for on, twd in self.refunds if on <= day)

    def stood_on(self, day: date) -> bool:
        """Tell whether it was made, and not wholly taken back, by the end of a day."""
        return self.on <= day and self.net_by(day) > 0


@dataclass
class Person:
    """A member with what they bought."""

    member: Member
    joined_on: date
    sold: list[Sold] = field(default_factory=list)

    def figures(self, day: date) -> MemberFigures:
        """Return what the lifecycle models look at."""
        days = sorted(sold.on for sold in self.sold if sold.stood_on(day))
        return MemberFigures(
            orders=len(days),
            days=len(set(days)),
            first_on=days[0] if days else None,
            previous_on=days[-2] if len(days) > 1 else None,
            last_on=days[-1] if days else None,
        )

    def net_twd(self, day: date) -> int:
        """Return their net of all time at the end of a day."""
        return sum(sold.net_by(day) for sold in self.sold if sold.on <= day)


class ClassShop:
    """Makes members and sales straight into the tables, and keeps what it made."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.maker = Maker()
        self.people: list[Person] = []

    def join(self, days_ago: int = 800) -> Person:
        """Let somebody become a member."""
        joined_at = NOON - timedelta(days=days_ago)
        member = self.maker.member(self.session, joined_at=joined_at)
        person = Person(member, local_day(joined_at))
        self.people.append(person)
        return person

    def fill(self, last_days: Sequence[int]) -> None:
        """Join three buyers of each last day, whose days before differ, and one who never buys."""
        for place, last in enumerate(last_days):
            for earlier in (0, 30, 120):
                person = self.join(600)
                if earlier:
                    self.sell(person, last + earlier, 150 * (place + 1))
                self.sell(person, last, 80 + 10 * place)
        self.join(20)

    def sell(
        self, person: Person, days_ago: int, paid_twd: int = 100, refunds: Refunds = ()
    ) -> Purchase:
        """Sell something and take back what is told; figures follow."""
        sold = Sold(TODAY - timedelta(days=days_ago), paid_twd)
        purchase = Purchase(
            member_id=person.member.id,
            store_id=self.maker.store(self.session).id,
            amount_twd=paid_twd,
            paid_twd=paid_twd,
            points_earned=0,
            purchased_at=_noon(sold.on),
            purchased_on=sold.on,
            idempotency_key=f"class:{uuid4()}",
        )
        self.session.add(purchase)
        self.session.flush()
        for ago, twd in refunds:
            self._take_back(purchase, sold, TODAY - timedelta(days=ago), twd)
        person.sold.append(sold)
        person.member.lifetime_twd += sold.net_by(TODAY)
        refigure(self.session, [person.member.id])
        return purchase

    def _take_back(self, purchase: Purchase, sold: Sold, on: date, twd: int) -> None:
        sold.refunds.append((on, twd))
        purchase.refunded_twd += twd
        is_full = purchase.refunded_twd == purchase.paid_twd
        purchase.undone_at = _noon(on) if is_full else None
        self.session.add(
            Refund(
                purchase_id=purchase.id,
                member_id=purchase.member_id,
                store_id=purchase.store_id,
                amount_twd=twd,
                reason="不好喝",
                is_full=is_full,
                refunded_at=_noon(on),
                refunded_on=on,
                idempotency_key=f"class:{uuid4()}",
            )
        )
        self.session.flush()

    def here_on(self, day: date) -> list[Person]:
        """Return who was a member at the end of a day."""
        return [person for person in self.people if person.joined_on <= day]


def _noon(day: date) -> datetime:
    return day_start(day) + timedelta(hours=12)


@dataclass(frozen=True)
class Grade:
    """What RFM should make of a buyer."""

    frequency: int
    monetary_twd: int
    scores: tuple[int, int, int]
    group: str


def classes_by_hand(session: Session, people: Sequence[Person], day: date) -> dict[str, list[str]]:
    """Return each one's lifecycle classes, by model, as pure Python has them."""
    settings = get_settings(session, day)
    return {
        model: [class_of(model, person.figures(day), settings, day) for person in people]
        for model in MODELS
    }


def grades_by_hand(people: Iterable[Person], day: date, settings: RfmSettings) -> dict[int, Grade]:
    """Return what RFM should make of every buyer, by member, counted in plain Python."""
    first = day - timedelta(days=settings.window_days)
    measured: dict[int, tuple[int, int, int]] = {}
    for person in people:
        last_on = person.figures(day).last_on
        if last_on is None:
            continue
        window = [sold for sold in person.sold if first < sold.on and sold.stood_on(day)]
        measured[person.member.id] = (
            (day - last_on).days,
            len(window),
            sum(sold.net_by(day) for sold in window),
        )
    cuts = [
        cut_by_hand(settings.cuts[name], [row[place] for row in measured.values()], days=not place)
        for place, name in enumerate(("recency", "frequency", "monetary"))
    ]
    return {member_id: _grade(row, cuts) for member_id, row in measured.items()}


def _grade(row: tuple[int, int, int], cuts: Sequence[tuple[list[int], int]]) -> Grade:
    (days, orders, twd), ((r, r_high), (f, f_high), (m, m_high)) = row, cuts
    levels = (days <= r_high, orders >= f_high, twd >= m_high)
    group = next(each for each in GROUPS if (each.recency, each.frequency, each.monetary) == levels)
    scores = (
        1 + sum(days <= step for step in r),
        1 + sum(orders >= step for step in f),
        1 + sum(twd >= step for step in m),
    )
    return Grade(orders, twd, scores, group.code)


def cut_by_hand(rule: CutRule, values: Sequence[int], *, days: bool) -> tuple[list[int], int]:
    """Return the four steps between scores, and where high begins."""
    if not values:
        return [], 0
    steps = [_disc(values, fifths, 5) for fifths in (1, 2, 3, 4)]
    if rule.method == "fixed" and len(rule.values) == 4:
        steps = list(rule.values)
    elif rule.method == "fixed":
        return steps, rule.values[0]
    if rule.method == "median":
        return steps, _disc(values, 1, 2)
    if rule.method == "mean":
        mean = sum(values) / len(values)
        return steps, math.floor(mean) if days else math.ceil(mean)
    return steps, steps[5 - rule.high_from] if days else steps[rule.high_from - 2]


def _disc(values: Sequence[int], part: int, of: int) -> int:
    """Return the least value up to which at least this part of them lies."""
    ranked = sorted(values)
    return ranked[-(-len(ranked) * part // of) - 1]


def tally(codes: Iterable[str]) -> Mapping[str, int]:
    """Count codes."""
    counts: dict[str, int] = {}
    for code in codes:
        counts[code] = counts.get(code, 0) + 1
    return counts
