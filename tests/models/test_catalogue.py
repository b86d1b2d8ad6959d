"""The catalogue: kept in batches, found by sku or barcode, and known to the lines of a sale."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.catalogue import (
    MOST_AT_ONCE,
    BarcodeTaken,
    CatalogueItem,
    Item,
    ItemRefused,
    Kept,
    NoSuchItem,
    TooManyItems,
    archive_item,
    find_item,
    get_items,
    keep_items,
    list_bestsellers,
    list_items,
)
from models.checkout import Line, Sale, preview_purchase, record_purchase
from models.member import Member
from models.purchase import Purchase, PurchaseLine
from models.shop import Store
from tests.conftest import NOON, Committed
from tests.handlers.statements import count_statements
from tests.models.shopping import take_back

MakeMember = Callable[..., Member]
MILK_TEA = Item("MT-L", "珍珠鮮奶茶（大）", "4710000000017", "鮮奶茶", 75, 24)


def keep(session: Session, *items: Item, now: object = NOON) -> Kept:
    kept = keep_items(session, items, now)  # type: ignore[arg-type]  # A moment.
    session.expire_all()
    return kept


def sell(
    session: Session, member: Member, store: Store, *lines: Line, key: str = "k", days_ago: int = 0
) -> Purchase:
    sale = Sale(member.id, store, None, sum(line.amount_twd for line in lines), key, lines=lines)
    return record_purchase(session, sale, NOON - timedelta(days=days_ago)).purchase


# --- keeping


def test_an_item_told_again_changes_and_is_not_doubled(session: Session) -> None:
    """B-09: catalogue items with their cost."""
    assert keep(session, MILK_TEA) == Kept(new=1, changed=0, same=0)
    later = NOON + timedelta(hours=1)
    dearer = Item("MT-L", "珍珠鮮奶茶（大）", price_twd=80)
    assert keep(session, dearer, Item("GT-M", "四季春"), now=later) == Kept(1, 1, 0)

    item = session.get_one(CatalogueItem, "MT-L")
    assert (item.price_twd, item.cost_twd, item.category) == (80, 24, "鮮奶茶")
    assert item.updated_at == later


def test_what_is_told_again_unchanged_is_not_written(session: Session) -> None:
    keep(session, MILK_TEA)
    assert keep(session, MILK_TEA, now=NOON + timedelta(days=1)) == Kept(0, 0, 1)
    assert session.get_one(CatalogueItem, "MT-L").updated_at == NOON


def test_what_is_left_out_stays_and_an_empty_text_takes_it_away(session: Session) -> None:
    keep(session, MILK_TEA)
    keep(session, Item("MT-L", "珍珠鮮奶茶（大）", barcode="", is_available=False))
    item = session.get_one(CatalogueItem, "MT-L")
    assert (item.barcode, item.category, item.is_available) == (None, "鮮奶茶", False)
    keep(session, Item("MT-L", "珍珠鮮奶茶（大）"), Item("NEW", "新品", barcode="", category=""))
    assert not session.get_one(CatalogueItem, "MT-L").is_available
    new = session.get_one(CatalogueItem, "NEW")
    assert (new.barcode, new.category, new.is_available) == (None, None, True)


def test_a_batch_is_one_statement_whatever_its_size(session: Session) -> None:
    items = [Item(f"S{n:03d}", f"茶 {n}", price_twd=n) for n in range(MOST_AT_ONCE)]
    with count_statements(session) as statements:
        assert keep_items(session, items, NOON).new == MOST_AT_ONCE
    assert len(statements) == 1


def test_a_larger_batch_is_refused(session: Session) -> None:
    items = [Item(f"S{n:03d}", "茶") for n in range(MOST_AT_ONCE + 1)]
    with pytest.raises(TooManyItems):
        keep_items(session, items, NOON)


@pytest.mark.parametrize(
    ("item", "what"),
    [
        (Item("", "茶"), "sku"),
        (Item(" A", "茶"), "sku"),
        (Item("A" * 65, "茶"), "sku"),
        (Item("A", "  "), "name"),
        (Item("A", "茶", price_twd=-1), "price_twd"),
        (Item("A", "茶", cost_twd=10_000_001), "cost_twd"),
        (Item("A", "茶", link="javascript:alert(1)"), "link"),
        (Item("A", "茶", image_url="http://shop.example/a.jpg"), "image_url"),
    ],
)
def test_a_misshapen_item_is_refused_by_field(session: Session, item: Item, what: str) -> None:
    with pytest.raises(ItemRefused) as refused:
        keep_items(session, [item], NOON)
    assert refused.value.facts["what"] == what


def test_an_item_twice_in_a_batch_is_refused(session: Session) -> None:
    with pytest.raises(ItemRefused) as refused:
        keep_items(session, [Item("A", "茶"), Item("A", "紅茶")], NOON)
    assert refused.value.facts == {"sku": "A", "what": "twice"}


def test_two_items_cannot_have_one_barcode(session: Session) -> None:
    keep(session, MILK_TEA)
    for batch in (
        [Item("X", "別的", MILK_TEA.barcode)],
        [Item("Y", "甲", "1"), Item("Z", "乙", "1")],
    ):
        with pytest.raises(BarcodeTaken) as refused:
            keep_items(session, batch, NOON)
        assert refused.value.facts["barcode"] == batch[-1].barcode
    assert [item.sku for item in list_items(session, limit=9)] == ["MT-L"]


def test_two_batches_at_once_in_any_order_both_come_through(committed: Committed) -> None:
    items = [Item(f"S{n:03d}", "茶", price_twd=n) for n in range(200)]

    def told(batch: list[Item]) -> int:
        with committed.sessions.begin() as session:
            return keep_items(session, batch, NOON).new

    with ThreadPoolExecutor(4) as threads:
        new = list(threads.map(told, [items, items[::-1], items, items[::-1]]))
    assert sum(new) == len(items)


# --- finding


def test_a_scan_finds_by_sku_first_and_then_by_barcode(session: Session) -> None:
    keep(session, MILK_TEA, Item("4710000000017", "名叫條碼的商品"))
    found = find_item(session, "4710000000017")
    assert found is not None
    assert found.name == "名叫條碼的商品"
    archive_item(session, "4710000000017", NOON)
    found = find_item(session, "4710000000017")
    assert found is not None
    assert found.sku == "MT-L"
    assert find_item(session, "nothing") is None


def test_what_is_archived_is_off_the_shelf_until_it_is_told_again(session: Session) -> None:
    keep(session, MILK_TEA)
    archive_item(session, "MT-L", NOON)
    archive_item(session, "MT-L", NOON + timedelta(days=1))
    session.expire_all()
    assert session.get_one(CatalogueItem, "MT-L").archived_at == NOON
    assert list_items(session, limit=9) == []
    assert [item.sku for item in list_items(session, limit=9, even_archived=True)] == ["MT-L"]
    assert set(get_items(session, ["MT-L"])) == {"MT-L"}
    assert keep(session, MILK_TEA).changed == 1
    assert find_item(session, "MT-L") is not None


def test_an_unknown_item_cannot_be_archived(session: Session) -> None:
    with pytest.raises(NoSuchItem):
        archive_item(session, "nothing", NOON)


def test_the_list_goes_on_after_the_last_sku(session: Session) -> None:
    keep(session, *(Item(f"S{n}", "茶") for n in range(5)))
    first = list_items(session, limit=3)
    rest = list_items(session, after=first[-1].sku, limit=3)
    assert [item.sku for item in (*first, *rest)] == [f"S{n}" for n in range(5)]


told = st.builds(
    Item,
    sku=st.sampled_from("ABC"),
    name=st.sampled_from(["茶", "奶茶"]),
    category=st.sampled_from([None, "", "茶", "奶"]),
    cost_twd=st.sampled_from([None, 0, 9]),
    is_available=st.sampled_from([None, True, False]),
    link=st.sampled_from([None, "", "https://a.example/"]),
)


@given(batches=st.lists(st.lists(told, max_size=3, unique_by=lambda item: item.sku), max_size=6))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_tellings_leave_what_was_last_said_of_each_field(
    session: Session, batches: list[list[Item]]
) -> None:
    session.execute(delete(CatalogueItem))
    expected: dict[str, dict[str, object]] = {}
    for batch in batches:
        keep(session, *batch)
        for item in batch:
            known = expected.setdefault(
                item.sku, {"category": None, "cost_twd": None, "is_available": True, "link": None}
            )
            known["name"] = item.name
            for name in ("category", "cost_twd", "is_available", "link"):
                said = getattr(item, name)
                if said is not None:
                    known[name] = None if said == "" else said
    kept = {item.sku: item for item in list_items(session, limit=9)}
    assert {
        sku: {name: getattr(item, name) for name in expected[sku]} for sku, item in kept.items()
    } == expected


# --- lines of a sale


def test_a_line_that_names_a_sku_gets_name_category_and_cost(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """B-09: cost stored per order line so margin works; it is of all pieces of the line."""
    keep(session, MILK_TEA)
    purchase = sell(session, make_member(), store, Line("", 150, 2, sku="MT-L"))
    line = session.scalars(select(PurchaseLine).filter_by(purchase_id=purchase.id)).one()
    assert (line.name, line.category, line.cost_twd) == ("珍珠鮮奶茶（大）", "鮮奶茶", 48)


def test_what_the_asker_said_of_a_line_stays(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    keep(session, MILK_TEA)
    lines = (
        Line("特調", 80, sku="MT-L", category="特調", cost_twd=0),
        Line("", 10, sku="UNKNOWN"),
        Line("提袋", 2),
    )
    purchase = sell(session, make_member(), store, *lines)
    kept = session.scalars(
        select(PurchaseLine).filter_by(purchase_id=purchase.id).order_by(PurchaseLine.line_no)
    ).all()
    assert [(line.name, line.category, line.cost_twd) for line in kept] == [
        ("特調", "特調", 0),
        ("UNKNOWN", None, None),
        ("提袋", None, None),
    ]


@pytest.mark.parametrize("lines", [(), (Line("提袋", 100),)])
def test_sales_that_name_no_sku_ask_no_catalogue(
    session: Session,
    make_member: MakeMember,
    store: Store,
    lines: tuple[Line, ...],
) -> None:
    sale = Sale(make_member().id, store, None, 100, "k", lines=lines)
    with count_statements(session) as statements:
        record_purchase(session, sale, NOON)
    assert not asks_catalogue(statements)


def test_the_preview_knows_the_category_too(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    keep(session, MILK_TEA)
    sale = Sale(make_member().id, store, None, 75, "k", lines=(Line("", 75, sku="MT-L"),))
    with count_statements(session) as statements:
        preview_purchase(session, sale, NOON)
    assert asks_catalogue(statements)


def asks_catalogue(statements: list[str]) -> bool:
    return any("catalogue_item" in statement for statement in statements)


# --- what sells best


def test_the_five_bestsellers_of_thirty_days_can_be_had(
    session: Session, make_member: MakeMember, make_store: Callable[..., Store], store: Store
) -> None:
    """A-07: a Top-5 block from the last 30 days' sales, without what is out of stock."""
    keep(session, *(Item(f"S{n}", f"茶 {n}") for n in range(8)))
    keep(session, Item("S7", "茶 7", is_available=False))
    member, other = make_member(), make_store()
    for number in range(8):
        place = other if number % 2 else store
        line = Line("", 10 * (number + 1), number + 1, sku=f"S{number}")
        sell(session, member, place, line, key=f"k{number}")
    sell(session, member, store, Line("", 500, 50, sku="S0"), key="old", days_ago=30)
    sell(session, member, store, Line("散裝", 500, 50), key="nameless")
    archive_item(session, "S6", NOON)
    best = list_bestsellers(session, NOON)
    assert [(each.item.sku, each.sold) for each in best] == [
        ("S5", 6),
        ("S4", 5),
        ("S3", 4),
        ("S2", 3),
        ("S1", 2),
    ]


def test_what_was_given_back_was_not_sold(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    keep(session, Item("A", "茶"), Item("B", "茶"))
    member = make_member()
    undone = sell(session, member, store, Line("", 90, 9, sku="A"), key="a")
    sell(session, member, store, Line("", 10, 1, sku="B"), key="b")
    session.refresh(member)
    take_back(session, member, undone)
    assert [each.item.sku for each in list_bestsellers(session, NOON)] == ["B"]
