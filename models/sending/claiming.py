"""Claiming: the next batches of a run, checked once more, with whom each of them goes to now.

A claim is a lease: `next_try_at` moves into the future and the batch is in doubt, so that a worker
that dies lets it come round again, under the same key and to the same members. Who may not be
written to any more is skipped in the very transaction that claims. Nobody in doubt is judged
again: LINE may have theirs already, and only the same request can tell.
"""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, func, select, text, update
from sqlalchemy.orm import Session

from models.base import squeezed
from models.channel import addresses_of
from models.content.facts import Facts, facts_for
from models.outbox import EMAIL
from models.outreach import reasons_not_to_write
from models.quota import reserve_many
from models.sending.settling import UNKNOWN, move_members, skip_members
from models.sending.spec import Spec, read_spec
from models.sending.table import LEASE, CampaignBatch, CampaignRun

MULTICASTS = 10
"""So many multicasts are claimed at once: five thousand people are checked in one question."""
NO_COUPON, NO_ADDRESS, MALFORMED = "no_coupon", "no_address", "malformed_id"
GONE = "left"
_USER_ID = re.compile(r"U[0-9a-f]{32}")


@dataclass(frozen=True)
class Claim:
    """A batch that is ours for one lease. `tries` tells this claim from later ones."""

    id: uuid.UUID
    variant: str
    language: str
    channel: str
    is_personal: bool
    tries: int
    was_in_doubt: bool
    kept_facts: Mapping[str, Any]
    """What those in doubt were told, by member id as text; their words must not change."""
    to: Mapping[int, str] = field(default_factory=dict)
    """The address of each member the batch goes to: a LINE user id, or an e-mail address."""
    facts: Mapping[int, Facts] = field(default_factory=dict)

    @property
    def is_repeat(self) -> bool:
        """Tell whether this is one request that LINE may have already."""
        return self.was_in_doubt and not self.is_personal

    @property
    def fresh(self) -> Mapping[int, str]:
        """Return those of `to` whom no earlier try can have reached."""
        if self.is_repeat:
            return {}
        if not self.kept_facts:
            return self.to
        return {n: to for n, to in self.to.items() if str(n) not in self.kept_facts}


@dataclass(frozen=True)
class Chunk:
    """Batches of one run, claimed together. `is_short`: the quota did not suffice for all."""

    run_id: int
    unit_name: str
    spec: Spec
    claims: Sequence[Claim]
    is_short: bool = False

    @property
    def source(self) -> str:
        """Return under what the run's messages and coupons are booked."""
        return f"campaign:{self.run_id}"


