"""B-23: an order from till, web shop or file counts once, and what becomes of it is counted too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import BusinessError, Sessions
from models.benefit import add_benefit
from models.checkout import (
    Change,
    Line,
    NoSuchOrder,
    Order,
    OrderCancelled,
    PaymentRefused,
    RefundRefused,
    Return,
    Sale,
    change_order,
    get_order,
    preview_order,
    record_order,
    record_purchase,
    refund_purchase,
)
from models.coupon import Coupon, CouponNotUsable
from models.exchange import (
    PURCHASES,
    Findings,
    PurchaseOptions,
    get_layout,
    import_purchases,
    open_source,
)
from models.local_day import TAIPEI
from models.member import Member
from models.points import PointsEntry, verify_ledger
from models.programme import get_programme
from models.purchase import Purchase, Refund
from models.purchase.table import OrderKnown
from models.shop import Store, get_shop
from models.web_order import WEB, WebOrder
from tests.conftest import NOON, Committed, Maker
from tests.models.coupon_maker import at_once, give, make_template

MakeMember = Callable[..., Member]
SHOP = "shopline"
REF = "S-1001"
PHONE = "+886912000001"


@pytest.fixture
def web(make_store: Callable[..., Store]) -> Store:
    """Return the store of the web shop."""
    return make_store("WEB", "線上商店")


@pytest.fixture
def buyer(make_member: MakeMember) -> Member:
    return make_member(phone=PHONE)


def order(member: Member, store: Store, amount_twd: int = 1_000, **told: object) -> Order:
    row = {"source": SHOP, "ref": REF} | told
    return Order(member_id=member.id, store=store, amount_twd=amount_twd, **row)  # type: ignore[arg-type]  # Told by name.


def change(session: Session, status: str, refunded_twd: int | None = None) -> str:
    told = Change(SHOP, REF, status, "買家要求", refunded_twd=refunded_twd)
    return change_order(session, told, NOON).status


def figures(session: Session, member: Member) -> tuple[int, int, int, int]:
    """Return spend, points, purchases of the member's row, and what the purchases count for."""
    session.expire_all()
    net = select(func.coalesce(func.sum(Purchase.paid_twd - Purchase.refunded_twd), 0)).where(
        Purchase.member_id == member.id
    )
    return member.spend_twd, member.points, member.purchase_count, session.scalar(net) or 0


def bring(sessions: Sessions, folder: Path, store: Store, amount_twd: int = 1_000) -> None:
    """Import a file with the one order."""
    file = folder / "orders.csv"
    at = NOON.astimezone(TAIPEI) - timedelta(minutes=1)
    file.write_text(
        "訂單號碼,訂單日期,電話號碼,訂單合計\n"
        f"{REF},{at:%Y-%m-%d %H:%M:%S},0912000001,{amount_twd}\n",
        encoding="utf-8",
    )
    import_purchases(
        sessions,
        open_source(file),
        get_layout(PURCHASES, SHOP),
        PurchaseOptions(store_id=store.id, is_earning=True),
        findings=Findings(),
        now=NOON,
    )


# --- once, through whichever door


def test_an_order_is_a_sale_of_the_web_channel(session: Session, buyer: Member, web: Store) -> None:
    """B-23: counts for points and tier; the channel is kept for reports."""
    made = record_order(session, order(buyer, web, 9_000), NOON)
    assert made.recorded is not None
    assert made.purchase is not None
    assert (made.status, made.purchase.channel, made.purchase.store_id) == ("paid", WEB, web.id)
    assert figures(session, buyer) == (9_000, 90, 1, 9_000)
    assert get_programme(session).tier(buyer.tier_id).code == "silver"


def test_the_same_order_again_is_the_same_purchase(
    session: Session, buyer: Member, web: Store
) -> None:
    first = record_order(session, order(buyer, web, ordered_at=NOON), NOON)
    again = record_order(session, order(buyer, web), NOON + timedelta(days=30))
    assert again.recorded is None
    assert again.purchase is first.purchase
    assert figures(session, buyer)[:3] == (1_000, 10, 1)


