"""Deliver the outbox: hand LINE what we owe, each row once, oldest first."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from bot.content import Address
from jobs.clearing import NO_QUOTA, clear_claims
from jobs.conclusions import Conclusions
from jobs.context import JobContext
from jobs.delivery import QUOTA_PAUSE, Parcel, costs_quota, hand_over, words_of
from jobs.finish_all import finish_all
from models import line_pace, quota
from models.outbox import LEASE, MENU_KIND, Claim, claim_owed, put_off, settle, try_again_at
from models.outreach.riding import carries, give_back_riders
from models.rich_menu import find_rich_menu

BATCH = 100
LONGEST_SECONDS = 30.0
LONGEST_DELAY = LEASE - timedelta(seconds=12)
"""A claim that cannot be used within it comes round again: a call takes up to ten seconds."""
DEFAULT_MENU = "guest"
"""The menu of everyone without a link: shown by taking the link away."""
SOURCE = "outbox"
"""What the quota's ledger knows a row by that has no source of its own."""

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
        paced = await asyncio.to_thread(_take_turns, context, parcels)
        await finish_all(_send_all(context, conclusions, own) for own in _by_person(paced))
        tried += len(paced)
    return tried


def _claim(context: JobContext) -> list[Parcel] | None:
    """Claim a batch, end what must not be sent, and draw the rest; None when nothing is due."""
    now = context.clock()
    with context.sessions.begin() as session:
        claims = claim_owed(session, limit=BATCH, now=now)
        if not claims:
            return None
        _let_down(session, claims, now)
        ready = clear_claims(session, claims, now)
        menus = {menu: find_rich_menu(session, menu) for menu in _menus_of(ready)}
        ids = {name: menu.line_rich_menu_id for name, menu in menus.items() if menu is not None}
        drawn = [_draw(session, claim, ids, context.links.address, now) for claim in ready]
        parcels = [parcel for parcel in drawn if parcel is not None]
        return _with_quota(session, parcels, now)


def _let_down(session: Session, claims: Iterable[Claim], now: datetime) -> None:
    """Give back what rode on replies that have just become pushes."""
    late = [c.owed.id for c in claims if c.owed.reply_token is None and carries(c.owed)]
    if late:
        give_back_riders(session, late, now)


def _menus_of(claims: Iterable[Claim]) -> set[str]:
    menus = {claim.owed.words.get("menu", "") for claim in claims if claim.owed.kind == MENU_KIND}
    return menus - {DEFAULT_MENU}


def _draw(
    session: Session, claim: Claim, menu_ids: dict[str, str], address: Address, now: datetime
) -> Parcel | None:
    """Draw a row's messages; one that cannot be drawn is ended, so that it stops nobody else's."""
    owed = claim.owed
    try:
        messages = words_of(owed, address)
    except Exception as error:  # The loop's edge: one broken row must not hold up its neighbours.
        log.exception("owed_not_drawn", owed=str(owed.id), kind=owed.kind)
        settle(session, owed.id, "refused", now, reason=type(error).__name__)
        return None
    menu_id = menu_ids.get(owed.words.get("menu", "")) if owed.kind == MENU_KIND else None
    return Parcel(owed, claim.was_in_doubt, messages, rich_menu_id=menu_id)


def _with_quota(session: Session, parcels: Sequence[Parcel], now: datetime) -> list[Parcel]:
    """Reserve a message for each push; what gets none waits. The month stays locked: ask last."""
    granted: dict[str, int] = {}
    for is_marketing in (False, True):
        wanted = [
            parcel.owed
            for parcel in parcels
            if parcel.is_push and parcel.owed.is_marketing is is_marketing
        ]
        granted |= quota.reserve_many(
            session,
            {str(owed.id): 1 for owed in wanted},
            source={str(owed.id): owed.source or SOURCE for owed in wanted},
            is_service=not is_marketing,
            now=now,
        )
    for parcel in parcels:
        if parcel.is_push and not granted[str(parcel.owed.id)]:
            later = now + QUOTA_PAUSE
            doubt = parcel.was_in_doubt
            try_again_at(session, parcel.owed.id, later, in_doubt=doubt, reason=NO_QUOTA)
    return [each for each in parcels if not each.is_push or granted[str(each.owed.id)]]


def _take_turns(context: JobContext, parcels: Sequence[Parcel]) -> list[Parcel]:
    """Give each push its turn at LINE's pace, which all workers share.

    Where turns are so far away that the claim would lapse, the claims are given back till then.
    """
    pushes = [parcel for parcel in parcels if costs_quota(parcel.owed)]
    if not pushes:
        return list(parcels)
    with context.sessions.begin() as session:
        turn = line_pace.take(session, line_pace.PUSH, len(pushes))
        first, spacing = turn.wait_seconds, turn.spacing_seconds
        if timedelta(seconds=first + spacing * len(pushes)) > LONGEST_DELAY:
            at = context.clock() + timedelta(seconds=first)
            for parcel in pushes:
                put_off(session, parcel.owed.id, at, in_doubt=parcel.was_in_doubt, reason=None)
            pushes = []
    turns = {parcel.owed.id: first + spacing * place for place, parcel in enumerate(pushes)}
    return [
        replace(parcel, delay_seconds=turns.get(parcel.owed.id, 0.0))
        for parcel in parcels
        if not parcel.is_push or parcel.owed.id in turns
    ]


def _by_person(parcels: Iterable[Parcel]) -> list[list[Parcel]]:
    by_person = defaultdict(list)
    for parcel in parcels:
        by_person[parcel.owed.line_user_id].append(parcel)
    return list(by_person.values())


async def _send_all(context: JobContext, conclusions: Conclusions, parcels: list[Parcel]) -> None:
    """Send one person's rows, in order."""
    began = time.monotonic()
    for parcel in parcels:
        pause = parcel.delay_seconds - (time.monotonic() - began)
        if pause > 0:
            await asyncio.sleep(pause)
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
