"""Text messages (簡訊): whatever gateway a shop has, behind one protocol.

Taiwanese gateways differ in addresses and fields, not in kind: one HTTPS call with a phone and a
text. So the shop's settings hold a template of the call. A code never reaches a log.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote, urlsplit

import aiohttp

from bot.texts import texts_for

TIMEOUT: Final = aiohttp.ClientTimeout(total=10, connect=3)
LOCAL_HOSTS: Final = ("127.0.0.1", "localhost", "::1")
TRY_LATER: Final = frozenset({408, 425, 429})


@dataclass(frozen=True)
class TextOutcome:
    """What became of one call: the gateway took it, will perhaps later, or never."""

    verdict: Literal["accepted", "try_later", "refused"]
    reason: str | None = None


class OtpSender(Protocol):
    """Whoever brings a code to a phone."""

    async def send(self, phone: str, code: str, language: str) -> TextOutcome:
        """Send the code to a phone (E.164) in a language; never raises for the gateway's sake."""
        ...


class GatewayNotSafe(ValueError):
    """The gateway's address would carry codes in the clear."""


@dataclass(frozen=True)
class Gateway:
    """A call to a gateway: `{phone}` (0912345678), `{phone_e164}` and `{text}` are filled in.

    `body` empty sends none; a JSON body is a template too, and its texts are escaped.
    """

    url: str
    method: Literal["GET", "POST"] = "POST"
    header: str = ""
    """A secret header, `Authorization: Bearer …`."""
    body: str = ""
    content_type: str = "application/x-www-form-urlencoded"

    def __post_init__(self) -> None:
        """Refuse an address without TLS, but for one on this machine."""
        parts = urlsplit(self.url)
        if parts.scheme != "https" and parts.hostname not in LOCAL_HOSTS:
            raise GatewayNotSafe("SMS_URL must be https")


class HttpSender:
    """Sends by the shop's gateway; an answer of 2xx is a yes."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def send(self, phone: str, code: str, language: str) -> TextOutcome:
        """Send the code; a time-out or a 5xx may be tried again, for the same code does no harm."""
        gateway, words = self._gateway, message(code, language)
        fields = {"phone": "0" + phone.removeprefix("+886"), "phone_e164": phone, "text": words}
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT) as session,
                session.request(
                    gateway.method,
                    _fill(gateway.url, fields, quoted=True),
                    data=self._body(fields),
                    headers=self._headers(),
                    allow_redirects=False,
                ) as answer,
            ):
                return _outcome(answer.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            return TextOutcome("try_later", type(error).__name__)

    def _body(self, fields: Mapping[str, str]) -> bytes | None:
        gateway = self._gateway
        if not gateway.body:
            return None
        is_json = gateway.content_type.startswith("application/json")
        if is_json:
            return _fill(gateway.body, {k: _in_json(v) for k, v in fields.items()}).encode()
        return _fill(gateway.body, fields, quoted=True).encode()

    def _headers(self) -> dict[str, str]:
        name, _, value = self._gateway.header.partition(":")
        secret = {name.strip(): value.strip()} if value else {}
        return {"Content-Type": self._gateway.content_type} | secret


class DemoSender:
    """Writes what a phone would show into a file of the demo; no phone is involved."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, phone: str, code: str, language: str) -> TextOutcome:
        """Add one line: phone and text."""
        await asyncio.to_thread(self._write, f"{phone} {message(code, language)}\n")
        return TextOutcome("accepted")

    def _write(self, line: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)


def message(code: str, language: str) -> str:
    """Return the text of the message: the code first, for a lock screen shows little."""
    t = texts_for(language)
    return t("{code} 是您的會員驗證碼，5 分鐘內有效，請勿告訴他人。", code=code)


def _outcome(status: int) -> TextOutcome:
    if 200 <= status < 300:
        return TextOutcome("accepted")
    is_passing = status >= 500 or status in TRY_LATER
    return TextOutcome("try_later" if is_passing else "refused", str(status))


def _fill(template: str, fields: Mapping[str, Any], *, quoted: bool = False) -> str:
    """Fill in what stands in braces; other braces, as JSON has them, stay."""
    for name, value in fields.items():
        template = template.replace(f"{{{name}}}", quote(value, safe="") if quoted else value)
    return template


def _in_json(words: str) -> str:
    return words.replace("\\", "\\\\").replace('"', '\\"')
