"""Our side of LINE's Messaging API: one pooled session a process, outcomes, no exceptions.

Messages go out as plain JSON: the SDK's models cost 2.7 ms a Flex Message, a dict 0.01 ms; the
tests run every card through the SDK's models and LINE's limits instead. Every call has a timeout.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any
from uuid import UUID

import aiohttp

from bot import Message

TIMEOUT = aiohttp.ClientTimeout(total=10, connect=3)
PROFILE_TIMEOUT = aiohttp.ClientTimeout(total=2)
MOST_CONNECTIONS = 256
LONGEST_REASON = 200
RENEW_BEFORE_SECONDS = 120


class Verdict(Enum):
    """What became of a call, as far as the next step cares."""

    ACCEPTED = "accepted"
    ALREADY_ACCEPTED = "already_accepted"
    """LINE had taken an earlier try under the same retry key (409): a success."""
    TRY_LATER = "try_later"
    """Not taken for sure, and it may be later: rate limit, quota, a token to renew."""
    UNKNOWN = "unknown"
    """It may or may not have been taken (5xx, time-out, cut line): only the same key may retry."""
    REFUSED = "refused"
    """LINE says no and will say no again."""


@dataclass(frozen=True)
class Outcome:
    """The answer to one call. `status` is None where no answer came."""

    verdict: Verdict
    status: int | None = None
    request_id: str | None = None
    reason: str | None = None

    @property
    def is_success(self) -> bool:
        """Tell whether LINE has the message, from this try or an earlier one."""
        return self.verdict in (Verdict.ACCEPTED, Verdict.ALREADY_ACCEPTED)

    @property
    def is_dead_reply_token(self) -> bool:
        """Tell whether LINE refused the reply token: used before, or too old."""
        return self.status == 400 and "reply token" in (self.reason or "").lower()


@dataclass(frozen=True)
class Answer:
    """What LINE answered to a question about our own channel. `status` is None where none came."""

    status: int | None
    body: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    is_lasting: bool = True
    """Whether the token asked about is one that somebody put in, rather than one of 15 minutes."""

    @property
    def is_success(self) -> bool:
        """Tell whether LINE answered what was asked."""
        return self.status is not None and self.status < 300


@dataclass(frozen=True)
class Profile:
    """What LINE tells of a person, as far as we use it."""

    language: str | None = None
    """Their LINE's language: `ja`, `zh-Hant`, …"""
    display_name: str | None = None


@dataclass(frozen=True)
class QuotaLimit:
    """What LINE lets the account send this month: free messages and those ordered beyond them."""

    messages: int | None
    """None where there is no limit."""


@dataclass(frozen=True)
class ChannelToken:
    """How we prove who we are: a long-lived token, or id and secret for 15-minute ones."""

    long_lived: str | None
    channel_id: str | None
    channel_secret: str


