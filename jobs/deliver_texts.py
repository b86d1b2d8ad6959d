"""Deliver text messages: hand the gateway each code we owe a phone, outside any transaction."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from bot.text_sender import OtpSender
from jobs.finish_all import finish_all
from models.base import Sessions
from models.identity import TextMessage, claim_texts, settle_text, try_text_again

BATCH = 20
MOST_BATCHES = 50

log = structlog.get_logger()


async def deliver_texts(
    sessions: Sessions, sender: OtpSender, clock: Callable[[], datetime]
) -> int:
    """Send what is due until nothing is; return how many texts were tried.

    Safe to stop anywhere: a claim lapses, and a code sent twice is the same code.
    """
    tried = 0
    for _ in range(MOST_BATCHES):
        claimed = await asyncio.to_thread(_claim, sessions, clock())
        if not claimed:
            break
        await finish_all(_send(sessions, sender, clock, text) for text in claimed)
        tried += len(claimed)
    return tried


def _claim(sessions: Sessions, now: datetime) -> list[TextMessage]:
    with sessions.begin() as session:
        return list(claim_texts(session, limit=BATCH, now=now))


async def _send(
    sessions: Sessions, sender: OtpSender, clock: Callable[[], datetime], text: TextMessage
) -> None:
    assert text.phone is not None
    assert text.code is not None
    outcome = await sender.send(text.phone, text.code, text.language)
    await asyncio.to_thread(_conclude, sessions, text, outcome.verdict, outcome.reason, clock())
    log.info("text_tried", text=str(text.id), verdict=outcome.verdict, reason=outcome.reason)


def _conclude(
    sessions: Sessions, text: TextMessage, verdict: str, reason: str | None, now: datetime
) -> None:
    with sessions.begin() as session:
        if verdict == "try_later":
            try_text_again(session, text.id, now, reason=reason or "")
        else:
            settle_text(session, text.id, verdict, now, reason=reason)
