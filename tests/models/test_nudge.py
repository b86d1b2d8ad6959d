"""Nudges: birthdays, coupons about to expire and silent members, each told once for its cause."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.checkout import Sale, record_purchase
from models.coupon import (
    Coupon,
    get_template,
    issue_coupon,
    issue_pack,
    open_coupon,
)
from models.local_day import TAIPEI
from models.member import Member
from models.membership import erase_member, set_marketing
from models.nudge import Part, gift_birthdays, remind_of_coupons, win_back
from models.outbox import Owed
from models.shop import Store
from tests.conftest import NOON
from tests.models.coupon_maker import give as give_coupon
from tests.models.coupon_maker import make_template, redeem_coupon

MakeMember = Callable[..., Member]
Nudge = Callable[..., Part]
TODAY = date(2026, 11, 22)


def on(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=TAIPEI)


def nudge(session: Session, rule: Nudge, now: datetime = NOON) -> int:
    """Run a nudge over everybody, as the night's loop does; return how many messages it owes."""
    owed, after_id = 0, 0
    while (part := rule(session, now, after_id=after_id, limit=2)).seen:
        owed, after_id = owed + part.owed, part.last_id
    session.flush()
    return owed


def messages(session: Session, kind: str) -> list[dict[str, Any]]:
    rows = session.scalars(select(Owed).where(Owed.kind == kind).order_by(Owed.seq))
    return [row.words for row in rows]


def coupons(session: Session, member: Member) -> list[str]:
    rows = session.scalars(select(Coupon).where(Coupon.member_id == member.id).order_by(Coupon.id))
    return [coupon.template.code for coupon in rows]


def give(session: Session, member: Member, now: datetime, key: str = "gift") -> Coupon:
    template = get_template(session, "win_back")
    coupon = issue_coupon(session, member.id, template, issue_key=key, now=now)
    assert coupon is not None
    return coupon


# --- birthdays ---


def test_a_birthday_brings_a_coupon_and_a_word_once(
    session: Session, make_member: MakeMember
) -> None:
    """A-15, A-20: on the day, once a year."""
    member = make_member(birthday=date(1990, 11, 22), name="小魚")
    make_member(birthday=date(1990, 11, 23))
    assert nudge(session, gift_birthdays) == 1
    assert nudge(session, gift_birthdays, NOON + timedelta(hours=3)) == 0
    assert coupons(session, member) == ["birthday"]
    words = messages(session, "birthday_gift")
    assert [word["name"] for word in words] == ["小魚"]
    assert words[0]["coupon"]["value_text"] == "折 NT$60"


def test_next_year_brings_the_next_gift(session: Session, make_member: MakeMember) -> None:
    member = make_member(birthday=date(1990, 11, 22))
    nudge(session, gift_birthdays)
    assert nudge(session, gift_birthdays, on(date(2027, 11, 22))) == 1
    assert coupons(session, member) == ["birthday", "birthday"]


@pytest.mark.parametrize(
    ("day", "is_kept"),
    [
        (date(2027, 2, 28), True),
        (date(2027, 3, 1), False),
        (date(2028, 2, 28), False),
        (date(2028, 2, 29), True),
    ],
)
def test_who_was_born_on_29_february_has_a_birthday_every_year(
    session: Session, make_member: MakeMember, day: date, is_kept: bool
) -> None:
    """A-20: birthday including 29 February."""
    make_member(birthday=date(1992, 2, 29))
    assert nudge(session, gift_birthdays, on(day)) == is_kept


def test_the_gift_is_for_all_the_word_for_those_who_allow_it(
    session: Session, make_member: MakeMember
) -> None:
    """Article 20: no marketing message without consent; the coupon waits in the wallet."""
    born = date(1990, 11, 22)
    silent = make_member(birthday=born, marketing=False)
    blocked = make_member(birthday=born, friend=False)
    offline = make_member(birthday=born, line=False)
    assert nudge(session, gift_birthdays) == 0
    for member in (silent, blocked, offline):
        assert coupons(session, member) == ["birthday"]
    assert messages(session, "birthday_gift") == []


def test_who_left_has_no_birthday_here(session: Session, make_member: MakeMember) -> None:
    member = make_member(birthday=date(1990, 11, 22))
    erase_member(session, member, evidence="e", now=NOON)
    nudge(session, gift_birthdays)
    assert coupons(session, member) == []


