"""What coupons take off a basket: within the amount, one of a group, whatever the order."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import BusinessError
from models.coupon import (
    Coupon,
    CouponNeedsMore,
    CouponNotHere,
    CouponNotUsable,
    CouponsDoNotCombine,
    CouponTemplate,
    find_obstacle,
    price_basket,
)
from tests.conftest import NOON
from tests.models.coupon_maker import basket


@dataclass(frozen=True)
class Item:
    """One line of a basket."""

    sku: str | None
    quantity: int
    amount_twd: int


def coupon(
    coupon_id: int = 1, *, state: str = "issued", pack: str | None = None, **told: object
) -> Coupon:
    row: dict[str, object] = {
        "code": f"t{coupon_id}",
        "kind": "amount",
        "value": 30,
        "min_spend_twd": 0,
        "combines": "with_others",
        "priority": 100,
        "tier_codes": [],
        "store_codes": [],
        "channels": [],
    }
    return Coupon(
        id=coupon_id,
        template=CouponTemplate(**row | told),
        state=state,
        usable_from=NOON - timedelta(days=1),
        expires_at=NOON + timedelta(days=1),
        pack_key=pack,
    )


def prices(coupons: list[Coupon], amount_twd: int = 200, **told: object) -> list[tuple[int, int]]:
    priced = price_basket(coupons, basket(amount_twd, **told), NOON)
    return [(one.id, discount_twd) for one, discount_twd in priced]


def test_a_percent_is_rounded_down_and_capped() -> None:
    assert prices([coupon(kind="percent", value=20)], 99) == [(1, 19)]
    assert prices([coupon(kind="percent", value=20, cap_twd=50)], 1_000) == [(1, 50)]


def test_several_are_taken_off_in_their_stated_order() -> None:
    amount = coupon(1, value=50, priority=200)
    percent = coupon(2, kind="percent", value=10, priority=100)
    assert prices([amount, percent], 200) == [(2, 20), (1, 50)]
    percent.template.priority = 300
    assert prices([amount, percent], 200) == [(1, 50), (2, 15)]


def test_together_they_never_take_more_than_there_is() -> None:
    assert prices([coupon(1, value=80), coupon(2, value=80)], 100) == [(1, 80), (2, 20)]


def test_free_shipping_takes_off_the_shipping() -> None:
    free = coupon(kind="free_shipping", value=0)
    assert prices([free], 500, shipping_twd=60) == [(1, 60)]
    assert prices([free], 500) == [(1, 0)]


def test_an_item_takes_off_one_of_it_and_a_second_coupon_the_next() -> None:
    lines = (Item("tea", 2, 110), Item("tea", 1, 70), Item("milk", 1, 90), Item(None, 1, 5))
    free = [coupon(n, kind="item", value=0, item_sku="tea") for n in range(1, 5)]
    assert prices(free, 275, lines=lines) == [(1, 70), (2, 55), (3, 55), (4, 0)]
    assert prices([coupon(kind="gift", value=0)], 275, lines=lines) == [(1, 0)]


@pytest.mark.parametrize(
    ("one", "refusal"),
    [
        (coupon(state="redeemed"), CouponNotUsable),
        (coupon(state="locked", pack="p"), CouponNotUsable),
        (coupon(min_spend_twd=201), CouponNeedsMore),
        (coupon(store_codes=["TC01"]), CouponNotHere),
        (coupon(tier_codes=["gold", "black"]), CouponNotHere),
        (coupon(channels=["online"]), CouponNotHere),
    ],
    ids=["used", "locked", "minimum", "store", "tier", "channel"],
)
def test_what_does_not_fit_is_refused(one: Coupon, refusal: type[BusinessError]) -> None:
    with pytest.raises(refusal):
        prices([one])
    assert isinstance(find_obstacle(one, basket(), NOON), refusal)


def test_what_fits_is_let_pass() -> None:
    fitting = coupon(store_codes=["TP01"], tier_codes=["basic"], channels=["till"])
    assert find_obstacle(fitting, basket(), NOON) is None


@pytest.mark.parametrize(
    ("coupons", "fact"),
    [
        ([coupon(1, combines="alone"), coupon(2)], {"twice": [], "alone": True}),
        (
            [coupon(1, combines="drinks"), coupon(2, combines="drinks")],
            {"twice": ["group:drinks"], "alone": False},
        ),
        (
            [coupon(1, pack="w"), coupon(2, pack="w")],
            {"twice": ["pack:w"], "alone": False},
        ),
        ([coupon(1), coupon(1)], {"twice": ["coupon:1"], "alone": False}),
    ],
    ids=["alone", "group", "pack", "itself"],
)
def test_what_does_not_go_together_is_refused(
    coupons: list[Coupon], fact: dict[str, object]
) -> None:
    """C-01: two coupons of the pack in one order are refused."""
    with pytest.raises(CouponsDoNotCombine) as refusal:
        prices(coupons)
    assert refusal.value.facts == fact


def test_different_groups_and_packs_go_together() -> None:
    several = [
        coupon(1, combines="drinks", pack="w"),
        coupon(2, combines="cakes", pack="v"),
        coupon(3),
    ]
    assert len(prices(several)) == 3


coupons_drawn = st.lists(
    st.builds(
        lambda **told: told,
        kind=st.sampled_from(("amount", "percent")),
        value=st.integers(1, 100),
        combines=st.sampled_from(("alone", "with_others", "a", "b")),
        priority=st.integers(1, 3),
        cap=st.none() | st.integers(1, 50),
        pack=st.sampled_from((None, "p", "q")),
    ),
    max_size=4,
)


@given(drawn=coupons_drawn, amount_twd=st.integers(1, 300))
def test_a_price_is_within_the_amount_one_of_a_group_and_the_same_in_any_order(
    drawn: list[dict[str, object]], amount_twd: int
) -> None:
    """C-11: combination rules hold for any handful of coupons."""
    coupons = []
    for number, told in enumerate(drawn):
        cap, pack = told.pop("cap"), told.pop("pack")
        told["cap_twd"] = cap if told["kind"] == "percent" else None
        coupons.append(coupon(number, pack=pack, **told))  # type: ignore[arg-type]
    answers: set[object] = set()
    for order in permutations(coupons):
        try:
            answers.add(tuple(prices(list(order), amount_twd)))
        except CouponsDoNotCombine as refusal:
            answers.add(str(refusal.facts["alone"]))
    assert len(answers) == 1
    (answer,) = answers
    rules = [one.template.combines for one in coupons]
    if isinstance(answer, tuple):
        assert sum(discount_twd for _, discount_twd in answer) <= amount_twd
        assert all(discount_twd >= 0 for _, discount_twd in answer)
        assert len(coupons) < 2 or "alone" not in rules
        for group in ("a", "b"):
            assert rules.count(group) <= 1
        packs = [one.pack_key for one in coupons if one.pack_key]
        assert len(packs) == len(set(packs))
