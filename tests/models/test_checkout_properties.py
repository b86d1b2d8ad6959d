"""Random lives of a member, each held against a recomputation from scratch (row X11)."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.checkout import Return, Sale, record_purchase, refund_purchase
from models.coupon import Coupon, Redemption, get_template, issue_coupon
from models.local_day import local_day
from models.member import Member
from models.points import InsufficientPoints, PointsEntry, PointsLot
from models.programme import get_programme
from models.purchase import Purchase, Refund
from models.shop import Shop, Store
from models.stamp_card import StampEntry, count_stamps
from models.tier import CALENDAR, LIFETIME, ROLLING, TierVersion, replay, window_start
from models.tier_evaluation import evaluate_member, raise_version
from models.tier_evaluation.figures import list_sales
from tests.conftest import NOON

MakeMember = Callable[..., Member]

AMOUNTS = st.integers(1, 3_000)
MINUTES_LATE = st.one_of(st.integers(0, 90), st.integers(0, 7 * 24 * 60))
"""How long ago a sale happened that is told of only now."""
STARTS = st.sampled_from(
    [
        NOON,
        datetime(2026, 12, 31, 15, 50, tzinfo=UTC),  # Ten minutes before New Year in Taipei.
        datetime(2026, 12, 31, 16, 20, tzinfo=UTC),
        datetime(2027, 1, 2, 16, 5, tzinfo=UTC),
    ]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), AMOUNTS),
        st.tuples(st.just("buy_with_coupon"), AMOUNTS),
        st.tuples(st.just("buy_with_points"), st.integers(1, 60)),
        st.tuples(st.just("buy_offline"), AMOUNTS, MINUTES_LATE),
        st.tuples(st.just("refund"), st.integers(0, 9), st.integers(1, 100)),
        st.tuples(st.just("refund_all"), st.integers(0, 9)),
        st.tuples(st.just("pass"), st.sampled_from([0, 1, 6, 29, 180, 364, 365, 400])),
    ),
    min_size=1,
    max_size=14,
)
"""What may happen: sales four ways, refunds of an earlier one (percent of what is left), time."""


@dataclass
class Life:
    """One member's life so far, as the test itself keeps it."""

    session: Session
    member: Member
    store: Store
    now: datetime = NOON
    purchases: list[int] = field(default_factory=list)
    step: int = 0

    def do(self, what: str, *told: int) -> None:
        self.step += 1
        getattr(self, what)(*told)

    def buy(self, amount_twd: int, **told: Any) -> None:
        sale = Sale(
            self.member.id,
            self.store,
            None,
            amount_twd,
            f"buy:{self.member.id}:{self.step}",
            **told,
        )
        self.purchases.append(record_purchase(self.session, sale, self.now).purchase_id)

    def buy_with_coupon(self, amount_twd: int) -> None:
        coupon = issue_coupon(
            self.session,
            self.member.id,
            get_template(self.session, "birthday"),
            issue_key=f"gift:{self.member.id}:{self.step}",
            now=self.now,
        )
        assert coupon is not None
        self.buy(amount_twd, coupon_ids=(coupon.id,))

    def buy_with_points(self, points: int) -> None:
        try:
            with self.session.begin_nested():
                self.buy(points + 40, points_to_use=points)
        except InsufficientPoints:
            pass

    def buy_offline(self, amount_twd: int, minutes: int) -> None:
        self.buy(amount_twd, sold_at=self.now - timedelta(minutes=minutes))

    def refund(self, place: int, percent: int) -> None:
        purchase = self._pick(place)
        if purchase is None or purchase.net_twd * percent // 100 == 0:
            return
        self._take_back(purchase, amount_twd=purchase.net_twd * percent // 100)

    def refund_all(self, place: int) -> None:
        purchase = self._pick(place)
        if purchase is not None:
            self._take_back(purchase)

    def _pick(self, place: int) -> Purchase | None:
        if not self.purchases:
            return None
        purchase = self.session.get_one(Purchase, self.purchases[place % len(self.purchases)])
        return None if purchase.undone_at else purchase

    def _take_back(self, purchase: Purchase, **told: Any) -> None:
        asked = Return(
            purchase.id,
            self.store,
            None,
            "客人不要了",
            f"back:{self.member.id}:{self.step}",
            **told,
        )
        refund_purchase(self.session, asked, self.now)

    def pass_(self, days: int) -> None:
        self.now += timedelta(days=days, seconds=1)


setattr(Life, "pass", Life.pass_)


def live(life: Life, steps: list[tuple[Any, ...]]) -> None:
    for what, *told in steps:
        life.do(what, *told)
    life.session.flush()
    life.session.refresh(life.member)


@pytest.fixture
def fresh(session: Session, make_member: MakeMember, store: Store) -> Callable[[], Life]:
    """Return a maker of new lives; each example of a property has its own member."""
    return lambda: Life(session, make_member(), store)


each_example = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@each_example
@given(steps=STEPS, policy=st.sampled_from(["floor", "debt"]), return_days=st.sampled_from([0, 7]))
def test_any_life_equals_its_recomputation(
    fresh: Callable[[], Life], steps: list[tuple[Any, ...]], policy: str, return_days: int
) -> None:
    """X11: figures, ledger, stamps and coupons are what the rows say, whatever the order."""
    life = fresh()
    _set_shop(life.session, policy, return_days)
    live(life, steps)
    _check_figures(life)
    _check_ledger(life)
    _check_stamps(life)
    _check_coupons(life)


SALES = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), AMOUNTS),
        st.tuples(st.just("buy_offline"), AMOUNTS, MINUTES_LATE),
        st.tuples(st.just("refund_all"), st.integers(0, 9)),
        st.tuples(st.just("pass"), st.sampled_from([0, 1, 3, 180, 366])),
    ),
    min_size=1,
    max_size=10,
)


