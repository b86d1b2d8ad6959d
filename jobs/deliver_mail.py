"""Deliver mails: what the outbox owes by e-mail, and a campaign's letters; each at most once.

SMTP knows no retry key, so a mail of which we never learned what became of it is `unknown` and not
sent again. It is marked as begun just before its own try, not with the whole claim: a worker that
dies loses sight of one mail, not of a hundred.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from bot.client import Outcome, Verdict
from bot.mail import UNKNOWN_MAILBOX, Channel, Mail
from bot.mail_blocks import Sender
from bot.mail_drawing import draw_confirmation, draw_mail
from bot.render import CONTENT_KIND
from bot.texts import texts_for
from jobs.clearing import Fate, hold_marketing, write_fates
from jobs.context import JobContext
from jobs.delivery import TOO_LATE, pause_before
from models.base import in_language
from models.channel import (
    CONFIRM_KIND,
    EMAIL,
    addresses_of,
    confirm_token,
    mark_unusable,
    stop_token,
    unconfirmed_of,
)
from models.content import Facts
from models.outbox import (
    RETRY_KEY_LIFE,
    Claim,
    Owed,
    claim_owed,
    put_off,
    settle,
    try_again_at,
)
from models.outreach.riding import REASON_GONE, list_gone
from models.shop import Shop, get_shop

BATCH = 20
LONGEST_SECONDS = 30.0
LEASE = timedelta(minutes=3)
"""Longer than a claim is worked on and one mail may take; SMTP is slower than LINE."""
NO_EMAIL, NO_ANSWER = "no_email", "no_answer"

log = structlog.get_logger()


@dataclass(frozen=True)
class Letter:
    """One mail to one member: what it says and where it goes. Its key is sent once only."""

    key: UUID
    member_id: int
    email: str
    content: Mapping[str, Any]
    """As `Content.as_json` has it."""
    facts: Facts
    links: Mapping[str, int]
    """The counted links by address."""


@dataclass(frozen=True)
class _Parcel:
    """A claimed row made ready."""

    owed: Owed
    email: str
    mail: Mail


class _Desk:
    """Writes the mails of one shop at one moment."""

    def __init__(self, context: JobContext, shop: Shop, now: datetime) -> None:
        self._links, self._shop, self._now = context.links, shop, now

    def letter(self, letter: Letter) -> Mail:
        """Draw a letter, with its member's own links."""
        links, member_id = letter.links, letter.member_id

        def link(url: str) -> str:
            return self._links.address(links[url], member_id) if url in links else url

        token = stop_token(self._links.key, member_id, letter.email)
        sender = self._sender(letter.facts.language, f"{self._links.base_url}/unsubscribe/{token}")
        return draw_mail(letter.content, letter.facts, sender, sent_at=self._now, link=link)

    def confirmation(self, member_id: int, email: str, language: str) -> Mail:
        """Draw the mail that asks whether an address is the member's."""
        token = confirm_token(self._links.key, member_id, email, self._now)
        sender = self._sender(language, None)
        url = f"{self._links.base_url}/email/{token}"
        return draw_confirmation(texts_for(language), url, sender, sent_at=self._now)

    def _sender(self, language: str, stop_url: str | None) -> Sender:
        name = in_language(self._shop.name, language)
        return Sender(name, f"https://line.me/R/ti/p/{quote(self._shop.basic_id)}", stop_url)


async def deliver_mails(
    context: JobContext, letters: Sequence[Letter], *, until: float
) -> dict[UUID, Outcome]:
    """Send letters one after the other until `until` (monotonic); return what became of each tried.

    The caller has asked whether their members may be written to, and never hands a key over again
    whose outcome was `UNKNOWN` or never heard of.
    """
    mailer = context.mailer
    if mailer is None or not letters:
        return {}
    desk = await asyncio.to_thread(_open_desk, context)
    outcomes: dict[UUID, Outcome] = {}
    for letter in letters:
        if time.monotonic() >= until:
            break
        try:
            mail = desk.letter(letter)
        except Exception as error:  # One broken letter must not hold up its neighbours.
            log.exception("mail_not_drawn", mail=str(letter.key))
            outcomes[letter.key] = Outcome(Verdict.REFUSED, reason=type(error).__name__)
            continue
        outcomes[letter.key] = await _post(context, mailer, letter.key, letter.email, mail)
    return outcomes


async def deliver_mail(context: JobContext) -> int:
    """Send the mails the outbox owes until none is due; return how many were tried."""
    mailer = context.mailer
    if mailer is None:
        return 0
    until = time.monotonic() + LONGEST_SECONDS
    tried = 0
    while time.monotonic() < until:
        parcels = await asyncio.to_thread(_claim, context)
        if parcels is None:
            break
        for parcel in parcels:
            is_ours = await asyncio.to_thread(_begin, context, parcel, time.monotonic() < until)
            if is_ours:
                outcome = await _post(context, mailer, parcel.owed.id, parcel.email, parcel.mail)
                await asyncio.to_thread(_conclude, context, parcel.owed, outcome)
                tried += 1
    return tried


async def _post(context: JobContext, mailer: Channel, key: UUID, email: str, mail: Mail) -> Outcome:
    """Make the one try; an address nobody has there is not written to again."""
    outcome = await mailer.send(email, mail, retry_key=key)
    if outcome.reason == UNKNOWN_MAILBOX:
        await asyncio.to_thread(_give_up, context, email)
    log.info(
        "mail_tried",
        mail=str(key),
        verdict=outcome.verdict.value,
        status=outcome.status,
        reason=outcome.reason,
    )
    return outcome


