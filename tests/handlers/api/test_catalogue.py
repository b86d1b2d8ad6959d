"""Catalogue items over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from models.api_key import READ_PURCHASES, WRITE_CATALOGUE
from models.member import Member
from tests.handlers.api.conftest import MakeKey, Till

MakeMember = Callable[..., Member]
ITEM = {"sku": "MT/L", "name": "珍珠鮮奶茶", "barcode": "4710", "cost_twd": 24, "price_twd": 75}


def put(till: Till, *items: dict[str, Any]) -> Any:
    return till.send("PUT", "/catalogue/items", {"items": items})


def test_items_are_told_in_a_batch_and_read_by_sku(till: Till) -> None:
    """B-09: catalogue items with cost."""
    assert put(till, ITEM).json == {"new": 1, "changed": 0, "same": 0}
    assert put(till, ITEM, ITEM | {"sku": "X", "barcode": ""}).json == {
        "new": 1,
        "changed": 0,
        "same": 1,
    }
    told = till.get("/catalogue/items/MT/L").json
    assert told is not None
    assert (told["cost_twd"], told["is_available"], told["is_archived"]) == (24, True, False)


def test_the_list_has_pages(till: Till) -> None:
    put(till, *({"sku": f"S{n}", "name": "茶"} for n in range(5)))
    first = till.get("/catalogue/items?limit=3").json
    assert first is not None
    rest = till.get(f"/catalogue/items?limit=3&cursor={first['next']}").json
    assert rest is not None
    assert [item["sku"] for item in (*first["items"], *rest["items"])] == [
        f"S{n}" for n in range(5)
    ]
    assert rest["next"] is None


def test_an_archived_item_leaves_the_list_and_can_be_read(till: Till) -> None:
    put(till, ITEM)
    told = till.send("DELETE", "/catalogue/items/MT/L").json
    assert told is not None
    assert told["is_archived"]
    assert till.get("/catalogue/items").json == {"next": None, "items": []}
    assert till.get("/catalogue/items/MT/L").status_code == 200
    assert till.send("DELETE", "/catalogue/items/unknown").json["code"] == "no_such_item"  # type: ignore[index]


@pytest.mark.parametrize(
    ("items", "status", "code"),
    [
        ([{"sku": "A"}], 422, "invalid_request"),
        ([], 422, "invalid_request"),
        ([{"sku": "A", "name": "茶", "cost_twd": -1}], 422, "invalid_request"),
        ([{"sku": "A", "name": "茶", "is_available": 1}], 422, "invalid_request"),
        ([{"sku": "A\x00", "name": "茶"}], 422, "invalid_request"),
        ([{"sku": "A", "name": "茶", "image_url": "http://a.example/"}], 422, "item_refused"),
        ([{"sku": "A", "name": "茶"}, {"sku": "A", "name": "茶"}], 422, "item_refused"),
        (
            [
                {"sku": "A", "name": "茶", "barcode": "1"},
                {"sku": "B", "name": "茶", "barcode": "1"},
            ],
            409,
            "barcode_taken",
        ),
    ],
)
def test_a_batch_that_does_not_fit_is_refused_whole(
    till: Till, items: list[dict[str, Any]], status: int, code: str
) -> None:
    answer = put(till, *items)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert till.get("/catalogue/items").json == {"next": None, "items": []}


def test_what_sells_best_can_be_asked(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    """A-07: the Top-5 block; a line gets what the catalogue knows."""
    member = make_member()
    session.commit()
    put(till, ITEM, {"sku": "OUT", "name": "賣完了", "is_available": False})
    lines = [
        {"sku": "MT/L", "quantity": 2, "amount_twd": 150},
        {"sku": "OUT", "quantity": 9, "amount_twd": 90},
    ]
    sale = {"member": {"number": member.number}, "amount_twd": 240, "lines": lines}
    assert till.post("/purchases", sale).status_code == 201
    best = till.get("/catalogue/bestsellers").json
    assert best is not None
    assert [(each["item"]["sku"], each["sold"]) for each in best["items"]] == [("MT/L", 2)]


def test_only_its_own_scope_writes_the_catalogue(client: FlaskClient, make_key: MakeKey) -> None:
    assert put(Till(client, make_key(READ_PURCHASES)), ITEM).status_code == 403
    assert put(Till(client, make_key(WRITE_CATALOGUE)), ITEM).status_code == 200
