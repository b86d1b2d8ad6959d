"""Mails that are owed: each at most once, to confirmed addresses, whatever the server answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from bot.client import Outcome, Verdict
from bot.mail import UNKNOWN_MAILBOX, Mail
from jobs.deliver_mail import LEASE, Letter, deliver_mail, deliver_mails
from jobs.learn_channels import learn_channels
from models.base import Sessions
from models.channel import (
    CONFIRM_KIND,
    CONFIRMED,
    EMAIL,
    STOPPED,
    UNCONFIRMED,
    UNUSABLE,
    MemberChannel,
    find_channel,
    give_email,
)
from models.content import Facts
from models.link import LinkMaker, make_links
from models.member import Member
from models.outbox import Owed, owe
from tests.conftest import NOON
from tests.jobs.conftest import Killed, Worker

AMY = "amy@example.com"
SHOP = "https://tea.example/new"
LINKS = LinkMaker(b"k" * 32, "https://shop.example")
CONTENT: dict[str, Any] = {
    "schema": 1,
    "messages": [{"type": "text", "text": {"zh-TW": f"{{name}}，新品上市 {SHOP}"}}],
}
FACTS = Facts(values={"name": "小晴"})
LATER = Outcome(Verdict.TRY_LATER, 451, reason="451 4.3.0")
NO_MAILBOX = Outcome(Verdict.REFUSED, 550, reason=UNKNOWN_MAILBOX)
CUT = Outcome(Verdict.UNKNOWN, reason="SMTPServerDisconnected")


@dataclass
class FakeMailer:
    """Remembers what was sent; answers as scripted, then takes everything."""

    script: list[Outcome | BaseException] = field(default_factory=list)
    sent: list[tuple[str, Mail, UUID]] = field(default_factory=list)

    async def send(self, to: str, mail: Mail, *, retry_key: UUID) -> Outcome:
        await asyncio.sleep(0)
        self.sent.append((to, mail, retry_key))
        outcome = self.script.pop(0) if self.script else Outcome(Verdict.ACCEPTED, 250)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def mailer() -> FakeMailer:
    return FakeMailer()


@pytest.fixture
def deliver(worker: Worker, mailer: FakeMailer) -> Callable[[], int]:
    """Return what delivers the mails that are due, with this test's mailer."""

    def deliver() -> int:
        context = replace(worker.context, mailer=mailer, links=LINKS)
        return asyncio.run(deliver_mail(context))

    return deliver


def a_reader(worker: Worker, state: str = CONFIRMED, email: str = AMY, **told: Any) -> Member:
    """Make a member with an address."""
    member = worker.member(**told)

    def give(session: Session) -> None:
        session.add(
            MemberChannel(
                member_id=member.id,
                email=email,
                email_state=state,
                email_source="chat",
                email_at=NOON,
                line_recent="",
                email_recent="",
            )
        )

    worker.run(give)
    return member


def owe_mail(worker: Worker, member: Member, **told: Any) -> UUID:
    """Owe a member the content by mail; return the row's id."""

    def write(session: Session) -> UUID:
        links = make_links(session, "journey:new:1:a", [SHOP])
        row = owe(
            session,
            member.line_user_id or "",
            told.pop("kind", "content"),
            {"content": CONTENT, "facts": FACTS.as_json(), "links": links},
            language="zh-TW",
            idempotency_key=str(uuid4()),
            now=worker.clock.now,
            member_id=member.id,
            source="journey:new:1:a",
            channel=EMAIL,
            **({"is_marketing": True} | told),
        )
        session.flush()
        return row.id

    owed_id: UUID = worker.run(write)
    return owed_id


def state_of(worker: Worker, owed_id: UUID) -> tuple[str, str | None]:
    row = worker.row(owed_id)
    return row.state, row.reason


def test_a_mail_goes_to_its_member_with_links_of_their_own(
    worker: Worker, mailer: FakeMailer, deliver: Callable[[], int]
) -> None:
    """A-23: the same content, by e-mail, with counted links and a way out."""
    member = a_reader(worker)
    owed_id = owe_mail(worker, member)

    assert (deliver(), deliver()) == (1, 0)

    ((to, mail, key),) = mailer.sent
    assert (to, key) == (AMY, owed_id)
    assert mail.subject.startswith("小晴，新品上市")
    assert SHOP not in mail.text
    assert "https://shop.example/r/" in mail.text
    assert mail.unsubscribe_url is not None
    assert mail.unsubscribe_url.startswith("https://shop.example/unsubscribe/")
    row = worker.row(owed_id)
    assert (row.state, row.via, row.status, row.words) == ("accepted", EMAIL, 250, {})


