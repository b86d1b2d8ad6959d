"""Send the reports that somebody has sent by mail: on their day, once, with figures of that day.

A report whose figure is older than its letter's day is wanted anew first and waits for it a while.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from bot.client import Verdict
from bot.mail import Mail
from bot.mail_blocks import Sender
from bot.report import ReportMail, draw_report_mail
from jobs.context import JobContext
from models.base import in_language
from models.local_day import local_day
from models.prepared import want
from models.report import (
    ReportLetter,
    ReportSending,
    find_findings,
    get_report,
    is_late,
    letter_token,
    list_due_sendings,
    plan_sendings,
    put_sending_off,
    settle_sending,
)
from models.shop import get_shop

BATCH = 10
WAIT_FOR_FIGURES = timedelta(minutes=5)
WAIT_FOR_MAILER = timedelta(minutes=15)
LEASE = timedelta(minutes=10)
"""Longer than a mail takes: a sending begun so long ago is in doubt."""
LATE, NO_ANSWER = "late", "no_answer"

log = structlog.get_logger()


@dataclass(frozen=True)
class _Parcel:
    """A mail made ready."""

    sending_id: UUID
    email: str
    mail: Mail


async def send_report_letters(context: JobContext) -> int:
    """Send what is due; return how many mails were tried. A shop without mail sends none."""
    mailer = context.mailer
    if mailer is None:
        return 0
    await asyncio.to_thread(_plan, context)
    tried = 0
    for parcel in await asyncio.to_thread(_claim, context):
        outcome = await mailer.send(parcel.email, parcel.mail, retry_key=parcel.sending_id)
        await asyncio.to_thread(_settle, context, parcel, outcome.verdict, outcome.reason)
        tried += 1
    return tried


def _plan(context: JobContext) -> None:
    with context.sessions.begin() as session:
        plan_sendings(session, context.clock())


def _claim(context: JobContext) -> list[_Parcel]:
    """Make ready what can go now, and mark its one try as begun."""
    now = context.clock()
    with context.sessions.begin() as session:
        due = list_due_sendings(session, now, limit=BATCH)
        return [
            parcel
            for sending in due
            if (parcel := _make_ready(session, context, sending, now)) is not None
        ]


def _make_ready(
    session: Session, context: JobContext, sending: ReportSending, now: datetime
) -> _Parcel | None:
    """Return a sending's mail, or None where it ends here or has to wait for its figures."""
    if sending.begun_at is not None:
        settle_sending(session, sending.id, "unknown", now, reason=NO_ANSWER)
        return None
    if is_late(sending, now):
        settle_sending(session, sending.id, "late", now, reason=LATE)
        return None
    letter = sending.letter
    report = get_report(letter.report)
    found, body = find_findings(session, report, letter.asked, now)
    if body is None or found.as_of is None or local_day(found.as_of) < sending.slot_on:
        if not found.is_wanted:
            want(session, report.figure, letter.asked, now)
        put_sending_off(session, sending.id, now + WAIT_FOR_FIGURES)
        return None
    sending.begun_at, sending.next_try_at = now, now + LEASE
    mail = draw_report_mail(
        _where(context, letter),
        body,
        _sender(session, letter.language),
        language=letter.language,
        as_of=found.as_of,
        now=now,
    )
    return _Parcel(sending.id, letter.email, mail)


def _where(context: JobContext, letter: ReportLetter) -> ReportMail:
    report, base = get_report(letter.report), f"{context.links.base_url}/console/reports"
    asked = f"?{urlencode(letter.asked)}" if letter.asked else ""
    token = letter_token(context.links.key, letter.id)
    return ReportMail(
        report.title, report.answers, f"{base}/{report.code}{asked}", f"{base}/stop/{token}"
    )


def _sender(session: Session, language: str) -> Sender:
    shop = get_shop(session)
    chat_url = f"https://line.me/R/ti/p/{quote(shop.basic_id)}"
    return Sender(in_language(shop.name, language), chat_url, None)


def _settle(context: JobContext, parcel: _Parcel, verdict: Verdict, reason: str | None) -> None:
    now = context.clock()
    states = {Verdict.REFUSED: "refused", Verdict.UNKNOWN: "unknown"}
    with context.sessions.begin() as session:
        if verdict is Verdict.TRY_LATER:
            put_sending_off(session, parcel.sending_id, now + WAIT_FOR_MAILER)
        else:
            state = states.get(verdict, "accepted")
            settle_sending(session, parcel.sending_id, state, now, reason=reason)
    log.info("report_mail_tried", mail=str(parcel.sending_id), verdict=verdict.value, reason=reason)
