"""A refund undoes everything a purchase brought (rows X11, U8, U13, C-11, E-06)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.checkout import Line, Return, Sale, record_purchase, refund_purchase
from models.checkout.refunding import (
    NoSuchPurchase,
    NothingLeft,
    ReasonMissing,
    RefundRefused,
)
from models.coupon import Coupon, get_template, issue_coupon
from models.member import Member
from models.membership import erase_member
from models.outbox import Owed
from models.points import IdempotencyKeyReused, InsufficientPoints, PointsEntry, PointsLot
from models.programme import get_programme
from models.purchase import Purchase, Refund
from models.shop import Shop, Store
from models.stamp_card import count_stamps
from models.store_day import store_day
from models.tier import Tier
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]


def sell(
    session: Session, member: Member, store: Store, amount_twd: int = 1_000, **told: Any
) -> Purchase:
    key = told.pop("key", f"till:{member.id}:{amount_twd}")
    sale = Sale(member.id, store, None, amount_twd, key, **told)
    return record_purchase(session, sale, NOON).purchase


def give_back(session: Session, purchase: Purchase, store: Store, **told: Any) -> Any:
    fields: dict[str, Any] = {"reason": "客人不要了", "idempotency_key": "back:1"}
    asked = Return(purchase.id, store, None, **fields | told)
    return refund_purchase(session, asked, NOON + timedelta(hours=1))


def tier_code(session: Session, member: Member) -> str:
    return session.get_one(Tier, member.tier_id).code


def test_a_full_refund_leaves_the_member_as_if_nothing_was_bought(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """X11, E-06: points, stamps, tier and every running figure go back in one transaction."""
    member = make_member()
    purchase = sell(session, member, store, 5_200)
    assert (member.points, tier_code(session, member)) == (52, "silver")
    refunded = give_back(session, purchase, store)
    card = get_programme(session).stamp_programmes[0]
    assert (refunded.refund.amount_twd, refunded.refund.is_full) == (5_200, True)
    assert (refunded.refund.points_taken, member.points) == (52, 0)
    assert (member.spend_twd, member.year_twd, member.lifetime_twd) == (0, 0, 0)
    assert (member.purchase_count, member.last_purchase_on) == (0, None)
    assert count_stamps(session, member.id, card) == 0
    assert tier_code(session, member) == "basic"
    assert (member.tier_kept_until, refunded.standing.gap_twd) == (None, 5_000)
    day = store_day(session, store, purchase.purchased_on)
    assert (day.count, day.net_twd) == (0, 0)


def test_a_part_takes_back_its_part(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """X11: what stays is what the rest of the purchase earns, rounded down."""
    member = make_member()
    purchase = sell(session, member, store, 1_050)
    assert member.points == 10
    refunded = give_back(session, purchase, store, amount_twd=100)
    assert (refunded.refund.points_taken, member.points) == (1, 9)
    assert (purchase.net_twd, purchase.undone_at, member.spend_twd) == (950, None, 950)
    assert member.purchase_count == 1


@pytest.mark.parametrize("parts", [[100] * 10, [999, 1], [333, 333, 334], [1_000]])
def test_many_small_refunds_end_where_one_large_one_does(
    session: Session, make_member: MakeMember, store: Store, parts: list[int]
) -> None:
    """X11: nothing is gained or lost by the way in which a purchase is taken back."""
    member = make_member()
    purchase = sell(session, member, store, 1_000)
    for place, part in enumerate(parts):
        give_back(session, purchase, store, amount_twd=part, idempotency_key=f"part:{place}")
    assert (member.points, member.spend_twd, member.purchase_count) == (0, 0, 0)
    assert purchase.undone_at is not None


def test_items_are_taken_back_at_what_they_cost_after_discounts(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """X11: by line; the last item takes what is left, so that no dollar stays behind."""
    member = make_member()
    coupon = issue_coupon(
        session, member.id, get_template(session, "birthday"), issue_key="gift", now=NOON
    )
    assert coupon is not None
    lines = (Line("珍珠奶茶", 130, quantity=2, category="drink"), Line("茶葉蛋", 50, quantity=5))
    purchase = sell(session, member, store, 180, lines=lines, coupon_ids=(coupon.id,))
    assert purchase.paid_twd == 120
    first = give_back(session, purchase, store, lines=((1, 1),), idempotency_key="one")
    assert first.refund.amount_twd == 65 * 120 // 180
    rest = give_back(session, purchase, store, lines=((1, 1), (2, 5)), idempotency_key="rest")
    assert first.refund.amount_twd + rest.refund.amount_twd == 120
    assert rest.refund.is_full


def test_an_item_is_not_taken_back_twice(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """X11: nor one that was never sold."""
    purchase = sell(session, make_member(), store, 100, lines=(Line("紅茶", 100),))
    for lines in (((1, 2),), ((2, 1),), ((1, 0),), ((1, -1),)):
        with pytest.raises(RefundRefused), session.begin_nested():
            give_back(session, purchase, store, lines=lines)
    give_back(session, purchase, store, lines=((1, 1),))
    with pytest.raises(NothingLeft):
        give_back(session, purchase, store, lines=((1, 1),), idempotency_key="again")


def test_a_coupon_of_a_whole_refund_can_be_used_again(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """U13: a used reward is restored, for a week at least."""
    member = make_member()
    coupon = issue_coupon(
        session, member.id, get_template(session, "birthday"), issue_key="gift", now=NOON
    )
    assert coupon is not None
    purchase = sell(session, member, store, 200, coupon_ids=(coupon.id,))
    give_back(session, purchase, store)
    session.refresh(coupon)
    assert coupon.is_usable(NOON + timedelta(hours=2))
    again = sell(session, member, store, 300, coupon_ids=(coupon.id,), key="again")
    assert again.discount_twd == 60


def test_points_that_paid_come_back(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """U13, C-11: to the lots they came from; what the purchase earned is taken back after that."""
    member = make_member(points=100)
    purchase = sell(session, member, store, 500, points_to_use=80)
    assert (purchase.paid_twd, purchase.points_earned, member.points) == (420, 4, 24)
    half = give_back(session, purchase, store, amount_twd=210)
    assert (half.refund.points_given_back, half.refund.points_taken) == (40, 2)
    give_back(session, purchase, store, idempotency_key="rest")
    assert member.points == 100
    lots = session.scalars(select(PointsLot).where(PointsLot.member_id == member.id)).all()
    assert sorted(lot.remaining for lot in lots) == [0, 100]


def test_what_a_sale_earns_does_not_pay_for_it(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """U9: only what was there before the sale can be spent in it."""
    member = make_member(points=20)
    with pytest.raises(InsufficientPoints), session.begin_nested():
        sell(session, member, store, 2_000, points_to_use=21)
    assert sell(session, member, store, 2_000, points_to_use=20).points_used == 20


def test_money_goes_back_to_who_has_left(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """Deleting one's data keeps nobody from returning what they bought; nobody is written to."""
    member = make_member()
    purchase = sell(session, member, store, 1_000)
    erase_member(session, member, evidence="tap", now=NOON)
    assert give_back(session, purchase, store).refund.amount_twd == 1_000
    assert session.scalars(select(Owed).where(Owed.kind == "refund")).all() == []


