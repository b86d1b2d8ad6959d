"""Sending: a step's content, owed to each visit's member in the channel that reaches them.

Nothing is sent here: the outbox keeps it, asks once more whether it may go, lets it ride on a
reply until `push_at`, and else pushes it.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import among
from models.channel import channels_of
from models.content import Content, Facts, facts_for
from models.journey.part import Part
from models.journey.step import Step
from models.journey.stepping import USUAL_USEFUL_HOURS
from models.journey.walker import Walker
from models.link import make_links
from models.member import Member
from models.outbox import LINE, Owed, owe_many
from models.outreach import next_allowed

KIND = "content"
NOT_REACHABLE, NO_CONSENT = "not_reachable", "marketing_stopped"
NO_COUPON, SAID, OWED = "no_coupon", "said_before", "owed"


def send(part: Part, step: Step, walkers: Sequence[Walker]) -> None:
    """Owe each its content; at an hour at which nobody is written to they wait for the next.

    Who cannot be reached, or for whom no coupon was left, goes on without; why is kept.
    """
    allowed_at = next_allowed(part.now, part.rules)
    if part.definition.is_marketing and allowed_at > part.now:
        for walker in walkers:
            walker.wait(allowed_at)
        return
    ahead = list(walkers)
    while ahead:  # A member may stand there twice, for two causes: one after the other.
        firsts = {each.member_id: each for each in reversed(ahead)}
        _send_each(part, step, firsts)
        ahead = [each for each in ahead if each is not firsts[each.member_id]]


def _send_each(part: Part, step: Step, walkers: Mapping[int, Walker]) -> None:
    content = part.definition.contents[step.id]
    people = _people(part.session, walkers)
    channels = channels_of(part.session, list(walkers)) if part.definition.is_marketing else {}
    said = _said_before(part.session, [each.key_of(step.words) for each in walkers.values()])
    reasons = {
        member_id: _reason(part, walker.key_of(step.words) in said, people[member_id], channels)
        for member_id, walker in walkers.items()
    }
    reached = {each: walkers[each] for each, why in reasons.items() if why is None}
    facts = _facts(part, step, content, reached)
    links = make_links(part.session, part.source_of(step.id), content.urls)
    pushes = []
    for member_id, walker in walkers.items():
        why = reasons[member_id]
        if why is None and member_id not in facts:
            why = NO_COUPON
        if why is None:
            channel = channels.get(member_id, LINE)
            words = _words(part, content, facts[member_id], links, member_id)
            pushes.append(_push(part, step, walker, people[member_id], channel, words))
        walker.go(step.onwards, why or OWED)
    owe_many(part.session, pushes, part.now)


def _people(session: Session, member_ids: Mapping[int, Walker]) -> Mapping[int, Any]:
    rows = session.execute(
        select(Member.id, Member.line_user_id, Member.language, Member.marketing_allowed).where(
            among(Member.id, member_ids)
        )
    ).all()
    return {row.id: row for row in rows}


def _said_before(session: Session, keys: Sequence[str]) -> set[str]:
    """Return which of the keys are known: a cause that was told of by what stood here before."""
    found = select(Owed.idempotency_key).where(among(Owed.idempotency_key, keys))
    return set(session.scalars(found))


def _reason(part: Part, is_said: bool, person: Any, channels: Mapping[int, str]) -> str | None:
    """Return why nothing is owed to somebody."""
    if is_said:
        return SAID
    if not part.definition.is_marketing:
        return NOT_REACHABLE if person.line_user_id is None else None
    if not person.marketing_allowed:
        return NO_CONSENT
    return None if person.id in channels else NOT_REACHABLE


def _facts(
    part: Part, step: Step, content: Content, walkers: Mapping[int, Walker]
) -> dict[int, Facts]:
    """Return what the content says of each, giving its coupons; who gets none is absent."""
    if not walkers:
        return {}
    return facts_for(
        part.session,
        content,
        list(walkers),
        source=part.source_of(step.id),
        now=part.now,
        more={member_id: _sayable(each) for member_id, each in walkers.items()},
        keys={member_id: each.pass_key for member_id, each in walkers.items()},
        coupons={
            member_id: each.facts["coupon_id"]
            for member_id, each in walkers.items()
            if "coupon_id" in each.facts
        },
    )


def _sayable(walker: Walker) -> dict[str, str | int]:
    """Return the facts of a visit that a text may say."""
    return {
        name: told
        for name, told in walker.facts.items()
        if isinstance(told, str | int) and not isinstance(told, bool)
    }


def _words(
    part: Part, content: Content, facts: Facts, links: Mapping[str, int], member_id: int
) -> dict[str, Any]:
    return {
        "content": content.as_json(),
        "facts": facts.as_json(),
        "links": dict(links),
        "member_id": member_id,
        "is_marketing": part.definition.is_marketing,
    }


def _push(
    part: Part, step: Step, walker: Walker, person: Any, channel: str, words: dict[str, Any]
) -> dict[str, Any]:
    """Return the outbox's columns of one message."""
    hold = timedelta(minutes=part.definition.hold_minutes)
    useful = timedelta(hours=step.words.get("useful_hours", USUAL_USEFUL_HOURS))
    holds = bool(hold) and channel == LINE
    return {
        "line_user_id": person.line_user_id or "",
        "kind": KIND,
        "words": words,
        "language": person.language,
        "idempotency_key": walker.key_of(step.words),
        "member_id": walker.member_id,
        "is_marketing": part.definition.is_marketing,
        "useful_until": part.now + hold + useful,
        "source": part.source_of(step.id),
        "purpose": step.words.get("purpose"),
        "priority": part.definition.priority,
        "visit_id": walker.id,
        "push_at": next_allowed(part.now + hold, part.rules) if holds else None,
        "channel": channel,
    }
