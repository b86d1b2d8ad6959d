"""Thresholds: from the basket, and from where members stop; golden values of the articles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from models.analysis import (
    find_stall,
    first_threshold,
    gap_text,
    list_add_ons,
    propose,
    second_threshold,
)
from models.analysis.design import Wishes, read_design
from models.analysis.refusals import EdgesRefused, ParameterRefused
from models.analysis.scope import REPEAT, Scope
from models.analysis.stall import read_stall, usual_edges
from models.catalogue import Item, archive_item, keep_items
from models.lifecycle.refusals import BeforeTheShopOpened, DayNotYet
from models.local_day import local_day
from models.member import Member
from models.purchase import refigure
from tests.conftest import NOON, Maker
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
TODAY = local_day(NOON)
EDGES = (1_000, 2_000, 3_000, 4_000, 5_000, 10_000, 15_000, 20_000)
MEMBERS = (400, 3_600, 1_550, 1_640, 760, 600, 800, 400, 2_000)
"""11,350 came as far as the second band; after it the ratio has peaks at 4,000 and 15,000."""


# --- from the basket ---


def test_the_first_threshold_lies_just_above_one_basket() -> None:
    """C-02: 1,500 → 1,600: the roundest number of 5% to 10% more; a cup of tea has one too."""
    assert first_threshold(1_500) == 1_600
    rounded = [first_threshold(basket_twd) for basket_twd in (1, 10, 38, 95, 99, 480, 12_345)]
    assert rounded == [2, 11, 40, 100, 105, 510, 13_000]


def test_the_second_threshold_is_the_baskets_until_members_stay() -> None:
    """C-03: 1,500 × 3 = 4,500; rounded up a little where the product is crooked."""
    assert second_threshold(1_500, 3) == 4_500
    assert [second_threshold(basket_twd, 3) for basket_twd in (1_487, 95, 38)] == [4_500, 290, 115]


def test_thresholds_can_be_edited_and_many_tiers_are_warned_of() -> None:
    """C-03, T5: k comes from the figures and may be changed; above three tiers a warning."""
    asked = propose(1_500, 3)
    assert (asked.first_twd, asked.second_twd, asked.tiers, asked.notes) == (1_600, 4_500, 3, ())
    assert propose(1_500, 3, orders=5).second_twd == 7_500
    assumed = propose(1_500, None)
    assert (assumed.orders, [note.code for note in assumed.notes]) == (3, ["k_assumed"])
    four = propose(1_500, 3, further_twd=(15_000,))
    assert (four.tiers, [note.code for note in four.notes]) == (4, ["many_tiers"])
    assert four.notes[0].text("zh-TW") == "共 4 個等級：超過 3 級，會員較難理解。"


@pytest.mark.parametrize(
    ("basket_twd", "orders", "further_twd"),
    [(0, None, ()), (-5, None, ()), (1_500, 1, ()), (1_500, 101, ()), (1_500, 3, (4_000,))],
)
def test_a_proposal_that_makes_no_sense_is_refused(
    basket_twd: int, orders: int | None, further_twd: Sequence[int]
) -> None:
    """C-03: no basket (more given back than bought), one order, thresholds that do not rise."""
    with pytest.raises(ParameterRefused):
        propose(basket_twd, 3, orders=orders, further_twd=further_twd)


def test_a_basket_is_offered_what_fills_the_gap(session: Session) -> None:
    """C-02: 再買 NT$100 升級, with what is on the shelf and closest to it."""
    assert gap_text(100, "zh-TW") == "再買 NT$100 升級"
    items = [
        Item("CUP", "環保吸管杯", price_twd=280),
        Item("MT", "經典奶茶", price_twd=50),
        Item("PT", "珍珠奶茶", price_twd=55),
        Item("TF", "芋頭鮮奶茶", price_twd=100, is_available=False),
        Item("BOX", "茶葉", price_twd=120),
        Item("OLD", "舊品", price_twd=100),
        Item("FREE", "贈品", price_twd=0),
    ]
    keep_items(session, items, NOON)
    archive_item(session, "OLD", NOON)
    found = [(item.sku, item.pieces, item.amount_twd) for item in list_add_ons(session, 100)]
    assert found == [("MT", 2, 100), ("PT", 2, 110), ("BOX", 1, 120)]


# --- where members stop ---


def test_the_band_where_most_stop_gives_the_threshold() -> None:
    """C-04: 3,600 ÷ 11,350 = 0.3172 is marked → over 2,000; later peaks 4,000 and 15,000."""
    found = find_stall(EDGES, MEMBERS)
    marked = found.marked
    assert marked is not None
    assert (marked.members, marked.and_above) == (3_600, 11_350)
    assert marked.as_json()["ratio"] == 0.3172
    assert found.first_over_twd == 2_000
    assert [candidate.over_twd for candidate in found.candidates] == [4_000, 15_000]
    assert all(candidate.is_clear for candidate in found.candidates)
    last = found.bands[-1]
    assert (last.ratio, last.is_judged) == (1.0, False)


def test_bands_may_end_elsewhere() -> None:
    """C-04: the edges are the shop's to choose; peaks that chance could make are told as such."""
    found = find_stall((500, 2_000), (4_000, 6_000, 1_350))
    assert (found.first_over_twd, found.candidates) == (2_000, ())
    few = find_stall((1, 2, 3, 4, 5), (90, 30, 36, 20, 10, 60))
    assert [(peak.over_twd, peak.is_clear) for peak in few.candidates] == [(3, False)]