@each_example
@given(start=STARTS, steps=SALES, basis=st.sampled_from([ROLLING, CALENDAR, LIFETIME]))
def test_sales_told_late_leave_the_tier_they_would_have_given_in_time(
    fresh: Callable[[], Life], start: datetime, steps: list[tuple[Any, ...]], basis: str
) -> None:
    """X7, X11: across midnight and New Year figures and tier are those of a recomputation."""
    life = fresh()
    _set_basis(life.session, basis)
    life.now = start
    live(life, steps)
    _check_figures(life)
    evaluate_member(life.session, life.member.id, life.now)
    rules = get_programme(life.session).ladder
    held, _ = replay(rules, list_sales(life.session, life.member.id), local_day(life.now))
    assert (life.member.tier_id, life.member.tier_kept_until) == (held.tier.id, held.kept_until)


@each_example
@given(steps=STEPS, policy=st.sampled_from(["floor", "debt"]))
def test_taking_everything_back_leaves_nothing_but_the_trace(
    fresh: Callable[[], Life], steps: list[tuple[Any, ...]], policy: str
) -> None:
    """X11, U8: after all is refunded no point, stamp, tier or figure is left."""
    life = fresh()
    _set_shop(life.session, policy, 0)
    live(life, [*steps, *(("refund_all", place) for place in range(len(steps)))])
    member = life.member
    assert (member.points, member.points_pending, member.purchase_count) == (0, 0, 0)
    assert (member.spend_twd, member.year_twd, member.lifetime_twd) == (0, 0, 0)
    assert member.last_purchase_on is None
    programme = get_programme(life.session)
    assert all(count_stamps(life.session, member.id, c) == 0 for c in programme.stamp_programmes)
    assert programme.tier(member.tier_id).rank == 0


def _set_shop(session: Session, policy: str, return_days: int) -> None:
    shop = session.scalars(select(Shop)).one()
    shop.negative_points, shop.return_days = policy, return_days
    shop.programme_version += 1
    session.flush()


def _set_basis(session: Session, basis: str) -> None:
    """Have the thresholds count by another basis, from the day after the rules before."""
    newest = session.scalars(select(TierVersion).order_by(TierVersion.effective_on.desc())).first()
    assert newest is not None
    session.add(
        TierVersion(
            effective_on=newest.effective_on + timedelta(days=1),
            basis=basis,
            parameters=newest.parameters,
            note="換一種算法",
            created_at=NOON,
            created_by="test",
        )
    )
    raise_version(session)


