"""Any order of movements, under both policies, equals a recomputation from scratch.

The reference keeps what a person would write on paper: lots as (points, day, state), a pending
sum, a balance. It shares no code with the ledger.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.local_day import day_start
from models.member import Member
from models.points import (
    GIVEN_BACK_DAYS,
    InsufficientPoints,
    MoreThanEarned,
    MoreThanSpent,
    PointsEntry,
    PointsLot,
    activate_due,
    expire_member_points,
    give_back,
    post_points,
    take_back,
    verify_member,
)
from models.shop import get_shop

MakeMember = Callable[..., Member]
FIRST_DAY = date(2026, 11, 22)
AMOUNT = st.integers(1, 40)
SHARE = st.integers(1, 11)
"""Tenths of what is left to undo; eleven is more than there is."""

STEPS = st.one_of(
    st.tuples(st.just("earn"), AMOUNT, st.integers(2, 30)),
    st.tuples(st.just("earn_pending"), AMOUNT, st.integers(1, 12)),
    st.tuples(st.just("spend"), AMOUNT, st.just(0)),
    st.tuples(st.just("adjust"), st.integers(-20, 20).filter(bool), st.integers(2, 30)),
    st.tuples(st.just("give_back"), SHARE, st.integers(0, 9)),
    st.tuples(st.just("take_back"), SHARE, st.integers(0, 9)),
    st.tuples(st.just("night"), st.integers(1, 9), st.just(0)),
)


@dataclass
class PaperLot:
    """A lot as on paper."""

    granted: int
    left: int
    ends_on: date
    pending_until: date | None = None
    recalled: int = 0
    lapsed: int = 0
    excused: int = 0


@dataclass
class Paper:
    """The reference: one member's points on paper."""

    is_debt: bool
    balance: int = 0
    pending: int = 0
    lots: list[PaperLot] = field(default_factory=list)
    spendings: list[dict[int, int]] = field(default_factory=list)
    given: list[int] = field(default_factory=list)
    """How much of each spending was given back."""
    restored: list[dict[int, int]] = field(default_factory=list)
    """How much of it went back to each of its lots."""
    forgiven: int = 0
    """What was to be taken back, was not there, and has not been found since."""

    def settle(self, today: date) -> None:
        by_end = sorted(self.lots, key=lambda lot: lot.ends_on)
        for lot in by_end:
            if lot.pending_until is not None and lot.pending_until <= today and lot.left:
                lot.pending_until = None
                self.pending -= lot.left
                self.balance += lot.left
                lot.left -= min(lot.left, max(lot.left - self.balance, 0))
        for lot in by_end:
            if lot.ends_on <= today and lot.left and lot.pending_until is None:
                self.balance -= lot.left
                lot.lapsed += lot.left
                lot.left = 0

    def earn(self, points: int, ends_on: date, pending_until: date | None) -> None:
        lot = PaperLot(points, points, ends_on, pending_until)
        self.lots.append(lot)
        if pending_until is not None:
            self.pending += points
        else:
            debt = max(-self.balance, 0)
            self.balance += points
            lot.left -= min(points, debt)

    def order(self) -> list[int]:
        usable = [n for n, lot in enumerate(self.lots) if lot.left and lot.pending_until is None]
        return sorted(usable, key=lambda n: (self.lots[n].ends_on, n))

    def spend(self, points: int) -> bool:
        if points > self.balance:
            return False
        taken = {}
        for n in self.order():
            part = min(points, self.lots[n].left)
            if part:
                self.lots[n].left -= part
                points -= part
                taken[n] = part
        self.balance -= sum(taken.values())
        self.spendings.append(taken)
        self.given.append(0)
        self.restored.append({})
        return True

    def give_back(self, which: int, points: int, today: date) -> None:
        elsewhere = self.given[which] - sum(self.restored[which].values())
        owed = {}
        by_end = sorted(self.spendings[which], key=lambda n: (self.lots[n].ends_on, n))
        for n in by_end:
            net = self.spendings[which][n] - self.restored[which].get(n, 0)
            off = min(net, elsewhere)
            elsewhere -= off
            owed[n] = net - off
        self.given[which] += points
        rest = points - min(points, max(-self.balance, 0))
        self.balance += points
        for n in reversed(by_end):
            back = min(owed[n], rest) if self.lots[n].ends_on > today else 0
            self.lots[n].left += back
            self.restored[which][n] = self.restored[which].get(n, 0) + back
            rest -= back
        if rest:
            self.lots.append(PaperLot(rest, rest, today + timedelta(days=GIVEN_BACK_DAYS)))
        found = min(self.forgiven, points, max(self.balance, 0))
        self.forgiven -= found
        self.take(found)

    def take_back(self, which: int, points: int) -> bool:
        own = self.lots[which]
        if points > own.granted - own.recalled:
            return False
        own.recalled += points
        part = min(points, own.left)
        own.left -= part
        points -= part
        if own.pending_until is not None:
            self.pending -= part
        else:
            self.balance -= part
        excused = min(points, own.lapsed - own.excused)
        own.excused += excused
        points = self.take(points - excused)
        if self.is_debt:
            self.balance -= points
        else:
            self.forgiven += points
        return True

    def take(self, points: int) -> int:
        """Take points from whatever lots there are; return how many were not there."""
        for n in self.order():
            part = min(points, self.lots[n].left)
            self.lots[n].left -= part
            self.balance -= part
            points -= part
        return points


