"""The night's forecasts, and whom it lists for care."""

from __future__ import annotations

from sqlalchemy import func, select

from jobs.queue import run_slot
from jobs.timetable import get_entry
from models.care_task import MOST_A_NIGHT, CareTask
from models.prediction import MemberForecast, find_fit
from tests.jobs.conftest import Worker
from tests.models.prediction_shop import make_buyers

SLOT = "2026-11-22T03:00+08:00"


def test_the_night_foretells_and_lists_whom_to_call_once(worker: Worker) -> None:
    """B-18, E-10: forecasts of all buyers, tasks for some; run again, nothing new."""
    ids = worker.run(lambda session: make_buyers(session, 500))
    made = run_slot(worker.context, "fit_forecasts", SLOT)
    again = run_slot(worker.context, "fit_forecasts", "2026-11-22T03:01+08:00")
    drawn = worker.run(lambda session: session.scalars(select(CareTask)).all())
    assert 0 < made <= len(drawn) <= MOST_A_NIGHT
    assert again <= MOST_A_NIGHT
    assert len({task.member_id for task in drawn}) == len(drawn)
    count = select(func.count()).select_from(MemberForecast)
    assert worker.run(lambda session: session.scalar(count)) == len(ids)


def test_a_night_with_too_little_lists_nobody(worker: Worker) -> None:
    """B-18: refused, kept with what is missing, and the job is done."""
    assert run_slot(worker.context, "fit_forecasts", SLOT) == 0
    fit = worker.run(find_fit)
    assert fit is not None
    assert fit.refused is not None


def test_it_runs_while_the_shop_sleeps() -> None:
    assert get_entry("fit_forecasts").at.hour == 3
