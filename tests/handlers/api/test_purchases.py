"""Purchases by a till: previewed, recorded once, read, listed, taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import Installation
from models.api_key import READ_PURCHASES, WRITE_PURCHASES
from models.coupon import Coupon, CouponTemplate, issue_coupon
from models.fraud import freeze_member
from models.fraud.freezing import BY_STAFF
from models.member import Member
from models.member_code import issue_code
from models.outbox import Owed
from models.purchase import Purchase, PurchaseLine
from models.staff import Staff
from models.velocity_rule import VelocityRule
from tests.conftest import NOON
from tests.handlers.api.conftest import MakeKey, Till
from tests.handlers.statements import count_statements

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
TEA = [
    {"name": "珍珠奶茶", "category": "milk-tea", "amount_twd": 110, "quantity": 2},
    {"name": "四季春", "amount_twd": 55},
]


def sale(member: Member, amount_twd: int = 165, **told: object) -> dict[str, object]:
    """Return a sale as a till reports it."""
    return {"member": {"number": member.number}, "amount_twd": amount_twd} | told


def coupon_of(session: Session, member: Member, **columns: object) -> Coupon:
    """Give the member a coupon of NT$50, or as `columns` of its template say."""
    template = session.scalars(
        select(CouponTemplate).where(CouponTemplate.kind == "amount", CouponTemplate.is_active)
    ).first()
    assert template is not None
    for name, value in columns.items():
        setattr(template, name, value)
    session.flush()
    coupon = issue_coupon(session, member.id, template, issue_key=f"test:{member.id}", now=NOON)
    assert coupon is not None
    return coupon


def test_a_sale_is_recorded_with_all_that_follows(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    member = make_member(points=10)
    session.commit()

    answer = till.post("/purchases", sale(member, 330, lines=[*TEA, *TEA]))

    assert answer.status_code == 201
    told = answer.json
    assert told is not None
    assert answer.headers["Location"] == f"/api/v1/purchases/{told['id']}"
    assert (told["paid_twd"], told["points_earned"], told["points_balance"]) == (330, 3, 13)
    purchase = session.get_one(Purchase, told["id"])
    assert (purchase.member_id, purchase.paid_twd) == (member.id, 330)
    assert session.scalar(select(func.count()).select_from(PurchaseLine)) == 4
    owed = session.scalars(select(Owed).where(Owed.kind == "receipt")).all()
    assert [row.member_id for row in owed] == [member.id]


def test_coupons_and_points_pay_in_the_same_call(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    member = make_member(points=100)
    coupon = coupon_of(session, member, value=50, min_spend_twd=0)
    session.commit()

    told = till.post("/purchases", sale(member, 330, coupons=[coupon.id], points_to_use=80)).json

    assert told is not None
    assert (told["discount_twd"], told["points_twd"], told["paid_twd"]) == (50, 80, 200)
    session.refresh(coupon)
    assert coupon.state == "redeemed"


def test_a_preview_is_what_the_recording_brings(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    """C-16: what is shown before is what happens."""
    member = make_member(points=100, spend_twd=4_900)
    coupon = coupon_of(session, member, value=50, min_spend_twd=0)
    session.commit()
    asked = sale(member, 495, lines=[*TEA] * 3, coupons=[coupon.id], points_to_use=20)

    foretold = till.post("/purchases/preview", asked).json
    assert session.scalar(select(func.count()).select_from(PurchaseLine)) == 0
    told = till.post("/purchases", asked).json

    assert foretold is not None
    assert told is not None
    own = {"most_points", "needs_approval", "coupons", "offers"}
    assert {name: told[name] for name in foretold if name not in own} == {
        name: value for name, value in foretold.items() if name not in own
    }
    assert (told["upgraded"], told["tier"]["code"]) == (True, "silver")
    assert foretold["most_points"] == 100
    assert [(each["id"], each["discount_twd"]) for each in foretold["coupons"]] == [(coupon.id, 50)]


def test_a_preview_says_why_a_coupon_does_nothing(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    member = make_member()
    coupon = coupon_of(session, member, value=50, min_spend_twd=300)
    session.commit()

    told = till.post("/purchases/preview", sale(member, coupons=[coupon.id])).json

    assert told is not None
    wanted = (coupon.id, 0, "coupon_needs_more", {"min_spend_twd": 300})
    for effects in (told["coupons"], told["offers"]):
        assert [
            (each["id"], each["discount_twd"], each["refusal"], each["facts"]) for each in effects
        ] == [wanted]


def test_a_scanned_code_buys_once(
    session: Session, till: Till, make_member: MakeMember, installation: Installation
) -> None:
    """U9, U10: the second use of a code is refused, whichever key it comes with."""
    member = make_member()
    session.commit()
    code = issue_code(installation.settings.signing_key, member.card_ref, NOON).text
    asked = {"member": {"code": code}, "amount_twd": 100}

    first = till.post("/purchases", asked)
    second = till.post("/purchases", asked)

    assert first.status_code == 201
    assert second.json is not None
    assert (second.status_code, second.json["code"]) == (409, "code_already_used")


def test_an_order_told_twice_counts_once(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    """B-23: by source and reference, whatever the Idempotency-Key."""
    member = make_member()
    session.commit()
    asked = sale(member, source="pos-3", source_ref="000123")

    first = till.post("/purchases", asked)
    again = till.post("/purchases", asked)
    other = till.post("/purchases", asked | {"amount_twd": 166})

    assert [each.status_code for each in (first, again, other)] == [201, 200, 409]
    assert first.json is not None
    assert again.json is not None
    assert other.json is not None
    assert again.json["id"] == first.json["id"]
    assert other.json["code"] == "order_known"
    assert other.json["facts"] == {"purchase_id": first.json["id"]}


def test_a_sale_of_yesterday_counts_for_yesterday(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    member = make_member()
    session.commit()
    sold_at = NOON - timedelta(days=1)

    told = till.post("/purchases", sale(member, sold_at=sold_at.isoformat())).json
    late = till.post("/purchases", sale(member, sold_at=(NOON - timedelta(days=8)).isoformat()))
    ahead = till.post("/purchases", sale(member, sold_at=(NOON + timedelta(hours=1)).isoformat()))

    assert told is not None
    assert told["sold_at"] == "2026-11-21T12:00:00+08:00"
    for refused in (late, ahead):
        assert refused.json is not None
        assert (refused.status_code, refused.json["code"]) == (422, "sold_too_long_ago")


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({"amount_twd": 0}, 422, "invalid_request"),
        ({"amount_twd": 200_001}, 422, "amount_refused"),
        ({"amount_twd": "165"}, 422, "invalid_request"),
        ({"amount_twd": True}, 422, "invalid_request"),
        ({"amount_twd": 165.5}, 422, "invalid_request"),
        ({"amount_twd": 10**30}, 422, "invalid_request"),
        ({"amount": 165}, 422, "invalid_request"),
        ({"lines": [{"name": "茶", "amount_twd": 1}]}, 422, "lines_differ"),
        ({"lines": [{"name": "a\x00b", "amount_twd": 165}]}, 422, "invalid_request"),
        ({"lines": [{"amount_twd": 165}]}, 422, "invalid_request"),
        ({"points_to_use": 5}, 409, "insufficient_points"),
        ({"points_to_use": 166}, 422, "points_not_usable"),
        ({"coupons": [999_999_999]}, 409, "coupon_not_usable"),
        ({"coupons": [2**63]}, 422, "invalid_request"),
        ({"sold_at": "2026-11-22T12:00:00"}, 422, "invalid_request"),
        ({"sold_at": 1_700_000_000}, 422, "invalid_request"),
        ({"sold_at": "0001-01-01T00:00:00+23:59"}, 422, "invalid_request"),
        ({"source": "pos-3"}, 422, "invalid_request"),
        ({"store": "TP02"}, 403, "other_store"),
        ({"clerk": "nobody"}, 422, "no_such_staff"),
        ({"member": {"number": "000000000"}}, 404, "no_such_member"),
    ],
)
def test_what_cannot_be_sold_is_refused(
    session: Session,
    till: Till,
    make_member: MakeMember,
    told: dict[str, object],
    status: int,
    code: str,
) -> None:
    member = make_member()
    session.commit()

    answer = till.post("/purchases", sale(member) | told)

    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert session.scalar(select(func.count()).select_from(Purchase)) == 0


def test_a_whole_float_is_a_whole_number(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    member = make_member()
    session.commit()

    assert till.post("/purchases", sale(member) | {"amount_twd": 165.0}).status_code == 201


def test_the_clerk_named_by_the_till_is_checked(
    session: Session, till: Till, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Section 4: a clerk cannot touch their own card."""
    member, clerk = make_member(), make_staff("clerk")
    marketer = make_staff("marketer")
    clerk.member_id = member.id
    colleague = make_staff("clerk")
    session.commit()

    own = till.post("/purchases", sale(member, clerk=clerk.username))
    office = till.post("/purchases", sale(member, clerk=marketer.username))
    good = till.post("/purchases", sale(member, clerk=colleague.username))

    assert own.json is not None
    assert office.json is not None
    assert good.json is not None
    assert (own.status_code, own.json["code"]) == (409, "own_card")
    assert (office.status_code, office.json["code"]) == (422, "no_such_staff")
    assert session.get_one(Purchase, good.json["id"]).staff_id == colleague.id


