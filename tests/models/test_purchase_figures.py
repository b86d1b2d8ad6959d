"""The running figures of a member's purchases are those of the purchases, whatever happened."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import Sessions
from models.checkout import Return, Sale, record_purchase, refund_purchase
from models.exchange import (
    PURCHASES,
    Findings,
    PurchaseOptions,
    get_layout,
    import_purchases,
    open_source,
    undo_import,
)
from models.identity import MemberMerge, merge_members, undo_merge
from models.local_day import TAIPEI, local_day
from models.member import Member
from models.purchase import Purchase, refigure
from models.shop import Store
from models.staff import Staff
from tests.conftest import NOON
from tests.handlers.statements import count_statements

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
Step = tuple[Any, ...]

TODAY = local_day(NOON)
WHO = st.integers(0, 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), WHO, st.sampled_from([0, 0, 1, 3, 6]), st.booleans()),
        st.tuples(st.just("refund"), st.integers(0, 9), st.integers(1, 100)),
        st.tuples(st.just("refund_all"), st.integers(0, 9)),
        st.tuples(
            st.just("bring_in"),
            st.lists(st.tuples(WHO, st.integers(0, 9)), min_size=1, max_size=4),
        ),
        st.tuples(st.just("undo_import")),
        st.tuples(st.just("merge")),
        st.tuples(st.just("unmerge")),
        st.tuples(st.just("pass_days"), st.integers(0, 4)),
    ),
    min_size=1,
    max_size=14,
)
"""What may happen to two cards: sales told up to six days late, refunds, files, merges, time."""


def figures(member: Member) -> tuple[object, ...]:
    """Return what the member's row says of their purchases."""
    return (
        member.purchase_count,
        member.purchase_days,
        member.first_purchase_on,
        member.previous_purchase_on,
        member.last_purchase_on,
        member.promo_count,
    )


def worked_out(session: Session, member: Member) -> tuple[object, ...]:
    """Work the same figures out from the purchases."""
    standing = session.scalars(
        select(Purchase).where(Purchase.member_id == member.id, Purchase.undone_at.is_(None))
    ).all()
    days = sorted(purchase.purchased_on for purchase in standing)
    first_on, previous_on, last_on = _ends(days)
    promos = sum(purchase.discount_twd > 0 for purchase in standing)
    return len(days), len(set(days)), first_on, previous_on, last_on, promos


def _ends(days: list[date]) -> tuple[date | None, date | None, date | None]:
    if not days:
        return None, None, None
    return days[0], days[-2] if len(days) > 1 else None, days[-1]


