"""Prepared figures: made once however often they are asked for, by night all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from jobs.prepare_figures import prepare_figures, want_figures
from jobs.queue import run_slot
from models.base import BusinessError
from models.prepared import (
    FIGURES,
    KEPT,
    LEASE,
    Figure,
    NoSuchFigure,
    NoteProgress,
    PreparedFigure,
    claim_wanted,
    find_prepared,
    note_progress,
    want,
)
from tests.conftest import NOON
from tests.jobs.conftest import Worker

TOLD: list[Mapping[str, Any]] = []


class Unfit(BusinessError):
    """The question cannot be answered."""

    code = "unfit"


def count(
    _session: Session, now: datetime, asked: Mapping[str, Any], tell: NoteProgress
) -> dict[str, Any]:
    """Count how often this was asked for."""
    if asked.get("refuse"):
        raise Unfit
    TOLD.append(asked)
    tell(1, 2)
    return {"times": len(TOLD), "at": now.isoformat()}


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    """Have one figure alone, made every night."""
    TOLD.clear()
    known = dict(FIGURES)
    FIGURES.clear()
    FIGURES["count"] = Figure("count", count, is_nightly=True)
    yield
    FIGURES.clear()
    FIGURES.update(known)


def made(worker: Worker, now: datetime = NOON) -> int:
    return prepare_figures(worker.context.sessions, lambda: now)


def ask(worker: Worker, asked: dict[str, Any] | None = None, now: datetime = NOON) -> None:
    with worker.context.sessions.begin() as session:
        want(session, "count", asked, now)


def found(worker: Worker, asked: dict[str, Any] | None = None) -> PreparedFigure:
    with worker.context.sessions() as session:
        figure = find_prepared(session, "count", asked)
    assert figure is not None
    return figure


def test_asked_twice_it_is_made_once(worker: Worker) -> None:
    ask(worker)
    ask(worker)

    assert made(worker) == 1
    assert made(worker) == 0
    figure = found(worker)
    assert (figure.body, figure.as_of, figure.is_wanted) == (
        {"times": 1, "at": NOON.isoformat()},
        NOON,
        False,
    )


def test_each_question_has_its_own_answer(worker: Worker) -> None:
    ask(worker, {"store": 1})
    ask(worker, {"store": 2})

    assert made(worker) == 2
    assert {found(worker, {"store": store}).asked["store"] for store in (1, 2)} == {1, 2}


def test_a_refusal_keeps_what_was_made_before(worker: Worker) -> None:
    ask(worker, {"refuse": False})
    made(worker)
    with worker.context.sessions.begin() as session:
        row = find_prepared(session, "count", {"refuse": False})
        assert row is not None
        row.asked = {"refuse": True}
    ask(worker, {"refuse": False})

    assert made(worker) == 0
    figure = found(worker, {"refuse": False})
    assert (figure.failed, figure.is_wanted) == ("unfit", False)
    assert figure.body == {"times": 1, "at": NOON.isoformat()}


def test_a_dead_workers_claim_lapses(worker: Worker) -> None:
    ask(worker)
    with worker.context.sessions.begin() as session:
        assert claim_wanted(session, NOON) is not None

    assert made(worker) == 0
    assert made(worker, NOON + LEASE + timedelta(seconds=1)) == 1


def test_progress_keeps_the_claim(worker: Worker) -> None:
    ask(worker)
    with worker.context.sessions.begin() as session:
        claimed = claim_wanted(session, NOON)
        assert claimed is not None
        note_progress(session, claimed, 40, NOON + LEASE)

    assert found(worker).progress == 40
    assert made(worker, NOON + LEASE + timedelta(seconds=1)) == 0


def test_by_night_all_are_made_and_old_questions_forgotten(worker: Worker) -> None:
    ask(worker, {"store": 1}, NOON - timedelta(days=1))
    ask(worker, {"store": 2}, NOON - KEPT - timedelta(days=1))
    made(worker)

    assert want_figures(worker.context.sessions, now=NOON) == 2
    with worker.context.sessions() as session:
        assert find_prepared(session, "count", {"store": 2}) is None
    assert run_slot(worker.context, "want_figures", "2026-11-22T04:15+08:00") == 2


def test_nobody_wants_what_there_is_not(session: Session) -> None:
    with pytest.raises(NoSuchFigure):
        want(session, "nothing", None, NOON)
