"""Coupons for many at once: the same as one by one, within stock and limits, once a cause."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.coupon import (
    Coupon,
    CouponEvent,
    CouponLimitReached,
    CouponNotOffered,
    CouponSoldOut,
    CouponTemplate,
    issue_coupon,
    void_coupon,
)
from models.coupon.bulk import SPECIMEN_CODE, issue_many, specimen_of
from models.local_day import local_day
from models.member import Member
from tests.conftest import NOON, Committed
from tests.models.coupon_maker import at_once, make_template

MakeMember = Callable[..., Member]
_runs = count(1)
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "stock_left": st.integers(0, 6),
        "per_member_limit": st.integers(1, 2),
        "per_day_limit": st.integers(1, 6),
        "is_active": st.booleans(),
    },
)


def keys_of(members: list[Member], run: str = "run") -> dict[int, str]:
    return {member.id: f"{run}:{member.id}" for member in members}


def one_by_one(
    session: Session, template: CouponTemplate, keys: dict[int, str]
) -> dict[int, Coupon]:
    """Give by the verb for one coupon; a cause that had its coupon shows it, as for many."""
    given = {}
    for member_id, key in keys.items():
        try:
            issue_coupon(session, member_id, template, issue_key=key, now=NOON)
        except (CouponLimitReached, CouponNotOffered, CouponSoldOut):
            continue
    found = session.scalars(select(Coupon).where(Coupon.issue_key.in_(keys.values())))
    for coupon in found:
        given[coupon.member_id] = coupon
    return given


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(limits=LIMITS, rounds=st.lists(st.lists(st.integers(0, 4), unique=True), max_size=3))
def test_many_at_once_are_the_same_as_one_by_one(
    session: Session, make_member: MakeMember, limits: dict[str, Any], rounds: list[list[int]]
) -> None:
    """Issue 6: stock, per-member limits and the idempotency key hold."""
    run = next(_runs)
    members = [make_member() for _ in range(5)]
    many, single = (make_template(session, **limits) for _ in range(2))
    for number, chosen in enumerate(rounds):
        told = [members[place] for place in chosen]
        cause = f"{run}:{number % 2}"  # The third round has the first one's causes.
        at_once_ = issue_many(session, many, keys_of(told, f"many:{cause}"), NOON)
        alone = one_by_one(session, single, keys_of(told, f"one:{cause}"))
        assert set(at_once_) == set(alone)
    session.refresh(many)
    session.refresh(single)
    for column in ("stock_left", "day_issued", "day_on"):
        assert getattr(many, column) == getattr(single, column)


def test_the_words_are_the_coupons_own(session: Session, make_member: MakeMember) -> None:
    members = [make_member(language="ja"), make_member()]
    template = make_template(session, min_spend_twd=80)
    words = issue_many(session, template, keys_of(members), NOON)
    for coupon in session.scalars(select(Coupon).where(Coupon.template_id == template.id)):
        owner = session.get_one(Member, coupon.member_id)
        assert words[owner.id] == coupon.words(owner.language, NOON)
    assert words[members[0].id]["code"] != words[members[1].id]["code"]


def test_a_cause_seen_before_tells_its_first_coupon(
    session: Session, make_member: MakeMember
) -> None:
    members = [make_member(), make_member(), make_member()]
    template = make_template(session, stock_left=10)
    first = issue_many(session, template, keys_of(members[:2]), NOON)
    again = issue_many(session, template, keys_of(members), NOON + timedelta(hours=2))
    assert {each: again[each] for each in first} == first
    assert len(again) == 3
    session.refresh(template)
    assert template.stock_left == 7


def test_a_void_coupon_is_not_told_again(session: Session, make_member: MakeMember) -> None:
    member, template = make_member(), make_template(session)
    issue_many(session, template, keys_of([member]), NOON)
    coupon = session.scalars(select(Coupon).where(Coupon.template_id == template.id)).one()
    void_coupon(session, coupon, cause="staff", now=NOON)
    session.flush()
    assert issue_many(session, template, keys_of([member]), NOON) == {}


def test_the_first_asked_come_first(session: Session, make_member: MakeMember) -> None:
    members = [make_member() for _ in range(4)]
    template = make_template(session, stock_left=2)
    wanted = keys_of([members[3], members[0], members[1]])
    assert set(issue_many(session, template, wanted, NOON)) == {members[3].id, members[0].id}


def test_a_new_day_has_a_new_limit(session: Session, make_member: MakeMember) -> None:
    members = [make_member() for _ in range(3)]
    template = make_template(session, per_day_limit=1)
    keys = keys_of(members)
    assert len(issue_many(session, template, keys, NOON)) == 1
    assert len(issue_many(session, template, keys, NOON + timedelta(days=1))) == 2
    session.refresh(template)
    assert (template.day_on, template.day_issued) == (local_day(NOON + timedelta(days=1)), 1)


def test_every_coupon_has_its_first_step(session: Session, make_member: MakeMember) -> None:
    members = [make_member(), make_member()]
    issue_many(session, make_template(session), keys_of(members), NOON)
    steps = session.scalar(select(func.count()).where(CouponEvent.to_state == "issued"))
    assert steps == 2


def test_nobody_asked_gives_nothing(session: Session) -> None:
    assert issue_many(session, make_template(session, stock_left=3), {}, NOON) == {}


def test_a_specimen_is_nobodys(session: Session) -> None:
    words = specimen_of(make_template(session), "en", NOON)
    assert (words["code"], words["id"], words["name"]) == (SPECIMEN_CODE, "0", "Coupon")
    assert session.scalar(select(func.count()).select_from(Coupon)) == 0


@pytest.mark.parametrize("limits", [{"stock_left": 5}, {}])
def test_two_batches_at_once_stay_within_stock(
    committed: Committed, limits: dict[str, Any]
) -> None:
    """Two workers, one template: never more than there are, and each cause once."""
    with committed.sessions.begin() as session:
        members = [committed.maker.member(session) for _ in range(8)]
        keys, code = keys_of(members), make_template(session, **limits).code

    def give(_place: int) -> int:
        with committed.sessions.begin() as session:
            found = select(CouponTemplate).where(CouponTemplate.code == code)
            return len(issue_many(session, session.scalars(found).one(), keys, NOON))

    assert at_once([0, 1], give) == [limits.get("stock_left", 8)] * 2
    with committed.sessions() as session:
        given = session.scalar(select(func.count()).select_from(Coupon))
    assert given == limits.get("stock_left", 8)
