"""Deliver the outbox: hand LINE what we owe, each row once, oldest first."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from jobs.conclusions import Conclusions
from jobs.context import JobContext
from jobs.delivery import (
    Parcel,
    hand_over,
    reason_to_end,
    words_of,
)
from jobs.finish_all import finish_all
from models.outbox import MENU_KIND, Claim, Receiver, claim_owed, receivers_of, settle
from models.rich_menu import find_rich_menu
from models.suppression import holds_back, reasons_to_hold_back

BATCH = 100
LONGEST_SECONDS = 30.0
DEFAULT_MENU = "guest"
"""The menu of everyone without a link: shown by taking the link away."""

log = structlog.get_logger()


async def deliver_outbox(context: JobContext) -> int:
    """Send what is due until nothing is; return how many rows were tried.

    Safe to stop anywhere: a claim lapses, and the retry key keeps LINE from saying it twice.
    """
    until = time.monotonic() + LONGEST_SECONDS
    tried = 0
    conclusions = Conclusions(context)
    while time.monotonic() < until:
        parcels = await asyncio.to_thread(_claim, context)
        if parcels is None:
            break
        await finish_all(_send_all(context, conclusions, own) for own in _by_person(parcels))
        tried += len(parcels)
    return tried


def _claim(context: JobContext) -> list[Parcel] | None:
    """Claim a batch, end what must not be sent, and draw the rest; None when nothing is due."""
    now = context.clock()
    with context.sessions.begin() as session:
        claims = claim_owed(session, limit=BATCH, now=now)
        if not claims:
            return None
        receivers = receivers_of(session, (claim.owed.line_user_id for claim in claims))
        held = reasons_to_hold_back(session, _written_to(claims))
        ready = [
            claim
            for claim in claims
            if not _ended(session, claim, receivers.get(claim.owed.line_user_id), held, now)
        ]
        menus = {menu: find_rich_menu(session, menu) for menu in _menus_of(ready)}
        ids = {name: menu.line_rich_menu_id for name, menu in menus.items() if menu is not None}
        drawn = [_draw(session, claim, ids, now) for claim in ready]
    return [parcel for parcel in drawn if parcel is not None]


def _written_to(claims: Iterable[Claim]) -> list[int]:
    """Return the members to whom marketing is about to be pushed."""
    return [
        claim.owed.member_id
        for claim in claims
        if claim.owed.is_marketing
        and claim.owed.reply_token is None
        and claim.owed.member_id is not None
    ]


def _ended(
    session: Session,
    claim: Claim,
    receiver: Receiver | None,
    held: Mapping[int, str],
    now: datetime,
) -> bool:
    """End a row that must not be tried, and say so."""
    why = held.get(claim.owed.member_id) if claim.owed.member_id is not None else None
    held_back = holds_back(why, claim.owed.kind)
    reason = reason_to_end(claim, receiver, now, held_back=held_back)
    if reason is not None:
        state = "unknown" if claim.was_in_doubt else "skipped"
        settle(session, claim.owed.id, state, now, reason=reason)
        log.info("owed_ended", owed=str(claim.owed.id), state=state, reason=reason)
    return reason is not None


def _menus_of(claims: Iterable[Claim]) -> set[str]:
    menus = {claim.owed.words.get("menu", "") for claim in claims if claim.owed.kind == MENU_KIND}
    return menus - {DEFAULT_MENU}


def _draw(session: Session, claim: Claim, menu_ids: dict[str, str], now: datetime) -> Parcel | None:
    """Draw a row's messages; one that cannot be drawn is ended, so that it stops nobody else's."""
    owed = claim.owed
    try:
        messages = words_of(owed)
    except Exception as error:  # The loop's edge: one broken row must not hold up its neighbours.
        log.exception("owed_not_drawn", owed=str(owed.id), kind=owed.kind)
        settle(session, owed.id, "refused", now, reason=type(error).__name__)
        return None
    menu_id = menu_ids.get(owed.words.get("menu", "")) if owed.kind == MENU_KIND else None
    return Parcel(owed, claim.was_in_doubt, messages, rich_menu_id=menu_id)


def _by_person(parcels: Iterable[Parcel]) -> list[list[Parcel]]:
    by_person = defaultdict(list)
    for parcel in parcels:
        by_person[parcel.owed.line_user_id].append(parcel)
    return list(by_person.values())


async def _send_all(context: JobContext, conclusions: Conclusions, parcels: list[Parcel]) -> None:
    """Send one person's rows, in order."""
    for parcel in parcels:
        attempt = await hand_over(context.line, parcel)
        result = await conclusions.write(parcel, attempt)
        log.info(
            "owed_tried",
            owed=str(parcel.owed.id),
            kind=parcel.owed.kind,
            via=attempt.via,
            result=result,
            request=attempt.outcome.request_id,
        )