@pytest.mark.parametrize("first", ["till", "web", "file"])
def test_an_order_counts_once_through_three_doors(
    session: Session, sessions: Sessions, buyer: Member, web: Store, tmp_path: Path, first: str
) -> None:
    """B-23: till API, web order and CSV import know the same order by its source and reference."""

    def till() -> None:
        sale = Sale(buyer.id, web, None, 1_000, "api:1:x", source=SHOP, source_ref=REF)
        try:
            with session.begin_nested():
                record_purchase(session, sale, NOON)
        except OrderKnown:
            pass

    doors: dict[str, Callable[[], object]] = {
        "till": till,
        "web": lambda: record_order(session, order(buyer, web, paid_twd=1_000), NOON),
        "file": lambda: bring(sessions, tmp_path, web),
    }
    doors[first]()
    session.commit()
    for tell in doors.values():
        tell()
        session.commit()
    assert figures(session, buyer) == (1_000, 10, 1, 1_000)


def test_three_doors_at_once_make_one_purchase(committed: Committed, tmp_path: Path) -> None:
    """B-23, as a race: till and web shop several times and the file, all at one moment."""
    with committed.sessions.begin() as session:
        member_id = committed.maker.member(session, phone=PHONE).id
        session.add(Store(code="WEB", name={"zh-TW": "線上商店"}))

    def tell(door: tuple[str, int]) -> str:
        what, number = door
        with committed.sessions() as session:
            store = committed.maker.store(session, "WEB")
        if what == "file":
            bring(committed.sessions, tmp_path, store)
            return what
        try:
            with committed.sessions.begin() as session:
                member = session.get_one(Member, member_id)
                if what == "web":
                    record_order(session, order(member, store, paid_twd=1_000), NOON)
                else:
                    key = f"api:1:{number}"
                    sale = Sale(member_id, store, None, 1_000, key, source=SHOP, source_ref=REF)
                    record_purchase(session, sale, NOON)
        except OrderKnown:
            return "known"
        return what

    doors = [(what, number) for number in range(3) for what in ("till", "web")]
    answers = at_once([*doors, ("file", 0)], tell)
    assert answers.count("web") == 3  # Whoever was first, the web shop is told the purchase.
    with committed.sessions() as session:
        assert figures(session, session.get_one(Member, member_id)) == (1_000, 10, 1, 1_000)
        assert session.scalar(select(func.count()).select_from(Purchase)) == 1
        assert list(verify_ledger(session)) == []


@pytest.mark.parametrize(
    "other",
    [{"amount_twd": 999}, {"paid_twd": 900}, {"points_to_use": 1}, {"coupon_ids": (7,)}],
)
def test_an_order_known_with_other_content_is_refused(
    session: Session, buyer: Member, web: Store, other: dict[str, object]
) -> None:
    record_order(session, order(buyer, web), NOON)
    with pytest.raises(OrderKnown):
        record_order(session, order(buyer, web, **other), NOON)  # type: ignore[arg-type]  # By name.


def test_an_order_of_another_member_is_refused(
    session: Session, buyer: Member, make_member: MakeMember, web: Store
) -> None:
    record_order(session, order(buyer, web), NOON)
    with pytest.raises(OrderKnown):
        record_order(session, order(make_member(), web), NOON)


def test_a_clock_ahead_of_ours_does_no_harm(session: Session, buyer: Member, web: Store) -> None:
    made = record_order(session, order(buyer, web, ordered_at=NOON + timedelta(minutes=3)), NOON)
    assert made.purchase is not None
    assert made.purchase.purchased_at == NOON


# --- what was paid


def test_what_the_shop_took_off_itself_is_no_discount_of_ours(
    session: Session, buyer: Member, web: Store
) -> None:
    """What was paid counts; the tier's discount is not taken off a second time."""
    with_discount(session, buyer, 10)
    made = record_order(session, order(buyer, web, paid_twd=950), NOON)
    assert made.purchase is not None
    assert (made.purchase.discount_twd, made.purchase.paid_twd) == (50, 950)
    ours = record_order(session, order(buyer, web, ref="S-2"), NOON)
    assert ours.purchase is not None
    assert ours.purchase.paid_twd == 900


def with_discount(session: Session, member: Member, percent: int) -> None:
    add_benefit(session, "order_discount", {"percent": percent}, tier_id=member.tier_id)
    get_shop(session).programme_version += 1
    session.flush()


