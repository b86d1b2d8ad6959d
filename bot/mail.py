"""E-mail by SMTP: one kept connection a worker, outcomes as LINE's, never the same mail twice.

SMTP knows no retry key. So a line that is cut once the mail itself was on its way is `UNKNOWN`, and
whoever called must not try again; everything before that is surely not sent. The Message-ID comes
of the key, so that a mailbox that got a mail twice all the same can tell. Reasons are codes: what
servers answer often repeats the address.
"""

import asyncio
import re
import ssl
import time
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, parseaddr
from pathlib import Path
from typing import Final, Literal, Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiosmtplib
from aiosmtplib import (
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from bot.client import Outcome, Verdict

CONNECT_SECONDS: Final = 5.0
COMMAND_SECONDS: Final = 8.0
DATA_SECONDS: Final = 20.0
"""Servers look through a mail before they take it."""
IDLE_SECONDS: Final = 60.0
"""A connection that stood for longer is opened anew: many servers close it without a word."""
MOST_A_CONNECTION: Final = 200
"""After so many mails a new connection is made; servers count."""
LOCAL_HOSTS: Final = ("127.0.0.1", "localhost", "::1")
UNKNOWN_MAILBOX: Final = "unknown_mailbox"
"""The reason where a server says that nobody there has this address (RFC 3463, 5.1.x)."""
_ENHANCED: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_NO_SUCH_MAILBOX: Final = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")
_NO_SUCH_MAILBOX_CODES: Final = (550, 551, 553)

Tls = Literal["none", "starttls", "tls"]


@dataclass(frozen=True)
class Mail:
    """What a mail says. `unsubscribe_url` answers a POST at once (RFC 8058); None: not a list's."""

    subject: str
    text: str
    html: str
    language: str
    sent_at: datetime
    unsubscribe_url: str | None = None


class Channel(Protocol):
    """Whoever brings a mail to an address; the same keys and outcomes as LINE's pushes."""

    async def send(self, to: str, mail: Mail, *, retry_key: UUID) -> Outcome:
        """Send a mail once; never raises for the server's sake."""
        ...

    async def close(self) -> None:
        """End what is kept open."""
        ...


class MailNotSafe(ValueError):
    """The settings would carry mails or a password in the clear, or name no server or sender."""


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed over, and who we are there."""

    host: str
    port: int
    tls: Tls
    username: str | None = None
    password: str | None = None


def read_smtp_url(url: str) -> MailServer:
    """Read `smtp://user:password@host:587` (STARTTLS) or `smtps://host` (TLS from the first byte).

    Without TLS goes only to this machine. Raises MailNotSafe.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise MailNotSafe("SMTP_URL must be smtp://… or smtps://…")
    tls: Tls = "tls" if parts.scheme == "smtps" else "starttls"
    if parts.scheme == "smtp" and parts.hostname in LOCAL_HOSTS:
        tls = "none"
    usual_port = {"tls": 465, "starttls": 587, "none": 25}[tls]
    return MailServer(
        parts.hostname,
        parts.port or usual_port,
        tls,
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
    )


def check_sender(sender: str) -> str:
    """Return `MAIL_FROM` where it names an address. Raises MailNotSafe."""
    _, address = parseaddr(sender)
    if not re.fullmatch(r"[\x21-\x7e]+@[\x21-\x7e]+", address):
        raise MailNotSafe("MAIL_FROM must be an address, such as 茶日子 <hello@shop.example>")
    return sender


class SmtpMailer:
    """Hands mails to a server, one after the other over one connection.

    Make it inside a running event loop; close it there.
    """

    def __init__(
        self, server: MailServer, sender: str, *, tls_context: ssl.SSLContext | None = None
    ) -> None:
        """Keep where to; nothing is connected before the first mail."""
        self._server = server
        self._sender = check_sender(sender)
        self._tls_context = tls_context
        self._client: aiosmtplib.SMTP | None = None
        self._used_at = 0.0
        self._sent = 0
        self._turn = asyncio.Lock()

    async def send(self, to: str, mail: Mail, *, retry_key: UUID) -> Outcome:
        """Hand a mail over; 4xx or no connection: later, 5xx: refused, cut in mid-mail: unknown."""
        written = write_mail(self._sender, to, mail, retry_key)
        async with self._turn:
            outcome = await self._try(to, written)
            if outcome is None:  # A kept connection had died: a new one tells.
                outcome = await self._try(to, written)
        return outcome or Outcome(Verdict.TRY_LATER, reason="disconnected")

    async def close(self) -> None:
        """Say goodbye to the server, where one is connected."""
        client, self._client = self._client, None
        if client is None or not client.is_connected:
            return
        try:
            await client.quit(timeout=CONNECT_SECONDS)
        except (SMTPException, OSError):
            client.close()

    async def _try(self, to: str, written: bytes) -> Outcome | None:
        """Make one try; None where the connection was lost before anything was said on it."""
        try:
            client = await self._connected()
        except (SMTPException, OSError, ValueError) as error:
            await self.close()
            return Outcome(Verdict.TRY_LATER, _code(error), reason=type(error).__name__)
        _, sender = parseaddr(self._sender)
        try:
            await client.mail(sender, timeout=COMMAND_SECONDS)
        except (SMTPServerDisconnected, ConnectionError):
            await self.close()
            return None
        except (SMTPException, OSError) as error:  # Of us, not of this mail: it waits.
            await self.close()
            return Outcome(Verdict.TRY_LATER, _code(error), reason="sender_refused")
        return await self._hand_over(client, to, written)

    async def _hand_over(self, client: aiosmtplib.SMTP, to: str, written: bytes) -> Outcome:
        """Name the recipient and say the mail; from its first byte on a cut line means unknown."""
        try:
            await client.rcpt(to, timeout=COMMAND_SECONDS)
        except (SMTPException, OSError, ValueError) as error:
            await self._clear(client)
            return _refusal(error, Verdict.TRY_LATER)
        try:
            answer = await client.data(written, timeout=DATA_SECONDS)
        except (SMTPException, OSError) as error:
            await self._clear(client)
            return _refusal(error, Verdict.UNKNOWN)
        self._sent += 1
        self._used_at = time.monotonic()
        return Outcome(Verdict.ACCEPTED, answer.code)

    async def _clear(self, client: aiosmtplib.SMTP) -> None:
        """Make the connection fit for the next mail, or give it up."""
        try:
            await client.rset(timeout=CONNECT_SECONDS)
        except (SMTPException, OSError):
            await self.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        """Return the connection, a new one where there is none to go on with."""
        is_old = time.monotonic() - self._used_at > IDLE_SECONDS or self._sent >= MOST_A_CONNECTION
        if self._client is not None and is_old:
            await self.close()
        if self._client is None or not self._client.is_connected:
            server = self._server
            self._client = aiosmtplib.SMTP(
                hostname=server.host,
                port=server.port,
                username=server.username,
                password=server.password,
                use_tls=server.tls == "tls",
                start_tls=server.tls == "starttls",
                tls_context=self._tls_context,
                timeout=CONNECT_SECONDS,
            )
            await self._client.connect()
            self._sent, self._used_at = 0, time.monotonic()
        return self._client


class FileMailer:
    """Writes what a mailbox would show into a folder of the demo; no server is involved."""

    def __init__(self, folder: Path, sender: str) -> None:
        """Keep where to."""
        self._folder = folder
        self._sender = check_sender(sender)

    async def send(self, to: str, mail: Mail, *, retry_key: UUID) -> Outcome:
        """Write the mail as `<key>.eml`, and what it looks like as `<key>.html`."""
        written = write_mail(self._sender, to, mail, retry_key)
        await asyncio.to_thread(self._write, str(retry_key), written, mail.html)
        return Outcome(Verdict.ACCEPTED, 250)

    async def close(self) -> None:
        """Nothing is open."""

    def _write(self, name: str, written: bytes, page: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{name}.eml").write_bytes(written)
        (self._folder / f"{name}.html").write_text(page, encoding="utf-8")


def write_mail(sender: str, to: str, mail: Mail, retry_key: UUID) -> bytes:
    """Return a mail as it goes over the line: plain text and HTML, in seven bits."""
    name, address = parseaddr(sender)
    message = EmailMessage(policy=policy.SMTP.clone(cte_type="7bit"))
    message["From"] = formataddr((name, address))
    message["To"] = to
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"] = format_datetime(mail.sent_at)
    message["Message-ID"] = f"<{retry_key}@{address.rpartition('@')[2]}>"
    message["Content-Language"] = mail.language
    if mail.unsubscribe_url is not None:
        message["List-Unsubscribe"] = f"<{mail.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message.as_bytes()


def _refusal(error: Exception, otherwise: Verdict) -> Outcome:
    """Judge an answer by its code; what is no answer (cut line, time-out) is `otherwise`."""
    code = _code(error)
    if code is None:
        return Outcome(otherwise, reason=type(error).__name__)
    reason = _reason(error, code)
    return Outcome(Verdict.REFUSED if code >= 500 else Verdict.TRY_LATER, code, reason=reason)


def _reason(error: Exception, code: int) -> str:
    """Return `unknown_mailbox`, or the server's codes without its words."""
    found = _ENHANCED.search(getattr(error, "message", ""))
    status = found.group(1) if found else ""
    named = isinstance(error, aiosmtplib.SMTPRecipientRefused)
    if named and (status in _NO_SUCH_MAILBOX or (not status and code in _NO_SUCH_MAILBOX_CODES)):
        return UNKNOWN_MAILBOX
    return f"{code} {status}".strip()


def _code(error: Exception) -> int | None:
    return error.code if isinstance(error, SMTPResponseException) else None
