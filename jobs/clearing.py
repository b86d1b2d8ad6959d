"""What becomes of claimed rows before they are tried: they go, wait for a better time, or end.

Pushes of marketing are put to the one question of outreach (X9). What the cap or the night holds
back waits for as long as it is useful; everything that ends says why.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from jobs.delivery import TOO_LATE, costs_quota, reason_to_end
from models import quota
from models.local_day import day_start, local_day
from models.outbox import LINE, Claim, Owed, put_off, receivers_of, settle
from models.outreach.asking import FREQUENCY_CAP, WAITABLE, WAITING, judge_messages
from models.outreach.lock import lock_outreach
from models.outreach.riding import REASON_GONE, carries, list_gone, settle_riders
from models.outreach.setting import OutreachRules, get_rules, next_allowed

QUIET_HOURS = "quiet_hours"
NO_QUOTA = "quota"
HOLDING = frozenset({FREQUENCY_CAP, WAITING, QUIET_HOURS, NO_QUOTA})
"""What a row may have waited for until it was too late: it is told by that, not by the clock."""
PAUSE_FOR_HIGHER = timedelta(minutes=15)
LONGEST_WAIT = timedelta(days=3)
"""What is not said how long it is useful waits no longer for what goes first."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Fate:
    """Why a row does not go now, and when it may; never, where `until` is None."""

    reason: str
    until: datetime | None = None


def clear_claims(session: Session, claims: Sequence[Claim], now: datetime) -> list[Claim]:
    """Return the claims that may be tried now; the others are ended or put off, with the reason.

    The lock of outreach is held until the transaction ends, where marketing is among them.
    """
    receivers = receivers_of(session, (claim.owed.line_user_id for claim in claims))
    ended = {
        claim.owed.id: Fate(reason)
        for claim in claims
        if (reason := reason_to_end(claim, receivers.get(claim.owed.line_user_id), now))
    }
    pushes = [c.owed for c in claims if costs_quota(c.owed) and c.owed.id not in ended]
    ended |= dict.fromkeys(list_gone(session, pushes, now), Fate(REASON_GONE))
    left = write_fates(session, claims, ended, now)  # First: what has ended fills nobody's place.
    held = hold_marketing(session, [claim.owed for claim in left if costs_quota(claim.owed)], now)
    return write_fates(session, left, held, now)


def hold_marketing(
    session: Session, pushes: Collection[Owed], now: datetime, channel: str = LINE
) -> dict[uuid.UUID, Fate]:
    """Return what becomes of the marketing that must not be pushed, or mailed, now."""
    marketing = {row.id: row for row in pushes if row.is_marketing}
    if not marketing:
        return {}
    rules = get_rules(session)
    if rules.is_quiet(now):
        at = next_allowed(now, rules)
        return {row.id: _put_off(row, QUIET_HOURS, at, now) for row in marketing.values()}
    lock_outreach(session)
    held = judge_messages(session, list(marketing.values()), now, channel=channel)
    return {
        owed_id: _fate(marketing[owed_id], reason, rules, now) for owed_id, reason in held.items()
    }


def _fate(row: Owed, reason: str, rules: OutreachRules, now: datetime) -> Fate:
    if reason not in WAITABLE:
        return Fate(reason)
    if reason == WAITING:
        return _put_off(row, reason, now + PAUSE_FOR_HIGHER, now)
    tomorrow = day_start(local_day(now) + timedelta(days=1))
    return _put_off(row, reason, next_allowed(tomorrow, rules), now)


def _put_off(row: Owed, reason: str, until: datetime, now: datetime) -> Fate:
    """Let a row wait until then where it is still useful then."""
    longest = row.created_at + LONGEST_WAIT
    if reason == FREQUENCY_CAP and row.useful_until is None:
        longest = now
    return Fate(reason, until if until < (row.useful_until or longest) else None)


def write_fates(
    session: Session, claims: Sequence[Claim], fates: Mapping[uuid.UUID, Fate], now: datetime
) -> list[Claim]:
    """End or put off what has a fate, and return the rest."""
    used: dict[str, int] = {}
    for claim in claims:
        owed, fate = claim.owed, fates.get(claim.owed.id)
        if fate is not None and fate.until is not None:
            doubt = claim.was_in_doubt
            put_off(session, owed.id, fate.until, in_doubt=doubt, reason=fate.reason)
        elif fate is not None:
            _end(session, claim, fate.reason, now)
            if owed.tries > 1 and costs_quota(owed):
                used[str(owed.id)] = int(claim.was_in_doubt)
    quota.settle_use(session, used, now)  # What an earlier try reserved.
    return [claim for claim in claims if claim.owed.id not in fates]


def _end(session: Session, claim: Claim, reason: str, now: datetime) -> None:
    owed = claim.owed
    if reason == TOO_LATE and owed.reason in HOLDING:
        reason = owed.reason
    state = "unknown" if claim.was_in_doubt else "skipped"
    settle(session, owed.id, state, now, reason=reason)
    if carries(owed):
        settle_riders(session, owed.id, state, now)
    log.info("owed_ended", owed=str(owed.id), state=state, reason=reason)
