"""What a member holds, and the movements of their points, over the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from flask_openapi.openapi import OpenAPI
from sqlalchemy.orm import Session

from handlers.api.document import describe_api
from models.api_key import WRITE_PURCHASES
from models.coupon import get_template, issue_coupon
from models.local_day import local_day
from models.member import Member
from models.shop import get_shop
from tests.conftest import NOON
from tests.handlers.api.conftest import MakeKey, Till
from tests.models.shopping import buy

MakeMember = Callable[..., Member]


def test_a_wallet_tells_points_and_what_becomes_of_them(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    """X6: pending, active and expiring points, tier and stamp cards in one answer."""
    soon = local_day(NOON) + timedelta(days=9)
    member = make_member(points=50, points_expire_on=soon)
    shop = get_shop(session)
    shop.return_days = 7
    shop.programme_version += 1
    session.flush()
    buy(session, member, 300)
    issue_coupon(session, member.id, get_template(session, "birthday"), issue_key="b", now=NOON)
    session.commit()
    told = till.get(f"/members/{member.number}/wallet").json
    assert told is not None
    assert (told["points"], told["spendable"], told["pending"]) == (50, 50, 3)
    assert told["expiring"] == [
        {"points": 50, "good_through": (soon - timedelta(days=1)).isoformat()}
    ]
    week = (local_day(NOON) + timedelta(days=7)).isoformat()
    assert told["waiting"] == [{"points": 3, "spendable_on": week}]
    assert told["tier"]["code"] == "basic"
    assert [card["stamps"] for card in told["stamp_cards"]] == [1]
    assert (told["usable_coupons"], told["is_frozen"]) == (1, False)


def test_the_movements_have_pages_of_one_member_only(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    member, other = make_member(points=10), make_member(points=10)
    for day in range(4):
        buy(session, member, 100, now=NOON + timedelta(days=day))
    session.commit()
    address = f"/members/{member.number}/points"
    first = till.get(f"{address}?limit=3").json
    assert first is not None
    rest = till.get(f"{address}?limit=3&cursor={first['next']}").json
    assert rest is not None
    entries = [*first["items"], *rest["items"]]
    assert [entry["reason"] for entry in entries] == ["purchase"] * 4 + ["adjustment"]
    assert [entry["balance_after"] for entry in entries] == [14, 13, 12, 11, 10]
    assert entries[0]["store"]["code"] == "TP01"
    assert rest["next"] is None
    foreign = till.get(f"/members/{other.number}/points?cursor={first['next']}")
    assert (foreign.status_code, foreign.json["code"]) == (400, "bad_cursor")  # type: ignore[index]


@pytest.mark.parametrize("what", ["wallet", "points", "coupons"])
def test_nobody_has_nothing(till: Till, what: str) -> None:
    assert till.get(f"/members/820104417/{what}").status_code == 404


@pytest.mark.parametrize("what", ["wallet", "points"])
def test_a_till_that_only_sells_reads_no_wallets(
    session: Session,
    client: FlaskClient,
    make_key: MakeKey,
    make_member: MakeMember,
    what: str,
) -> None:
    member = make_member()
    session.commit()
    till = Till(client, make_key(WRITE_PURCHASES))
    assert till.get(f"/members/{member.number}/{what}").status_code == 403


def test_no_answer_says_a_bare_letter(app: OpenAPI) -> None:
    """T1: NAPL's L and NASLD's mean opposite things, so no letter stands alone."""
    found = list(_words(describe_api(app)))

    assert "usable" in found
    assert [word for word in found if len(word) == 1 and word.isascii() and word.isalpha()] == []


def _words(part: Any) -> Iterator[str]:
    """Yield every value that the document says an answer may have: enumerations and examples."""
    if isinstance(part, dict):
        for name, value in part.items():
            told = value if name in ("enum", "examples", "example", "const") else None
            yield from _leaves(told)
            yield from _words(value)
    elif isinstance(part, list):
        for value in part:
            yield from _words(value)


def _leaves(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    for value in (
        told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    ):
        yield from _leaves(value)
