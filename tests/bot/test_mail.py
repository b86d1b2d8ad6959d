"""Mails handed to a real SMTP server on this machine: every answer it can give, and none."""

from __future__ import annotations

import asyncio
import datetime
import email
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.client import Outcome, Verdict
from bot.mail import (
    UNKNOWN_MAILBOX,
    FileMailer,
    Mail,
    MailNotSafe,
    MailServer,
    SmtpMailer,
    check_sender,
    read_smtp_url,
)
from tests.conftest import NOON

KEY = UUID(int=7)
SENDER = "茶日子 <hello@tea.example>"
TO = "amy@example.com"
MAIL = Mail(
    "雙十優惠\nBcc: all@example.com",
    "第一行\n.第二行\n",
    "<p>點數 120</p>",
    "zh-TW",
    NOON,
    "https://shop.example/unsubscribe/abc",
)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a busy machine take its time: no server here is too slow on purpose."""
    for limit in ("CONNECT_SECONDS", "COMMAND_SECONDS", "DATA_SECONDS"):
        monkeypatch.setattr(f"bot.mail.{limit}", 120.0)


@dataclass
class Postmaster:
    """Answers as told, and keeps what was handed over."""

    on_mail: list[str] = field(default_factory=list)
    on_rcpt: list[str] = field(default_factory=list)
    on_data: list[str] = field(default_factory=list)
    """What it answers next; `cut` hangs up instead. Then it takes everything."""
    kept: list[EmailMessage] = field(default_factory=list)
    connections: int = 0
    was_encrypted: bool = False

    async def handle_MAIL(  # noqa: N802 - the server's own names.
        self, server: SMTP, session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.on_mail.pop(0) if self.on_mail else "250 OK"
        envelope.mail_from = address
        return self._said(server, answer)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.on_rcpt.pop(0) if self.on_rcpt else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self._said(server, answer)

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Any, envelope: Envelope
    ) -> str:
        self.was_encrypted = session.ssl is not None
        answer = self.on_data.pop(0) if self.on_data else "250 OK queued as 1"
        if answer.startswith(("250", "cut")):
            content = envelope.content
            assert isinstance(content, bytes)
            kept = email.message_from_bytes(content, policy=policy.default)
            assert isinstance(kept, EmailMessage)
            self.kept.append(kept)
        return self._said(server, answer)

    def _said(self, server: SMTP, answer: str) -> str:
        if answer == "cut":
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return answer


@asynccontextmanager
async def running(postmaster: Postmaster, **options: Any) -> AsyncIterator[int]:
    """Yield the port of a server of this postmaster."""

    def answer() -> SMTP:
        postmaster.connections += 1
        return SMTP(postmaster, hostname="mx.example", **options)

    server = await asyncio.get_running_loop().create_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def talk(
    postmaster: Postmaster, work: Callable[[SmtpMailer], Awaitable[Any]], **options: Any
) -> Any:
    """Let `work` use a mailer of this server; return what it returns."""

    async def run() -> Any:
        async with running(postmaster, **options) as port:
            mailer = SmtpMailer(MailServer("127.0.0.1", port, "none"), SENDER)
            try:
                return await work(mailer)
            finally:
                await mailer.close()

    return asyncio.run(run())


async def send_one(mailer: SmtpMailer) -> Outcome:
    return await mailer.send(TO, MAIL, retry_key=KEY)


def test_a_mail_is_taken_and_says_what_it_should() -> None:
    """A-23: text and HTML, one Message-ID a key, and a way out in one click (RFC 8058)."""
    postmaster = Postmaster()

    outcome = talk(postmaster, send_one)

    assert (outcome.verdict, outcome.status) == (Verdict.ACCEPTED, 250)
    (kept,) = postmaster.kept
    assert kept["Subject"] == "雙十優惠 Bcc: all@example.com"
    assert "Bcc" not in kept
    assert kept["From"].addresses[0].display_name == "茶日子"
    assert kept["Message-ID"] == f"<{KEY}@tea.example>"
    assert kept["List-Unsubscribe"] == "<https://shop.example/unsubscribe/abc>"
    assert kept["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, html = (kept.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == ["第一行", ".第二行"]
    assert "點數 120" in html.get_content()


def test_a_mail_of_no_list_has_no_way_out_of_one() -> None:
    postmaster = Postmaster()

    async def send(mailer: SmtpMailer) -> Outcome:
        return await mailer.send(TO, replace(MAIL, unsubscribe_url=None), retry_key=KEY)

    talk(postmaster, send)

    assert "List-Unsubscribe" not in postmaster.kept[0]


@pytest.mark.parametrize(
    ("answers", "verdict", "status", "reason"),
    [
        ({"on_rcpt": ["450 4.2.0 greylisted"]}, Verdict.TRY_LATER, 450, "450 4.2.0"),
        ({"on_data": ["451 4.3.0 busy"]}, Verdict.TRY_LATER, 451, "451 4.3.0"),
        ({"on_mail": ["421 4.7.0 slow down"]}, Verdict.TRY_LATER, 421, "sender_refused"),
        ({"on_mail": ["550 5.7.1 not you"]}, Verdict.TRY_LATER, 550, "sender_refused"),
        ({"on_rcpt": ["550 5.1.1 no amy@example.com"]}, Verdict.REFUSED, 550, UNKNOWN_MAILBOX),
        ({"on_rcpt": ["550 no such user"]}, Verdict.REFUSED, 550, UNKNOWN_MAILBOX),
        ({"on_rcpt": ["550 5.7.1 amy@example.com"]}, Verdict.REFUSED, 550, "550 5.7.1"),
        ({"on_data": ["554 5.7.1 spam"]}, Verdict.REFUSED, 554, "554 5.7.1"),
        ({"on_data": ["cut"]}, Verdict.UNKNOWN, None, "SMTPServerDisconnected"),
        ({"on_rcpt": ["cut"]}, Verdict.TRY_LATER, None, "SMTPServerDisconnected"),
    ],
)
def test_each_answer_means_what_it_should(
    answers: dict[str, list[str]], verdict: Verdict, status: int | None, reason: str
) -> None:
    """A-23: 4xx later, 5xx refused, cut in mid-mail unknown; no answer's words, no address."""
    outcome = talk(Postmaster(**answers), send_one)  # type: ignore[arg-type]  # Lists.

    assert (outcome.verdict, outcome.status, outcome.reason) == (verdict, status, reason)


