"""B-23: orders of web shops over the API, counted once with tills and files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.api_key import READ_PURCHASES
from models.benefit import add_benefit
from models.member import Member
from models.purchase import Purchase
from models.shop import Store, get_shop
from tests.handlers.api.conftest import MakeKey, Till
from tests.models.coupon_maker import give, make_template

MakeMember = Callable[..., Member]
ADDRESS = "/orders/shopline/S-1001"


@pytest.fixture
def web(
    session: Session, client: FlaskClient, make_store: Callable[..., Store], make_key: MakeKey
) -> Till:
    """Return the web shop, whose key is of a store of its own."""
    make_store("WEB", "線上商店")
    return Till(client, make_key(store="WEB"))


@pytest.fixture
def buyer(session: Session, make_member: MakeMember) -> Member:
    member = make_member(phone="+886912345678", points=100)
    session.commit()
    return member


def order(**told: Any) -> dict[str, Any]:
    return {
        "source": "shopline",
        "reference": "S-1001",
        "member": {"phone": "0912345678"},
        "amount_twd": 1_000,
    } | told


def change(web: Till, status: str, **told: Any) -> Any:
    return web.send("PUT", ADDRESS, {"status": status} | told)


def points(session: Session, member: Member) -> int:
    session.expire_all()
    return session.get_one(Member, member.id).points


def test_an_order_is_told_read_and_told_again(session: Session, web: Till, buyer: Member) -> None:
    lines = [{"name": "茶葉", "amount_twd": 920}]
    body = order(shipping_twd=80, lines=lines, paid_twd=950)
    first = web.post("/orders", body)
    assert first.status_code == 201
    assert first.json is not None
    assert first.headers["Location"] == f"/api/v1{ADDRESS}"
    told = first.json["purchase"]
    assert (told["channel"], told["store"], told["paid_twd"]) == ("web", "WEB", 950)
    assert (first.json["status"], first.json["shipping_twd"]) == ("paid", 80)
    again = web.post("/orders", body)
    assert (again.status_code, again.json) == (200, first.json)
    assert web.get(ADDRESS).json == first.json
    assert points(session, buyer) == 109
    other = web.post("/orders", body | {"paid_twd": 900})
    assert (other.status_code, other.json["code"]) == (409, "order_known")  # type: ignore[index]


def test_a_till_and_a_web_shop_tell_one_order(
    session: Session, web: Till, till: Till, buyer: Member
) -> None:
    """B-23: whichever comes first, the other is answered with it."""
    sale = {
        "member": {"number": buyer.number},
        "amount_twd": 1_000,
        "source": "shopline",
        "source_ref": "S-1001",
    }
    shop_till = Till(web.client, web.secret)
    assert shop_till.post("/purchases", sale).status_code == 201
    assert web.post("/orders", order(paid_twd=1_000)).status_code == 200
    assert session.scalar(select(func.count()).select_from(Purchase)) == 1
    assert points(session, buyer) == 110


def test_what_becomes_of_an_order_is_a_state(session: Session, web: Till, buyer: Member) -> None:
    web.post("/orders", order())
    for _ in range(2):
        told = change(web, "refunded", refunded_twd=300)
        assert (told.status_code, told.json["status"]) == (200, "refunded")
        assert told.json["purchase"]["net_twd"] == 700
    assert change(web, "refunded", refunded_twd=299).json["code"] == "refund_refused"
    for _ in range(2):
        told = change(web, "cancelled", reason="買家取消")
        assert (told.json["status"], told.json["purchase"]["is_undone"]) == ("cancelled", True)
    assert points(session, buyer) == 100
    assert change(web, "paid").json["code"] == "order_cancelled"


def test_an_order_called_off_early_never_counts(session: Session, web: Till, buyer: Member) -> None:
    told = change(web, "cancelled")
    assert (told.status_code, told.json["status"], told.json["purchase"]) == (
        200,
        "cancelled",
        None,
    )
    answer = web.post("/orders", order())
    assert (answer.status_code, answer.json["code"]) == (409, "order_cancelled")  # type: ignore[index]
    assert points(session, buyer) == 100


def test_a_preview_says_what_is_paid_and_whether_it_ships_free(
    session: Session, web: Till, buyer: Member
) -> None:
    """B-23: the benefit of free shipping, coupon and points in one preview, as recorded after."""
    add_benefit(session, "free_shipping", {"times_a_month": 1}, tier_id=buyer.tier_id)
    get_shop(session).programme_version += 1
    coupon = give(session, buyer, make_template(session, value=50))
    session.commit()
    cart = {
        "member": {"number": buyer.number},
        "amount_twd": 1_080,
        "shipping_twd": 80,
        "coupons": [coupon.id],
        "points_to_use": 100,
    }
    told = web.post("/orders/preview", cart).json
    assert told is not None
    assert (told["ships_free"], told["amount_twd"], told["paid_twd"]) == (True, 1_000, 850)
    paid = cart | {
        "source": "shopline",
        "reference": "S-1001",
        "amount_twd": 1_000,
        "shipping_twd": 0,
        "shipping_waived": True,
        "paid_twd": 850,
    }
    made = web.post("/orders", paid).json
    assert made is not None
    assert made["purchase"]["points_earned"] == told["points_earned"]
    assert made["shipping_waived"]
    rest = web.post("/orders/preview", cart | {"coupons": [], "points_to_use": 0}).json
    assert rest is not None
    assert (rest["ships_free"], rest["paid_twd"]) == (False, 1_080)


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({"member": {"phone": "0900000009"}}, 404, "no_such_member"),
        ({"amount_twd": 0}, 422, "invalid_request"),
        ({"shipping_twd": 1_000}, 422, "invalid_request"),
        ({"paid_twd": 1_001}, 422, "payment_refused"),
        ({"lines": [{"name": "茶", "amount_twd": 999}]}, 422, "lines_differ"),
        ({"points_to_use": 101}, 409, "insufficient_points"),
        ({"coupons": [1]}, 409, "coupon_not_usable"),
        ({"reference": "a/b"}, 422, "invalid_request"),
        ({"reference": ".."}, 422, "invalid_request"),
        ({"source": "Shop"}, 422, "invalid_request"),
        ({"ordered_at": "2026-11-01T00:00:00+08:00"}, 422, "sold_too_long_ago"),
    ],
)
def test_an_order_that_cannot_be_is_refused(
    web: Till, buyer: Member, told: dict[str, Any], status: int, code: str
) -> None:
    answer = web.post("/orders", order(**told))
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert web.get(ADDRESS).status_code == 404


@pytest.mark.parametrize(
    "told",
    [{"status": "sent"}, {"status": "cancelled", "refunded_twd": 1}, {}, {"refunded_twd": 1}],
)
def test_a_change_that_says_nothing_is_refused(web: Till, told: dict[str, Any]) -> None:
    assert web.send("PUT", ADDRESS, told).status_code == 422


@pytest.mark.parametrize("status", ["paid", "refunded"])
def test_an_unknown_order_can_only_be_called_off(web: Till, status: str) -> None:
    answer = change(web, status)
    assert (answer.status_code, answer.json["code"]) == (404, "no_such_order")


def test_another_store_neither_reads_nor_changes_it(
    client: FlaskClient, web: Till, till: Till, make_key: MakeKey, buyer: Member
) -> None:
    web.post("/orders", order())
    assert till.get(ADDRESS).status_code == 403
    assert till.send("PUT", ADDRESS, {"status": "cancelled"}).status_code == 403
    reader = Till(client, make_key(READ_PURCHASES, store="WEB"))
    assert reader.get(ADDRESS).status_code == 200
    assert reader.send("PUT", ADDRESS, {"status": "cancelled"}).status_code == 403
