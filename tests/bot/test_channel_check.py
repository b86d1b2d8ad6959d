"""The check of the LINE channel against the simulator: each mistake one can make, and none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp
import pytest

from bot.channel_check import BAD, CODES, OK, UNKNOWN, WARN, Finding, check_channel
from bot.client import ChannelToken, LineClient
from bot.simulator import Channel, SimulatorServer
from bot.texts import LANGUAGES, texts_for
from handlers.console.settings.channel_words import advise

SECRET, LONG_LIVED, CHANNEL_ID = "channel secret", "a long-lived token", "1234567890"
BASIC_ID = "@teadays"
OURS = "https://127.0.0.1:9"
PATIENT = aiohttp.ClientTimeout(total=120)
"""How long a call may take on a busy machine."""


@dataclass
class Believed:
    """What the shop believes of its channel."""

    basic_id: str = BASIC_ID
    free_messages: int = 6_000
    friends: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorServer]:
    """Yield a simulator that this module's tests share."""
    with SimulatorServer(Channel(SECRET, LONG_LIVED, CHANNEL_ID), rate_limits=False) as server:
        yield server


@pytest.fixture
def line(simulator: SimulatorServer) -> Iterator[SimulatorServer]:
    """Yield it as a channel that is set up rightly but for its webhook's server."""
    simulator.world.account["basicId"] = BASIC_ID
    simulator.world.webhooks.url = f"{OURS}/callback"
    simulator.world.change_quota({"type": "limited", "value": 6_000, "used": 12})
    yield simulator
    simulator.world.faults.change({"rules": [], "webhook": "on"})


def look(
    line: SimulatorServer,
    believed: Believed | None = None,
    *,
    token: str | None = LONG_LIVED,
    channel_id: str | None = CHANNEL_ID,
    secret: str = SECRET,
) -> dict[str, Finding]:
    """Look at the channel; return the findings by their codes."""

    async def run() -> list[Finding]:
        client = LineClient(line.url, ChannelToken(token, channel_id, secret), timeout=PATIENT)
        try:
            return await check_channel(client, believed or Believed(), OURS)
        finally:
            await client.close()

    found = asyncio.run(run())
    assert [each.code for each in found] == list(CODES)
    for language in LANGUAGES:
        for each in found:
            advice = advise(texts_for(language), each)
            assert advice.title
            assert advice.state
            assert advice.steps or each.state == OK, "what is wrong comes with what to do"
    return {each.code: each for each in found}


def states(found: dict[str, Finding]) -> dict[str, str]:
    """Return the states of those findings that are not well."""
    return {code: each.state for code, each in found.items() if each.state != OK}


def a_friend(line: SimulatorServer) -> str:
    """Make somebody who is a friend of the channel, under its own provider."""
    friend = f"U{uuid4().hex}"
    line.world.plant({"people": [{"id": friend, "name": "小晴", "friend": True}]})
    return friend


def test_a_channel_set_up_rightly_is_told_so(line: SimulatorServer) -> None:
    """U19; only the webhook's server, which is none here, is not reached."""
    found = look(line, Believed(friends=[a_friend(line)]))

    assert states(found) == {"webhook_test": BAD}
    assert found["quota"].facts == {"limit": 6_000, "used": 12, "plan": 6_000}


def test_stateless_tokens_are_checked_by_drawing_one(line: SimulatorServer) -> None:
    assert look(line, token=None)["token"].state == OK

    wrong = look(line, token=None, secret="another channel's")

    assert wrong["token"].state == BAD
    assert {each.state for code, each in wrong.items() if code != "token"} == {UNKNOWN}


def test_a_token_line_does_not_take_ends_the_look(line: SimulatorServer) -> None:
    """U19: the wrong token."""
    found = look(line, token="a token of nobody")

    assert found["token"].state == BAD
    assert found["token"].facts["status"] == 400


def test_a_token_of_another_channel_is_seen(line: SimulatorServer) -> None:
    found = look(line, channel_id="999")

    assert found["channel_id"].state == BAD
    assert found["channel_id"].facts == {"line": CHANNEL_ID, "ours": "999"}


def test_another_account_than_the_shops_is_seen(line: SimulatorServer) -> None:
    found = look(line, Believed(basic_id="@somebody"))

    assert found["account"].state == BAD
    assert found["account"].facts["line"] == BASIC_ID


def test_a_foreign_provider_knows_none_of_our_friends(line: SimulatorServer) -> None:
    """U19: the channel stands under another provider, where people have other ids."""
    strangers = [f"U{uuid4().hex}" for _ in range(3)]

    found = look(line, Believed(friends=strangers))
    assert found["provider"].state == BAD
    assert found["provider"].facts == {"asked": 3, "known": 0}

    some_know_us = look(line, Believed(friends=[*strangers, a_friend(line)]))
    assert some_know_us["provider"].state == OK, "others have blocked us"
    assert look(line)["provider"].state == UNKNOWN, "nobody to ask about"


@pytest.mark.parametrize("told", ["https://old.example/callback", f"{OURS}/elsewhere", ""])
def test_a_wrong_webhook_address_is_shown_beside_ours(line: SimulatorServer, told: str) -> None:
    """U19: the wrong webhook address."""
    line.world.webhooks.url = told

    found = look(line)

    assert found["webhook_address"].state == BAD
    assert found["webhook_address"].facts == {"line": told, "ours": f"{OURS}/callback"}


def test_a_webhook_switched_off_is_seen(line: SimulatorServer) -> None:
    line.world.faults.change({"webhook": "off"})

    assert look(line)["webhook_active"].state == BAD


def test_a_plan_that_promises_more_than_line_is_seen(line: SimulatorServer) -> None:
    line.world.change_quota({"value": 200})

    found = look(line)

    assert found["quota"].state == WARN
    assert found["quota"].facts["plan"] == 6_000


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v2/bot/info", "account"),
        ("/v2/bot/channel/webhook/endpoint", "webhook_address"),
        ("/v2/bot/message/aggregation/info", "permission"),
    ],
)
def test_where_line_does_not_answer_nothing_is_claimed(
    line: SimulatorServer, path: str, code: str
) -> None:
    rule = {"match": {"path": path}, "fault": "500_before", "times": 1}
    line.world.faults.change({"rules": [rule]})

    found = look(line)

    assert found[code].state == (OK if code == "permission" else UNKNOWN)


def test_without_a_network_the_look_says_so(line: SimulatorServer) -> None:
    async def run() -> list[Finding]:
        client = LineClient("http://127.0.0.1:9", ChannelToken(LONG_LIVED, None, SECRET))
        try:
            return await check_channel(client, Believed(), OURS)
        finally:
            await client.close()

    found = asyncio.run(run())

    assert [each.state for each in found] == [UNKNOWN] * len(CODES)


@pytest.mark.parametrize("status", [200, 401, 403])
def test_every_finding_there_may_be_has_words(status: int) -> None:
    """U19: missing permissions and a token that ends soon, told in three languages."""
    told = (
        Finding("token", WARN, {"days": 3}),
        Finding("permission", WARN, {"refused": ["rich_menu", "demographic"]}),
        Finding("quota", BAD),
        Finding("account", BAD, {"status": status}),
        Finding("webhook_address", BAD, {"status": status}),
        Finding("webhook_test", BAD, {"status": status, "why": "no answer"}),
    )
    for language in LANGUAGES:
        for each in told:
            advice = advise(texts_for(language), each)
            assert advice.state
            assert advice.steps
