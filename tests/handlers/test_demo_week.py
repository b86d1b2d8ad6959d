"""A week of the demo shop without a human step (A-24), shortened: a day, and how it is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import click
import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from bot import client as line_client
from bot.client import LineClient
from handlers.line import keeper
from handlers.operator.demo_week import FIRST_DAY, PlayedWeek, add_week
from jobs import deliver_outbox, work_inbox
from jobs.demo_week import playing, staging, webhooks
from jobs.demo_week.crowd import Crowd
from jobs.demo_week.playing import entries_of, steps_of
from jobs.demo_week.staging import set_stage
from jobs.queue import Bell
from jobs.timetable import TIMETABLE
from models.base import Sessions
from models.database import create_database
from models.job_run import JobRun
from models.line_event import LineEvent
from models.member import Member
from models.outbox import Owed

if TYPE_CHECKING:
    from werkzeug.test import Client

    from app import Installation

DAY = date.fromisoformat(FIRST_DAY)
PATIENCE_SECONDS = 300


@pytest.fixture
def build(installation: Installation) -> Any:
    """Return what makes the played shop's parts, as the front door does."""
    from app import Installation as Parts  # Seconds that only this test pays.
    from app import create_app

    def build(told: dict[str, Any], clock: Any, bell: Bell) -> tuple[Installation, Client]:
        played = Parts(installation.settings.model_copy(update=told), clock=clock)
        played.bell = bell
        return played, create_app(played).test_client()

    return build


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all sides wait for each other: a call that a busy machine gives up is a message late."""
    patient = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    monkeypatch.setattr("app.LineClient", partial(LineClient, timeout=patient))
    monkeypatch.setattr(line_client, "PROFILE_TIMEOUT", patient)
    monkeypatch.setattr(keeper, "ANSWER_WITHIN_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(webhooks, "ANSWER_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(playing, "LONGEST_COURIER_SECONDS", PATIENCE_SECONDS)
    for job in (deliver_outbox, work_inbox):
        monkeypatch.setattr(job, "LONGEST_SECONDS", PATIENCE_SECONDS)


def facts_of(sessions: Sessions) -> dict[str, Any]:
    """Return what the played day left behind."""
    with sessions() as session:
        return {
            "ran": set(session.scalars(select(JobRun.name).where(JobRun.done.is_not(None)))),
            "events": dict(
                session.execute(
                    select(LineEvent.state, func.count()).group_by(LineEvent.state)
                ).all()
            ),
            "late": session.scalar(select(func.count()).where(Owed.reason == "too_late")),
            "names": set(session.scalars(select(Member.name).where(Member.name.is_not(None)))),
        }


def test_a_day_runs_by_itself_and_is_told(
    server_url: str, pristine: str, build: Any, patience: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A-24: tiering, tags, pushes and reports of a day, with no human step; names are masked."""
    ready: Callable[..., Any] = partial(create_database, template=pristine)
    monkeypatch.setattr(staging, "create_database", ready)
    monkeypatch.setattr(playing, "DAY_STEP", timedelta(hours=3))  # Whatever is due is due.
    left: dict[str, Any] = {}

    @contextmanager
    def open_week(first: date, days: int, seed: int, keep: bool) -> Iterator[PlayedWeek]:
        with set_stage(server_url, build, first, days=days, seed=seed, keep=keep) as week:
            yield week
            left.update(facts_of(week.sessions))

    demo = click.Group("demo")
    add_week(demo, open_week)
    done = CliRunner().invoke(demo, ["week", "--days", "1"], catch_exceptions=False)

    told = done.output
    assert done.exit_code == 0
    assert left["ran"] == {entry.name for entry in TIMETABLE}
    assert set(left["events"]) == {"done"}
    assert left["late"] == 0
    assert f"第 1 天　{FIRST_DAY}（一）" in told
    for line in ("消費：", "新會員：", "等級：", "標籤：", "報表：", "訊息：送達", "配額："):
        assert line in told
    assert re.search(r"旅程 .+ 沉睡|旅程 .*生日", told), told
    assert re.search(r"消費收據 .+ 等 \d+ 人", told), told
    shown = {name for name in left["names"] if len(name) > 2 and name in told}
    assert shown == set()


def test_the_same_seed_draws_the_same_people_and_another_draws_others() -> None:
    """A-24: a week can be played again."""
    nobody: Any = None  # These draws ask no database.
    first, again, other = (Crowd(nobody, seed) for seed in (1, 1, 2))
    assert first.newcomer_of(DAY, 0) == again.newcomer_of(DAY, 0)
    assert first.newcomer_of(DAY, 0) != other.newcomer_of(DAY, 0)
    moment = datetime.fromisoformat(f"{FIRST_DAY}T11:00+08:00")
    assert first.answers("U1", moment)[0] == again.answers("U1", moment)[0]


def test_every_job_is_played_at_its_moment() -> None:
    assert len(entries_of(DAY)) == len({entry.at for entry in TIMETABLE})
    assert len(steps_of(DAY)) > 12
