"""Letters: when each is due, who may order what, how a reader ends one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.analysis.refusals import ParameterRefused
from models.audit import list_audit
from models.report import (
    DAILY,
    MONTHLY,
    WEEKLY,
    LetterRefused,
    NoSuchLetter,
    NoSuchReport,
    Order,
    ReportLetter,
    ReportSending,
    end_letter,
    find_letter_by_token,
    last_sendings,
    letter_token,
    list_letters,
    order_letter,
    plan_sendings,
    settle_sending,
)
from models.staff import Staff
from tests.conftest import NOON

MakeStaff = Callable[..., Staff]
TAIPEI = ZoneInfo("Asia/Taipei")
KEY = b"k" * 32
WEEK = Order("metrics", {"days": "7"}, "owner@tea.example", "zh-TW", WEEKLY, 8, weekday=1)


def at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=TAIPEI)


@pytest.fixture
def owner(make_staff: MakeStaff) -> Staff:
    return make_staff("owner")


@pytest.fixture
def weekly(session: Session, owner: Staff) -> ReportLetter:
    """Order the metrics for Mondays at eight; NOON is a Sunday."""
    return order_letter(session, owner, WEEK, NOON)


def slots(session: Session) -> list[date]:
    return list(session.scalars(select(ReportSending.slot_on).order_by(ReportSending.slot_on)))


def test_a_weekly_letter_is_due_once_from_its_hour_on(
    session: Session, weekly: ReportLetter
) -> None:
    monday = date(2026, 11, 23)
    assert (weekly.next_on(NOON), plan_sendings(session, NOON)) == (monday, 0)
    assert plan_sendings(session, at(monday, 7)) == 0
    assert [plan_sendings(session, at(monday, 8)) for _ in range(2)] == [1, 0]
    assert plan_sendings(session, at(monday + timedelta(days=1), 9)) == 0
    assert plan_sendings(session, at(monday + timedelta(days=7), 8)) == 1
    assert slots(session) == [monday, date(2026, 11, 30)]


def test_a_daily_and_a_monthly_letter_come_on_their_days(session: Session, owner: Staff) -> None:
    order_letter(session, owner, replace(WEEK, every=DAILY), NOON)
    monthly = order_letter(session, owner, replace(WEEK, every=MONTHLY), NOON)
    assert (monthly.weekday, monthly.next_on(NOON)) == (None, date(2026, 12, 1))
    assert plan_sendings(session, at(date(2026, 11, 23), 12)) == 1
    assert plan_sendings(session, at(date(2026, 12, 1), 12)) == 2


def test_a_day_that_was_missed_wholly_is_not_made_up(
    session: Session, weekly: ReportLetter
) -> None:
    assert plan_sendings(session, at(date(2026, 11, 24), 5)) == 0
    assert slots(session) == []


@pytest.mark.parametrize(
    ("order", "refused"),
    [
        (replace(WEEK, email="nobody"), LetterRefused),
        (replace(WEEK, email="a@b.example, c@d.example"), LetterRefused),
        (replace(WEEK, every="year"), LetterRefused),
        (replace(WEEK, hour=3), LetterRefused),
        (replace(WEEK, weekday=None), LetterRefused),
        (replace(WEEK, report="nonsense"), NoSuchReport),
        (replace(WEEK, asked={"days": "8"}), ParameterRefused),
        (replace(WEEK, report="lens", asked={}), LetterRefused),
    ],
)
def test_what_cannot_be_sent_is_refused(
    session: Session, owner: Staff, order: Order, refused: type[Exception]
) -> None:
    """Bad input; and the clerks' figures do not go by mail."""
    with pytest.raises(refused):
        order_letter(session, owner, order, NOON)


def test_a_reader_ends_a_letter_by_its_link_and_only_by_it(
    session: Session, weekly: ReportLetter
) -> None:
    token = letter_token(KEY, weekly.id)
    for wrong in ("", "x", token[:-4] + "AAA=", letter_token(b"other", weekly.id)):
        with pytest.raises(NoSuchLetter):
            find_letter_by_token(session, KEY, wrong)
    end_letter(session, find_letter_by_token(session, KEY, token), NOON)
    assert list_letters(session) == []
    with pytest.raises(NoSuchLetter):
        find_letter_by_token(session, KEY, token)
    told = [entry.what for entry in list_audit(session, limit=5)]
    assert {"report.letter", "report.letter_end"} <= set(told)


def test_the_letters_of_who_left_end(session: Session, weekly: ReportLetter, owner: Staff) -> None:
    owner.is_active = False
    assert plan_sendings(session, at(date(2026, 11, 23), 9)) == 0
    assert list_letters(session) == []


def test_what_became_of_the_last_one_is_told(session: Session, weekly: ReportLetter) -> None:
    monday = date(2026, 11, 23)
    for weeks in (0, 1):
        plan_sendings(session, at(monday + timedelta(days=7 * weeks), 9))
    newest = last_sendings(session, [weekly])[weekly.id]
    settle_sending(session, newest.id, "accepted", NOON)
    session.expire_all()
    told = last_sendings(session, list_letters(session))[weekly.id]
    assert (told.slot_on, told.state) == (date(2026, 11, 30), "accepted")