@pytest.mark.parametrize("paid_twd", [-1, 971, 1_000])
def test_more_than_is_left_cannot_have_been_paid(
    session: Session, buyer: Member, web: Store, paid_twd: int
) -> None:
    coupon = give(session, buyer, make_template(session, value=30))
    with pytest.raises(PaymentRefused):
        record_order(session, order(buyer, web, paid_twd=paid_twd, coupon_ids=(coupon.id,)), NOON)


def test_points_and_coupon_pay_in_the_web_shop(
    session: Session, make_member: MakeMember, web: Store
) -> None:
    buyer = make_member(points=100)
    coupon = give(session, buyer, make_template(session, value=30))
    asked = order(buyer, web, paid_twd=870, coupon_ids=(coupon.id,), points_to_use=100)
    made = record_order(session, asked, NOON)
    assert made.purchase is not None
    assert (made.purchase.discount_twd, made.purchase.points_twd) == (30, 100)
    assert figures(session, buyer)[:2] == (870, 8)
    assert record_order(session, asked, NOON).purchase is made.purchase


def test_the_same_coupon_works_in_both_once(
    session: Session, make_member: MakeMember, web: Store, store: Store
) -> None:
    """B-23: same coupon works in both, once."""
    buyer, other = make_member(), make_member()
    template = make_template(session)
    coupon, its = give(session, buyer, template), give(session, other, template)
    record_order(session, order(buyer, web, coupon_ids=(coupon.id,)), NOON)
    with pytest.raises(CouponNotUsable):
        record_purchase(
            session, Sale(buyer.id, store, None, 200, "k", coupon_ids=(coupon.id,)), NOON
        )
    record_purchase(session, Sale(other.id, store, None, 200, "l", coupon_ids=(its.id,)), NOON)
    with pytest.raises(CouponNotUsable):
        record_order(session, order(other, web, ref="S-2", coupon_ids=(its.id,)), NOON)


def test_a_free_shipping_coupon_takes_off_the_shipping(
    session: Session, buyer: Member, web: Store
) -> None:
    template = make_template(session, kind="free_shipping", value=0, channels=[WEB])
    coupon = give(session, buyer, template)
    asked = order(buyer, web, 1_080, shipping_twd=80, coupon_ids=(coupon.id,))
    assert preview_order(session, asked, NOON).preview.sold.paid_twd == 1_000
    made = record_order(session, asked, NOON)
    assert made.purchase is not None
    assert made.order is not None
    assert (made.purchase.paid_twd, made.order.shipping_twd) == (1_000, 80)


# --- sent free


def sends_free(session: Session, member: Member, **terms: object) -> None:
    add_benefit(session, "free_shipping", terms, tier_id=member.tier_id)
    get_shop(session).programme_version += 1
    session.flush()


def is_free(session: Session, member: Member, web: Store, now: datetime = NOON) -> bool:
    return preview_order(
        session, order(member, web, 580, ref="?", shipping_twd=80), now
    ).is_shipped_free


def test_a_preview_sends_free_whom_tier_or_plan_send_free(
    session: Session, buyer: Member, web: Store
) -> None:
    """B-23: the preview says whether this member ships free, and leaves the shipping out."""
    asked = order(buyer, web, 580, shipping_twd=80)
    paid = preview_order(session, asked, NOON)
    assert (paid.is_shipped_free, paid.preview.sold.paid_twd) == (False, 580)
    sends_free(session, buyer, from_twd=500)
    free = preview_order(session, asked, NOON)
    assert (free.is_shipped_free, free.preview.sold.paid_twd) == (True, 500)
    below = preview_order(session, order(buyer, web, 579, shipping_twd=80), NOON)
    assert not below.is_shipped_free
    assert session.scalar(select(func.count()).select_from(WebOrder)) == 0


def test_free_orders_are_counted_by_the_month(session: Session, buyer: Member, web: Store) -> None:
    sends_free(session, buyer, times_a_month=1)
    record_order(session, order(buyer, web, ref="paid shipping"), NOON)
    assert is_free(session, buyer, web)
    record_order(session, order(buyer, web, is_shipped_free=True), NOON)
    assert not is_free(session, buyer, web)
    next_month = NOON + timedelta(days=9)
    assert is_free(session, buyer, web, next_month)
    change(session, "cancelled")
    assert is_free(session, buyer, web)


