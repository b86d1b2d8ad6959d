"""Leaving early: whether the reason of a visit is gone, judged for many in one statement.

Judged right before each step, in the round for those who wait, and just before a push.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import ColumnElement, Text, case, func, literal, null, select
from sqlalchemy.orm import Session

from models.base import among
from models.journey.definition import Definition
from models.journey.keeping import definition_of
from models.journey.table import (
    ACTIVE,
    ARCHIVED,
    EXITED,
    UNDER_WAY,
    Journey,
    JourneyVersion,
    JourneyVisit,
)
from models.journey.walker import Walker, lock_walkers, write_walkers
from models.member import Member
from models.outbox import withdraw_visits

ERASED, MERGED, STOPPED = "erased", "merged", "marketing_stopped"
ENDED = "journey_archived"
NOT_NOW = "journey_paused"
SWEEP_PART = 2_000


def judge(
    session: Session, definition: Definition, visit_ids: Collection[int], now: datetime
) -> dict[int, str]:
    """Return why these visits, all of one version, are to end; who may go on is absent."""
    if not visit_ids:
        return {}
    reason = _reason(session, definition, now)
    found = session.execute(
        select(JourneyVisit.id, reason)
        .join(Member, Member.id == JourneyVisit.member_id)
        .where(among(JourneyVisit.id, visit_ids))
    )
    return {visit_id: why for visit_id, why in found if why is not None}


def _reason(session: Session, definition: Definition, now: datetime) -> ColumnElement[str | None]:
    """Return the first reason that holds, over `JourneyVisit` joined with its member."""
    whens: list[tuple[ColumnElement[bool], ColumnElement[str]]] = [
        (Member.erased_at.is_not(None), literal(ERASED, Text)),
        (Member.merged_into_id.is_not(None), literal(MERGED, Text)),
    ]
    if definition.needs_consent:
        whens.append((~Member.marketing_allowed, literal(STOPPED, Text)))
    for leaving in definition.exits:
        gone = leaving.exit.gone(session, leaving.params, now)
        whens.append((gone, literal(leaving.exit.code, Text)))
    return case(*whens, else_=null())


def reasons_gone(
    session: Session, visit_ids: Collection[int], now: datetime | None = None
) -> dict[int, str]:
    """Return of which visits, whatever became of them, the reason is gone, and how.

    To be asked just before what they brought is sent. What a paused or archived journey brought
    does not go either. Two or three statements; none of no ids. Without a `now` it is the
    database's.
    """
    if not visit_ids:
        return {}
    moment = now or session.scalars(select(func.now())).one()
    rows = session.execute(
        select(
            JourneyVisit.journey_code,
            JourneyVisit.version,
            JourneyVisit.id,
            JourneyVisit.state,
            JourneyVisit.exit_reason,
            Journey.state,
        )
        .join(Journey, Journey.code == JourneyVisit.journey_code)
        .where(among(JourneyVisit.id, visit_ids))
        .order_by(JourneyVisit.journey_code, JourneyVisit.version)
    ).all()
    gone: dict[int, str] = {}
    for (code, version), visits in groupby(rows, key=lambda row: (row[0], row[1])):
        ahead = []
        for _, _, visit_id, state, why, journey_state in visits:
            if state == EXITED:
                gone[visit_id] = why or EXITED
            elif journey_state != ACTIVE:
                gone[visit_id] = ENDED if journey_state == ARCHIVED else NOT_NOW
            else:
                ahead.append(visit_id)
        if ahead:
            definition = definition_of(session.get_one(JourneyVersion, (code, version)))
            gone |= judge(session, definition, ahead, moment)
    return gone


def leave_where_gone(
    session: Session, definition: Definition, walkers: Sequence[Walker]
) -> list[Walker]:
    """End the visits, all of one version, whose reason is gone; return who goes on."""
    gone = judge(session, definition, [each.id for each in walkers], walkers[0].now)
    for walker in walkers:
        if walker.id in gone:
            walker.leave(gone[walker.id])
    return [walker for walker in walkers if walker.id not in gone]


def withdraw_of(session: Session, walkers: Iterable[Walker], now: datetime) -> None:
    """Take back what waits to be sent to those who left because their reason was gone."""
    left = [walker for walker in walkers if walker.state == EXITED]
    for reason in sorted({walker.exit_reason or EXITED for walker in left}):
        ids = [walker.id for walker in left if walker.exit_reason == reason]
        withdraw_visits(session, ids, reason, now)


def list_waiting(session: Session) -> Sequence[str]:
    """Return the codes of the active journeys on which somebody is under way, in order."""
    waits = select(JourneyVisit.id).where(
        JourneyVisit.journey_code == Journey.code, JourneyVisit.state == UNDER_WAY
    )
    return session.scalars(
        select(Journey.code)
        .where(Journey.state == ACTIVE, waits.correlate(Journey).exists())
        .order_by(Journey.code)
    ).all()


def sweep_visits(session: Session, code: str, now: datetime, *, limit: int = SWEEP_PART) -> int:
    """Ask the next waiting visits of an active journey whether their reason is gone.

    It goes round: at the end it begins anew. Returns how many were asked.
    """
    journey = session.scalars(
        select(Journey).where(Journey.code == code).with_for_update(skip_locked=True)
    ).one_or_none()
    if journey is None or journey.state != ACTIVE:
        return 0
    rows = session.execute(
        select(JourneyVisit.id, JourneyVisit.version)
        .where(
            JourneyVisit.journey_code == code,
            JourneyVisit.state == UNDER_WAY,
            JourneyVisit.id > journey.swept_id,
        )
        .order_by(JourneyVisit.id)
        .limit(limit)
    ).all()
    journey.swept_id = rows[-1].id if len(rows) == limit else 0
    for version in sorted({row.version for row in rows}):
        definition = definition_of(session.get_one(JourneyVersion, (code, version)))
        ids = [row.id for row in rows if row.version == version]
        _leave(session, code, judge(session, definition, ids, now), now)
    return len(rows)


def _leave(session: Session, code: str, gone: dict[int, str], now: datetime) -> None:
    walkers = lock_walkers(session, list(gone), now) if gone else []
    for walker in walkers:
        walker.leave(gone[walker.id])
    write_walkers(session, code, walkers, now)
    withdraw_of(session, walkers, now)


def end_archived(session: Session, now: datetime, *, limit: int = SWEEP_PART) -> int:
    """Take the next visits off journeys that were archived; return how many."""
    rows = session.execute(
        select(JourneyVisit.id, JourneyVisit.journey_code)
        .join(Journey, Journey.code == JourneyVisit.journey_code)
        .where(Journey.state == ARCHIVED, JourneyVisit.state == UNDER_WAY)
        .order_by(JourneyVisit.journey_code)
        .limit(limit)
    ).all()
    for code in sorted({row.journey_code for row in rows}):
        ids = [row.id for row in rows if row.journey_code == code]
        _leave(session, code, dict.fromkeys(ids, ENDED), now)
    return len(rows)
