"""The calls of claimed batches: made at LINE's pace, outside any transaction, and written down.

What an answer means: accepted (also 409: LINE had it), refused, later without doubt (a rate limit,
no quota, no connection), or in doubt (5xx, time-out, cut line), after which only the same request
under the same key may be tried. A batch that is refused as a whole is parted until the malformed
id stands alone.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import structlog

from bot import Message
from bot.client import Outcome, Verdict
from bot.content import Drawing, prepare
from jobs.context import JobContext
from jobs.deliver_mail import Letter, deliver_mails
from jobs.delivery import QUOTA_TEXT, pause_before
from jobs.finish_all import finish_all
from jobs.pacing import Pacer
from models.content import NO_FACTS
from models.line_pace import MULTICAST, PUSH
from models.outbox import EMAIL
from models.quota import note_quota_gone, settle_use
from models.sending.claiming import Chunk, Claim, add_facts
from models.sending.settling import (
    ACCEPTED,
    REFUSED,
    SPLIT,
    UNKNOWN,
    WAITING,
    BatchResult,
    PersonalResult,
    PersonResult,
    hold_run,
    settle_batches,
    settle_people,
    split_batch,
)
from models.sending.table import LEASE

CALL_SECONDS = 12.0
"""Longer than any call takes; calls are begun so long before the lease ends."""
BEGIN_SECONDS = LEASE.total_seconds() - CALL_SECONDS
TOGETHER_SECONDS = 0.3
"""Answers that come within it are written down together; a hanging call keeps nobody waiting."""
MOST_DRAWINGS = 64
AT_ONCE = 48
"""So many pushes of one batch are under way at once."""
QUOTA_HOLD = timedelta(minutes=5)
"""So often a run without quota looks whether there is some."""
CONTENT_MARK = "messages["
"""In LINE's refusals of what is said, not of whom it is said to; parting would not help."""
CUT_OFF = "worker_ended"
NOT_DRAWN = Outcome(Verdict.REFUSED, reason="not_drawn")

log = structlog.get_logger()


@dataclass(frozen=True)
class Work:
    """A claimed chunk, and until when (monotonic) its calls may be begun."""

    chunk: Chunk
    begin_until: float


async def carry(context: JobContext, work: Work) -> None:
    """Make the calls of a chunk and write down what they brought."""
    if work.chunk.claims and work.chunk.claims[0].is_personal:
        await _carry_personal(context, work)
    elif work.chunk.claims:
        await _carry_multicasts(context, work)


async def _carry_multicasts(context: JobContext, work: Work) -> None:
    chunk = work.chunk
    pacer = Pacer(context, MULTICAST, len(chunk.claims))

    async def call(claim: Claim) -> tuple[Claim, Outcome | None]:
        await pacer.wait()
        if time.monotonic() > work.begin_until:
            return claim, None
        messages = _draw(context, chunk, claim, None)
        if messages is None:
            return claim, NOT_DRAWN
        outcome = await context.line.multicast(
            list(claim.to.values()), messages, retry_key=claim.id, unit=chunk.unit_name
        )
        return claim, outcome

    pending = {asyncio.create_task(call(claim)) for claim in chunk.claims}
    while pending:
        done, pending = await asyncio.wait(pending, timeout=TOGETHER_SECONDS)
        if done:
            answers = [task.result() for task in done]
            await asyncio.to_thread(_write_batches, context, chunk, answers)


def _write_batches(
    context: JobContext, chunk: Chunk, answers: Sequence[tuple[Claim, Outcome | None]]
) -> None:
    now = context.clock()
    results = [_result_of(claim, outcome, now) for claim, outcome in answers]
    gone = [str(claim.id) for claim, outcome in answers if _is_quota_gone(outcome)]
    kept = {str(claim.id) for claim, _ in answers if claim.was_in_doubt}
    with context.sessions.begin() as session:
        for result in results:
            if result.reason == SPLIT:
                split_batch(session, result, now)
        settle_batches(session, [each for each in results if each.reason != SPLIT], now)
        if gone:
            settle_use(session, dict.fromkeys(set(gone) - kept, 0), now)
            note_quota_gone(session, now)
    if gone:
        hold(context, chunk)
    log.info("batches_tried", run=chunk.run_id, **_counted(result.state for result in results))