def claim_chunk(session: Session, run_id: int, now: datetime) -> Chunk | None:
    """Claim the next batches of a run for one lease; None where none is due.

    Batches of which nobody is left, or for which there is no quota, are not among the chunk's.
    A pause that was committed before is respected; one that comes now waits for this transaction.
    """
    run = session.scalars(
        select(CampaignRun)
        .where(CampaignRun.id == run_id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    ).one()
    if run.state != "sending":
        return None
    rows = session.execute(_CLAIM, _asked(run, now)).all()
    if not rows:
        return None
    chunk = Chunk(run.id, run.unit_name, read_spec(run.spec), [Claim(*row) for row in rows])
    claims = _addressed(session, chunk.claims)
    held = _held_back(session, chunk, claims, run.until, now)
    claims = [_without(session, claim, held, now) for claim in claims]
    return _within_quota(session, replace(chunk, claims=[c for c in claims if c.to]), now)


def _asked(run: CampaignRun, now: datetime) -> dict[str, Any]:
    is_held = now >= run.until or (run.held_until is not None and now < run.held_until)
    lease = now + LEASE
    return {"run_id": run.id, "now": now, "lease": lease, "most": MULTICASTS, "is_held": is_held}


def _addressed(session: Session, claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims with everybody who has no outcome yet, and where to reach them.

    In one order, always: what is said again under one retry key has to be the same call.
    """
    people = {
        batch_id: dict(zip(ids, addresses, strict=True))
        for batch_id, ids, addresses in session.execute(_PEOPLE, {"ids": [c.id for c in claims]})
    }
    letters = [n for claim in claims if claim.channel == EMAIL for n in people.get(claim.id, ())]
    emails = addresses_of(session, letters) if letters else {}
    return [
        replace(claim, to=_reached(people.get(claim.id, {}), claim.channel, emails))
        for claim in claims
    ]


def _reached(
    people: Mapping[int, str | None], channel: str, emails: Mapping[int, str]
) -> dict[int, str]:
    if channel == EMAIL:
        return {member_id: emails.get(member_id, "") for member_id in people}
    return {member_id: address or "" for member_id, address in people.items()}


def _held_back(
    session: Session, chunk: Chunk, claims: Sequence[Claim], until: datetime, now: datetime
) -> dict[int, str]:
    """Return why some are not to be written to, of all who were surely not written to yet."""
    held: dict[int, str] = {}
    for channel in sorted({claim.channel for claim in claims}):
        fresh: dict[int, str] = {}
        for claim in claims:
            if claim.channel == channel:
                fresh.update(claim.fresh)
        if now >= until:
            held |= dict.fromkeys(fresh, "too_late")
            continue
        held |= _unfit(fresh, channel)
        held |= reasons_not_to_write(
            session,
            fresh,
            kind=chunk.spec.kind,
            source=chunk.source,
            priority=chunk.spec.priority,
            now=now,
            channel=channel,
        )
    return held


def _unfit(fresh: Mapping[int, str], channel: str) -> dict[int, str]:
    """Return who cannot be written to by their address; one such sinks LINE's whole request."""
    if channel == EMAIL:
        return {member_id: NO_ADDRESS for member_id, address in fresh.items() if not address}
    return {member_id: MALFORMED for member_id, to in fresh.items() if not _USER_ID.fullmatch(to)}


def _without(session: Session, claim: Claim, held: Mapping[int, str], now: datetime) -> Claim:
    """Return the claim without those held back, who are skipped.

    Who may have been written to and has no address any more cannot be asked for: unknown.
    """
    fresh = claim.fresh
    skipped = {n: why for n, why in held.items() if n in fresh}
    doubted = {n: claim.to[n] for n in claim.to.keys() - fresh.keys()}
    gone = dict.fromkeys(_unfit(doubted, claim.channel), GONE)
    if skipped or not claim.to:
        skip_members(session, claim.id, skipped, now)
    if gone:
        skip_members(session, claim.id, gone, now, state=UNKNOWN)
    if not skipped and not gone:
        return claim
    left = {n: to for n, to in claim.to.items() if n not in skipped and n not in gone}
    return replace(claim, to=left)


def _within_quota(session: Session, chunk: Chunk, now: datetime) -> Chunk:
    """Return what of the chunk there is quota for; the rest waits in its batch, or in one new."""
    wanted = {
        str(claim.id): len(claim.to)
        for claim in chunk.claims
        if claim.channel != EMAIL and not claim.is_repeat
    }
    granted = reserve_many(
        session, wanted, source=chunk.source, is_service=chunk.spec.is_service, now=now
    )
    claims: list[Claim] = []
    for claim in chunk.claims:
        most = granted.get(str(claim.id), len(claim.to))
        if most >= len(claim.to):
            claims.append(claim)
            continue
        kept = _in_doubt_first(claim)[:most]
        _put_off(session, claim, [n for n in claim.to if n not in set(kept)], now)
        if kept:
            claims.append(replace(claim, to={n: claim.to[n] for n in kept}))
    is_short = any(granted[key] < messages for key, messages in wanted.items())
    return replace(chunk, claims=claims, is_short=is_short)


def _in_doubt_first(claim: Claim) -> list[int]:
    fresh = claim.fresh
    return sorted(claim.to, key=lambda member_id: member_id in fresh)


def _put_off(session: Session, claim: Claim, members: Sequence[int], now: datetime) -> None:
    """Give back a batch that gets no quota; of one that gets some, those who get none."""
    if len(members) == len(claim.to):
        session.execute(
            update(CampaignBatch)
            .where(CampaignBatch.id == claim.id)
            .values(next_try_at=now, in_doubt=False, first_try_at=None)
            .execution_options(synchronize_session=False)
        )
    else:
        move_members(session, claim.id, members, now)


def add_facts(session: Session, chunk: Chunk, now: datetime) -> Chunk:
    """Return a chunk of personal batches with everybody's facts, which are kept until they settle.

    Gives the coupons of the content. Who gets none, or has left, is skipped. Who is in doubt hears
    what they may have heard already. To be committed before the first call.
    """
    claims = [_with_facts(session, chunk, claim, now) for claim in chunk.claims]
    return replace(chunk, claims=[claim for claim in claims if claim.to])


def _with_facts(session: Session, chunk: Chunk, claim: Claim, now: datetime) -> Claim:
    facts = {int(n): Facts.from_json(told) for n, told in claim.kept_facts.items()}
    fresh = [member_id for member_id in claim.to if member_id not in facts]
    content = chunk.spec.variant(claim.variant).parsed
    facts |= facts_for(session, content, fresh, source=chunk.source, now=now)
    lacking = {member_id: NO_COUPON for member_id in claim.to if member_id not in facts}
    if lacking:
        skip_members(session, claim.id, lacking, now)
    to = {member_id: address for member_id, address in claim.to.items() if member_id in facts}
    kept = {str(member_id): facts[member_id].as_json() for member_id in to}
    changed: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(CampaignBatch)
        .where(
            CampaignBatch.id == claim.id,
            CampaignBatch.tries == claim.tries,
            CampaignBatch.state == "waiting",
        )
        .values(facts=kept or None)
        .execution_options(synchronize_session=False)
    )
    return replace(claim, to=to if changed.rowcount else {}, facts=facts)


def release_claims(session: Session, now: datetime) -> int:
    """Make what is claimed due `now`: for the only worker alive, since dead ones claimed it."""
    released = session.execute(
        update(CampaignBatch)
        .where(
            CampaignBatch.state == "waiting",
            CampaignBatch.in_doubt,
            CampaignBatch.next_try_at > now,
            CampaignBatch.next_try_at <= now + LEASE,
        )
        .values(next_try_at=now)
        .returning(CampaignBatch.id)
        .execution_options(synchronize_session=False)
    )
    return len(released.all())


def list_sending(session: Session) -> list[int]:
    """Return the runs that are under way, those of the highest priority first."""
    priority = func.coalesce(CampaignRun.spec["priority"].as_integer(), 0)
    return list(
        session.scalars(
            select(CampaignRun.id)
            .where(CampaignRun.finished_at.is_(None), CampaignRun.state == "sending")
            .order_by(priority.desc(), CampaignRun.send_at, CampaignRun.id)
        )
    )


def seconds_until_due(session: Session, run_ids: Iterable[int], now: datetime) -> float | None:
    """Return in how many seconds the next batch of these runs is due; None where none waits."""
    due = session.scalar(_NEXT, {"run_ids": list(run_ids), "now": now})
    return None if due is None else max((due - now).total_seconds(), 0.0)


_DUE = """run_id = :run_id AND state = 'waiting' AND next_try_at <= :now
    AND (in_doubt OR NOT :is_held)"""
_CLAIM = text(
    squeezed(f"""
        WITH first AS (
            SELECT is_personal FROM campaign_batch WHERE {_DUE}
            ORDER BY next_try_at, number LIMIT 1
        ), due AS MATERIALIZED (
            SELECT id, in_doubt FROM campaign_batch
            WHERE {_DUE} AND is_personal = (SELECT is_personal FROM first)
            ORDER BY next_try_at, number
            LIMIT (SELECT CASE WHEN is_personal THEN 1 ELSE :most END FROM first)
            FOR UPDATE SKIP LOCKED
        )
        UPDATE campaign_batch AS batch
        SET next_try_at = :lease, tries = batch.tries + 1, in_doubt = true,
            first_try_at = coalesce(batch.first_try_at, :now)
        FROM due WHERE batch.id = due.id
        RETURNING batch.id, batch.variant, batch.language, batch.channel, batch.is_personal,
            batch.tries, due.in_doubt, coalesce(batch.facts, '{{}}')
    """)  # noqa: S608  # Of our own words only.
)
_PEOPLE = text(
    squeezed("""
        SELECT person.batch_id, array_agg(person.member_id ORDER BY person.member_id),
            array_agg(member.line_user_id ORDER BY person.member_id)
        FROM campaign_recipient AS person JOIN member ON member.id = person.member_id
        WHERE person.batch_id = ANY(CAST(:ids AS uuid[])) AND person.state IS NULL
        GROUP BY person.batch_id
    """)
)
_NEXT = text(
    squeezed("""
        SELECT min(batch.next_try_at) FROM campaign_batch AS batch
        JOIN campaign_run AS run ON run.id = batch.run_id
        WHERE run.id = ANY(CAST(:run_ids AS bigint[])) AND batch.state = 'waiting'
            AND (batch.in_doubt OR (:now < run.until
                AND (run.held_until IS NULL OR run.held_until <= :now)))
    """)
)