@dataclass
class Life:
    """Two cards' lives."""

    session: Session
    sessions: Sessions
    members: list[Member]
    store: Store
    manager: Staff
    file: Path
    now: datetime = NOON
    purchases: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    merges: list[MemberMerge] = field(default_factory=list)

    def buy(self, who: int, days_ago: int, is_promo: bool) -> None:
        sale = Sale(
            self._owner(who).id,
            self.store,
            None,
            100,
            str(uuid4()),
            sold_at=self.now - timedelta(days=days_ago),
            paid_twd=90 if is_promo else None,
        )
        self.purchases.append(record_purchase(self.session, sale, self.now).purchase_id)

    def _owner(self, who: int) -> Member:
        return self.members[0 if self.merges else who]

    def refund(self, place: int, percent: int) -> None:
        purchase = self._standing(place)
        if purchase is not None and purchase.net_twd * percent // 100:
            self._take_back(purchase, amount_twd=purchase.net_twd * percent // 100)

    def refund_all(self, place: int) -> None:
        purchase = self._standing(place)
        if purchase is not None:
            self._take_back(purchase)

    def _standing(self, place: int) -> Purchase | None:
        if not self.purchases:
            return None
        purchase = self.session.get_one(Purchase, self.purchases[place % len(self.purchases)])
        return None if purchase.undone_at else purchase

    def _take_back(self, purchase: Purchase, **told: Any) -> None:
        asked = Return(purchase.id, self.store, None, "客人不要了", str(uuid4()), **told)
        refund_purchase(self.session, asked, self.now)

    def bring_in(self, sold: list[tuple[int, int]]) -> None:
        lines = ["訂單編號,訂單時間,手機,金額,退款金額"]
        for who, days_ago in sold:
            at = (self.now - timedelta(days=days_ago)).astimezone(TAIPEI)
            phone = "0" + str(self._owner(who).phone).removeprefix("+886")
            lines.append(f"{uuid4()},{at:%Y-%m-%d %H:%M:%S},{phone},300,")
        self.file.write_text("\n".join(lines), encoding="utf-8")
        self.session.commit()
        summary = import_purchases(
            self.sessions,
            open_source(self.file),
            get_layout(PURCHASES, None),
            PurchaseOptions(store_id=self.store.id, is_earning=True),
            findings=Findings(),
            now=self.now,
        )
        assert summary.batch_id is not None
        self.batches.append(summary.batch_id)
        self.session.expire_all()

    def undo_import(self) -> None:
        if self.batches:
            self.session.commit()
            undo_import(self.sessions, self.batches.pop(), now=self.now)
            self.session.expire_all()

    def merge(self) -> None:
        if not self.merges:
            keep, drop = self.members
            told: dict[str, Any] = {"staff": self.manager, "reason": "同一人", "key": str(uuid4())}
            self.merges.append(merge_members(self.session, keep, drop, now=self.now, **told))

    def unmerge(self) -> None:
        if self.merges:
            undo_merge(self.session, self.merges.pop(), staff=self.manager, now=self.now)

    def pass_days(self, days: int) -> None:
        self.now += timedelta(days=days, seconds=1)


@pytest.fixture
def fresh(
    session: Session,
    sessions: Sessions,
    make_member: MakeMember,
    make_staff: MakeStaff,
    store: Store,
    tmp_path: Path,
) -> Callable[[], Life]:
    """Return a maker of new lives; each example of a property has its own members."""
    manager = make_staff("manager")
    return lambda: Life(
        session,
        sessions,
        [make_member(), make_member()],
        store,
        manager,
        tmp_path / "orders.csv",
    )


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_running_figures_are_those_of_the_purchases(
    fresh: Callable[[], Life], steps: list[Step]
) -> None:
    """B-03, B-05: after any life the row says what a recomputation from scratch says."""
    life = fresh()
    for what, *told in steps:
        getattr(life, what)(*told)
    life.session.flush()
    for member in life.members:
        life.session.refresh(member)
        assert figures(member) == worked_out(life.session, member)


def sell(session: Session, member: Member, store: Store, days_ago: int) -> Purchase:
    """Record a sale of so many days ago, told of now."""
    sold_at = NOON - timedelta(days=days_ago)
    sale = Sale(member.id, store, None, 100, str(uuid4()), sold_at=sold_at)
    purchase_id = record_purchase(session, sale, NOON).purchase_id
    session.refresh(member)
    return session.get_one(Purchase, purchase_id)


@pytest.mark.parametrize(
    ("told", "previous", "last", "days"),
    [
        ([], None, None, 0),
        ([0], None, 0, 1),
        ([0, 0], 0, 0, 1),
        ([3, 0], 3, 0, 2),
        ([0, 3], 3, 0, 2),
        ([5, 0, 3], 3, 0, 3),
        ([5, 0, 5], 5, 0, 2),
        ([3, 0, 5], 3, 0, 3),
        ([3, 0, 0], 0, 0, 2),
    ],
)
def test_a_sale_told_late_finds_its_place(
    session: Session,
    make_member: MakeMember,
    store: Store,
    told: list[int],
    previous: int | None,
    last: int | None,
    days: int,
) -> None:
    """B-03: last, last but one and number of days, in whatever order the sales are told."""
    member = make_member()
    for days_ago in told:
        sell(session, member, store, days_ago)
    assert (member.previous_purchase_on, member.last_purchase_on, member.purchase_days) == (
        None if previous is None else TODAY - timedelta(days=previous),
        None if last is None else TODAY - timedelta(days=last),
        days,
    )


def test_a_refund_asks_once_for_the_days_that_are_left(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """B-03: what a refund reads does not grow with the history: one query, of the index alone."""
    member = make_member()
    for days_ago in (5, 3, 3, 0):
        purchase = sell(session, member, store, days_ago)
    with count_statements(session) as statements:
        asked = Return(purchase.id, store, None, "客人不要了", str(uuid4()))
        refund_purchase(session, asked, NOON)
    assert len([said for said in statements if "array(" in said.lower()]) == 1
    session.refresh(member)
    assert figures(member) == (
        3,
        2,
        TODAY - timedelta(days=5),
        TODAY - timedelta(days=3),
        TODAY - timedelta(days=3),
        0,
    )


def test_figures_are_worked_out_for_many_at_once(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """B-03: one statement, also for who never bought; what the session held is read anew."""
    bought, never = make_member(), make_member()
    sell(session, bought, store, 2)
    right = figures(bought), figures(never)
    for member in (bought, never):
        member.purchase_count, member.purchase_days = 9, 9
        member.first_purchase_on = member.last_purchase_on = date(2020, 1, 1)
    with count_statements(session) as statements:
        refigure(session, [bought.id, never.id])
    assert len([said for said in statements if "purchased_on" in said]) == 1
    assert (figures(bought), figures(never)) == right