def test_the_birthday_is_the_day_in_taipei(session: Session, make_member: MakeMember) -> None:
    make_member(birthday=date(1990, 11, 23))
    midnight = datetime(2026, 11, 23, tzinfo=TAIPEI)
    assert nudge(session, gift_birthdays, midnight - timedelta(microseconds=1)) == 0
    assert nudge(session, gift_birthdays, midnight) == 1


def test_many_birthdays_are_kept_in_parts(session: Session, make_member: MakeMember) -> None:
    for _ in range(5):
        make_member(birthday=date(1990, 11, 22))
    assert nudge(session, gift_birthdays) == 5


# --- coupons about to expire ---


def test_a_coupon_is_reminded_of_three_days_before_its_last(
    session: Session, make_member: MakeMember
) -> None:
    """A-21: n days before."""
    member = make_member()
    give(session, member, on(date(2026, 11, 11)))  # Good through 25 November.
    assert nudge(session, remind_of_coupons, on(date(2026, 11, 21))) == 0
    assert nudge(session, remind_of_coupons, on(TODAY)) == 1
    assert nudge(session, remind_of_coupons, on(TODAY, 20)) == 0
    (words,) = messages(session, "coupon_expiry")
    assert [coupon["valid_until"] for coupon in words["coupons"]] == ["2026-11-25"]


def test_a_used_coupon_is_not_reminded_of(session: Session, make_member: MakeMember) -> None:
    """A-21: not after use."""
    member = make_member()
    coupon = give(session, member, on(date(2026, 11, 11)))
    redeem_coupon(session, member.id, coupon.id, 100, on(date(2026, 11, 20)))
    assert nudge(session, remind_of_coupons) == 0


def test_coupons_of_every_clock_are_reminded_of_before_their_own_end(
    session: Session, make_member: MakeMember
) -> None:
    """A-21: a window's end, and the last day for opening."""
    given = on(date(2026, 11, 10))
    window = make_template(session, clock="window", ends_at=on(date(2026, 11, 24)), valid_days=None)
    opening = make_template(session, clock="opening", open_within_days=14, valid_days=60)
    for template in (window, opening):
        give_coupon(session, make_member(), template, given)
    assert nudge(session, remind_of_coupons, on(date(2026, 11, 20))) == 0
    assert nudge(session, remind_of_coupons, on(TODAY)) == 2
    assert nudge(session, remind_of_coupons, on(TODAY, 20)) == 0


def test_a_coupon_just_opened_or_for_later_is_not_reminded_of(
    session: Session, make_member: MakeMember
) -> None:
    """A-21: opening starts its days, and its owner has just looked at it."""
    member, given = make_member(), on(date(2026, 11, 10))
    template = make_template(session, clock="opening", open_within_days=14, valid_days=2)
    coupon = give_coupon(session, member, template, given)
    assert nudge(session, remind_of_coupons, on(TODAY)) == 1
    open_coupon(session, member.id, coupon.id, on(TODAY, 13))
    assert nudge(session, remind_of_coupons, on(TODAY, 14)) == 0
    assert nudge(session, remind_of_coupons, on(TODAY + timedelta(days=2))) == 1
    later = make_template(
        session,
        clock="window",
        starts_at=on(TODAY + timedelta(days=2)),
        ends_at=on(TODAY + timedelta(days=3)),
        valid_days=None,
    )
    give_coupon(session, make_member(), later, given)
    assert nudge(session, remind_of_coupons, on(TODAY, 15)) == 0


def test_a_locked_coupon_is_not_reminded_of(session: Session, make_member: MakeMember) -> None:
    """A-21, C-01: only what can be used."""
    issue_pack(session, make_member().id, "welcome", issue_key="w", now=on(date(2026, 10, 25)))
    assert nudge(session, remind_of_coupons) == 1
    (words,) = messages(session, "coupon_expiry")
    assert [coupon["pack_place"] for coupon in words["coupons"]] == [1]


def test_an_expired_coupon_is_not_reminded_of(session: Session, make_member: MakeMember) -> None:
    give(session, make_member(), on(date(2026, 10, 1)))
    assert nudge(session, remind_of_coupons) == 0


