"""Care tasks: who is drawn, who is held out, what staff note, whether it helps (E-10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import cycle

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.audit import list_audit
from models.care_task import (
    HOLDOUT_SHARE,
    MOST_A_NIGHT,
    CareTask,
    NoSuchCareTask,
    OutcomeRefused,
    care_report,
    list_care_tasks,
    make_care_tasks,
    tick_care_task,
)
from models.local_day import local_day
from models.member import Member, get_member
from models.membership import erase_member
from models.prediction import MemberForecast, ModelFit
from models.staff import Staff
from tests.conftest import NOON
from tests.models.prediction_shop import TODAY, add_members, add_sales, sale

MakeStaff = Callable[..., Staff]


def always(chance: float) -> Callable[[], float]:
    return lambda: chance


TASK, HELD_OUT = always(0.99), always(0.0)


def foretell(session: Session, ids: list[int], risk: float = 0.8) -> None:
    """Give members a forecast of this risk."""
    fit = session.scalars(select(ModelFit)).one_or_none()
    if fit is None:
        fit = ModelFit(
            as_of=TODAY, fitted_at=NOON, seconds=1, buyers=1, repeaters=1, parameters={"r": 1}
        )
        session.add(fit)
        session.flush()
    shares = dict.fromkeys(("likely", "alive", "orders_90", "orders_365"), 0.1)
    worth = {"likely_top": 50, "value_90_twd": 1, "value_365_twd": 1}
    session.add_all(
        MemberForecast(member_id=member_id, fit_id=fit.id, risk=risk, **shares, **worth)
        for member_id in ids
    )
    session.flush()


def shop(session: Session, count: int = 30) -> list[int]:
    """Make buyers, the first of whom spent the most; all silent for 60 days and at risk."""
    ids = add_members(session, [TODAY - timedelta(days=300)] * count)
    silent = TODAY - timedelta(days=60)
    add_sales(session, [sale(one, silent, 10_000 - at) for at, one in enumerate(ids)])
    foretell(session, ids)
    return ids


def tasks(session: Session) -> list[CareTask]:
    return list(session.scalars(select(CareTask).order_by(CareTask.id)))


def test_members_of_high_value_at_risk_get_a_task_once(session: Session) -> None:
    """E-10: the top tenth by spend; the next night draws nobody again."""
    ids = shop(session, 30)
    assert make_care_tasks(session, NOON, draw=TASK) == 4
    assert [task.member_id for task in tasks(session)] == ids[:4]
    assert make_care_tasks(session, NOON, draw=TASK) == 0
    assert make_care_tasks(session, NOON + timedelta(days=89), draw=TASK) == 0
    assert make_care_tasks(session, NOON + timedelta(days=90), draw=TASK) == 4
    first = tasks(session)[0]
    assert (first.value_twd, first.made_on) == (10_000, TODAY)
    assert [reason.code for reason in first.told_reasons()] == ["once"]


@pytest.mark.parametrize(
    "columns",
    [
        {"marketing_allowed": False},
        {"frozen_at": NOON, "frozen_reason": "test"},
        {"last_purchase_on": TODAY - timedelta(days=365)},
    ],
)
def test_who_may_not_or_cannot_be_called_is_not_drawn(
    session: Session, columns: dict[str, object]
) -> None:
    """E-10: no consent, a frozen card, away for a year."""
    ids = shop(session, 10)
    session.execute(update(Member).where(Member.id == ids[0]).values(columns))
    make_care_tasks(session, NOON, draw=TASK)
    assert ids[0] not in [task.member_id for task in tasks(session)]


def test_whose_risk_is_small_is_left_alone(session: Session) -> None:
    """E-10: act on risk, not on value alone."""
    ids = shop(session, 10)
    session.execute(update(MemberForecast).values(risk=0.59))
    assert make_care_tasks(session, NOON, draw=TASK) == 0
    session.execute(update(MemberForecast).values(risk=0.6001))
    assert make_care_tasks(session, NOON, draw=TASK) == 2
    assert [task.member_id for task in tasks(session)] == ids[:2]


def test_a_night_draws_no_more_than_staff_can_call(session: Session) -> None:
    """E-10: at most 20 a night, and about 15% of those drawn get no task."""
    shop(session, 250)
    chances: Iterator[float] = cycle(number / 20 for number in range(20))
    made = make_care_tasks(session, NOON, draw=lambda: next(chances))
    drawn = tasks(session)
    assert len(drawn) == MOST_A_NIGHT
    assert made == sum(not task.is_holdout for task in drawn) == 17
    assert 0.10 <= HOLDOUT_SHARE <= 0.20


def test_the_holdout_is_neither_listed_nor_ticked(session: Session, make_staff: MakeStaff) -> None:
    """E-10: who is held out gets no call."""
    shop(session, 10)
    assert make_care_tasks(session, NOON, draw=HELD_OUT) == 0
    assert list_care_tasks(session, NOON) == []
    with pytest.raises(NoSuchCareTask):
        tick_care_task(session, tasks(session)[0].id, make_staff(), "thinks", now=NOON)


def test_a_call_is_noted_and_can_be_reopened(session: Session, make_staff: MakeStaff) -> None:
    """E-10: ticked off with its outcome in somebody's name; the audit holds no words of it."""
    shop(session, 10)
    make_care_tasks(session, NOON, draw=TASK)
    staff, task = make_staff("manager"), tasks(session)[0]
    tick_care_task(session, task.id, staff, "unhappy", note_text=" 太 \n 甜 ", now=NOON)
    assert (task.outcome, task.note, task.done_by, task.done_at) == (
        "unhappy",
        "太 甜",
        staff.id,
        NOON,
    )
    tick_care_task(session, task.id, staff, None, now=NOON)
    assert (task.outcome, task.note, task.done_at) == (None, None, None)
    told = list_audit(session, subject=f"care_task:{task.id}")
    assert [entry.what for entry in told] == ["care_task.reopen", "care_task.done"]
    assert "甜" not in str([entry.after for entry in told])
    for outcome, words in (("happy", ""), ("", ""), ("thinks", "長" * 301)):
        with pytest.raises(OutcomeRefused):
            tick_care_task(session, task.id, staff, outcome, note_text=words, now=NOON)
    with pytest.raises(NoSuchCareTask):
        tick_care_task(session, 2**62, staff, "thinks", now=NOON)


