"""A slot of the timetable that takes longer than the clock's next look is not run twice at once."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from jobs import queue
from jobs.context import JobContext
from tests.conftest import PATIENCE_SECONDS
from tests.jobs.conftest import Worker

SLOT = "2026-11-22T04:00+08:00"


def test_a_slot_that_is_being_run_here_is_not_begun_again(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    end = threading.Event()

    def run_long(_context: JobContext, _name: str, slot: str) -> None:
        begun.append(slot)
        assert end.wait(PATIENCE_SECONDS)

    monkeypatch.setattr(queue, "run_slot", run_long)
    asked: Any = SimpleNamespace(additional_context={"regulars": worker.context})

    async def run() -> None:
        first = asyncio.create_task(queue.run_entry(asked, "forget_old", SLOT))
        await asyncio.sleep(0)
        await queue.run_entry(asked, "forget_old", SLOT)
        end.set()
        await first
        await queue.run_entry(asked, "forget_old", SLOT)

    asyncio.run(run())

    assert begun == [SLOT, SLOT]