def _check_figures(life: Life) -> None:
    """Recompute every running figure of the member's row from purchases and refunds."""
    session, member = life.session, life.member
    refunded = dict(
        session.execute(
            select(Refund.purchase_id, func.sum(Refund.amount_twd))
            .where(Refund.member_id == member.id)
            .group_by(Refund.purchase_id)
        ).all()
    )
    purchases = session.scalars(
        select(Purchase)
        .where(Purchase.member_id == member.id)
        .execution_options(populate_existing=True)
    ).all()
    nets = [(p, p.paid_twd - int(refunded.get(p.id, 0))) for p in purchases]
    assert all(p.net_twd == net for p, net in nets)
    standing = [(p, net) for p, net in nets if p.undone_at is None]
    counted_on = member.spend_on
    assert member.lifetime_twd == sum(net for _, net in nets)
    assert member.purchase_count == len(standing)
    assert member.last_purchase_on == max((p.purchased_on for p, _ in standing), default=None)
    in_window = window_start(counted_on)
    assert member.spend_twd == sum(n for p, n in nets if in_window <= p.purchased_on <= counted_on)
    assert member.year_twd == sum(n for p, n in nets if p.purchased_on.year == counted_on.year)
    of_day = [p for p in purchases if p.purchased_on == member.day_on]
    assert member.day_on == max((p.purchased_on for p in purchases), default=None)
    assert member.day_purchases == len(of_day)
    assert member.day_points == sum(p.points_earned for p in of_day)


def _check_ledger(life: Life) -> None:
    """Recompute the balances from entries and lots, and what each purchase still brings."""
    session, member = life.session, life.member
    entries = session.scalars(
        select(PointsEntry).where(PointsEntry.member_id == member.id).order_by(PointsEntry.seq)
    ).all()
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert member.points == sum(entry.points for entry in entries)
    assert member.points_pending == sum(entry.pending for entry in entries)
    lots = session.scalars(
        select(PointsLot)
        .where(PointsLot.member_id == member.id)
        .execution_options(populate_existing=True)
    ).all()
    active = sum(lot.remaining for lot in lots if lot.pending_until is None)
    assert active == max(member.points, 0)
    assert member.points_pending == sum(lot.remaining for lot in lots if lot.pending_until)
    taken_back: dict[int, int] = defaultdict(int)
    for entry in entries:
        if entry.reason == "refund" and entry.purchase_id and entry.moved - entry.forgiven < 0:
            taken_back[entry.purchase_id] -= entry.moved - entry.forgiven
    for purchase in session.scalars(select(Purchase).where(Purchase.member_id == member.id)):
        kept = purchase.points_earned - taken_back[purchase.id]
        assert kept == purchase.points_kept(purchase.net_twd)


def _check_stamps(life: Life) -> None:
    for card in get_programme(life.session).stamp_programmes:
        entries = life.session.scalar(
            select(func.coalesce(func.sum(StampEntry.delta), 0)).where(
                StampEntry.member_id == life.member.id, StampEntry.programme_id == card.id
            )
        )
        assert count_stamps(life.session, life.member.id, card) == entries


def _check_coupons(life: Life) -> None:
    """A coupon is used exactly where a use of it stands, in a purchase that stands."""
    used = set(
        life.session.scalars(
            select(Redemption.coupon_id).where(
                Redemption.member_id == life.member.id, Redemption.reversed_at.is_(None)
            )
        )
    )
    coupons = life.session.scalars(
        select(Coupon)
        .where(Coupon.member_id == life.member.id)
        .execution_options(populate_existing=True)
    ).all()
    assert {coupon.id for coupon in coupons if coupon.state == "redeemed"} == used
    standing = select(Redemption.coupon_id).join(Purchase, Purchase.id == Redemption.purchase_id)
    undone = life.session.scalars(
        standing.where(Purchase.undone_at.is_not(None), Redemption.reversed_at.is_(None))
    )
    assert not undone.all()