# --- what becomes of it


def test_a_cancelled_order_told_again_stays_cancelled(
    session: Session, buyer: Member, web: Store
) -> None:
    record_order(session, order(buyer, web), NOON)
    change(session, "cancelled")
    assert record_order(session, order(buyer, web), NOON).status == "cancelled"
    assert change(session, "refunded", 300) == "cancelled"
    assert figures(session, buyer) == (0, 0, 0, 0)


def test_a_cancelled_order_counts_for_nothing(
    session: Session, make_member: MakeMember, web: Store
) -> None:
    buyer = make_member(points=50)
    coupon = give(session, buyer, make_template(session))
    asked = order(buyer, web, coupon_ids=(coupon.id,), points_to_use=50)
    record_order(session, asked, NOON)
    assert [change(session, "cancelled") for _ in range(2)] == ["cancelled"] * 2
    assert figures(session, buyer) == (0, 50, 0, 0)
    assert session.get_one(Coupon, coupon.id).state == "issued"
    assert session.scalar(select(func.count()).select_from(Refund)) == 1
    with pytest.raises(OrderCancelled):
        change(session, "paid")


def test_an_order_called_off_before_it_was_told_never_counts(
    session: Session, buyer: Member, web: Store
) -> None:
    """Messages of a shop may come in the wrong order."""
    assert [change(session, "cancelled") for _ in range(2)] == ["cancelled"] * 2
    with pytest.raises(OrderCancelled):
        record_order(session, order(buyer, web), NOON)
    assert figures(session, buyer) == (0, 0, 0, 0)
    assert get_order(session, SHOP, REF).purchase is None


@pytest.mark.parametrize("status", ["paid", "refunded"])
def test_nothing_else_can_become_of_an_order_nobody_told(session: Session, status: str) -> None:
    with pytest.raises(NoSuchOrder):
        change(session, status)
    with pytest.raises(NoSuchOrder):
        get_order(session, SHOP, REF)


def test_a_refund_is_told_as_a_sum_and_counts_once(
    session: Session, buyer: Member, web: Store
) -> None:
    record_order(session, order(buyer, web), NOON)
    assert change(session, "paid") == "paid"
    assert [change(session, "refunded", 300) for _ in range(3)] == ["refunded"] * 3
    assert figures(session, buyer) == (700, 7, 1, 700)
    assert change(session, "refunded", 450) == "refunded"
    assert figures(session, buyer)[0] == 550
    with pytest.raises(RefundRefused):
        change(session, "refunded", 449)
    with pytest.raises(RefundRefused):
        change(session, "refunded", 1_001)
    assert [change(session, "refunded") for _ in range(2)] == ["refunded"] * 2
    assert figures(session, buyer) == (0, 0, 0, 0)


def test_what_the_counter_gave_back_is_part_of_the_sum(
    session: Session, buyer: Member, web: Store, store: Store
) -> None:
    """A web order is brought back to a store: the web shop's word then changes nothing."""
    made = record_order(session, order(buyer, web), NOON)
    assert made.purchase is not None
    refund_purchase(session, Return(made.purchase.id, store, None, "門市退貨", "r", 400), NOON)
    change(session, "refunded", 400)
    assert figures(session, buyer)[0] == 600


def test_an_order_the_file_told_can_be_called_off_by_its_shop(
    session: Session, sessions: Sessions, buyer: Member, web: Store, tmp_path: Path
) -> None:
    bring(sessions, tmp_path, web)
    session.commit()
    assert get_order(session, SHOP, REF).status == "paid"
    assert change(session, "cancelled") == "cancelled"
    assert figures(session, buyer) == (0, 0, 0, 0)


def test_an_order_paid_by_points_alone_can_be_called_off(
    session: Session, make_member: MakeMember, web: Store
) -> None:
    buyer = make_member(points=1_000)
    record_order(session, order(buyer, web, points_to_use=1_000), NOON)
    assert [change(session, "refunded") for _ in range(2)] == ["refunded"] * 2
    assert figures(session, buyer)[:3] == (0, 1_000, 0)