def test_line_is_not_asked_and_nothing_goes_twice(
    worker: Worker, mailer: FakeMailer, deliver: Callable[[], int]
) -> None:
    """A-23: never both channels."""
    owe_mail(worker, a_reader(worker))

    worker.deliver_outbox()
    deliver()

    assert (worker.line.said, len(mailer.sent)) == ([], 1)


def test_a_busy_server_is_asked_again_later(
    worker: Worker, mailer: FakeMailer, deliver: Callable[[], int]
) -> None:
    """A-23: 4xx, then accepted."""
    owed_id = owe_mail(worker, a_reader(worker))
    mailer.script = [LATER]

    assert deliver() == 1
    assert state_of(worker, owed_id) == ("waiting", "451 4.3.0")
    assert deliver() == 0
    worker.clock.advance(minutes=6)
    assert deliver() == 1
    assert state_of(worker, owed_id)[0] == "accepted"
    assert mailer.sent[0][2] == mailer.sent[1][2] == owed_id


def test_a_server_that_stays_busy_for_a_day_is_given_up(
    worker: Worker, mailer: FakeMailer, deliver: Callable[[], int]
) -> None:
    owed_id = owe_mail(worker, a_reader(worker))
    mailer.script = [LATER]
    deliver()
    worker.clock.advance(hours=24)

    assert deliver() == 0
    assert state_of(worker, owed_id) == ("skipped", "too_late")


def test_a_mail_cut_in_the_middle_is_not_sent_again(
    worker: Worker, mailer: FakeMailer, deliver: Callable[[], int]
) -> None:
    owed_id = owe_mail(worker, a_reader(worker))
    mailer.script = [CUT]

    deliver()
    worker.clock.advance(hours=1)

    assert deliver() == 0
    assert state_of(worker, owed_id) == ("unknown", "SMTPServerDisconnected")


def test_a_mail_under_way_when_the_worker_died_is_not_sent_again(
    worker: Worker, mailer: FakeMailer, deliver: Callable[[], int]
) -> None:
    """At most once: of the rest of the claim, nothing is lost."""
    first, second = a_reader(worker), a_reader(worker)
    under_way, untried = owe_mail(worker, first), owe_mail(worker, second)
    mailer.script = [Killed()]

    with pytest.raises(Killed):
        deliver()
    worker.clock.advance(seconds=LEASE.total_seconds() + 1)

    assert deliver() == 1
    assert state_of(worker, under_way) == ("unknown", "no_answer")
    assert state_of(worker, untried)[0] == "accepted"
    assert [key for _, _, key in mailer.sent] == [under_way, untried]


def test_an_address_nobody_has_is_not_written_to_again(
    worker: Worker, mailer: FakeMailer, deliver: Callable[[], int]
) -> None:
    """A-23: a 5xx for an unknown mailbox marks the address."""
    member = a_reader(worker)
    refused = owe_mail(worker, member)
    mailer.script = [NO_MAILBOX]

    deliver()
    skipped = owe_mail(worker, member)
    deliver()

    assert state_of(worker, refused) == ("refused", UNKNOWN_MAILBOX)
    assert state_of(worker, skipped) == ("skipped", "no_email")
    known = worker.run(lambda s: find_channel(s, member.id))
    assert known is not None
    assert known.email_state == UNUSABLE


@pytest.mark.parametrize("state", [UNCONFIRMED, STOPPED, UNUSABLE])
def test_only_confirmed_addresses_are_written_to(
    worker: Worker, mailer: FakeMailer, deliver: Callable[[], int], state: str
) -> None:
    owed_id = owe_mail(worker, a_reader(worker, state))

    assert deliver() == 0
    assert state_of(worker, owed_id) == ("skipped", "no_email")


def test_consent_is_asked_for_once_more_just_before(
    worker: Worker, mailer: FakeMailer, deliver: Callable[[], int]
) -> None:
    member = a_reader(worker)
    owed_id, service = owe_mail(worker, member), owe_mail(worker, member, is_marketing=False)
    worker.change(Member, member.id, marketing_allowed=False)

    assert deliver() == 1
    assert state_of(worker, owed_id) == ("skipped", "marketing_stopped")
    assert state_of(worker, service)[0] == "accepted"


