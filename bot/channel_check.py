"""Looking at our own channel through LINE's eyes: does it know us, reach us, and let us send?

Each thing looked at is a finding: `ok`, `warn` (works, but somebody should know), `bad` (members
will notice), or `unknown` (could not be asked). What to do about each is said by who shows it.
Calls as in LINE's API description (channel-access-token.yml, messaging-api.yml, insight.yml).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from bot.client import Answer, LineClient

OK, WARN, BAD, UNKNOWN = "ok", "warn", "bad", "unknown"
DAY_SECONDS = 86_400
SOON_DAYS = 14
"""A token that ends within so many days is worth a word."""
FORBIDDEN, NOT_FOUND = 403, 404
CALLBACK = "/callback"
PERMITTED: Mapping[str, str] = {
    "rich_menu": "/v2/bot/richmenu/list",
    "aggregation": "/v2/bot/message/aggregation/info",
    "demographic": "/v2/bot/insight/demographic",
}
"""Calls that change nothing and are refused (403) where the account lacks the permission."""
CODES = (
    "token",
    "channel_id",
    "account",
    "provider",
    "webhook_address",
    "webhook_active",
    "webhook_test",
    "permission",
    "quota",
)
"""What is looked at, in the order in which one would mend it."""


@dataclass(frozen=True)
class Finding:
    """How one thing stands, with the facts for who reads it."""

    code: str
    state: str
    facts: dict[str, Any] = field(default_factory=dict)


class Expected(Protocol):
    """What the shop believes of its channel."""

    @property
    def basic_id(self) -> str: ...
    @property
    def free_messages(self) -> int: ...
    @property
    def friends(self) -> Sequence[str]: ...


async def check_channel(line: LineClient, expected: Expected, base_url: str) -> list[Finding]:
    """Look at everything and return the findings, one for each of CODES, in that order.

    Without a token that LINE takes nothing else can be asked.
    """
    token = await line.verify_token()
    first = _token(token)
    if first.state in (BAD, UNKNOWN):
        return [first, *(Finding(code, UNKNOWN) for code in CODES[1:])]
    found = await asyncio.gather(
        _account(line, expected.basic_id),
        _provider(line, expected.friends),
        _webhook(line, base_url + CALLBACK),
        _permission(line),
        _quota(line, expected.free_messages),
    )
    account, provider, webhook, permission, quota = found
    channel = _channel_id(token, line.channel_id)
    return [first, channel, account, provider, *webhook, permission, quota]


def _token(answer: Answer) -> Finding:
    if answer.status is None:
        return Finding("token", UNKNOWN, {"why": answer.reason})
    if not answer.is_success:
        return Finding("token", BAD, {"status": answer.status, "why": answer.reason})
    seconds = answer.body.get("expires_in")
    if isinstance(seconds, int) and 0 < seconds < SOON_DAYS * DAY_SECONDS and answer.is_lasting:
        return Finding("token", WARN, {"days": seconds // DAY_SECONDS})
    return Finding("token", OK)


def _channel_id(answer: Answer, configured: str | None) -> Finding:
    told = str(answer.body.get("client_id", ""))
    if not configured or not told:
        return Finding("channel_id", OK if told else UNKNOWN, {"line": told})
    facts = {"line": told, "ours": configured}
    return Finding("channel_id", OK if told == configured else BAD, facts)


async def _account(line: LineClient, basic_id: str) -> Finding:
    answer = await line.look("GET", "/v2/bot/info")
    if not answer.is_success:
        return _unanswered("account", answer)
    told = answer.body
    names = {str(told.get(name, "")).lower() for name in ("basicId", "premiumId")} - {""}
    facts = {"line": told.get("basicId"), "ours": basic_id, "name": told.get("displayName")}
    return Finding("account", OK if basic_id.lower() in names else BAD, facts)


async def _provider(line: LineClient, friends: Sequence[str]) -> Finding:
    """Look some friends up: a person's id is another at each provider (LINE, User IDs)."""
    if not friends:
        return Finding("provider", UNKNOWN, {"asked": 0})
    answers = await asyncio.gather(
        *(line.look("GET", f"/v2/bot/profile/{friend}") for friend in friends)
    )
    known = sum(answer.is_success for answer in answers)
    strange = sum(answer.status in (400, NOT_FOUND) for answer in answers)
    facts = {"asked": len(answers), "known": known}
    if known:
        return Finding("provider", OK, facts)
    return Finding("provider", BAD if strange == len(answers) else UNKNOWN, facts)


async def _webhook(line: LineClient, ours: str) -> tuple[Finding, Finding, Finding]:
    """Look where LINE sends events, whether it does, and whether they arrive."""
    answer = await line.look("GET", "/v2/bot/channel/webhook/endpoint")
    if not answer.is_success and answer.status != NOT_FOUND:
        unanswered = _unanswered("webhook_address", answer)
        return (
            unanswered,
            Finding("webhook_active", UNKNOWN),
            Finding("webhook_test", UNKNOWN),
        )
    told = str(answer.body.get("endpoint") or "")
    facts = {"line": told, "ours": ours}
    address = Finding("webhook_address", OK if _is_same(told, ours) else BAD, facts)
    if not told:
        return address, Finding("webhook_active", UNKNOWN), Finding("webhook_test", UNKNOWN)
    active = Finding("webhook_active", OK if answer.body.get("active") is True else BAD)
    return address, active, await _test(line)


async def _test(line: LineClient) -> Finding:
    answer = await line.look("POST", "/v2/bot/channel/webhook/test", body={})
    if not answer.is_success:
        return _unanswered("webhook_test", answer)
    told = answer.body
    facts = {"status": told.get("statusCode"), "why": str(told.get("reason", ""))}
    return Finding("webhook_test", OK if told.get("success") is True else BAD, facts)


async def _permission(line: LineClient) -> Finding:
    answers = await asyncio.gather(*(line.look("GET", path) for path in PERMITTED.values()))
    refused = [
        name for name, answer in zip(PERMITTED, answers, strict=True) if answer.status == FORBIDDEN
    ]
    if refused:
        return Finding("permission", WARN, {"refused": refused})
    is_told = any(answer.is_success for answer in answers)
    return Finding("permission", OK if is_told else UNKNOWN)


async def _quota(line: LineClient, free_messages: int) -> Finding:
    limit, used = await asyncio.gather(line.quota(), line.consumption())
    if limit is None or used is None:
        return Finding("quota", BAD)
    facts = {"limit": limit.messages, "used": used, "plan": free_messages}
    is_short = limit.messages is not None and limit.messages < free_messages
    return Finding("quota", WARN if is_short else OK, facts)


def _unanswered(code: str, answer: Answer) -> Finding:
    state = UNKNOWN if answer.status is None or answer.status >= 500 else BAD
    return Finding(code, state, {"status": answer.status, "why": answer.reason})


def _is_same(told: str, ours: str) -> bool:
    """Tell whether two addresses are one, however their host is written."""
    first, second = urlsplit(told.rstrip("/")), urlsplit(ours.rstrip("/"))
    return (first.scheme, first.netloc.lower(), first.path) == (
        second.scheme,
        second.netloc.lower(),
        second.path,
    )
