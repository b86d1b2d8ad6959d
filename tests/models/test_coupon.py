"""Coupons: one for one cause, redeemed once, good through their last Taipei day."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.coupon import (
    CODE_ALPHABET,
    Coupon,
    CouponNeedsMore,
    CouponNotUsable,
    CouponTemplate,
    draw_code,
    get_own_coupon,
    get_template,
    issue_coupon,
    list_usable_coupons,
    void_coupons,
)
from models.local_day import day_start
from models.member import Member
from tests.conftest import NOON, Committed
from tests.models.coupon_maker import redeem_coupon

MakeMember = Callable[..., Member]


def issue(
    session: Session, member: Member, code: str = "welcome", key: str = "gift"
) -> Coupon | None:
    return issue_coupon(session, member.id, get_template(session, code), issue_key=key, now=NOON)


def given(session: Session, member: Member, code: str = "welcome", key: str = "gift") -> Coupon:
    coupon = issue(session, member, code, key)
    assert coupon is not None
    return coupon


def reloaded(session: Session, coupon: Coupon) -> Coupon:
    session.refresh(coupon)
    return coupon


def test_a_cause_gives_one_coupon(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    assert issue(session, member) is not None
    assert issue(session, member) is None
    assert session.scalar(select(func.count()).select_from(Coupon)) == 1


def test_a_coupon_is_good_at_once(session: Session, make_member: MakeMember) -> None:
    """A-06: usable immediately."""
    assert given(session, make_member()).is_usable(NOON)


def test_a_coupon_is_good_through_the_end_of_its_last_day_in_taipei(
    session: Session, make_member: MakeMember
) -> None:
    coupon = given(session, make_member())
    ends = datetime.fromisoformat("2026-12-23T00:00:00+08:00")
    assert coupon.expires_at == ends
    assert coupon.is_usable(ends - timedelta(microseconds=1))
    assert not coupon.is_usable(ends)
    assert coupon.words("zh-TW", NOON)["valid_until"] == "2026-12-22"


def test_a_redeemed_coupon_is_used_up(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    coupon = given(session, member)
    template, discount_twd = redeem_coupon(session, member.id, coupon.id, 100, NOON)
    assert (template.code, discount_twd) == ("welcome", 30)
    assert reloaded(session, coupon).shown_state(NOON) == "used"
    assert coupon.redeemed_at == NOON
    with pytest.raises(CouponNotUsable) as refusal:
        redeem_coupon(session, member.id, coupon.id, 100, NOON)
    assert refusal.value.facts == {"state": "redeemed"}


def test_an_expired_coupon_is_refused_as_expired(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    coupon = given(session, member)
    with pytest.raises(CouponNotUsable) as refusal:
        redeem_coupon(session, member.id, coupon.id, 100, coupon.expires_at)
    assert refusal.value.facts == {"state": "expired"}
    assert coupon.shown_state(coupon.expires_at) == "expired"


def test_a_coupon_for_later_is_refused_until_its_day(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    coupon = given(session, member)
    coupon.usable_from = day_start(date(2026, 11, 24))
    session.flush()
    assert coupon.words("en", NOON)["valid_from"] == "2026-11-24"
    assert coupon.shown_state(NOON) == "later"
    with pytest.raises(CouponNotUsable):
        redeem_coupon(session, member.id, coupon.id, 100, NOON)
    redeem_coupon(session, member.id, coupon.id, 100, coupon.usable_from)


def test_a_basket_below_the_minimum_is_told_what_it_needs(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    coupon = given(session, member, "win_back")
    with pytest.raises(CouponNeedsMore) as refusal:
        redeem_coupon(session, member.id, coupon.id, 99, NOON)
    assert refusal.value.facts == {"min_spend_twd": 100}
    assert redeem_coupon(session, member.id, coupon.id, 100, NOON)[1] == 50


def test_another_members_coupon_does_not_exist_for_one(
    session: Session, make_member: MakeMember
) -> None:
    coupon = given(session, make_member())
    other = make_member()
    with pytest.raises(CouponNotUsable) as refusal:
        redeem_coupon(session, other.id, coupon.id, 100, NOON)
    assert refusal.value.facts == {"state": "unknown"}
    with pytest.raises(CouponNotUsable):
        get_own_coupon(session, other.id, coupon.id)


def test_ones_own_coupon_is_found(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    coupon = given(session, member)
    assert get_own_coupon(session, member.id, coupon.id) is coupon


@pytest.mark.parametrize(
    ("kind", "value", "amount_twd", "off_twd"),
    [
        ("amount", 30, 100, 30),
        ("amount", 30, 20, 20),
        ("percent", 20, 99, 19),
        ("percent", 100, 75, 75),
        ("item", 0, 75, 0),
    ],
)
def test_a_discount_is_whole_and_never_more_than_the_basket(
    kind: str, value: int, amount_twd: int, off_twd: int
) -> None:
    assert CouponTemplate(kind=kind, value=value).discount_on(amount_twd) == off_twd


@pytest.mark.parametrize(
    ("kind", "value", "rule"),
    [
        ("percent", 101, "percent_in_range"),
        ("percent", -1, "percent_in_range"),
        ("item", 5, "only_discounts_have_a_value"),
        ("gift", 5, "only_discounts_have_a_value"),
        ("amount", 0, "only_discounts_have_a_value"),
    ],
)
def test_the_database_refuses_a_template_that_makes_no_sense(
    session: Session, kind: str, value: int, rule: str
) -> None:
    words = {"zh-TW": "券"}
    template = CouponTemplate(
        code="new", kind=kind, value=value, name=words, headline=words, description=words
    )
    template.valid_days = 30
    session.add(template)
    with pytest.raises(IntegrityError, match=rule):
        session.flush()


def test_the_wallet_shows_what_can_be_redeemed_first_to_expire_first(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    late, early = given(session, member), given(session, member, "win_back", "b")
    used, over = given(session, member, key="c"), given(session, member, key="d")
    redeem_coupon(session, member.id, used.id, 100, NOON)
    over.expires_at = NOON
    over.usable_from = NOON - timedelta(days=1)
    given(session, make_member(), key="e")
    session.flush()
    assert list(list_usable_coupons(session, member.id, NOON)) == [early, late]


def test_leaving_voids_what_is_unused_and_keeps_what_was_used(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    used, unused = given(session, member), given(session, member, key="b")
    redeem_coupon(session, member.id, used.id, 100, NOON)
    void_coupons(session, member.id, NOON)
    assert reloaded(session, used).state == "redeemed"
    assert reloaded(session, unused).shown_state(NOON) == "void"
    with pytest.raises(CouponNotUsable) as refusal:
        redeem_coupon(session, member.id, unused.id, 100, NOON)
    assert refusal.value.facts == {"state": "void"}


def test_a_coupon_tells_its_facts_in_the_members_language(
    session: Session, make_member: MakeMember
) -> None:
    coupon = given(session, make_member(), "win_back")
    words = coupon.words("en", NOON)
    assert words["name"] == "We-miss-you coupon"
    assert words["value_text"] == "NT$50 off"
    assert words["min_spend_twd"] == 100
    assert words["valid_from"] is None
    assert words["state"] == "usable"
    assert words["code"] == coupon.code


def test_codes_are_long_and_cannot_be_misread() -> None:
    code = draw_code()
    assert len(code) == 12
    assert set(code) <= set(CODE_ALPHABET)
    assert not set("01IOL") & set(CODE_ALPHABET)


def test_one_cause_in_twenty_threads_gives_one_coupon(committed: Committed) -> None:
    with committed.sessions.begin() as session:
        member = committed.maker.member(session)
    start = Barrier(20)

    def try_it(_: int) -> bool:
        start.wait(timeout=30)
        with committed.sessions.begin() as session:
            return issue(session, member) is not None

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(try_it, range(20))) == 1
