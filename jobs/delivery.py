"""One delivery: try to hand an owed message to LINE, and decide what its answer means for the row.

Replies carry no retry key, but their token is one: a token LINE refuses after a try whose outcome
we never learned was used by that try. So such a row ends as `unknown` and is not said twice.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.orm import Session

from bot.client import LineClient, Outcome, Verdict
from bot.content import Address
from bot.render import render
from bot.texts import texts_for
from models.base import DELIVERY, wake
from models.outbox import (
    LINE,
    MENU_KIND,
    RETRY_KEY_LIFE,
    STRANGER,
    Claim,
    Owed,
    Receiver,
    become_push,
    settle,
    try_again_at,
)
from models.outreach.riding import carries, give_back_riders, settle_riders

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
QUOTA_PAUSE = timedelta(hours=1)
TOO_LATE = "too_late"
QUOTA_TEXT = "monthly limit"
"""The only mark by which LINE's two kinds of 429 can be told apart (LINE, Errors, read 2026-08)."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Parcel:
    """A claimed row made ready: what it says now, and what was known of its earlier tries."""

    owed: Owed
    was_in_doubt: bool
    messages: list[dict[str, Any]]
    rich_menu_id: str | None = None
    delay_seconds: float = 0.0
    """How long its turn at LINE's pace is away."""

    @property
    def is_push(self) -> bool:
        """Tell whether it costs a message of the quota."""
        return costs_quota(self.owed)


@dataclass(frozen=True)
class Attempt:
    """One call that was made: by `reply`, `push` or `menu`, and LINE's answer."""

    via: str
    outcome: Outcome


def costs_quota(owed: Owed) -> bool:
    """Tell whether a row is a push: a reply and a mail cost nothing, and a menu is no message."""
    return owed.reply_token is None and owed.kind != MENU_KIND and owed.channel == LINE


def reason_to_end(claim: Claim, receiver: Receiver | None, now: datetime) -> str | None:
    """Return why a claimed row must not be tried any more, or None where it may."""
    owed = claim.owed
    if owed.kind != MENU_KIND and _is_past_retrying(owed, now):
        return TOO_LATE
    if owed.reply_token is not None:
        return TOO_LATE if owed.is_late(now) else None
    if owed.kind == MENU_KIND:
        return None
    return _reason_not_to_push(owed, receiver or STRANGER, now)


def _reason_not_to_push(owed: Owed, person: Receiver, now: datetime) -> str | None:
    if owed.member_id is not None and not person.is_member:
        return "erased"
    if not person.is_friend:
        return "not_a_friend"
    if owed.is_marketing and not person.marketing_allowed:
        return "marketing_stopped"
    if owed.useful_until is not None and now >= owed.useful_until:
        return TOO_LATE
    return None


def _is_past_retrying(owed: Owed, now: datetime) -> bool:
    """Tell whether LINE may have forgotten the retry key, so that a try could say it twice."""
    return owed.first_try_at is not None and now - owed.first_try_at >= RETRY_KEY_LIFE


def words_of(owed: Owed, address: Address | None = None) -> list[dict[str, Any]]:
    """Draw a row's messages, in its person's language: a reply with what rides on it.

    `address` writes the counted links; a reply is drawn already.
    """
    if owed.kind == MENU_KIND:
        return []
    if carries(owed):
        said: list[dict[str, Any]] = owed.words[
            "messages" if owed.reply_token is None else "joined"
        ]
        return said
    return render(owed.kind, owed.words, texts_for(owed.language), address)


async def hand_over(line: LineClient, parcel: Parcel) -> Attempt:
    """Make the one call to LINE that this row now needs; no transaction is open."""
    owed = parcel.owed
    if owed.kind == MENU_KIND:
        return Attempt("menu", await _show_menu(line, parcel))
    if owed.reply_token is not None:
        return Attempt("reply", await line.reply(owed.reply_token, parcel.messages))
    pushed = await line.push(owed.line_user_id, parcel.messages, retry_key=owed.id)
    return Attempt("push", pushed)


async def _show_menu(line: LineClient, parcel: Parcel) -> Outcome:
    if parcel.rich_menu_id is None:
        return await line.unlink_rich_menu(parcel.owed.line_user_id)
    return await line.link_rich_menu(parcel.owed.line_user_id, parcel.rich_menu_id)


def conclude(session: Session, parcel: Parcel, attempt: Attempt, now: datetime) -> str:
    """Write down what a call's outcome means; return the word for the log."""
    owed, outcome = parcel.owed, attempt.outcome
    if outcome.is_success:
        return _end(session, parcel, "accepted", attempt, now)
    if attempt.via == "reply" and outcome.is_dead_reply_token:
        return _bury_token(session, parcel, attempt, now)
    if outcome.verdict is Verdict.REFUSED:
        return _end(session, parcel, "refused", attempt, now)
    try_again_at(
        session,
        owed.id,
        now + pause_before(owed.tries, outcome),
        in_doubt=parcel.was_in_doubt or outcome.verdict is Verdict.UNKNOWN,
        status=outcome.status,
        reason=outcome.reason,
    )
    return "try_later"


def _bury_token(session: Session, parcel: Parcel, attempt: Attempt, now: datetime) -> str:
    owed = parcel.owed
    if parcel.was_in_doubt:
        return _end(session, parcel, "unknown", attempt, now)
    if owed.push_if_late:
        become_push(session, owed.id, now)
        if carries(owed):
            give_back_riders(session, [owed.id], now)
        wake(session, DELIVERY)
        return "becomes_push"
    return _end(session, parcel, "refused", attempt, now)


def _end(session: Session, parcel: Parcel, state: str, attempt: Attempt, now: datetime) -> str:
    owed, outcome = parcel.owed, attempt.outcome
    settle(
        session,
        owed.id,
        state,
        now,
        via=attempt.via if state == "accepted" else None,
        status=outcome.status,
        request_id=outcome.request_id,
        reason=outcome.reason,
    )
    if carries(owed):
        riders = "unknown" if state == "refused" and parcel.was_in_doubt else state
        settle_riders(session, owed.id, riders, now, outcome.request_id)
    return state


def is_out_of_quota(outcome: Outcome) -> bool:
    """Tell whether LINE said that the month's messages are used up."""
    return outcome.status == 429 and QUOTA_TEXT in (outcome.reason or "")


def pause_before(tries: int, outcome: Outcome) -> timedelta:
    """Return how long to wait after so many tries: doubling with jitter, or an hour for quota."""
    if is_out_of_quota(outcome):
        return QUOTA_PAUSE
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(tries - 1, 12), LONGEST_PAUSE)
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, guards nothing
