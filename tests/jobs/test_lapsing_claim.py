"""A reply that had to wait behind a slow one of the same person is never said by two at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bot import Message
from bot.client import Outcome
from models.outbox import Owed
from tests.jobs.conftest import Worker, a_person

SLOW_SECONDS = 11.0
"""The claim lasts for nine more: too short for a call that may take ten."""


def test_a_reply_whose_claim_could_lapse_during_the_call_comes_round_in_the_outbox(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = a_person()
    worker.say(person, "說明")
    worker.say(person, "客服")
    at_once = worker.line.reply

    async def slowly(reply_token: str, messages: Sequence[Message]) -> Outcome:
        while len(worker.rows(Owed.line_user_id == person)) < 2:
            await asyncio.sleep(0.01)
        worker.clock.advance(seconds=SLOW_SECONDS)
        return await at_once(reply_token, messages)

    monkeypatch.setattr(worker.line, "reply", slowly)
    worker.work_inbox()
    assert len(worker.line.said) == 1

    monkeypatch.setattr(worker.line, "reply", at_once)
    worker.clock.advance(seconds=SLOW_SECONDS)
    worker.deliver_outbox()
    assert [call.via for call in worker.line.said] == ["reply", "reply"]
    assert {row.state for row in worker.rows(Owed.line_user_id == person)} == {"accepted"}