def test_all_of_a_persons_coupons_come_in_one_message(
    session: Session, make_member: MakeMember
) -> None:
    """T6: one message, not one a coupon; they cost money."""
    member = make_member()
    for place, day in enumerate((10, 11)):
        give(session, member, on(date(2026, 11, day)), f"gift {place}")
    assert nudge(session, remind_of_coupons) == 1
    (words,) = messages(session, "coupon_expiry")
    assert len(words["coupons"]) == 2


def test_a_coupon_given_today_is_not_yet_reminded_of(
    session: Session, make_member: MakeMember
) -> None:
    coupon = give(session, make_member(), on(TODAY, 9))
    coupon.expires_at = on(TODAY + timedelta(days=2))
    session.flush()
    assert nudge(session, remind_of_coupons) == 0


@pytest.mark.parametrize("told", [{"marketing": False}, {"friend": False}, {"line": False}])
def test_who_may_not_be_written_to_is_not_reminded(
    session: Session, make_member: MakeMember, told: dict[str, bool]
) -> None:
    member = make_member(**told)
    coupon = give(session, member, on(date(2026, 11, 11)))
    assert nudge(session, remind_of_coupons) == 0
    assert coupon.reminded_at is None


# --- silence ---


def test_the_ninetieth_day_of_silence_brings_a_coupon_once(
    session: Session, make_member: MakeMember
) -> None:
    """A-18: day 90 exactly once."""
    member = make_member(last_purchase_on=TODAY - timedelta(days=90))
    assert nudge(session, win_back, NOON - timedelta(days=1)) == 0
    assert nudge(session, win_back) == 1
    assert nudge(session, win_back, NOON + timedelta(days=1)) == 0
    assert coupons(session, member) == ["win_back"]
    (words,) = messages(session, "win_back")
    assert (words["days"], words["coupon"]["min_spend_twd"]) == (90, 100)


def test_a_purchase_on_day_89_starts_the_count_anew(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """A-18: a purchase on day 89 cancels."""
    member = make_member(last_purchase_on=TODAY - timedelta(days=89))
    record_purchase(session, Sale(member.id, store, None, 60, "k"), NOON)
    assert nudge(session, win_back, NOON + timedelta(days=1)) == 0
    assert nudge(session, win_back, NOON + timedelta(days=90)) == 1


def test_a_second_silence_is_written_to_again(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    member = make_member(last_purchase_on=TODAY - timedelta(days=90))
    nudge(session, win_back)
    record_purchase(session, Sale(member.id, store, None, 60, "k"), NOON)
    assert nudge(session, win_back, NOON + timedelta(days=90)) == 1
    assert coupons(session, member) == ["win_back", "win_back"]


@pytest.mark.parametrize(("days", "is_written_to"), [(90, True), (96, True), (97, False)])
def test_after_downtime_a_week_of_silences_is_caught_up_on(
    session: Session, make_member: MakeMember, days: int, is_written_to: bool
) -> None:
    make_member(last_purchase_on=TODAY - timedelta(days=days))
    assert nudge(session, win_back) == is_written_to


@pytest.mark.parametrize("told", [{"marketing": False}, {"friend": False}, {"line": False}])
def test_who_may_not_be_written_to_is_left_in_peace(
    session: Session, make_member: MakeMember, told: dict[str, bool]
) -> None:
    """A-18: blocked members skipped."""
    member = make_member(last_purchase_on=TODAY - timedelta(days=90), **told)
    assert nudge(session, win_back) == 0
    assert coupons(session, member) == []


def test_who_never_bought_is_not_silent(session: Session, make_member: MakeMember) -> None:
    """T2: not bought yet is another class."""
    make_member(joined_at=NOON - timedelta(days=90))
    assert nudge(session, win_back) == 0


def test_a_stop_to_marketing_holds_for_the_next_part(
    session: Session, make_member: MakeMember
) -> None:
    """Article 20: effective before the next batch."""
    member = make_member(last_purchase_on=TODAY - timedelta(days=90))
    set_marketing(session, member, allowed=False, evidence="e", now=NOON)
    assert nudge(session, win_back) == 0


def test_a_nudge_is_marketing_and_useful_for_half_a_day(
    session: Session, make_member: MakeMember
) -> None:
    make_member(last_purchase_on=TODAY - timedelta(days=90))
    nudge(session, win_back)
    owed = session.scalars(select(Owed)).one()
    assert owed.is_marketing
    assert owed.useful_until == NOON + timedelta(hours=12)
