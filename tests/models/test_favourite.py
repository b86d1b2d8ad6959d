"""What a member usually buys: an item and a category of the last 365 days (A-16)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models.favourite import favourite_of, work_out
from models.local_day import local_day
from models.member import Member
from models.membership import erase_member
from models.purchase import Purchase, PurchaseLine
from tests.conftest import NOON, Maker
from tests.models.shopping import take_back

MakeMember = Callable[..., Member]
TODAY = local_day(NOON)
Item = tuple[str | None, str, str | None]
"""Number, name and category."""
LATTE: Item = ("D-01", "拿鐵", "咖啡")
MOCHA: Item = ("D-02", "摩卡", "咖啡")
OOLONG: Item = (None, "烏龍茶", "茶")
BAG: Item = (None, "提袋", None)


def sell(
    session: Session, member: Member, days_ago: int, *items: Item, quantity: int = 1
) -> Purchase:
    """Sell some items so many days ago."""
    day = TODAY - timedelta(days=days_ago)
    purchase = Maker().spend(session, member, 100 * len(items), day)
    for number, (sku, name, category) in enumerate(items, start=1):
        session.add(
            PurchaseLine(
                purchase_id=purchase.id,
                line_no=number,
                sku=sku,
                name=name,
                category=category,
                quantity=quantity,
                amount_twd=100,
            )
        )
    session.flush()
    return purchase


def usual(session: Session, member: Member) -> tuple[str, int, str | None, int] | None:
    """Work out and return item, purchases with it, category, purchases with that."""
    work_out(session, [member.id], NOON)
    session.expire_all()
    found = favourite_of(session, member.id)
    if found is None:
        return None
    return found.item_name, found.orders, found.category, found.category_orders


@pytest.fixture
def member(make_member: MakeMember) -> Member:
    return make_member()


def test_the_item_in_most_purchases_leads(session: Session, member: Member) -> None:
    """A-16: 你常點的拿鐵. Two at once are one purchase; the category need not be the item's."""
    sell(session, member, 9, LATTE)
    sell(session, member, 8, LATTE)
    sell(session, member, 7, OOLONG, ("T-2", "綠茶", "茶"), quantity=9)
    sell(session, member, 6, ("T-2", "綠茶", "茶"))
    sell(session, member, 5, ("T-3", "紅茶", "茶"))

    assert usual(session, member) == ("綠茶", 2, "茶", 3)


def test_of_several_the_one_bought_last_leads(session: Session, member: Member) -> None:
    sell(session, member, 3, LATTE)
    sell(session, member, 4, OOLONG)
    assert usual(session, member) == ("拿鐵", 1, "咖啡", 1)

    sell(session, member, 2, OOLONG)
    sell(session, member, 1, MOCHA)
    assert usual(session, member) == ("烏龍茶", 2, "咖啡", 2)


def test_an_item_keeps_its_number_under_a_new_name(session: Session, member: Member) -> None:
    sell(session, member, 9, LATTE)
    sell(session, member, 2, ("D-01", "經典拿鐵", "咖啡"))

    assert usual(session, member) == ("經典拿鐵", 2, "咖啡", 2)
    found = favourite_of(session, member.id)
    assert found is not None
    assert (found.sku, found.stale_on) == ("D-01", TODAY + timedelta(days=356))


def test_items_without_a_category_leave_it_open(session: Session, member: Member) -> None:
    sell(session, member, 2, BAG)

    assert usual(session, member) == ("提袋", 1, None, 0)


@pytest.mark.parametrize(("days_ago", "is_counted"), [(364, True), (365, False)])
def test_the_window_is_365_days(
    session: Session, member: Member, days_ago: int, *, is_counted: bool
) -> None:
    sell(session, member, days_ago, LATTE)

    assert (usual(session, member) is not None) == is_counted


def test_what_was_taken_back_is_not_liked(session: Session, member: Member) -> None:
    """Net of refunds: a whole purchase, or a line of one."""
    for days_ago in (5, 6):
        sell(session, member, days_ago, OOLONG)
    sell(session, member, 9, MOCHA)
    for days_ago in (1, 2, 3):
        take_back(session, member, sell(session, member, days_ago, LATTE))
    partly = sell(session, member, 4, MOCHA, MOCHA)
    session.get_one(PurchaseLine, (partly.id, 1)).refunded_quantity = 1
    session.get_one(PurchaseLine, (partly.id, 2)).refunded_quantity = 1
    session.flush()

    assert usual(session, member) == ("烏龍茶", 2, "茶", 2)


def test_who_bought_nothing_named_has_no_favourite(session: Session, member: Member) -> None:
    """Bad input: a member without purchases, and one of whom no lines are known."""
    assert usual(session, member) is None
    Maker().spend(session, member, 100, TODAY)
    assert usual(session, member) is None
    assert work_out(session, [], NOON) == 0


def test_it_goes_when_the_last_purchase_leaves_the_window(session: Session, member: Member) -> None:
    sell(session, member, 300, LATTE)
    assert work_out(session, [member.id], NOON) == 1
    assert work_out(session, [member.id], NOON + timedelta(days=64)) == 0
    assert work_out(session, [member.id], NOON + timedelta(days=65)) == 1
    session.expire_all()
    assert favourite_of(session, member.id) is None


def test_it_goes_with_who_leaves(session: Session, member: Member) -> None:
    sell(session, member, 3, LATTE)
    work_out(session, [member.id], NOON)

    erase_member(session, member, evidence="test", now=NOON)

    session.expire_all()
    assert favourite_of(session, member.id) is None
    assert usual(session, member) is None
