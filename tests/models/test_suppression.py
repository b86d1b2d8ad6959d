"""Suppression: who is left in peace by marketing that costs money, and when that ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.classification.table import ClassNight, MemberClass
from models.lifecycle.action import set_action
from models.local_day import local_day
from models.member import Member
from models.outreach import change_rules, reasons_not_to_write
from models.segment import Context, members_of, parse_rule
from models.suppression import (
    SuppressionRefused,
    SuppressionSetting,
    count_suppressed,
    get_threshold,
    list_suppressed,
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


def reasons(session: Session, *members: Member, kind: str = "marketing") -> dict[int, str]:
    """Ask for these members where no cap holds them."""
    session.flush()
    changes = {"day_cap": None, "window_cap": None, "win_back_days": 0}
    change_rules(session, changes, note="不限", by="店長", now=NOON)
    ids = [member.id for member in members]
    return reasons_not_to_write(session, ids, kind=kind, source=None, priority=None, now=NOON)


def reason(session: Session, member: Member, kind: str = "marketing") -> str | None:
    return reasons(session, member, kind=kind).get(member.id)


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
    assert reasons(session, sleeper, patient, awake) == {sleeper.id: "suppressed"}
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
    assert reasons(session, deep, active) == {deep.id: "nasld:deep"}
    set_action(session, "nasld", "deep", paid_push=True, by="店長", now=NOON)
    assert reasons(session, deep, active) == {}


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
    assert reasons(session) == {}
    assert reason(session, member) is None


def test_a_win_back_is_meant_for_the_silent_whatever_their_class(
    session: Session, make_member: MakeMember, sleeper: Member
) -> None:
    """B-04, A-18: a shop with a short cycle has archived everybody who is silent for 90 days.

    B-07: who never answers is left in peace by it too.
    """
    deep = classify(
        session, make_member(last_purchase_on=TODAY - 90 * DAY), nasld="deep", rfm="vip"
    )
    assert reason(session, deep) == "nasld:deep"
    assert reason(session, deep, "win_back") is None
    assert reason(session, sleeper, "win_back") == "suppressed"
    assert reason(session, sleeper, "service") is None
