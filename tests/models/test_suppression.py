"""Suppression: who is left in peace by marketing that costs money, and when that ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.classification.table import ClassNight, MemberClass
from models.coupon import Coupon
from models.lifecycle.action import set_action
from models.local_day import local_day
from models.member import Member
from models.nudge import gift_birthdays, remind_of_coupons, win_back
from models.outbox import Owed
from models.segment import Context, members_of, parse_rule
from models.suppression import (
    SuppressionRefused,
    SuppressionSetting,
    count_suppressed,
    get_threshold,
    holds_back,
    list_suppressed,
    reasons_to_hold_back,
    set_threshold,
)
from tests.conftest import NOON
from tests.models.test_engagement import buy, click, note_all, send, tap

MakeMember = Callable[..., Member]
DAY = timedelta(days=1)
TODAY = local_day(NOON)


def classify(
    session: Session, member: Member, *, nasld: str = "lost", rfm: str = "sleeping"
) -> Member:
    """Let last night have put a member into these classes."""
    session.merge(ClassNight(day=TODAY, members=1, changed=1, rules="", ended_at=NOON))
    session.add(
        MemberClass(
            member_id=member.id,
            as_of=TODAY,
            nasld=nasld,
            napl_article="passout",
            napl_91app="lost",
            last_on=TODAY - 90 * DAY,
            frequency=1,
            monetary_twd=100,
            r_score=1,
            f_score=1,
            m_score=1,
            rfm_group=rfm,
        )
    )
    session.flush()
    return member


@pytest.fixture
def sleeper(session: Session, make_member: MakeMember) -> Member:
    """Return a sleeping member whom three messages have left cold."""
    member = classify(session, make_member(last_purchase_on=TODAY - 90 * DAY))
    for days in (30, 20, 10):
        send(session, member, NOON - days * DAY)
    note_all(session)
    return member


def reason(session: Session, member: Member) -> str | None:
    return reasons_to_hold_back(session, [member.id]).get(member.id)


def skipped(session: Session, kind: str) -> list[tuple[str, str | None]]:
    session.flush()
    rows = session.execute(select(Owed.state, Owed.reason).where(Owed.kind == kind))
    return [(state, why) for state, why in rows if (state, why) != ("accepted", None)]


def test_three_unanswered_messages_end_the_investing(
    session: Session, make_member: MakeMember, sleeper: Member
) -> None:
    """B-07: 沉睡會員 who never answer are left in peace; counted, listed, and a rule can ask."""
    patient = classify(session, make_member())
    for days in (30, 20):
        send(session, patient, NOON - days * DAY)
    awake = classify(session, make_member(), rfm="vip")
    for days in (40, 30, 20, 10):
        send(session, awake, NOON - days * DAY)
    note_all(session)
    ids = [sleeper.id, patient.id, awake.id]
    assert reasons_to_hold_back(session, ids) == {sleeper.id: "suppressed"}
    assert count_suppressed(session) == 1
    ((listed, known),) = list_suppressed(session, limit=9)
    assert (listed.id, known.unanswered) == (sleeper.id, 3)
    for value, expected in ((True, {sleeper.id}), (False, {patient.id, awake.id})):
        leaf = {"field": "suppressed", "is": "is", "value": value}
        rule = parse_rule({"schema": 1, "where": leaf})
        assert set(session.scalars(members_of(rule, Context(session, NOON)))) == expected


@pytest.mark.parametrize("answer", [tap, click, buy])
@pytest.mark.parametrize("is_noted", [False, True])
def test_an_answer_releases_at_once(
    session: Session,
    sleeper: Member,
    answer: Callable[[Session, Member, datetime], None],
    *,
    is_noted: bool,
) -> None:
    """B-07: until they answer or buy, right at the moment of sending, with or without a round."""
    assert reason(session, sleeper) == "suppressed"
    answer(session, sleeper, NOON)
    if is_noted:
        note_all(session)
        assert count_suppressed(session) == 0
    assert reason(session, sleeper) is None


def test_a_message_sent_a_moment_ago_counts_before_the_round_has_seen_it(
    session: Session, make_member: MakeMember
) -> None:
    member = classify(session, make_member())
    for days in (3, 2, 1):
        assert reason(session, member) is None
        send(session, member, NOON - days * DAY)
    assert reason(session, member) == "suppressed"
    tap(session, member, NOON - 1.5 * DAY)
    assert reason(session, member) is None


def test_the_number_is_the_shops_and_its_versions_stay(session: Session, sleeper: Member) -> None:
    assert get_threshold(session) == 3
    set_threshold(session, 4, note="再給一次機會", by="店長", now=NOON)
    assert (get_threshold(session), reason(session, sleeper)) == (4, None)
    set_threshold(session, None, note="先不停", by="店長", now=NOON)
    assert (get_threshold(session), reason(session, sleeper)) == (None, None)
    assert (count_suppressed(session), list_suppressed(session, limit=9)) == (0, [])
    with pytest.raises(DBAPIError, match="append"), session.begin_nested():
        session.execute(update(SuppressionSetting).values(unanswered=1))
    for unanswered, note in ((0, "x"), (101, "x"), (3, " "), (3, "字" * 201)):
        with pytest.raises(SuppressionRefused):
            set_threshold(session, unanswered, note=note, by="店長", now=NOON)


def test_the_archived_are_not_written_to_unless_chosen(
    session: Session, make_member: MakeMember
) -> None:
    """B-04: nasld:deep 封存客 is excluded from paid pushes unless chosen."""
    deep = classify(
        session, make_member(last_purchase_on=TODAY - 300 * DAY), nasld="deep", rfm="vip"
    )
    active = classify(session, make_member(last_purchase_on=TODAY), nasld="active", rfm="vip")
    assert reasons_to_hold_back(session, [deep.id, active.id]) == {deep.id: "nasld:deep"}
    set_action(session, "nasld", "deep", paid_push=True, by="店長", now=NOON)
    assert reasons_to_hold_back(session, [deep.id, active.id]) == {}


def test_who_bought_since_last_night_is_no_longer_archived(
    session: Session, make_member: MakeMember
) -> None:
    deep = classify(session, make_member(), nasld="deep", rfm="vip")
    assert reason(session, deep) == "nasld:deep"
    buy(session, deep, NOON)
    assert reason(session, deep) is None


def test_nobody_is_held_back_before_the_first_night(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    assert reasons_to_hold_back(session, []) == {}
    assert reason(session, member) is None


def test_win_back_is_skipped_with_its_reason_and_costs_no_coupon(
    session: Session, make_member: MakeMember, sleeper: Member
) -> None:
    """B-07: stop investing; X9: each skip has a reason, and is not tried again tomorrow."""
    other = make_member(last_purchase_on=TODAY - 90 * DAY)
    part = win_back(session, NOON, after_id=0, limit=9)
    assert (part.seen, part.owed, part.held) == (2, 1, 1)
    assert sorted(skipped(session, "win_back")) == [("skipped", "suppressed"), ("waiting", None)]
    assert session.scalars(select(Coupon.member_id)).all() == [other.id]
    assert win_back(session, NOON + DAY, after_id=0, limit=9).seen == 0


def test_a_win_back_is_meant_for_the_silent_whatever_their_class(
    session: Session, make_member: MakeMember
) -> None:
    """B-04, A-18: a shop with a short cycle has archived everybody who is silent for 90 days."""
    deep = classify(
        session, make_member(last_purchase_on=TODAY - 90 * DAY), nasld="deep", rfm="vip"
    )
    assert (win_back(session, NOON, after_id=0, limit=9).owed, reason(session, deep)) == (
        1,
        "nasld:deep",
    )
    assert skipped(session, "win_back") == [("waiting", None)]
    assert holds_back("nasld:deep", "win_back") is None
    assert holds_back("nasld:deep", "birthday_gift") == "nasld:deep"
    assert holds_back("suppressed", "win_back") == "suppressed"


def test_a_birthday_coupon_still_comes_though_no_message_tells_of_it(
    session: Session, sleeper: Member
) -> None:
    sleeper.birthday = TODAY.replace(year=1990)
    session.flush()
    part = gift_birthdays(session, NOON, after_id=0, limit=9)
    assert (part.owed, part.held) == (0, 1)
    assert session.scalars(select(Coupon.member_id)).all() == [sleeper.id]
    assert skipped(session, "birthday_gift") == [("skipped", "suppressed")]


def test_reminders_of_coupons_are_skipped_too(session: Session, sleeper: Member) -> None:
    sleeper.birthday = TODAY.replace(year=1990)
    session.flush()
    gift_birthdays(session, NOON - 20 * DAY, after_id=0, limit=9)
    gift_birthdays(session, NOON, after_id=0, limit=9)
    (coupon,) = session.scalars(select(Coupon)).all()
    coupon.issued_at = coupon.usable_from = NOON - 9 * DAY
    coupon.expires_at = NOON + DAY
    session.flush()
    part = remind_of_coupons(session, NOON, after_id=0, limit=9)
    assert (part.owed, part.held) == (0, 1)
    assert skipped(session, "coupon_expiry") == [("skipped", "suppressed")]
