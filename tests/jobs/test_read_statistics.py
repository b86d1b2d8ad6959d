"""LINE's own statistics: asked once a day for the last runs, kept as LINE told them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, cast

from sqlalchemy import select

from bot.client import LineClient
from jobs.context import JobContext
from jobs.timetable import CALLS, get_call
from models.insight.unit import MOST_READ, UnitFigure
from models.sending import CampaignRun
from tests.conftest import NOON
from tests.jobs.conftest import Worker
from tests.models.sending_shop import plan

TOLD = {
    "overview": {"uniqueImpression": 41, "uniqueClick": None, "uniqueMediaPlayed": "many"},
    "messages": [],
    "clicks": [{"seq": 1, "url": "https://tea.example", "click": 25, "uniqueClick": None}],
}


class Statistics:
    """LINE's statistics: answers each question alike, as often as `answers` says."""

    def __init__(self, answers: int = 1_000) -> None:
        self.left = answers
        self.asked: list[tuple[str, date, date]] = []

    async def unit_statistics(
        self, unit: str, from_on: date, to_on: date
    ) -> Mapping[str, Any] | None:
        self.left -= 1
        self.asked.append((unit, from_on, to_on))
        return TOLD if self.left >= 0 else None


def read(worker: Worker, line: Statistics) -> int:
    context: JobContext = replace(worker.context, line=cast("LineClient", line))
    return asyncio.run(_run(context))


async def _run(context: JobContext) -> int:
    return await get_call("read_statistics").job(context)


def make_runs(worker: Worker, count: int = 1) -> list[str]:
    names = []
    for _ in range(count):
        run_id = worker.run(lambda session: plan(session, now=NOON))
        worker.change(CampaignRun, run_id, started_at=NOON)
        with worker.sessions() as session:
            names.append(session.get_one(CampaignRun, run_id).unit_name)
    return names


def test_a_run_is_asked_for_once_a_day_for_two_weeks(worker: Worker) -> None:
    """Insight: by unit name and days of UTC+9; null stays null; a figure that is none is none."""
    (name,) = make_runs(worker)
    line = Statistics()

    assert (read(worker, line), read(worker, line)) == (1, 0)
    worker.clock.advance(hours=20)
    assert read(worker, line) == 1
    worker.clock.now = NOON + timedelta(days=16)
    assert read(worker, line) == 0

    first = date(2026, 11, 22)
    assert line.asked == [(name, first, first), (name, first, date(2026, 11, 23))]
    kept = worker.run(lambda session: session.scalars(select(UnitFigure)).one())
    assert (kept.unique_impressions, kept.unique_clicks, kept.unique_plays) == (41, None, None)
    assert kept.urls == [{"url": "https://tea.example", "clicks": 25, "unique_clicks": None}]


def test_no_more_is_asked_in_an_hour_than_line_answers(worker: Worker) -> None:
    """LINE answers 60 such questions an hour: the others come with the next round."""
    make_runs(worker, MOST_READ + 2)
    line = Statistics()

    assert (read(worker, line), read(worker, line)) == (MOST_READ, 2)


def test_where_line_says_nothing_the_next_round_goes_on(worker: Worker) -> None:
    make_runs(worker, 3)

    assert read(worker, Statistics(answers=1)) == 1
    assert read(worker, Statistics()) == 2


def test_it_comes_round_every_hour() -> None:
    (asking,) = [each for each in CALLS if each.name == "read_statistics"]
    assert asking.every == timedelta(hours=1)