def test_who_has_come_needs_no_call_any_more(session: Session) -> None:
    """E-10: bought since, no consent any more, or 30 days old: off the list."""
    ids = shop(session, 30)
    make_care_tasks(session, NOON, draw=TASK)
    add_sales(session, [sale(ids[0], TODAY + timedelta(days=1))])
    get_member(session, ids[1]).marketing_allowed = False
    session.flush()
    tomorrow = NOON + timedelta(days=1)
    assert [member.id for _, member in list_care_tasks(session, tomorrow)] == ids[2:4]
    assert list_care_tasks(session, NOON + timedelta(days=30)) == []


def test_who_leaves_takes_open_tasks_and_notes_along(
    session: Session, make_staff: MakeStaff
) -> None:
    """X14: an open task is gone, of a call only its outcome stays."""
    ids = shop(session, 30)
    make_care_tasks(session, NOON, draw=TASK)
    done = tasks(session)[1]
    tick_care_task(session, done.id, make_staff(), "thinks", note_text="搬家", now=NOON)
    for member_id in ids[:2]:
        erase_member(session, get_member(session, member_id), evidence="test", now=NOON)
    session.expire_all()
    assert [task.member_id for task in tasks(session)] == ids[1:4]
    assert (done.outcome, done.note) == ("thinks", None)


def drawn(session: Session, is_holdout: bool, count: int, returned: int) -> None:
    """Add members drawn 40 days ago, so many of whom came back on the last day that counts."""
    ids = add_members(session, [TODAY - timedelta(days=300)] * count)
    made = NOON - timedelta(days=40)
    session.add_all(
        CareTask(
            member_id=member_id,
            made_on=local_day(made),
            made_at=made,
            is_holdout=is_holdout,
            risk=0.8,
            value_twd=1,
            reasons=[],
        )
        for member_id in ids
    )
    session.flush()
    day = local_day(made) + timedelta(days=30)
    late = [sale(one, day + timedelta(days=1)) for one in ids[returned:]]
    add_sales(session, [*(sale(one, day) for one in ids[:returned]), *late])


def test_return_rates_are_compared_with_their_interval(session: Session) -> None:
    """E-10: the holdout proves the effect: Newcombe's own example, 56/70 against 48/80."""
    drawn(session, False, 70, 56)
    drawn(session, True, 80, 48)
    report = care_report(session, NOON)
    assert (report.task.members, report.task.returned) == (70, 56)
    assert (report.holdout.members, report.holdout.returned) == (80, 48)
    assert report.is_enough
    told = (report.difference, report.low, report.high)
    assert told == pytest.approx((0.2, 0.0524, 0.3339), abs=0.0001)


def test_too_few_are_not_compared(session: Session) -> None:
    """E-10: "not enough data" where either side has fewer than 30; young tasks wait."""
    drawn(session, False, 30, 15)
    drawn(session, True, 29, 3)
    shop(session, 10)
    make_care_tasks(session, NOON, draw=TASK)
    report = care_report(session, NOON)
    assert not report.is_enough
    assert (report.task.members, report.holdout.members) == (30, 29)
    assert (report.low, report.high) == (None, None)
