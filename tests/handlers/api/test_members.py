"""Members: looked up by code, number and phone; why they stand where they stand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import Installation
from models.api_key import READ_MEMBERS, WRITE_EVENTS, WRITE_PURCHASES
from models.coupon import CouponTemplate, issue_coupon
from models.member import Member
from models.member_code import issue_code
from models.membership import erase_member
from tests.conftest import NOON
from tests.handlers.api.conftest import MakeKey, Till

MakeMember = Callable[..., Member]


def test_a_member_is_found_by_number_phone_and_signed_code(
    session: Session, till: Till, make_member: MakeMember, installation: Installation
) -> None:
    member = make_member(points=120, phone="+886912345678")
    session.commit()
    code = issue_code(installation.settings.signing_key, member.card_ref, NOON).text

    answers = [
        till.post("/members/lookup", who)
        for who in ({"number": member.number}, {"phone": "0912-345-678"}, {"code": code})
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json == answers[1].json == answers[2].json
    told = answers[0].json
    assert told is not None
    assert (told["number"], told["points"], told["name"]) == (member.number, 120, "王小明")
    assert told["phone"] == "0912-***-678"


def test_a_till_without_the_scope_sees_a_masked_name(
    session: Session, client: FlaskClient, make_member: MakeMember, make_key: MakeKey
) -> None:
    member = make_member(name="王小明")
    session.commit()

    told = Till(client, make_key(WRITE_PURCHASES)).get(f"/members/{member.number}").json

    assert told is not None
    assert (told["name"], told["is_name_masked"]) == ("王○明", True)


def test_a_look_up_shows_what_the_member_can_use(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    member = make_member()
    template = session.scalars(select(CouponTemplate).where(CouponTemplate.is_active)).first()
    assert template is not None
    coupon = issue_coupon(session, member.id, template, issue_key="test", now=NOON)
    assert coupon is not None
    session.commit()

    told = till.get(f"/members/{member.number}", Accept_Language="en").json

    assert told is not None
    assert [(each["id"], each["name"]) for each in told["coupons"]] == [
        (coupon.id, template.name["en"])
    ]


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ({"number": "820104417"}, 404, "no_such_member"),
        ({"phone": "0912345678"}, 404, "no_such_member"),
        ({"phone": "1"}, 404, "no_such_member"),
        ({"code": "hello"}, 422, "not_a_member_code"),
        ({"number": "1"}, 422, "invalid_request"),
        ({}, 422, "invalid_request"),
        ({"number": "820104417", "phone": "0912345678"}, 422, "invalid_request"),
        ({"number": None}, 422, "invalid_request"),
        ({"name": "王小明"}, 422, "invalid_request"),
        ([], 422, "invalid_request"),
    ],
)
def test_who_is_nobody_is_refused(till: Till, who: object, status: int, code: str) -> None:
    answer = till.post("/members/lookup", who)

    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_a_code_is_over_after_its_minute(
    session: Session, till: Till, make_member: MakeMember, installation: Installation, clock: object
) -> None:
    """U7: a screenshot is refused."""
    member = make_member()
    session.commit()
    code = issue_code(installation.settings.signing_key, member.card_ref, NOON).text
    clock.advance(minutes=3)  # type: ignore[attr-defined]  # The fixture's clock.

    answer = till.post("/members/lookup", {"code": code})

    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (422, "member_code_expired")


def test_who_has_left_is_found_no_more(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    member = make_member()
    erase_member(session, member, evidence="test", now=NOON)
    session.commit()

    assert till.get(f"/members/{member.number}").status_code == 404


def test_why_a_member_is_in_their_tier(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    """X5: the API returns the deciding facts."""
    member = make_member(spend_twd=8_000)
    session.commit()

    answer = till.get(f"/members/{member.number}/tier")

    assert answer.status_code == 200
    assert answer.json is not None
    assert (answer.json["tier"], answer.json["next"]["gap"]) == ("silver", 7_000)


def test_look_ups_are_few(till: Till) -> None:
    """Section 4: enumeration is slowed."""
    answers = [till.post("/members/lookup", {"number": "820104417"}) for _ in range(61)]

    assert [answer.status_code for answer in answers] == [404] * 60 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert answers[0].headers["RateLimit-Limit"] == "60"
    assert answers[0].headers["RateLimit-Remaining"] == "59"


def test_another_scope_opens_no_members(client: FlaskClient, make_key: MakeKey) -> None:
    asking = Till(client, make_key(WRITE_EVENTS))

    for path in ("/members/820104417", "/members/820104417/tier"):
        answer = asking.get(path)
        assert answer.json is not None
        assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")
    assert Till(client, make_key(READ_MEMBERS)).get("/members/820104417").status_code == 404