def test_beyond_the_limits_a_manager_is_asked_for(
    session: Session, till: Till, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Velocity: the problem names the rules, and how to go on."""
    rule = session.scalars(
        select(VelocityRule).where(VelocityRule.scope == "member", VelocityRule.what == "purchase")
    ).first()
    assert rule is not None
    member, clerk = make_member(), make_staff("clerk")
    member.day_on, member.day_purchases = NOON.date(), rule.block_at
    session.commit()

    answer = till.post("/purchases", sale(member, clerk=clerk.username))
    alone = till.post("/purchases", sale(member))

    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (409, "approval_needed")
    assert answer.json["facts"]["reasons"] == [rule.code]
    assert alone.status_code == 201
    assert alone.json is not None
    assert rule.code in alone.json["warnings"]


def test_a_frozen_card_earns_and_spends_nothing(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    member = make_member(points=50)
    freeze_member(session, member, BY_STAFF, now=NOON)
    session.commit()

    spending = till.post("/purchases", sale(member, points_to_use=10))

    assert spending.json is not None
    assert (spending.status_code, spending.json["code"]) == (409, "card_frozen")
    assert till.post("/purchases", sale(member)).status_code == 201


def test_a_purchase_is_read_by_its_own_store_only(
    session: Session,
    client: FlaskClient,
    till: Till,
    make_member: MakeMember,
    make_key: MakeKey,
) -> None:
    member = make_member(name="王小明")
    session.commit()
    made = till.post("/purchases", sale(member, lines=TEA)).json
    assert made is not None

    told = till.get(f"/purchases/{made['id']}").json
    other = Till(client, make_key(READ_PURCHASES, WRITE_PURCHASES, store="TP02"))

    assert told is not None
    assert (told["member_name"], told["store"], told["net_twd"]) == ("王○明", "TP01", 165)
    assert [line["name"] for line in told["lines"]] == ["珍珠奶茶", "四季春"]
    for answer in (
        other.get(f"/purchases/{made['id']}"),
        other.get(f"/purchases/{made['id']}/refunds"),
        other.post(f"/purchases/{made['id']}/refunds", {"reason": "x"}),
    ):
        assert answer.json is not None
        assert (answer.status_code, answer.json["code"]) == (403, "other_store")
    assert till.get("/purchases/999999999").status_code == 404


def walk(till: Till, path: str) -> list[int]:
    """Return the ids of a list, page by page as the Link header leads."""
    ids: list[int] = []
    for _ in range(9):
        answer = till.get(path)
        assert answer.json is not None
        ids += [each["id"] for each in answer.json["items"]]
        link = answer.headers.get("Link")
        assert (link is None) == (answer.json["next"] is None)
        if link is None:
            return ids
        path = link[1 : link.index(">")].removeprefix("http://localhost/api/v1")
    raise AssertionError("the list has no end")


def test_a_list_is_walked_by_cursor(session: Session, till: Till, make_member: MakeMember) -> None:
    one, other = make_member(), make_member()
    session.commit()
    ids = []
    for number in range(5):
        told = till.post("/purchases", sale(one if number % 2 else other)).json
        assert told is not None
        ids.append(told["id"])

    assert walk(till, "/purchases?limit=2") == ids[::-1]
    assert walk(till, f"/purchases?limit=1&member={one.number}") == [ids[3], ids[1]]
    assert walk(till, "/purchases?since=2026-11-22T13:00:00%2B08:00") == []
    assert walk(till, "/purchases?since=2026-11-22T12:00:00%2B08:00&limit=3") == ids[::-1]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("cursor=hello", 400, "bad_cursor"),
        ("cursor=WzEsMl0.abc", 400, "bad_cursor"),
        ("limit=0", 422, "invalid_request"),
        ("limit=101", 422, "invalid_request"),
        ("limit=x", 422, "invalid_request"),
        ("page=2", 422, "invalid_request"),
        ("since=yesterday", 422, "invalid_request"),
        ("member=999", 422, "invalid_request"),
        ("member=999999999", 404, "no_such_member"),
    ],
)
def test_a_list_asked_wrongly_says_so(till: Till, query: str, status: int, code: str) -> None:
    answer = till.get(f"/purchases?{query}")

    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (status, code)


# --- refunds


@pytest.fixture
def bought(session: Session, till: Till, make_member: MakeMember) -> int:
    """Return the id of a sale of NT$330 in four lines."""
    member = make_member()
    session.commit()
    told = till.post("/purchases", sale(member, 330, lines=[*TEA, *TEA])).json
    assert told is not None
    purchase_id: int = told["id"]
    return purchase_id


def refunded(till: Till, purchase_id: int) -> Sequence[int]:
    """Return what was given back, refund by refund."""
    told = till.get(f"/purchases/{purchase_id}/refunds").json
    assert told is not None
    return [each["amount_twd"] for each in told["items"]]


def test_a_refund_takes_part_by_amount_or_lines_then_the_rest(till: Till, bought: int) -> None:
    """U8: points follow in the same transaction."""
    here = f"/purchases/{bought}/refunds"

    by_line = till.post(here, {"lines": [{"line_no": 1, "quantity": 1}], "reason": "打翻了"})
    by_amount = till.post(here, {"amount_twd": 100, "reason": "打錯金額"})
    rest = till.post(here, {"reason": "客人不要了"})
    over = till.post(here, {"reason": "再一次"})

    assert [each.status_code for each in (by_line, by_amount, rest, over)] == [201, 201, 201, 409]
    assert refunded(till, bought) == [55, 100, 175]
    assert rest.json is not None
    assert (rest.json["is_full"], rest.json["left_twd"]) == (True, 0)
    assert over.json is not None
    assert over.json["code"] == "nothing_left_to_refund"
    told = till.get(f"/purchases/{bought}").json
    assert told is not None
    assert (told["net_twd"], told["is_undone"], len(told["refunds"])) == (0, True, 3)


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"amount_twd": 331, "reason": "x"}, 409, "refund_refused"),
        ({"lines": [{"line_no": 9, "quantity": 1}], "reason": "x"}, 409, "refund_refused"),
        ({"amount_twd": 1}, 422, "invalid_request"),
        ({"reason": "   "}, 422, "reason_missing"),
        ({"reason": "x", "clerk": "nobody"}, 422, "no_such_staff"),
        (
            {"amount_twd": 1, "lines": [{"line_no": 1, "quantity": 1}], "reason": "x"},
            422,
            "invalid_request",
        ),
    ],
)
def test_a_refund_that_cannot_be_is_refused(
    till: Till, bought: int, asked: dict[str, object], status: int, code: str
) -> None:
    answer = till.post(f"/purchases/{bought}/refunds", asked)

    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert refunded(till, bought) == []


def test_a_refund_asked_twice_happens_once(till: Till, bought: int) -> None:
    asked = {"amount_twd": 100, "reason": "打錯金額"}

    first = till.post(f"/purchases/{bought}/refunds", asked, key="back-1")
    again = till.post(f"/purchases/{bought}/refunds", asked, key="back-1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.data == again.data
    assert refunded(till, bought) == [100]


def test_recording_costs_few_statements(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    """Door and key, member, open, counts of the limits, close, kept answer."""
    member = make_member()
    session.commit()
    till.post("/purchases", sale(member))  # The rules are read once; so is the key's last use.

    with count_statements(session) as statements:
        assert till.post("/purchases", sale(member)).status_code == 201

    asked = [text for text in statements if not text.startswith(("SAVEPOINT", "RELEASE"))]
    assert len(asked) <= 6, asked