def test_after_a_refusal_the_same_connection_takes_the_next() -> None:
    postmaster = Postmaster(on_rcpt=["550 5.1.1 nobody"], on_data=["451 later"])

    async def send_three(mailer: SmtpMailer) -> list[Verdict]:
        return [(await send_one(mailer)).verdict for _ in range(3)]

    assert talk(postmaster, send_three) == [Verdict.REFUSED, Verdict.TRY_LATER, Verdict.ACCEPTED]
    assert postmaster.connections == 1


def test_a_connection_that_died_meanwhile_is_made_anew() -> None:
    postmaster = Postmaster(on_mail=["250 OK", "cut"])

    async def send_two(mailer: SmtpMailer) -> list[Verdict]:
        return [(await send_one(mailer)).verdict for _ in range(2)]

    assert talk(postmaster, send_two) == [Verdict.ACCEPTED, Verdict.ACCEPTED]
    assert (postmaster.connections, len(postmaster.kept)) == (2, 2)


def test_mails_at_once_go_one_after_the_other() -> None:
    postmaster = Postmaster()

    async def send_five(mailer: SmtpMailer) -> list[Outcome]:
        return await asyncio.gather(*(send_one(mailer) for _ in range(5)))

    assert {outcome.verdict for outcome in talk(postmaster, send_five)} == {Verdict.ACCEPTED}
    assert (postmaster.connections, len(postmaster.kept)) == (1, 5)


def test_no_server_means_later() -> None:
    async def send() -> Outcome:
        async with running(Postmaster()) as port:
            pass
        return await send_one(SmtpMailer(MailServer("127.0.0.1", port, "none"), SENDER))

    assert asyncio.run(send()).verdict is Verdict.TRY_LATER


def test_a_login_that_is_refused_means_later() -> None:
    """A password that was changed loses no mail."""

    async def send() -> Outcome:
        async with running(Postmaster()) as port:
            server = MailServer("127.0.0.1", port, "none", "shop", "wrong")
            return await send_one(SmtpMailer(server, SENDER))

    assert asyncio.run(send()).verdict is Verdict.TRY_LATER


def make_certificate(folder: Path) -> Path:
    """Write a key and a certificate of 127.0.0.1 that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "both.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize("is_known", [True, False])
def test_a_server_elsewhere_is_spoken_to_in_tls_or_not_at_all(
    tmp_path: Path, is_known: bool
) -> None:
    """STARTTLS is not a wish: a certificate nobody vouches for means no mail."""
    path = make_certificate(tmp_path)
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs.load_cert_chain(path)
    ours = ssl.create_default_context(cafile=str(path) if is_known else None)
    postmaster = Postmaster()

    async def send() -> Outcome:
        async with running(postmaster, tls_context=theirs) as port:
            server = MailServer("localhost", port, "starttls")
            mailer = SmtpMailer(server, SENDER, tls_context=ours)
            outcome = await send_one(mailer)
            await mailer.close()
            return outcome

    verdict = asyncio.run(send()).verdict
    assert verdict is (Verdict.ACCEPTED if is_known else Verdict.TRY_LATER)
    assert postmaster.was_encrypted is is_known


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (
            "smtp://shop%40tea:p%2Fw@mail.example:587",
            MailServer("mail.example", 587, "starttls", "shop@tea", "p/w"),
        ),
        ("smtp://mail.example", MailServer("mail.example", 587, "starttls")),
        ("smtps://mail.example", MailServer("mail.example", 465, "tls")),
        ("smtp://localhost:2525", MailServer("localhost", 2525, "none")),
    ],
)
def test_an_address_of_a_server_is_read(url: str, server: MailServer) -> None:
    assert read_smtp_url(url) == server


@pytest.mark.parametrize("url", ["https://mail.example", "smtp://", "mail.example:25"])
def test_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(MailNotSafe):
        read_smtp_url(url)


@pytest.mark.parametrize("sender", ["", "茶日子", "茶日子 <hello>", "a b@c.example"])
def test_a_sender_without_an_address_is_refused(sender: str) -> None:
    with pytest.raises(MailNotSafe):
        check_sender(sender)


def test_the_demo_puts_mails_into_a_folder(tmp_path: Path) -> None:
    async def send() -> Outcome:
        mailer = FileMailer(tmp_path / "mails", SENDER)
        outcome = await mailer.send(TO, MAIL, retry_key=KEY)
        await mailer.close()
        return outcome

    assert asyncio.run(send()).is_success
    raw = (tmp_path / "mails" / f"{KEY}.eml").read_bytes()
    assert email.message_from_bytes(raw, policy=policy.default)["To"] == TO
    assert (tmp_path / "mails" / f"{KEY}.html").read_text("utf-8") == MAIL.html