def test_marketing_waits_for_the_morning(
    worker: Worker, mailer: FakeMailer, deliver: Callable[[], int]
) -> None:
    """X9: quiet hours hold for mails too."""
    worker.clock.advance(hours=11)
    owed_id = owe_mail(worker, a_reader(worker))

    assert deliver() == 0
    assert state_of(worker, owed_id) == ("waiting", "quiet_hours")
    worker.clock.advance(hours=12)
    assert deliver() == 1


def test_what_is_no_longer_useful_or_is_no_mail_ends(
    worker: Worker, mailer: FakeMailer, deliver: Callable[[], int]
) -> None:
    member = a_reader(worker)
    late = owe_mail(worker, member, useful_until=worker.clock.now)
    card = owe_mail(worker, member, kind="birthday_gift", is_marketing=False)

    assert deliver() == 0
    assert state_of(worker, late) == ("skipped", "too_late")
    assert state_of(worker, card) == ("refused", "ValueError")


def test_an_address_just_told_gets_the_one_mail_that_asks(
    worker: Worker, mailer: FakeMailer, deliver: Callable[[], int]
) -> None:
    """A-23: the confirmation goes where nothing else does, and to the newest address."""
    member = worker.member()

    def tell(address: str, key: str) -> Callable[[Session], str]:
        return lambda session: give_email(
            session, session.get_one(Member, member.id), address, key=key, now=worker.clock.now
        )

    worker.run(tell("old@example.com", "e1"))
    worker.run(tell(AMY, "e2"))

    deliver()

    assert {to for to, _, _ in mailer.sent} == {AMY}
    mail = mailer.sent[0][1]
    assert mail.unsubscribe_url is None
    assert "https://shop.example/email/" in mail.text
    assert {row.kind for row in worker.rows()} == {CONFIRM_KIND}


def test_without_a_mailer_mails_wait(worker: Worker) -> None:
    owed_id = owe_mail(worker, a_reader(worker))

    assert asyncio.run(deliver_mail(worker.context)) == 0
    assert asyncio.run(deliver_mails(worker.context, [], until=time.monotonic())) == {}
    assert worker.row(owed_id).state == "waiting"


def test_a_claim_taken_over_by_another_worker_is_left_to_it(
    worker: Worker, mailer: FakeMailer, deliver: Callable[[], int]
) -> None:
    """A lease that lapsed while another mail hung: who claimed last sends."""
    first, second = a_reader(worker), a_reader(worker)
    owe_mail(worker, first)
    taken = owe_mail(worker, second)

    class Slow(FakeMailer):
        async def send(self, to: str, mail: Mail, *, retry_key: UUID) -> Outcome:
            worker.run(lambda s: s.execute(update(Owed).where(Owed.id == taken).values(tries=9)))
            return await super().send(to, mail, retry_key=retry_key)

    context = replace(worker.context, mailer=Slow(), links=LINKS)
    assert asyncio.run(deliver_mail(context)) == 1
    assert worker.row(taken).state == "waiting"


def test_a_campaigns_letters_are_told_apart_by_their_keys(
    worker: Worker, mailer: FakeMailer
) -> None:
    """A-23: what is absent from the answer was surely not tried."""
    member = a_reader(worker)
    links = worker.run(lambda s: make_links(s, "campaign:1:A", [SHOP]))
    letters = [
        Letter(UUID(int=number), member.id, AMY, CONTENT, FACTS, links) for number in range(3)
    ]
    broken = replace(letters[0], key=UUID(int=9), content={"messages": [{"type": "coupon"}]})
    mailer.script = [NO_MAILBOX]
    context = replace(worker.context, mailer=mailer, links=LINKS)

    def send(*letters: Letter, seconds: float = 600) -> dict[UUID, Outcome]:
        until = time.monotonic() + seconds
        return asyncio.run(deliver_mails(context, letters, until=until))

    outcomes = send(broken, *letters)

    assert outcomes[letters[0].key].reason == UNKNOWN_MAILBOX
    assert outcomes[letters[1].key].is_success
    assert outcomes[broken.key].verdict is Verdict.REFUSED
    assert send(*letters, seconds=-1) == {}


def test_the_nights_learning_goes_through_everybody(worker: Worker) -> None:
    """B-15: set-based, in parts, safe to repeat."""
    for _ in range(3):
        a_reader(worker)
    sessions: Sessions = worker.sessions

    assert learn_channels(sessions, now=NOON + timedelta(days=3)) == 3
    assert learn_channels(sessions, now=NOON + timedelta(days=3)) == 0