def test_a_purchase_paid_by_points_alone_is_undone_with_no_money(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """U13: all that was paid comes back, once."""
    member = make_member(points=100)
    purchase = sell(session, member, store, 100, points_to_use=100)
    assert (purchase.paid_twd, member.points) == (0, 0)
    refunded = give_back(session, purchase, store)
    assert (refunded.refund.amount_twd, member.points, member.purchase_count) == (0, 100, 0)
    with pytest.raises(NothingLeft):
        give_back(session, purchase, store, idempotency_key="again")


def test_spent_points_are_forgiven_where_the_shop_says_floor(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """U8: never below zero by default; what could not be taken is on the entry."""
    member = make_member()
    purchase = sell(session, member, store, 1_000)
    sell(session, member, store, 8, points_to_use=8, key="spend")
    refunded = give_back(session, purchase, store)
    assert (refunded.refund.points_taken, member.points) == (2, 0)
    entry = session.scalars(select(PointsEntry).where(PointsEntry.reason == "refund")).one()
    assert (entry.points, entry.forgiven) == (-2, 8)


def test_spent_points_stay_as_a_debt_where_the_shop_says_so(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """U11: the balance is shown below zero honestly, and the next earning repays it."""
    shop = session.scalars(select(Shop)).one()
    shop.negative_points, shop.programme_version = "debt", shop.programme_version + 1
    member = make_member()
    purchase = sell(session, member, store, 1_000)
    sell(session, member, store, 8, points_to_use=8, key="spend")
    give_back(session, purchase, store)
    assert member.points == -8
    sell(session, member, store, 2_000, key="later")
    assert member.points == 12
    lots = session.scalars(select(PointsLot).where(PointsLot.member_id == member.id)).all()
    assert sum(lot.remaining for lot in lots) == 12


def test_pending_points_are_taken_where_they_wait(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """U8: within the return window nothing could be spent, so nothing is lost."""
    shop = session.scalars(select(Shop)).one()
    shop.return_days, shop.programme_version = 7, shop.programme_version + 1
    member = make_member()
    purchase = sell(session, member, store, 1_000)
    assert (member.points, member.points_pending) == (0, 10)
    give_back(session, purchase, store, amount_twd=500)
    assert (member.points, member.points_pending) == (0, 5)


def test_a_repeated_key_refunds_once(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """The asker's key makes it happen once; with other content it is refused."""
    purchase = sell(session, make_member(), store, 1_000)
    first = give_back(session, purchase, store, amount_twd=300)
    again = give_back(session, purchase, store, amount_twd=300)
    assert again.refund is first.refund
    assert (again.is_repeat, purchase.refunded_twd) == (True, 300)
    with pytest.raises(IdempotencyKeyReused):
        give_back(session, purchase, store, amount_twd=400)


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        ({"amount_twd": 1_001}, RefundRefused),
        ({"amount_twd": 0}, RefundRefused),
        ({"amount_twd": -1}, RefundRefused),
        ({"reason": "  "}, ReasonMissing),
        ({"reason": "x" * 201}, ReasonMissing),
    ],
)
def test_a_refund_that_cannot_be_is_refused_and_changes_nothing(
    session: Session,
    make_member: MakeMember,
    store: Store,
    told: dict[str, Any],
    refusal: type[BusinessError],
) -> None:
    member = make_member()
    purchase = sell(session, member, store, 1_000)
    with pytest.raises(refusal), session.begin_nested():
        give_back(session, purchase, store, **told)
    session.refresh(purchase)
    assert (purchase.refunded_twd, member.points) == (0, 10)


def test_nobodys_purchase_is_not_refunded(session: Session, store: Store) -> None:
    with pytest.raises(NoSuchPurchase):
        refund_purchase(session, Return(10**12, store, None, "打錯", "k"), NOON)


def test_the_member_is_told_with_the_store(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """U8, X6: what went back and what the points and the tier are now."""
    member = make_member()
    refunded = give_back(session, sell(session, member, store, 5_200), store)
    owed = session.scalars(select(Owed).where(Owed.kind == "refund")).one()
    assert owed.words == refunded.receipt
    assert (owed.words["points_taken"], owed.words["tier_before"]) == (52, "銀卡會員")
    assert owed.words["store_name"]


def test_an_old_purchase_leaves_the_window_alone(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """E-06: what no longer counted for the tier is only taken from the lifetime's figure."""
    member = make_member(spend_twd=1_000, spent_on=date(2025, 1, 1))
    member.spend_twd, member.lifetime_twd = 0, 1_000
    session.flush()
    old = session.scalars(select(Purchase).where(Purchase.member_id == member.id)).one()
    give_back(session, old, store)
    assert (member.spend_twd, member.lifetime_twd, member.year_twd) == (0, 0, 0)


def test_fifty_refunds_at_once_give_the_money_back_once(committed: Committed) -> None:
    """U9: the member's lock orders them, and the database holds what is left."""
    with committed.sessions.begin() as session:
        member, store = committed.maker.member(session), committed.maker.store(session)
        purchase, member_id = sell(session, member, store, 1_000), member.id
    barrier = Barrier(20)

    def ask(number: int) -> bool:
        barrier.wait()
        asked = Return(purchase.id, store, None, "打錯金額", f"back:{number}", amount_twd=600)
        try:
            with committed.sessions.begin() as session:
                refund_purchase(session, asked, NOON)
        except RefundRefused:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(ask, range(20))) == 1
    with committed.sessions() as session:
        assert session.scalar(select(func.sum(Refund.amount_twd))) == 600
        assert session.get_one(Member, member_id).points == 4


def test_the_same_refund_sent_twice_at_once_is_one(committed: Committed) -> None:
    """A clerk who taps twice: one refund, and both hear of it."""
    with committed.sessions.begin() as session:
        member, store = committed.maker.member(session), committed.maker.store(session)
        purchase = sell(session, member, store, 1_000)
    barrier = Barrier(8)
    asked = Return(purchase.id, store, None, "打錯金額", "back:same")

    def ask(_number: int) -> int:
        barrier.wait()
        with committed.sessions.begin() as session:
            return refund_purchase(session, replace(asked), NOON).refund.id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1


def test_a_coupon_used_in_a_part_refund_stays_used(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """U13: the rest of the sale keeps its discount."""
    member = make_member()
    coupon = issue_coupon(
        session, member.id, get_template(session, "birthday"), issue_key="gift", now=NOON
    )
    assert coupon is not None
    purchase = sell(session, member, store, 200, coupon_ids=(coupon.id,))
    give_back(session, purchase, store, amount_twd=40)
    session.refresh(coupon)
    assert session.get_one(Coupon, coupon.id).state == "redeemed"
