"""Receipt codes over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.api_call import ApiCall
from models.member import Member
from models.purchase import Purchase, PurchaseLine
from models.receipt_code import claim_receipt_code
from tests.conftest import NOON
from tests.handlers.api.conftest import MakeKey, Till

MakeMember = Callable[..., Member]
SALE = {"reference": "000124", "amount_twd": 165}


def test_a_code_is_issued_and_claimed_as_a_purchase(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    """U15: who forgot to scan claims the sale by its code."""
    member = make_member()
    session.commit()
    lines = [{"name": "珍珠奶茶", "amount_twd": 165}]
    answer = till.post("/receipt-codes", SALE | {"lines": lines})
    assert answer.status_code == 201
    assert answer.json is not None
    address = answer.headers["Location"].removeprefix("/api/v1")
    open_ = till.get(address).json
    assert open_ is not None
    assert (open_["state"], open_["purchase_id"]) == ("open", None)
    claim_receipt_code(session, member, answer.json["code"], NOON)
    session.commit()
    claimed = till.get(address).json
    assert claimed is not None
    purchase = session.scalars(select(Purchase)).one()
    assert (claimed["state"], claimed["purchase_id"]) == ("claimed", purchase.id)
    assert session.scalars(select(PurchaseLine.name)).all() == ["珍珠奶茶"]
    refused = till.send("DELETE", address)
    assert (refused.status_code, refused.json["code"]) == (409, "receipt_code_claimed")  # type: ignore[index]


def test_the_same_reference_brings_the_same_code_which_nobody_keeps(
    session: Session, till: Till
) -> None:
    first, again = (till.post("/receipt-codes", SALE) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    assert session.scalars(select(ApiCall)).all() == []
    other = till.post("/receipt-codes", SALE | {"amount_twd": 166})
    assert other.json is not None
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def test_a_cancelled_code_is_nobodys(till: Till) -> None:
    address = till.post("/receipt-codes", SALE).headers["Location"].removeprefix("/api/v1")
    for _ in range(2):
        told = till.send("DELETE", address).json
        assert told is not None
        assert told["state"] == "cancelled"


def test_another_stores_code_is_not_there(
    client: FlaskClient, till: Till, make_key: MakeKey
) -> None:
    address = till.post("/receipt-codes", SALE).headers["Location"].removeprefix("/api/v1")
    other = Till(client, make_key(store="TC01"))
    assert other.get(address).status_code == 404
    assert other.send("DELETE", address).status_code == 404


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({"amount_twd": 0}, 422, "invalid_request"),
        ({"amount_twd": 200_001}, 422, "amount_refused"),
        ({"invoice_number": "1"}, 422, "invoice_number_refused"),
        ({"lines": [{"name": "茶", "amount_twd": 1}]}, 422, "lines_differ"),
        ({"reference": ""}, 422, "invalid_request"),
    ],
)
def test_what_is_no_sale_gets_no_code(
    till: Till, told: dict[str, Any], status: int, code: str
) -> None:
    answer = till.post("/receipt-codes", SALE | told)
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_one_invoice_has_one_code(till: Till) -> None:
    told = SALE | {"invoice_number": "ab-12345678"}
    assert till.post("/receipt-codes", told).status_code == 201
    answer = till.post("/receipt-codes", told | {"reference": "other"})
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (409, "invoice_known")