def _give_up(context: JobContext, email: str) -> None:
    with context.sessions.begin() as session:
        mark_unusable(session, email, context.clock())


def _open_desk(context: JobContext) -> _Desk:
    with context.sessions() as session:
        return _Desk(context, get_shop(session), context.clock())


def _claim(context: JobContext) -> list[_Parcel] | None:
    """Claim a few rows, end what must not be sent, draw the rest; None when nothing is due."""
    now = context.clock()
    with context.sessions.begin() as session:
        claims = claim_owed(session, limit=BATCH, now=now, channel=EMAIL)
        if not claims:
            return None
        emails = _emails_of(session, claims)
        left = write_fates(session, claims, _fates(session, claims, emails, now), now)
        held = hold_marketing(session, [claim.owed for claim in left], now, EMAIL)
        left = write_fates(session, left, held, now)
        desk = _Desk(context, get_shop(session), now)
        parcels = [_parcel(session, desk, claim.owed, emails, now) for claim in left]
        for claim in left:
            claim.owed.next_try_at, claim.owed.in_doubt = now + LEASE, False
        return [parcel for parcel in parcels if parcel is not None]


def _emails_of(session: Session, claims: Sequence[Claim]) -> dict[UUID, str]:
    """Return where each row goes; a confirmation goes to an address that waits for it."""
    confirmed: list[int] = []
    asked: list[int] = []
    for claim in claims:
        if claim.owed.member_id is not None:
            ids = asked if claim.owed.kind == CONFIRM_KIND else confirmed
            ids.append(claim.owed.member_id)
    usable, waiting = addresses_of(session, confirmed), unconfirmed_of(session, asked)
    found = {
        claim.owed.id: (waiting if claim.owed.kind == CONFIRM_KIND else usable).get(
            claim.owed.member_id or 0
        )
        for claim in claims
    }
    return {owed_id: email for owed_id, email in found.items() if email is not None}


def _fates(
    session: Session, claims: Sequence[Claim], emails: Mapping[UUID, str], now: datetime
) -> dict[UUID, Fate]:
    """Return which rows end here, and why."""
    gone = list_gone(session, [claim.owed for claim in claims], now)
    fates = {claim.owed.id: _reason_to_end(claim, emails, now) for claim in claims}
    fates |= dict.fromkeys(gone, REASON_GONE)
    return {owed_id: Fate(reason) for owed_id, reason in fates.items() if reason is not None}


def _reason_to_end(claim: Claim, emails: Mapping[UUID, str], now: datetime) -> str | None:
    owed = claim.owed
    if claim.was_in_doubt:
        return NO_ANSWER
    if owed.useful_until is not None and now >= owed.useful_until:
        return TOO_LATE
    if owed.first_try_at is not None and now - owed.first_try_at >= RETRY_KEY_LIFE:
        return TOO_LATE
    return NO_EMAIL if owed.id not in emails else None


def _parcel(
    session: Session, desk: _Desk, owed: Owed, emails: Mapping[UUID, str], now: datetime
) -> _Parcel | None:
    """Draw a row's mail; one that cannot be drawn is ended, so that it stops nobody else's."""
    try:
        return _Parcel(owed, emails[owed.id], _mail_of(desk, owed, emails[owed.id]))
    except Exception as error:  # The loop's edge, as with LINE's messages.
        log.exception("owed_not_drawn", owed=str(owed.id), kind=owed.kind)
        settle(session, owed.id, "refused", now, reason=type(error).__name__)
        return None


def _mail_of(desk: _Desk, owed: Owed, email: str) -> Mail:
    """Draw a row. Raises ValueError for a kind that is a LINE card and no mail."""
    assert owed.member_id is not None  # It has an address.
    if owed.kind == CONFIRM_KIND:
        return desk.confirmation(owed.member_id, email, owed.language)
    if owed.kind != CONTENT_KIND:
        raise ValueError(f"{owed.kind} is no mail")
    words = owed.words
    facts = Facts.from_json(words["facts"] | {"language": owed.language})
    links: Mapping[str, int] = words.get("links") or {}
    return desk.letter(Letter(owed.id, owed.member_id, email, words["content"], facts, links))


def _begin(context: JobContext, parcel: _Parcel, is_in_time: bool) -> bool:
    """Note that a try is under way, just before it; give the row back where time is up."""
    now, owed = context.clock(), parcel.owed
    with context.sessions.begin() as session:
        if not is_in_time:
            put_off(session, owed.id, now, in_doubt=False, reason=None)
            return False
        begun = session.scalars(
            update(Owed)
            .where(
                Owed.id == owed.id,
                Owed.state == "waiting",
                Owed.tries == owed.tries,  # Else the lease lapsed, and somebody else has it.
                ~Owed.in_doubt,
            )
            .values(in_doubt=True)
            .returning(Owed.id)
            .execution_options(synchronize_session=False)
        )
        return begun.one_or_none() is not None


def _conclude(context: JobContext, owed: Owed, outcome: Outcome) -> None:
    """Write down what a try's outcome means for its row."""
    now = context.clock()
    states = {Verdict.REFUSED: "refused", Verdict.UNKNOWN: "unknown"}
    with context.sessions.begin() as session:
        if outcome.verdict is Verdict.TRY_LATER:
            later = now + pause_before(owed.tries, outcome)
            told: dict[str, Any] = {"status": outcome.status, "reason": outcome.reason}
            try_again_at(session, owed.id, later, in_doubt=False, **told)
            return
        state = states.get(outcome.verdict, "accepted")
        settle(
            session,
            owed.id,
            state,
            now,
            via=EMAIL if state == "accepted" else None,
            status=outcome.status,
            reason=outcome.reason,
        )