class LineClient:
    """LINE's endpoints that workers call. Make it inside a running event loop; close it there."""

    def __init__(
        self, api_base: str, token: ChannelToken, *, timeout: aiohttp.ClientTimeout = TIMEOUT
    ) -> None:
        self._base = api_base.rstrip("/")
        self._token = token
        self._stateless = ""
        self._stateless_until = 0.0
        self._renewing = asyncio.Lock()
        self._session = aiohttp.ClientSession(
            timeout=timeout,
            connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS, keepalive_timeout=30),
        )

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._session.close()

    async def reply(self, reply_token: str, messages: Sequence[Message]) -> Outcome:
        """Answer an event with 1 to 5 messages: free, once, within a minute."""
        body = {"replyToken": reply_token, "messages": list(messages)}
        return await self._post("/v2/bot/message/reply", body)

    async def push(
        self, to: str, messages: Sequence[Message], *, retry_key: UUID, unit: str | None = None
    ) -> Outcome:
        """Send 1 to 5 messages to one person: costs one message of the quota.

        `unit` is the name under which LINE counts what is seen and clicked (`[A-Za-z0-9_]{1,30}`).
        """
        return await self._send("/v2/bot/message/push", to, messages, retry_key, unit)

    async def multicast(
        self,
        to: Sequence[str],
        messages: Sequence[Message],
        *,
        retry_key: UUID,
        unit: str | None = None,
    ) -> Outcome:
        """Send the same 1 to 5 messages to 1 to 500 people; each of them costs one.

        One malformed id, and LINE refuses the whole request (400). A success says nothing of who
        has blocked us. A retry needs the same key and the same people.
        """
        return await self._send("/v2/bot/message/multicast", list(to), messages, retry_key, unit)

    async def _send(
        self,
        path: str,
        to: str | list[str],
        messages: Sequence[Message],
        retry_key: UUID,
        unit: str | None,
    ) -> Outcome:
        body: dict[str, Any] = {"to": to, "messages": list(messages)}
        if unit is not None:
            body["customAggregationUnits"] = [unit]
        return await self._post(path, body, headers={"X-Line-Retry-Key": str(retry_key)})

    async def link_rich_menu(self, line_user_id: str, rich_menu_id: str) -> Outcome:
        """Show a person this rich menu instead of the default one."""
        return await self._post(f"/v2/bot/user/{line_user_id}/richmenu/{rich_menu_id}", None)

    async def unlink_rich_menu(self, line_user_id: str) -> Outcome:
        """Show a person the default rich menu again."""
        return await self._call("DELETE", f"/v2/bot/user/{line_user_id}/richmenu", None, {})

    async def quota(self) -> QuotaLimit | None:
        """Ask how many messages this month may have; None where LINE did not say."""
        told = await self._ask("/v2/bot/message/quota") or {}
        if told.get("type") == "none":
            return QuotaLimit(None)
        value = _whole(told.get("value"))
        return None if value is None else QuotaLimit(value)

    async def consumption(self) -> int | None:
        """Ask how many messages were sent this month, from anywhere; LINE's figure is approximate.

        None where LINE did not say.
        """
        told = await self._ask("/v2/bot/message/quota/consumption") or {}
        return _whole(told.get("totalUsage"))

    async def unit_statistics(
        self, unit: str, from_on: date, to_on: date
    ) -> Mapping[str, Any] | None:
        """Ask what LINE counted of all sent under a unit name on these days of UTC+9.

        None where LINE did not say, or not now.
        """
        query = f"customAggregationUnit={unit}&from={from_on:%Y%m%d}&to={to_on:%Y%m%d}"
        return await self._ask(f"/v2/bot/insight/message/event/aggregation?{query}")

    @property
    def channel_id(self) -> str | None:
        """The channel's id as it was told us; None where we were only given a token."""
        return self._token.channel_id

    async def verify_token(self) -> Answer:
        """Ask whether LINE takes our token, of which channel it is, and how long it is good.

        Where tokens of 15 minutes are drawn, drawing one answers the same.
        """
        token = self._token.long_lived
        if token is not None:
            return await self.look("POST", "/v2/oauth/verify", form={"access_token": token})
        try:
            await self._bearer()
        except _NoToken as error:
            return Answer(error.status, reason="no channel access token", is_lasting=False)
        return Answer(200, {"client_id": self._token.channel_id}, is_lasting=False)

    async def look(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask LINE something about our own channel; every answer, also a no, is one."""
        try:
            headers = {} if form else {"Authorization": f"Bearer {await self._bearer()}"}
            async with self._session.request(
                method, self._base + path, json=body, data=form, headers=headers
            ) as answer:
                text = await answer.text()
                reason = None if answer.status < 300 else _reason(text)
                return Answer(answer.status, _object(text), reason)
        except _NoToken as error:
            return Answer(error.status, reason="no channel access token")
        except (aiohttp.ClientError, TimeoutError) as error:
            return Answer(None, reason=type(error).__name__)

    async def meet(self, line_user_id: str) -> Profile:
        """Ask who a person is; nothing is known of who blocked us, or when LINE does not answer."""
        profile = await self._profile(line_user_id)
        language, name = profile.get("language"), profile.get("displayName")
        return Profile(
            language if isinstance(language, str) else None,
            name if isinstance(name, str) and name.strip() else None,
        )

    async def _profile(self, line_user_id: str) -> Mapping[str, Any]:
        path = f"/v2/bot/profile/{line_user_id}"
        return await self._ask(path, timeout=PROFILE_TIMEOUT) or {}

    async def _ask(
        self, path: str, *, timeout: aiohttp.ClientTimeout | None = None
    ) -> Mapping[str, Any] | None:
        """Return the JSON object at a path, or None where LINE said no or nothing."""
        try:
            async with self._session.get(
                self._base + path,
                headers={"Authorization": f"Bearer {await self._bearer()}"},
                timeout=timeout or self._session.timeout,
            ) as answer:
                found = await answer.json() if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, ValueError, _NoToken):
            return None
        return found if isinstance(found, dict) else None

    async def _post(
        self, path: str, body: Any, *, headers: Mapping[str, str] | None = None
    ) -> Outcome:
        return await self._call("POST", path, body, headers or {})

    async def _call(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Outcome:
        try:
            token = await self._bearer()
            outcome = await self._try(method, path, body, headers, token)
            if outcome.status == 401 and self._token.long_lived is None:
                token = await self._bearer(refused=token)
                outcome = await self._try(method, path, body, headers, token)
        except _NoToken as error:
            return Outcome(Verdict.TRY_LATER, error.status, reason="no channel access token")
        return outcome

    async def _try(
        self, method: str, path: str, body: Any, headers: Mapping[str, str], token: str
    ) -> Outcome:
        try:
            sent = {"Authorization": f"Bearer {token}", **headers}
            data = None
            if body is not None:
                sent["Content-Type"] = "application/json"
                words = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
                data = words.encode("utf-8", "replace")  # Half a character is no reason to fail.
            async with self._session.request(
                method, self._base + path, data=data, headers=sent
            ) as answer:
                text = "" if answer.status < 300 else await answer.text()
                return _judge(answer.status, answer.headers.get("x-line-request-id"), text)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Outcome(Verdict.TRY_LATER, reason=type(error).__name__)
        except (aiohttp.ClientError, TimeoutError) as error:
            return Outcome(Verdict.UNKNOWN, reason=type(error).__name__)

    async def _bearer(self, *, refused: str | None = None) -> str:
        """Return a token in force that is not the one just `refused`. Raises _NoToken."""
        if self._token.long_lived is not None:
            return self._token.long_lived
        async with self._renewing:
            if time.monotonic() >= self._stateless_until or self._stateless == refused:
                await self._renew()
        return self._stateless

    async def _renew(self) -> None:
        """Get a stateless token: 15 minutes, any number at once (LINE, Stateless tokens).

        Raises _NoToken, whatever stood in the way: the call that wanted it was surely not made.
        """
        form = {
            "grant_type": "client_credentials",
            "client_id": self._token.channel_id or "",
            "client_secret": self._token.channel_secret,
        }
        try:
            async with self._session.post(f"{self._base}/oauth2/v3/token", data=form) as answer:
                if answer.status != 200:
                    raise _NoToken(answer.status)
                issued = await answer.json()
            self._stateless, seconds = issued["access_token"], issued["expires_in"]
        except (aiohttp.ClientError, TimeoutError, ValueError, LookupError, TypeError) as error:
            raise _NoToken(None) from error
        self._stateless_until = time.monotonic() + seconds - RENEW_BEFORE_SECONDS


class _NoToken(Exception):
    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status


def _judge(status: int, request_id: str | None, text: str) -> Outcome:
    """Decide by the status; LINE's texts may change and only name the reason."""
    if status < 300:
        return Outcome(Verdict.ACCEPTED, status, request_id)
    reason = _reason(text)
    if status == 409:
        return Outcome(Verdict.ALREADY_ACCEPTED, status, request_id, reason)
    if status in (401, 429):
        return Outcome(Verdict.TRY_LATER, status, request_id, reason)
    if status >= 500:
        return Outcome(Verdict.UNKNOWN, status, request_id, reason)
    return Outcome(Verdict.REFUSED, status, request_id, reason)


def _whole(told: object) -> int | None:
    """Return a count as LINE told it; whatever is none is not known."""
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None


def _object(text: str) -> Mapping[str, Any]:
    """Return the JSON object that LINE answered; empty where it answered none."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _reason(text: str) -> str:
    try:
        parsed = json.loads(text)
    except ValueError:
        return "no JSON"
    message = parsed.get("message") if isinstance(parsed, dict) else None
    return message[:LONGEST_REASON] if isinstance(message, str) else "no message"
