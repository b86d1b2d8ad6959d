"""Posting: one call to somebody else's server, which may be slow, broken, or not what it seems.

Its name is looked up by a resolver of ours, and the connection goes to the very addresses that
were checked: no second look-up can lead into our own network. Redirects are not followed.
"""

import socket
import ssl
import time
from datetime import datetime, timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from models.webhook import Attempt, Claim, is_literal, is_public, sign

TIMEOUT: Final = aiohttp.ClientTimeout(total=10, connect=5)
MOST_BYTES: Final = 64 * 1024
"""So much of an answer is read, and thrown away; of a longer one the connection is cut."""
MOST_CONNECTIONS: Final = 100
USER_AGENT: Final = "Regulars-Webhooks/1"
MAY_ASK_TO_WAIT: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class AddressRefused(OSError):
    """A name leads to an address that is not on the internet."""


class PublicResolver(AbstractResolver):
    """Looks names up as ever, and refuses what leads into a private network."""

    def __init__(self) -> None:
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host. Raises AddressRefused where one of them is private."""
        found = await self._resolver.resolve(host, port, family)
        if not all(is_public(address["host"]) for address in found):
            raise AddressRefused(f"{host} is not on the internet")
        return found

    async def close(self) -> None:
        """Let go of what was opened."""
        await self._resolver.close()


class Postman:
    """Posts events; one a process, inside its event loop. `async with` closes it."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=None if allow_private else PublicResolver(),
                use_dns_cache=False,
                limit=MOST_CONNECTIONS,
            ),
            timeout=TIMEOUT,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"User-Agent": USER_AGENT, "Content-Type": "application/json"},
        )

    async def __aenter__(self) -> Self:
        """Return this."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections."""
        await self.close()

    async def post(self, claim: Claim, now: datetime) -> Attempt:
        """Make the one call of a claim; never raises for the receiver's sake."""
        began = time.monotonic()
        try:
            status, retry_after = await self._post(claim, now)
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            return Attempt(None, reason_of(error), _since(began))
        reason = None if 200 <= status < 300 else f"http_{status}"
        return Attempt(status, reason, _since(began), retry_after)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def _post(self, claim: Claim, now: datetime) -> tuple[int, timedelta | None]:
        host = urlsplit(claim.url).hostname or ""
        if not self._allow_private and is_literal(host) and not is_public(host):
            raise AddressRefused(f"{host} is not on the internet")
        headers = sign(claim.secrets, claim.name, claim.body, now)
        async with self._session.post(
            claim.url, data=claim.body.encode(), headers=headers, allow_redirects=False
        ) as answer:
            await _drain(answer)
            return answer.status, _asked_pause(answer)


async def _drain(answer: aiohttp.ClientResponse) -> None:
    """Read an answer's body, so that the connection can be used again; its status stands anyway."""
    read = 0
    try:
        while chunk := await answer.content.readany():
            read += len(chunk)
            if read > MOST_BYTES:
                answer.close()
                return
    except (aiohttp.ClientError, OSError, TimeoutError):
        answer.close()


def _asked_pause(answer: aiohttp.ClientResponse) -> timedelta | None:
    seconds = answer.headers.get("Retry-After", "")
    if answer.status not in MAY_ASK_TO_WAIT or not (seconds.isascii() and seconds.isdigit()):
        return None
    return timedelta(seconds=min(int(seconds[:9]), 86_400))


def reason_of(error: Exception) -> str:
    """Return a stable word for why there was no answer."""
    if isinstance(error, AddressRefused) or isinstance(
        getattr(error, "os_error", None), AddressRefused
    ):
        return "address_refused"
    kinds: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
        (TimeoutError, "timeout"),
        (aiohttp.ClientConnectorDNSError, "no_such_host"),
        ((aiohttp.ClientSSLError, ssl.SSLError), "tls"),
        (aiohttp.ClientConnectorError, "no_connection"),
        (aiohttp.ServerConnectionError, "cut"),
        (aiohttp.InvalidURL, "url"),
        (OSError, "cut"),
    )
    return next((word for kind, word in kinds if isinstance(error, kind)), "not_http")


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
