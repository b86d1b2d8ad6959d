"""Coupons over the API: a member's list, redeeming one alone, taking that back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from models.api_key import READ_MEMBERS, WRITE_PURCHASES
from models.coupon import Coupon, qr_text
from models.fraud import freeze_member
from models.member import Member
from models.staff import Staff
from tests.conftest import NOON
from tests.handlers.api.conftest import MakeKey, Till
from tests.models.coupon_maker import give, make_template

MakeMember = Callable[..., Member]


@pytest.fixture
def gift(session: Session, make_member: MakeMember) -> Coupon:
    """Return a member's coupon that can be used alone."""
    coupon = give(session, make_member(), make_template(session, kind="gift", value=0))
    session.commit()
    return coupon


def state(session: Session, coupon: Coupon) -> str:
    session.expire_all()
    return session.get_one(Coupon, coupon.id).state


@pytest.mark.parametrize("way", ["id", "code", "qr"])
def test_a_coupon_is_used_up_alone_and_given_back(
    session: Session, till: Till, gift: Coupon, way: str
) -> None:
    """U12: by its id, its code or what its QR says; cancelled, it is the member's again."""
    named = {"id": {"id": gift.id}, "code": {"code": gift.code}, "qr": {"code": qr_text(gift.code)}}
    answer = till.post("/redemptions", {"coupon": named[way]})
    assert answer.status_code == 201
    assert answer.json is not None
    assert (answer.json["coupon"]["state"], answer.json["cancelled_at"]) == ("used", None)
    address = answer.headers["Location"].removeprefix("/api/v1")
    assert till.get(address).json == answer.json
    assert state(session, gift) == "redeemed"
    for _ in range(2):
        told = till.send("DELETE", address).json
        assert told is not None
        assert told["coupon"]["state"] == "usable"
        assert told["cancelled_at"] is not None
    assert state(session, gift) == "issued"


def test_a_repeated_key_uses_it_up_once(session: Session, till: Till, gift: Coupon) -> None:
    first, again = (
        till.post("/redemptions", {"coupon": {"id": gift.id}}, key="k") for _ in range(2)
    )
    assert (first.status_code, first.json) == (again.status_code, again.json)
    other = till.post("/redemptions", {"coupon": {"id": gift.id}})
    assert other.json is not None
    assert (other.status_code, other.json["code"]) == (409, "coupon_not_usable")
    assert other.json["facts"] == {"state": "redeemed"}


def test_what_cannot_be_used_alone_is_refused(
    session: Session, till: Till, make_member: MakeMember, make_staff: Callable[..., Staff]
) -> None:
    member = make_member()
    off = give(session, member, make_template(session))
    elsewhere = give(
        session, member, make_template(session, kind="gift", value=0, store_codes=["TC01"])
    )
    frozen = make_member()
    held = give(session, frozen, make_template(session, kind="gift", value=0))
    freeze_member(session, frozen, reason="not_me", now=NOON)
    session.commit()
    codes = {
        off.id: "coupon_needs_sale",
        elsewhere.id: "coupon_not_here",
        held.id: "card_frozen",
        999_999: "coupon_not_usable",
    }
    for coupon_id, code in codes.items():
        answer = till.post("/redemptions", {"coupon": {"id": coupon_id}})
        assert answer.json is not None
        assert (answer.status_code, answer.json["code"]) == (409, code)


def test_a_clerk_uses_no_coupon_of_their_own(
    session: Session, till: Till, gift: Coupon, make_staff: Callable[..., Staff]
) -> None:
    clerk = make_staff(member_id=gift.member_id)
    session.commit()
    body = {"coupon": {"id": gift.id}, "clerk": clerk.username}
    answer = till.post("/redemptions", body)
    assert answer.json is not None
    assert answer.json["code"] == "own_card"
    assert till.post("/redemptions", body | {"clerk": "nobody"}).status_code in (404, 422)


def test_a_use_in_a_purchase_or_another_store_is_not_cancelled_here(
    session: Session,
    client: FlaskClient,
    till: Till,
    make_key: MakeKey,
    make_member: MakeMember,
    gift: Coupon,
) -> None:
    made = till.post("/redemptions", {"coupon": {"id": gift.id}})
    address = made.headers["Location"].removeprefix("/api/v1")
    other = Till(client, make_key(store="TC01"))
    for answer in (other.get(address), other.send("DELETE", address)):
        assert answer.status_code == 403
    member = make_member()
    coupon = give(session, member, make_template(session))
    session.commit()
    sale = {"member": {"number": member.number}, "amount_twd": 200, "coupons": [coupon.id]}
    assert till.post("/purchases", sale).status_code == 201
    used = till.send("DELETE", f"/redemptions/{made.json['id'] + 1}")  # type: ignore[index]
    assert used.json is not None
    assert (used.status_code, used.json["code"]) == (409, "redemption_not_cancellable")
    assert till.send("DELETE", "/redemptions/999999").status_code == 404


def test_a_members_coupons_are_listed_newest_first(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    member = make_member()
    coupons = [give(session, member, make_template(session)) for _ in range(3)]
    session.commit()
    first = till.get(f"/members/{member.number}/coupons?limit=2").json
    assert first is not None
    rest = till.get(f"/members/{member.number}/coupons?limit=2&cursor={first['next']}").json
    assert rest is not None
    listed = [*first["items"], *rest["items"]]
    assert [each["id"] for each in listed] == [coupon.id for coupon in reversed(coupons)]
    assert {each["state"] for each in listed} == {"usable"}
    assert all("code" not in each for each in listed)


def test_each_right_is_its_own(
    session: Session, client: FlaskClient, make_key: MakeKey, gift: Coupon
) -> None:
    body = {"coupon": {"id": gift.id}}
    for scope in (READ_MEMBERS, WRITE_PURCHASES):
        assert Till(client, make_key(scope)).post("/redemptions", body).status_code == 403
