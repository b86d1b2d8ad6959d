"""The night that brings classes to today."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from jobs.timetable import get_entry
from models.classification import ClassCount, ClassMove, MemberClass
from models.lifecycle import RepurchaseCycle
from models.local_day import local_day
from tests.conftest import NOON
from tests.jobs.conftest import Worker

DAY = timedelta(days=1)


def test_it_estimates_cycles_classes_everybody_and_notes_the_month(worker: Worker) -> None:
    """A-17, B-03: and a second run changes nothing."""
    member = worker.member(spend_twd=500, spent_on=local_day(NOON))
    job = get_entry("rebuild_classes").job

    assert job(worker.sessions, now=NOON) == 1
    assert job(worker.sessions, now=NOON) == 0

    with worker.sessions() as session:
        row = session.get_one(MemberClass, member.id)
        assert (row.nasld, row.rfm_group) == ("new", "vip")
        assert session.scalar(select(func.count()).select_from(ClassCount)) == 4
        assert session.scalar(select(func.count()).select_from(ClassMove)) == 4
        assert session.scalars(select(RepurchaseCycle.measured_on)).first() == local_day(NOON)


def test_it_makes_up_for_nights_nobody_did(worker: Worker) -> None:
    worker.member(spend_twd=500, spent_on=local_day(NOON))
    job = get_entry("rebuild_classes").job
    job(worker.sessions, now=NOON)

    assert job(worker.sessions, now=NOON + 100 * DAY) == 1

    with worker.sessions() as session:
        assert session.scalars(select(MemberClass.nasld)).one() == "lost"
