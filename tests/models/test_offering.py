"""Changes to what the shop offers: asked, decided, on their day, and never over somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from models.gathering import add_gathering, ask_for_seat
from models.local_day import local_day
from models.member import Member
from models.offering import (
    APPLIED,
    FAILED,
    Kind,
    OfferingChanged,
    OfferingFixed,
    OfferingRefused,
    Wish,
    apply_due,
    ask_change,
    list_changes,
)
from models.offering.kinds import EVENT, KINDS, POINTS, STAMP_CARD
from models.offering.replay import Rules, _scaled, _Tally, replay, with_policy
from models.offering.use import uses_of_coupon
from models.programme import get_programme
from models.shop import get_shop
from models.staff import Staff
from models.stamp_card import list_stamp_programmes
from models.tier import Tier, list_tiers
from tests.conftest import NOON
from tests.models.shopping import buy

MakeMember = Callable[..., Member]
TODAY = local_day(NOON)


@pytest.fixture
def owner(make_staff: Callable[..., Staff]) -> Staff:
    return make_staff("owner")


def wish(session: Session, kind: Kind, code: str, key: str, **changed: object) -> Wish:
    """Return a wish to change one thing as it is now."""
    row = kind.get(session, code)
    days = changed.pop("in_days", None)
    on = TODAY + timedelta(days=int(str(days))) if days is not None else None
    values = kind.values_of(row) | changed
    return Wish(kind, code, values, kind.fingerprint(row), effective_on=on, key=key)


def test_the_same_key_is_one_change(session: Session, owner: Staff) -> None:
    asked = wish(session, POINTS, "only", "one", earn_twd=80)

    first = ask_change(session, asked, staff=owner, is_published=True, now=NOON)
    again = ask_change(session, asked, staff=owner, is_published=True, now=NOON)

    assert again is first
    assert (first.state, get_shop(session).earn_twd) == (APPLIED, 80)
    assert len(list_changes(session, POINTS, "only")) == 1


def test_every_process_reads_the_rules_anew(session: Session, owner: Staff) -> None:
    before = get_programme(session).shop.programme_version
    asked = wish(session, POINTS, "only", "one", earn_twd=80)

    ask_change(session, asked, staff=owner, is_published=True, now=NOON)

    programme = get_programme(session)
    assert (programme.shop.programme_version, programme.earn_policy.earn_twd) == (before + 1, 80)


def test_a_form_filled_before_somebody_elses_change_is_refused(
    session: Session, owner: Staff
) -> None:
    mine = wish(session, POINTS, "only", "mine", earn_twd=50)
    theirs = wish(session, POINTS, "only", "theirs", earn_twd=80, point_value_twd=2)
    ask_change(session, theirs, staff=owner, is_published=True, now=NOON)

    with pytest.raises(OfferingChanged) as refused:
        ask_change(session, mine, staff=owner, is_published=True, now=NOON)

    assert refused.value.facts["theirs"] == {"earn_twd": 80, "point_value_twd": 2}


def test_what_waits_for_its_day_changes_only_what_it_is_about(
    session: Session, owner: Staff
) -> None:
    """Two planned changes and one at once, of different parts, all come true."""
    ask_change(session, wish(session, POINTS, "only", "a", earn_twd=80, in_days=1), staff=owner,
               is_published=True, now=NOON)  # fmt: skip
    ask_change(session, wish(session, POINTS, "only", "b", point_value_twd=2, in_days=2),
               staff=owner, is_published=True, now=NOON)  # fmt: skip
    ask_change(session, wish(session, POINTS, "only", "c", return_days=7), staff=owner,
               is_published=True, now=NOON)  # fmt: skip

    later = NOON + timedelta(days=2)
    assert [apply_due(session, later) for _ in range(3)] == [True, True, False]

    session.expire_all()
    shop = get_shop(session)
    assert (shop.earn_twd, shop.point_value_twd, shop.return_days) == (80, 2, 7)


def test_what_was_changed_meanwhile_is_not_overwritten_on_the_day(
    session: Session, owner: Staff
) -> None:
    planned = wish(session, POINTS, "only", "a", earn_twd=80, in_days=1)
    change = ask_change(session, planned, staff=owner, is_published=True, now=NOON)
    at_once = wish(session, POINTS, "only", "b", earn_twd=60)
    ask_change(session, at_once, staff=owner, is_published=True, now=NOON)

    assert apply_due(session, NOON + timedelta(days=1))

    session.expire_all()
    assert (change.state, change.problem) == (FAILED, "offering_changed")
    assert get_shop(session).earn_twd == 60


def test_a_card_members_hold_keeps_its_size(
    session: Session, owner: Staff, make_member: MakeMember
) -> None:
    buy(session, make_member(), 200)
    code = list_stamp_programmes(session)[0].code

    with pytest.raises(OfferingFixed) as refused:
        ask_change(session, wish(session, STAMP_CARD, code, "x", size=5), staff=owner,
                   is_published=True, now=NOON)  # fmt: skip

    assert refused.value.facts["columns"] == ["size"]


def test_an_event_never_has_fewer_seats_than_are_taken(
    session: Session, owner: Staff, make_member: MakeMember
) -> None:
    """C-13."""
    basic: Tier = list_tiers(session)[0]
    event = add_gathering(session, code="party", name={"zh-TW": "茶會"}, place={"zh-TW": "店"},
                          starts_at=NOON + timedelta(days=3), capacity=2,
                          min_tier=basic)  # fmt: skip
    for _ in range(2):
        ask_for_seat(session, event.id, make_member(), rank=0, now=NOON)
    session.expire_all()

    with pytest.raises(OfferingRefused):
        ask_change(session, wish(session, EVENT, "party", "x", capacity=1), staff=owner,
                   is_published=True, now=NOON)  # fmt: skip


def test_a_coupon_tells_what_gives_it(session: Session) -> None:
    template = list_stamp_programmes(session)[0].reward

    assert ("stamp_card", "main") in {
        (use.kind, use.code) for use in uses_of_coupon(session, template)
    }


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_what_is_kept_of_a_change_reads_back(session: Session, kind: Kind) -> None:
    """A version is the thing itself: written as JSON and read again it is the same."""
    for row in kind.list_all(session, 5):
        values = kind.values_of(row)
        again = kind.from_json(kind.as_json(values))
        assert kind.fingerprint_of(again) == kind.fingerprint(row)


def test_the_same_rules_bring_the_same_points(session: Session, make_member: MakeMember) -> None:
    """T12: what differs in a replay is the rules' alone."""
    member = make_member(tier="gold")
    buy(session, member, 1_050)
    programme = get_programme(session)

    same = replay(session, programme, Rules(programme.earn_policy, programme.earn_rules), NOON)
    half = replay(session, programme, with_policy(programme, earn_twd=50), NOON)

    assert (same.sales, same.touched, same.difference) == (1, 0, 0)
    assert (half.touched, half.is_estimate) == (1, False)
    assert half.after == half.before * 21 // 10


@settings(max_examples=50, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=40),
    idle=st.integers(1, 40),
    times=st.integers(1, 30),
)
def test_the_interval_holds_what_the_sample_says(
    pairs: list[tuple[int, int]], idle: int, times: int
) -> None:
    tallies = [_Tally(1, int(one != other), one, other) for one, other in pairs]
    asked = len(pairs) + idle

    found = _scaled(tallies, asked=asked, span=asked * times)

    assert found.low <= found.difference + 1
    assert found.difference - 1 <= found.high
    if times == 1:
        assert found.difference == sum(other - one for one, other in pairs)
        assert not found.is_estimate


def test_every_kind_names_columns_it_has() -> None:
    for kind in KINDS.values():
        assert kind.fixed | kind.at_first <= set(kind.columns)
        assert kind.switch is None or kind.switch in kind.columns