def _result_of(claim: Claim, outcome: Outcome | None, now: datetime) -> BatchResult:
    """Decide what the answer to one multicast means; without one it was not begun."""
    if outcome is None:
        return BatchResult(
            claim.id, claim.tries, WAITING, next_try_at=now, in_doubt=claim.was_in_doubt
        )
    state, reason = _state_of(outcome), outcome.reason
    if state == REFUSED and _is_to_be_parted(claim, outcome):
        reason = SPLIT
    return BatchResult(
        claim.id,
        claim.tries,
        state,
        outcome.status,
        outcome.request_id,
        reason,
        now + pause_before(claim.tries, outcome) if state == WAITING else None,
        in_doubt=claim.was_in_doubt or outcome.verdict is Verdict.UNKNOWN,
    )


def _state_of(outcome: Outcome) -> str:
    if outcome.is_success:
        return ACCEPTED
    return REFUSED if outcome.verdict is Verdict.REFUSED else WAITING


def _is_to_be_parted(claim: Claim, outcome: Outcome) -> bool:
    return (
        outcome.status == 400 and len(claim.to) > 1 and CONTENT_MARK not in (outcome.reason or "")
    )


def _is_quota_gone(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status == 429 and QUOTA_TEXT in (outcome.reason or "")


async def _carry_personal(context: JobContext, work: Work) -> None:
    chunk = await asyncio.to_thread(_with_facts, context, work.chunk)
    for claim in chunk.claims:
        send = _send_letters if claim.channel == EMAIL else _push_all
        outcomes = await send(context, Work(chunk, work.begin_until), claim)
        await asyncio.to_thread(_write_people, context, chunk, claim, outcomes)


def _with_facts(context: JobContext, chunk: Chunk) -> Chunk:
    with context.sessions.begin() as session:
        return add_facts(session, chunk, context.clock())


async def _push_all(context: JobContext, work: Work, claim: Claim) -> dict[int, Outcome]:
    """Push each member's own words; who is not in the answer was not tried."""
    chunk = work.chunk
    pacer = Pacer(context, PUSH, len(claim.to))
    left = iter(claim.to.items())
    outcomes: dict[int, Outcome] = {}

    async def push_some() -> None:
        for member_id, address in left:
            await pacer.wait()
            if time.monotonic() > work.begin_until:
                return
            messages = _draw(context, chunk, claim, member_id)
            outcomes[member_id] = NOT_DRAWN
            if messages is not None:
                outcomes[member_id] = await context.line.push(
                    address, messages, retry_key=key_of(claim, member_id), unit=chunk.unit_name
                )

    await finish_all(push_some() for _ in range(min(AT_ONCE, len(claim.to))))
    return outcomes


async def _send_letters(context: JobContext, work: Work, claim: Claim) -> dict[int, Outcome]:
    """Mail each member; of whom an earlier try may have reached, nobody will ever know."""
    variant = work.chunk.spec.variant(claim.variant)
    known = {
        member_id: Outcome(Verdict.UNKNOWN, reason=CUT_OFF)
        for member_id in claim.to.keys() - claim.fresh.keys()
    }
    letters = {
        key_of(claim, member_id): Letter(
            key=key_of(claim, member_id),
            member_id=member_id,
            email=address,
            content=variant.content,
            facts=claim.facts[member_id],
            links=variant.links,
        )
        for member_id, address in claim.to.items()
        if member_id not in known
    }
    sent = await deliver_mails(context, list(letters.values()), until=work.begin_until)
    return known | {letters[key].member_id: outcome for key, outcome in sent.items()}


def key_of(claim: Claim, member_id: int) -> UUID:
    """Return the retry key of one member's own message: the same at every try."""
    return uuid5(claim.id, str(member_id))


def _write_people(
    context: JobContext, chunk: Chunk, claim: Claim, outcomes: dict[int, Outcome]
) -> None:
    now = context.clock()
    is_gone = any(map(_is_quota_gone, outcomes.values()))
    people = [_person(claim, member_id, outcome) for member_id, outcome in outcomes.items()]
    settled = [person for person in people if person.state != WAITING]
    doubted = _doubted(claim, outcomes, {person.member_id for person in settled})
    failures = [outcomes[person.member_id] for person in people if person.state == WAITING]
    pause = pause_before(claim.tries, failures[0]) if failures else timedelta()
    result = PersonalResult(claim.id, claim.tries, now + pause, settled, doubted)
    with context.sessions.begin() as session:
        settle_people(session, result, now)
        if is_gone:
            note_quota_gone(session, now)
    if is_gone:
        hold(context, chunk)
    log.info("people_tried", run=chunk.run_id, **_counted(person.state for person in people))


def _person(claim: Claim, member_id: int, outcome: Outcome) -> PersonResult:
    state = _state_of(outcome)
    if outcome.verdict is Verdict.UNKNOWN and claim.channel == EMAIL:
        state = UNKNOWN  # A mail has no retry key: another try could be a second one.
    return PersonResult(member_id, state, outcome.request_id, outcome.reason)


def _doubted(
    claim: Claim, outcomes: dict[int, Outcome], settled: set[int]
) -> dict[str, dict[str, object]]:
    """Return the facts of those without an outcome whom some try may have told."""
    fresh = claim.fresh
    return {
        str(member_id): claim.facts[member_id].as_json()
        for member_id in claim.to
        if member_id not in settled
        and (
            member_id not in fresh
            or (member_id in outcomes and outcomes[member_id].verdict is Verdict.UNKNOWN)
        )
    }


def hold(context: JobContext, chunk: Chunk) -> None:
    """Let a run without quota wait; in a transaction of its own, for claims share the run's row."""
    with context.sessions.begin() as session:
        hold_run(session, chunk.run_id, context.clock() + QUOTA_HOLD)


def _draw(
    context: JobContext, chunk: Chunk, claim: Claim, member_id: int | None
) -> list[Message] | None:
    """Draw what one member, or everybody of a batch (None), is told; None where it cannot be."""
    facts = NO_FACTS if member_id is None else claim.facts[member_id]
    try:
        return _drawing(context, chunk, claim).draw(facts, _link(context, chunk, claim, member_id))
    except Exception as error:  # Content nobody can draw must not come round for ever.
        log.exception("content_not_drawn", run=chunk.run_id, error=type(error).__name__)
        return None


def _drawing(context: JobContext, chunk: Chunk, claim: Claim) -> Drawing:
    """Return what a batch is drawn with, made ready once a run, variant and language."""
    kept = context.crew.drawings
    key = (chunk.run_id, claim.variant, claim.language)
    if key not in kept:
        if len(kept) >= MOST_DRAWINGS:
            kept.clear()
        variant = chunk.spec.variant(claim.variant)
        kept[key] = prepare(
            variant.content,
            claim.language,
            links=variant.links,
            is_marketing=not chunk.spec.is_service,
        )
    return kept[key]


def _link(
    context: JobContext, chunk: Chunk, claim: Claim, member_id: int | None
) -> Callable[[str], str]:
    links = chunk.spec.variant(claim.variant).links

    def link(url: str) -> str:
        return context.links.address(links[url], member_id) if url in links else url

    return link


def _counted(states: Iterator[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for state in states:
        counts[state] = counts.get(state, 0) + 1
    return counts