def share_of(left: int, tenths: int) -> int:
    """Return so many tenths of what is left, at least 1; above ten one more than there is."""
    return left + 1 if tenths > 10 else max(left * tenths // 10, 1)


@dataclass
class Machine:
    """The ledger and the paper, moved side by side."""

    session: Session
    member: Member
    paper: Paper
    today: date = FIRST_DAY
    steps: int = 0
    earnings: list[tuple[PointsEntry, int]] = field(default_factory=list)
    spendings: list[PointsEntry] = field(default_factory=list)

    def do(self, what: str, amount: int, more: int) -> None:
        self.steps += 1
        getattr(self, what)(amount, more)
        self.check()

    def post(
        self,
        points: int,
        reason: str,
        expires_on: date | None = None,
        pending_until: date | None = None,
    ) -> PointsEntry:
        return post_points(
            self.session,
            self.member,
            points,
            reason=reason,
            idempotency_key=f"step:{self.steps}",
            now=day_start(self.today),
            expires_on=expires_on,
            pending_until=pending_until,
        )

    def earn(self, amount: int, days: int, reason: str = "reward") -> None:
        ends_on = self.today + timedelta(days=days)
        self.earnings.append((self.post(amount, reason, expires_on=ends_on), len(self.paper.lots)))
        self.paper.earn(amount, ends_on, None)

    def earn_pending(self, amount: int, days: int) -> None:
        until = self.today + timedelta(days=days)
        ends_on = until + timedelta(days=5)
        entry = self.post(amount, "purchase", expires_on=ends_on, pending_until=until)
        self.earnings.append((entry, len(self.paper.lots)))
        self.paper.earn(amount, ends_on, until)

    def spend(self, amount: int, _more: int, reason: str = "redemption") -> None:
        self.paper.settle(self.today)
        if self.paper.spend(amount):
            self.spendings.append(self.post(-amount, reason))
            return
        with pytest.raises(InsufficientPoints):
            self.post(-amount, reason)

    def adjust(self, amount: int, days: int) -> None:
        if amount > 0:
            self.earn(amount, days, "adjustment")
        else:
            self.spend(-amount, 0, "adjustment")

    def give_back(self, tenths: int, which: int) -> None:
        if not self.spendings:
            return
        which %= len(self.spendings)
        paid = sum(self.paper.spendings[which].values()) - self.paper.given[which]
        amount = share_of(paid, tenths)

        def ask() -> PointsEntry:
            return give_back(
                self.session,
                self.member,
                self.spendings[which],
                amount,
                idempotency_key=f"step:{self.steps}",
                now=day_start(self.today),
            )

        if amount > paid:
            with pytest.raises(MoreThanSpent):
                ask()
            return
        self.paper.settle(self.today)
        self.paper.give_back(which, amount, self.today)
        ask()

    def take_back(self, tenths: int, which: int) -> None:
        if not self.earnings:
            return
        entry, lot = self.earnings[which % len(self.earnings)]
        own = self.paper.lots[lot]
        amount = share_of(own.granted - own.recalled, tenths)
        self.paper.settle(self.today)

        def ask() -> None:
            take_back(
                self.session,
                self.member,
                entry,
                amount,
                idempotency_key=f"step:{self.steps}",
                now=day_start(self.today),
            )

        if self.paper.take_back(lot, amount):
            ask()
            return
        with pytest.raises(MoreThanEarned):
            ask()

    def night(self, days: int, _more: int) -> None:
        self.today += timedelta(days=days)
        activate_due(self.session, self.member.id, self.today, day_start(self.today))
        expire_member_points(self.session, self.member.id, self.today, day_start(self.today))
        self.paper.settle(self.today)

    def check(self) -> None:
        """The ledger, its sums from scratch, and the paper tell the same numbers."""
        self.session.flush()
        member, paper = self.member, self.paper
        sums = self.session.execute(
            select(
                func.coalesce(func.sum(PointsEntry.points), 0),
                func.coalesce(func.sum(PointsEntry.pending), 0),
            ).where(PointsEntry.member_id == member.id)
        ).one()
        left = self.session.scalars(
            select(PointsLot.remaining)
            .where(PointsLot.member_id == member.id)
            .order_by(PointsLot.entry_id)
        ).all()
        assert (member.points, member.points_pending) == (paper.balance, paper.pending)
        assert tuple(sums) == (paper.balance, paper.pending)
        assert list(left) == [lot.left for lot in paper.lots]
        assert paper.is_debt or member.points >= 0
        assert verify_member(self.session, member.id) == []


@contextmanager
def undone(session: Session) -> Iterator[None]:
    """Take everything back afterwards, so that each example starts from nothing."""
    with session.begin_nested() as nested:
        yield
        nested.rollback()
    session.expire_all()


@pytest.mark.parametrize("policy", ["floor", "debt"])
def test_any_order_of_movements_equals_a_recomputation(
    session: Session, make_member: MakeMember, policy: str
) -> None:
    """X6, points correctness: under both policies, whatever comes after what."""
    get_shop(session).negative_points = policy
    session.flush()

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(STEPS, min_size=8, max_size=30))
    def run(steps: list[tuple[str, int, int]]) -> None:
        with undone(session):
            machine = Machine(session, make_member(), Paper(is_debt=policy == "debt"))
            for step in steps:
                machine.do(*step)

    run()
