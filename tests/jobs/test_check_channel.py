"""Looking at the channel when somebody asked, and at nothing when nobody did."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.channel_check import CODES
from bot.client import ChannelToken, LineClient
from bot.simulator import Channel, SimulatorServer
from jobs.check_channel import check_channel
from models.channel_check import PATIENCE, ask_check, find_newest_check
from models.link import LinkMaker
from tests.jobs.conftest import PATIENT, Worker

SECRET, TOKEN = "channel secret", "a long-lived token"


@pytest.fixture(scope="module")
def line() -> Iterator[SimulatorServer]:
    with SimulatorServer(Channel(SECRET, TOKEN, "1"), rate_limits=False) as server:
        yield server


def look(worker: Worker, line: SimulatorServer) -> int:
    async def run() -> int:
        client = LineClient(line.url, ChannelToken(TOKEN, None, SECRET), timeout=PATIENT)
        links = LinkMaker(b"", "https://127.0.0.1:9")
        try:
            return await check_channel(replace(worker.context, line=client, links=links))
        finally:
            await client.close()

    return asyncio.run(run())


def test_a_look_is_taken_once_for_all_who_asked(worker: Worker, line: SimulatorServer) -> None:
    """U19: outside any transaction; what was found is kept with its moment."""
    assert look(worker, line) == 0, "nobody asked"
    worker.run(lambda session: ask_check(session, worker.maker.staff(session), worker.clock.now))

    assert look(worker, line) == 1
    assert look(worker, line) == 0

    check = worker.run(find_newest_check)
    assert [each["code"] for each in check.findings] == list(CODES)
    assert check.done_at == worker.clock.now


def test_a_check_nobody_answered_is_asked_anew(worker: Worker) -> None:
    def ask() -> int:
        number: int = worker.run(
            lambda session: ask_check(session, worker.maker.staff(session), worker.clock.now).id
        )
        return number

    first = ask()
    worker.clock.advance(seconds=(PATIENCE - timedelta(seconds=1)).total_seconds())
    assert ask() == first
    worker.clock.advance(seconds=2)
    assert ask() > first
