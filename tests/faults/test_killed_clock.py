"""Two clocks, dead clocks, late clocks: each slot of the timetable is run, and run once; so is a
round of journeys whose hour came while nobody was there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from jobs.timetable import list_due
from models.coupon import Coupon
from models.database import create_database, drop_database
from models.job_run import JobRun
from models.local_day import TAIPEI, local_day
from tests.faults.conftest import Regular, assert_each_heard_once, make_members, wait_settled
from tests.journeys.people import Line, stays_so
from tests.processes import Installation, installed, wait_until

BIRTHDAY = "生日快樂"
RUNNING = "event=clock_running"
RUN = re.compile(r"event=job_run job=(\S+) slot=(\S+)")
QUIET_SECONDS = 3.0


@pytest.fixture
def shop(server_url: str, pristine: str) -> Iterator[Installation]:
    """Yield a shop without anything running yet; a web server is not needed."""
    name = f"regulars_clock_{uuid4().hex[:12]}"
    with installed(create_database(server_url, name, pristine), "clock") as made:
        yield made
    drop_database(server_url, name)


@pytest.mark.parametrize(
    ("members", "is_worker_killed"),
    [
        pytest.param(30, False, id="30 birthdays"),
        pytest.param(400, True, id="400 birthdays, worker killed", marks=pytest.mark.faults),
    ],
)
def test_a_slot_missed_by_a_dead_clock_is_run_once_by_two(
    shop: Installation, members: int, is_worker_killed: bool
) -> None:
    late = _last_time(10, 30)
    early = late - timedelta(hours=1)
    regulars = _birthday_people(shop, local_day(late), members)
    _play(shop, early, "worker", "clock")
    wait_until(lambda: _unfinished(shop, early) == [], "the early slots are finished")
    assert _gifts(shop) == 0
    shop.kill("worker", "clock")

    _play(shop, late, "worker", "clock", "clock2")
    if is_worker_killed:
        wait_until(lambda: _gifts(shop) > 0, "the first gifts")
        shop.kill("worker")
        assert _gifts(shop) < members, "there was work left"
        shop.start("worker")
    wait_until(lambda: _unfinished(shop, late) == [], "the late slots are finished")
    wait_until(lambda: _gifts(shop) == members, "everybody has their gift")
    wait_settled(shop, regulars, "content")
    assert _gifts(shop) == members
    assert_each_heard_once(regulars, BIRTHDAY)

    _let_the_spare_take_over(shop)
    stays_so(lambda: _gifts(shop) == members, QUIET_SECONDS, "nobody gets a second gift")
    assert_each_heard_once(regulars, BIRTHDAY)
    assert set(_runs(shop).values()) == {1}


def _last_time(hour: int, minute: int) -> datetime:
    """Return the last moment at which it was so late in Taipei."""
    now = datetime.now(TAIPEI)
    today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def _birthday_people(shop: Installation, today: date, count: int) -> list[Regular]:
    line = Line(shop.line.url)
    born = today.replace(year=1992)  # A leap year, so that every day is in it.
    return make_members(shop, line, count, birthday=born)


def _play(shop: Installation, moment: datetime, *names: str) -> None:
    shop.play_time(moment, datetime.now(UTC), *names)
    shop.start(*names)


def _unfinished(shop: Installation, moment: datetime) -> list[tuple[str, str]]:
    """Return the slots due at a moment that were not finished."""
    due = {(entry.name, slot) for entry, slot in list_due(moment)}
    with shop.sessions() as session:
        finished = select(JobRun.name, JobRun.slot).where(JobRun.finished_at.is_not(None))
        return sorted(due - {(name, slot) for name, slot in session.execute(finished)})


def _gifts(shop: Installation) -> int:
    with shop.sessions() as session:
        given = select(func.count()).where(Coupon.issue_key.startswith("birthday:"))
        return session.scalars(given).one()


def _runs(shop: Installation) -> Counter[tuple[str, str]]:
    """Return how often the worker finished each slot, by its own words."""
    said = (shop.logs / "worker.log").read_text("utf-8")
    return Counter((found[1], found[2]) for found in RUN.finditer(said))


def _let_the_spare_take_over(shop: Installation) -> None:
    """Kill the clock that runs, and see the one that waits go on."""
    before = {name: shop.processes[name].said(RUNNING) for name in ("clock", "clock2")}
    first = "clock2" if before["clock2"] else "clock"
    spare = "clock" if first == "clock2" else "clock2"
    shop.kill(first)
    wait_until(lambda: shop.processes[spare].said(RUNNING) > before[spare], "the spare runs")