def test_of_equal_bands_the_lowest_is_taken_and_empty_ones_are_none() -> None:
    """C-04: ties are told; nobody in a band is a ratio of 0, nobody above it is no ratio."""
    found = find_stall((10, 20, 30, 40), (100, 0, 50, 50, 0))
    assert found.first_over_twd == 10
    assert [band.ratio for band in found.bands] == [0.5, 0.0, 0.5, 1.0, None]
    codes = [(note.code, note.facts) for note in found.notes]
    assert codes == [("tie", {"count": 2})]
    nobody = find_stall((10,), (0, 0))
    assert (nobody.marked, [note.code for note in nobody.notes]) == (None, ["no_buyers"])
    all_above = find_stall((10,), (0, 100))
    assert (all_above.marked, [note.code for note in all_above.notes]) == (None, ["no_stall"])


def test_few_members_are_shown_and_not_judged() -> None:
    """C-04: one purchase in the whole shop is no stall."""
    found = find_stall((1_000, 2_000), (1, 0, 0))
    assert found.first_over_twd is None
    assert [note.code for note in found.notes] == ["few_members", "no_stall"]


@pytest.mark.parametrize(
    "edges", [(), (2_000, 1_000), (1_000, 1_000), (0, 10), (-5, 10), tuple(range(1, 63))]
)
def test_edges_out_of_order_are_refused(edges: tuple[int, ...]) -> None:
    """C-04, bad input: none, falling, equal, not above zero, too many."""
    with pytest.raises(EdgesRefused) as refused:
        find_stall(edges, [1] * (len(edges) + 1))
    assert "由小到大" in refused.value.facts["advice"]["zh-TW"]


def test_the_usual_bands_are_even_and_round() -> None:
    """C-04: twenty of one width, so that they can be compared."""
    assert usual_edges(15_800) == tuple(range(1_000, 20_001, 1_000))
    assert [usual_edges(high_twd)[0] for high_twd in (0, 20, 21, 1_900, 4_001)] == [
        1,
        1,
        2,
        100,
        500,
    ]


def test_the_shops_members_are_banded_net_of_refunds(
    session: Session, make_member: MakeMember
) -> None:
    """C-04, T8: an edge belongs to the band below it; refunds count, prospects do not."""
    edges = (100, 200)
    exact, over, back, twice = (make_member() for _ in range(4))
    make_member(name="還沒買")
    buy(session, exact, 100)
    buy(session, over, 101)
    for _ in range(2):
        buy(session, twice, 120)
    take_back(session, back, buy(session, back, 150), 60)
    gone = make_member()
    take_back(session, gone, buy(session, gone, 500))
    found = read_stall(session, Scope(TODAY), NOON, edges)
    assert [band.members for band in found.bands] == [2, 1, 1]
    repeat = read_stall(session, Scope(TODAY, REPEAT), NOON, edges)
    assert [band.members for band in repeat.bands] == [0, 0, 1]


def test_a_window_counts_what_was_bought_and_given_back_within_it(
    session: Session, make_member: MakeMember
) -> None:
    """C-04: a window of n days ends with the day asked about; as of an earlier day alike."""
    member = make_member(joined_at=NOON - timedelta(days=90))
    maker = Maker()
    maker.spend(session, member, 1_000, TODAY - timedelta(days=30))
    maker.spend(session, member, 300, TODAY - timedelta(days=29))
    refigure(session, [member.id])
    take_back(session, member, buy(session, member, 50, now=NOON), now=NOON)

    def band_of(scope: Scope) -> list[int]:
        return [band.members for band in read_stall(session, scope, NOON, (300, 999)).bands]

    assert band_of(Scope(TODAY)) == [0, 0, 1]
    assert band_of(Scope(TODAY, window_days=30)) == [1, 0, 0]
    assert band_of(Scope(TODAY - timedelta(days=1), window_days=30)) == [0, 0, 1]


@pytest.mark.parametrize("window_days", [None, 30])
def test_days_that_cannot_be_told_are_refused(
    session: Session, make_member: MakeMember, window_days: int | None
) -> None:
    """Bad input: before the shop opened, and tomorrow."""
    make_member(joined_at=NOON - timedelta(days=10))
    with pytest.raises(BeforeTheShopOpened):
        read_stall(session, Scope(date(2020, 1, 1), window_days=window_days), NOON)
    with pytest.raises(DayNotYet):
        read_stall(session, Scope(TODAY + timedelta(days=1), window_days=window_days), NOON)


# --- one page ---


def test_a_shop_without_sales_gets_a_page_that_says_so(session: Session) -> None:
    """X4: no members, no thresholds; with a basket of one's own there are."""
    found = read_design(session, Scope(TODAY), NOON, Wishes())
    assert (found.thresholds, found.budget, found.top_members) == (None, None, 0)
    assert [note.code for note in found.stall.notes] == ["no_buyers"]
    told = read_design(session, Scope(TODAY), NOON, Wishes(basket_twd=1_500, orders=3))
    assert told.thresholds is not None
    assert (told.thresholds.first_twd, told.thresholds.second_twd) == (1_600, 4_500)
    assert [note.code for note in told.thresholds.notes] == ["no_add_ons"]


def test_the_page_has_the_budget_of_who_reaches_the_top(
    session: Session, make_member: MakeMember
) -> None:
    """X4, C-08: one page; the best member's 50,000 at 10% profit and 5% rebate leave 2,500."""
    make_member(spend_twd=50_000)
    wishes = Wishes(
        basket_twd=1_500,
        orders=3,
        margin_percent=Decimal(10),
        rebate_percent=Decimal(5),
    )
    found = read_design(session, Scope(TODAY), NOON, wishes)
    assert (found.top_members, found.top_each_twd) == (1, 50_000)
    assert found.budget is not None
    assert (found.budget.left_twd, found.budget.is_red) == (2_500, False)