def test_a_refund_told_often_at_once_is_given_once(committed: Committed) -> None:
    with committed.sessions.begin() as session:
        member = committed.maker.member(session)
        record_order(session, order(member, committed.maker.store(session)), NOON)
        member_id = member.id

    def tell(total_twd: int) -> None:
        with committed.sessions.begin() as session:
            change(session, "refunded", total_twd)

    at_once([300] * 6, tell)
    with committed.sessions() as session:
        assert figures(session, session.get_one(Member, member_id)) == (700, 7, 1, 700)


@pytest.mark.parametrize("turn", range(4))
def test_paid_and_called_off_at_once_end_called_off(committed: Committed, turn: int) -> None:
    with committed.sessions.begin() as session:
        member_id = committed.maker.member(session).id

    def tell(status: str) -> None:
        try:
            with committed.sessions.begin() as session:
                if status == "paid":
                    member = session.get_one(Member, member_id)
                    record_order(session, order(member, committed.maker.store(session)), NOON)
                else:
                    change(session, status)
        except OrderCancelled:
            assert status == "paid"

    at_once(["paid", "cancelled"] if turn % 2 else ["cancelled", "paid"], tell)
    with committed.sessions() as session:
        assert get_order(session, SHOP, REF).status == "cancelled"
        assert figures(session, session.get_one(Member, member_id)) == (0, 0, 0, 0)


tellings = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.integers(1, 3), st.integers(1, 2_000)),
        st.tuples(st.just("refund"), st.integers(1, 3), st.integers(0, 2_000)),
        st.tuples(st.just("cancel"), st.integers(1, 3), st.just(0)),
    ),
    max_size=12,
)


@given(told=tellings)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_a_shop_tells_its_orders_come_to_the_last_state_of_each(
    session: Session, told: list[tuple[str, int, int]]
) -> None:
    """X11: figures equal a recomputation from what each order was and what was given back."""
    maker = Maker()
    member, store = maker.member(session), maker.store(session)
    expected: dict[int, list[int] | None] = {}
    wrong: list[object] = []
    for what, number, twd in told:
        ref = f"{member.id}-{number}"
        known = expected.get(number, [])
        try:
            with session.begin_nested():
                if what == "order":
                    record_order(session, order(member, store, twd, ref=ref), NOON)
                    if known == []:
                        expected[number] = [twd, 0]
                elif what == "refund":
                    change_order(session, Change(SHOP, ref, "refunded", "r", twd), NOON)
                    assert known != []
                    if known is not None:
                        known[1] = twd
                else:
                    change_order(session, Change(SHOP, ref, "cancelled", "r"), NOON)
                    expected[number] = None
        except (OrderKnown, OrderCancelled, NoSuchOrder, RefundRefused) as refusal:
            if not is_right(refusal, known, twd):
                wrong.append((refusal.code, known, twd))
    assert wrong == []
    nets = [paid - back for paid, back in filter(None, expected.values())]
    points = select(func.coalesce(func.sum(PointsEntry.points), 0)).where(
        PointsEntry.member_id == member.id
    )
    spend_twd, kept, bought, net_twd = figures(session, member)
    assert (spend_twd, net_twd, bought) == (sum(nets), sum(nets), sum(net > 0 for net in nets))
    assert kept == session.scalar(points) == sum(net // 100 for net in nets)


def is_right(refusal: BusinessError, known: list[int] | None, twd: int) -> bool:
    """Tell whether an order as it was known had to be refused so."""
    if known is None:  # Known once it has counted; else it was called off before.
        return isinstance(refusal, OrderKnown | OrderCancelled)
    if not known:
        return isinstance(refusal, NoSuchOrder)
    if isinstance(refusal, RefundRefused):
        return not known[1] <= twd <= known[0]
    return isinstance(refusal, OrderKnown) and known[0] != twd


def test_lines_of_an_order_are_kept(session: Session, buyer: Member, web: Store) -> None:
    lines = (Line("茶葉禮盒", 920, 2), Line("提袋", 20))
    made = record_order(session, order(buyer, web, 1_020, shipping_twd=80, lines=lines), NOON)
    assert made.recorded is not None
    assert made.recorded.purchase_id == get_order(session, SHOP, REF).purchase.id  # type: ignore[union-attr]
