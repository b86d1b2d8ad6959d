"""Reply-first: a nudge that waits rides for nothing on the next reply its person asks for (X10).

In the transaction that owes the reply, the nudges that may still be said and fit in become its
riders. From then on they share its fate: accepted with it, unknown with it, and given back where
it surely was not said. A rider is never pushed and never rides twice, whoever dies when.
"""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from models import journey
from models.base import DELIVERY, wake
from models.friend import get_conversation
from models.outbox import LINE, REPLY_KIND, Owed, settle
from models.outreach.asking import judge_messages
from models.outreach.facts import barred_among
from models.outreach.lock import try_lock_outreach

REASON_GONE = "reason_gone"
MOST_RIDERS = 4
"""A reply has at least one message of its own, and LINE takes five."""
Messages = list[dict[str, Any]]
Join = Callable[[Messages, Messages], Messages | None]
"""Returns both in one call's messages, or None where they do not fit."""


def carry_nudges(
    session: Session, reply: Owed, now: datetime, *, draw: Callable[[Owed], Messages], join: Join
) -> int:
    """Let what waits for the reply's person ride on it; return how many nudges do.

    `reply` was owed in this transaction and says it afterwards. Nobody who is in the middle of
    something is talked into, and no tap waits: where others decide just now, the nudges wait too.
    """
    talk = get_conversation(session, reply.line_user_id)
    if talk is not None and not talk.is_stale(now):
        return 0
    nudges = _waiting(session, reply.line_user_id, now)
    if not nudges or not try_lock_outreach(session):
        return 0
    nudges = _with_reason(session, nudges, now)
    held = _held(session, nudges, now)
    said: Messages = reply.words["messages"]
    riders: list[Owed] = []
    for nudge in nudges:
        joined = None if nudge.id in held else join(said, draw(nudge))
        if joined is not None:
            said = joined
            riders.append(nudge)
    if riders:
        _mount(session, reply, riders, said, now)
    return len(riders)


def _waiting(session: Session, line_user_id: str, now: datetime) -> Sequence[Owed]:
    """Lock and return a person's nudges that could ride, those to be pushed soonest first."""
    return session.scalars(
        select(Owed)
        .where(
            Owed.line_user_id == line_user_id,
            Owed.state == "waiting",
            Owed.push_at.is_not(None),
            Owed.rides_on.is_(None),
            Owed.push_at > now,
            Owed.in_doubt.is_(False),
            Owed.channel == LINE,
            or_(Owed.useful_until.is_(None), Owed.useful_until > now),
        )
        .order_by(Owed.push_at, Owed.seq)
        .limit(MOST_RIDERS)
        .with_for_update(skip_locked=True)
    ).all()


def _with_reason(session: Session, nudges: Sequence[Owed], now: datetime) -> Sequence[Owed]:
    """End the nudges whose journey has no reason for them any more; return the others."""
    gone = list_gone(session, nudges, now)
    for owed_id in gone:
        settle(session, owed_id, "skipped", now, reason=REASON_GONE)
    return [nudge for nudge in nudges if nudge.id not in gone]


def list_gone(session: Session, messages: Collection[Owed], now: datetime) -> set[uuid.UUID]:
    """Return the ids of the messages whose journey has no reason for them any more."""
    visits = {row.visit_id for row in messages if row.visit_id is not None}
    gone = journey.reasons_gone(session, sorted(visits), now) if visits else {}
    return {row.id for row in messages if row.visit_id in gone}


def _held(session: Session, nudges: Sequence[Owed], now: datetime) -> Mapping[uuid.UUID, str]:
    marketing = [nudge for nudge in nudges if nudge.is_marketing]
    service = [nudge for nudge in nudges if not nudge.is_marketing and nudge.member_id is not None]
    held = judge_messages(session, marketing, now) if marketing else {}
    ids = {nudge.member_id for nudge in service if nudge.member_id is not None}
    barred = barred_among(session, sorted(ids), LINE) if ids else {}
    return held | {
        nudge.id: barred[nudge.member_id] for nudge in service if nudge.member_id in barred
    }


def _mount(
    session: Session, reply: Owed, riders: Sequence[Owed], said: Messages, now: datetime
) -> None:
    words = {"messages": reply.words["messages"], "joined": said}
    session.execute(update(Owed).where(Owed.id == reply.id).values(words=words))
    for rider in riders:
        rider.rides_on = reply.id
        rider.in_doubt = True
        rider.first_try_at = now
        rider.tries += 1
    session.flush()
    reply.words = words  # Only now that nothing can fail: who sends it says what is kept.


def carries(owed: Owed) -> bool:
    """Tell whether nudges ride on this row, or did while it was a reply."""
    return owed.kind == REPLY_KIND and "joined" in owed.words


def settle_riders(
    session: Session, reply_id: uuid.UUID, state: str, now: datetime, request_id: str | None = None
) -> None:
    """Let riders share their reply's end: `accepted` or `unknown`; else they are given back."""
    if state not in ("accepted", "unknown"):
        give_back_riders(session, [reply_id], now)
        return
    session.execute(
        update(Owed)
        .where(Owed.rides_on == reply_id, Owed.state == "waiting")
        .values(
            state=state,
            settled_at=now,
            via="reply" if state == "accepted" else None,
            request_id=request_id,
            words={},
        )
        .execution_options(synchronize_session=False)
    )


def give_back_riders(session: Session, reply_ids: Sequence[uuid.UUID], now: datetime) -> None:
    """Let the riders of replies that surely were not said wait again, as they did before."""
    due = session.scalars(
        update(Owed)
        .where(Owed.rides_on.in_(reply_ids), Owed.state == "waiting")
        .values(rides_on=None, in_doubt=False, first_try_at=None, next_try_at=Owed.push_at)
        .returning(Owed.push_at)
        .execution_options(synchronize_session=False)
    ).all()
    if any(push_at is not None and push_at <= now for push_at in due):
        wake(session, DELIVERY)
