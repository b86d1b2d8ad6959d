"""Moving members in flight: to another version, off a journey, and from card to card."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from models.audit import note as note_in_audit
from models.journey.keeping import definition_of, get_journey, get_version
from models.journey.leaving import ERASED, MERGED
from models.journey.refusals import NoSuchVisit, StepsMissing
from models.journey.table import (
    EXITED,
    SET_ASIDE,
    UNDER_WAY,
    JourneyMove,
    JourneyPresence,
    JourneyTask,
    JourneyVisit,
)
from models.outbox import withdraw_visits

MOVED, GIVEN_UP = "moved", "given_up"
STANDING = (UNDER_WAY, SET_ASIDE)
PART = 5_000


def move_visits(
    session: Session,
    code: str,
    *,
    from_version: int,
    to_version: int,
    steps: Mapping[str, str] | None = None,
    now: datetime,
    staff_id: int | None = None,
    limit: int = PART,
) -> int:
    """Move up to `limit` who are under way on one version to another one; return how many.

    `steps` says at which step whoever stands at one goes on; those not named go on at the step of
    the same id. Who was set aside goes on too. Raises NoSuchJourney, or StepsMissing where
    somebody stands at a step that leads nowhere.
    """
    aims = aims_of(session, code, from_version, to_version, dict(steps or {}))
    rows = session.execute(
        select(JourneyVisit.id, JourneyVisit.step)
        .where(*_standing(code, from_version))
        .order_by(JourneyVisit.id)
        .limit(limit)
        .with_for_update()
    ).all()
    for step in sorted({str(row.step) for row in rows}):
        ids = [row.id for row in rows if row.step == step]
        _move(session, ids, to_version, step, aims[step], now)
        _note_moves(session, code, ids, (from_version, step, None), now)
        _note_moves(session, code, ids, (to_version, None, aims[step]), now)
    if rows:
        told = {"from": from_version, "to": to_version, "visits": len(rows)}
        note_in_audit(
            session, "journey.move", f"journey:{code}", now=now, staff_id=staff_id, after=told
        )
    return len(rows)


def count_standing(session: Session, code: str) -> list[tuple[int, str, int]]:
    """Return how many stand where on a journey: version, step, people."""
    by = (JourneyVisit.version, JourneyVisit.step)
    rows = session.execute(
        select(*by, func.count())
        .where(JourneyVisit.journey_code == code, JourneyVisit.step.is_not(None))
        .group_by(*by)
        .order_by(*by)
    )
    return [(version, str(step), people) for version, step, people in rows]


def _standing(code: str, version: int) -> tuple[Any, ...]:
    return (
        JourneyVisit.journey_code == code,
        JourneyVisit.version == version,
        JourneyVisit.state.in_(STANDING),
    )


def aims_of(
    session: Session, code: str, from_version: int, to_version: int, steps: dict[str, str]
) -> dict[str, str]:
    """Return where the people at each step of a version would go on on another one.

    Raises NoSuchJourney, or StepsMissing where somebody stands at a step that leads nowhere.
    """
    get_version(session, code, from_version)
    known = definition_of(get_version(session, code, to_version)).steps
    stood = session.scalars(
        select(JourneyVisit.step).where(*_standing(code, from_version)).distinct()
    )
    aims = {step: steps.get(step, step) for step in stood if step is not None}
    missing = sorted(step for step, aim in aims.items() if aim not in known)
    if missing:
        raise StepsMissing(journey=code, version=to_version, steps=missing, possible=list(known))
    return aims


def _move(
    session: Session, ids: Sequence[int], version: int, step: str, aim: str, now: datetime
) -> None:
    """Let visits go on at a step of another version; who waits there waits from when they came."""
    told: dict[str, Any] = {"version": version, "step": aim, "due_at": now, "state": UNDER_WAY}
    if aim != step:
        told["step_at"] = now
    session.execute(
        update(JourneyVisit)
        .where(JourneyVisit.id.in_(ids))
        .values(**told, exit_reason=None)
        .execution_options(synchronize_session=False)
    )


def _note_moves(
    session: Session,
    code: str,
    ids: Sequence[int],
    way: tuple[int, str | None, str | None],
    now: datetime,
) -> None:
    version, from_step, to_step = way
    rows = [
        {
            "visit_id": visit_id,
            "journey_code": code,
            "version": version,
            "from_step": from_step,
            "to_step": to_step,
            "why": MOVED,
            "at": now,
        }
        for visit_id in ids
    ]
    session.execute(insert(JourneyMove), rows)


def give_up_visit(
    session: Session, code: str, visit_id: int, *, now: datetime, staff_id: int | None = None
) -> JourneyVisit:
    """Take one member off a journey, and back what waits to be sent. Raises NoSuchVisit."""
    get_journey(session, code)
    visit = session.get(JourneyVisit, visit_id, with_for_update=True, populate_existing=True)
    if visit is None or visit.journey_code != code:
        raise NoSuchVisit(journey=code, visit=visit_id)
    if visit.state in STANDING:
        _end(session, [visit], GIVEN_UP, now)
        note_in_audit(
            session,
            "journey.give_up",
            f"journey:{code}",
            now=now,
            staff_id=staff_id,
            member_id=visit.member_id,
            after={"visit": visit.id},
        )
    return visit


def _end(session: Session, visits: Collection[JourneyVisit], reason: str, now: datetime) -> None:
    for visit in visits:
        session.add(
            JourneyMove(
                visit_id=visit.id,
                journey_code=visit.journey_code,
                version=visit.version,
                from_step=visit.step,
                to_step=None,
                why=reason,
                at=now,
            )
        )
        visit.state, visit.exit_reason, visit.ended_at = EXITED, reason, now
        visit.step = visit.due_at = None
    session.flush()
    withdraw_visits(session, [visit.id for visit in visits], reason, now)


# --- when a card ends ---


def forget_visits(session: Session, member_ids: Collection[int], now: datetime) -> None:
    """End the visits of members who leave, and forget what was known of all of theirs."""
    theirs = _visits_of(session, member_ids)
    _end(session, [visit for visit in theirs if visit.state in STANDING], ERASED, now)
    for visit in theirs:
        visit.facts = {}
    for table, also in ((JourneyPresence, ()), (JourneyTask, (JourneyTask.done_at.is_(None),))):
        session.execute(
            delete(table)
            .where(table.member_id.in_(member_ids), *also)
            .execution_options(synchronize_session=False)
        )


def _visits_of(session: Session, member_ids: Collection[int]) -> Sequence[JourneyVisit]:
    return session.scalars(
        select(JourneyVisit)
        .where(JourneyVisit.member_id.in_(member_ids))
        .order_by(JourneyVisit.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def merge_visits(session: Session, keep_id: int, drop_id: int, now: datetime) -> dict[str, Any]:
    """Let the kept card go on with the other one's journeys; return what would undo it.

    Where both are under way on one journey, the other card's visit ends: nobody walks it twice
    for one cause. Tasks of the staff go over too.
    """
    session.execute(delete(JourneyPresence).where(JourneyPresence.member_id == drop_id))
    kept = {each.journey_code for each in _visits_of(session, [keep_id]) if _stands(each)}
    theirs = _visits_of(session, [drop_id])
    twice = [each for each in theirs if _stands(each) and each.journey_code in kept]
    stood = {str(each.id): [each.step, each.state] for each in twice}
    _end(session, twice, MERGED, now)
    for visit in theirs:
        visit.member_id = keep_id
    tasks = session.scalars(
        update(JourneyTask)
        .where(JourneyTask.member_id == drop_id)
        .values(member_id=keep_id)
        .returning(JourneyTask.id)
        .execution_options(synchronize_session=False)
    )
    return {"visits": [each.id for each in theirs], "ended": stood, "tasks": list(tasks)}


def _stands(visit: JourneyVisit) -> bool:
    return visit.state in STANDING


def unmerge_visits(
    session: Session, keep_id: int, drop_id: int, journal: Mapping[str, Any], now: datetime
) -> None:
    """Give each card its own visits and tasks again; those that the merge ended go on."""
    if not journal:
        return
    theirs = session.scalars(
        select(JourneyVisit)
        .where(JourneyVisit.id.in_(journal["visits"]), JourneyVisit.member_id == keep_id)
        .order_by(JourneyVisit.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for visit in theirs:
        visit.member_id = drop_id
        stood = journal["ended"].get(str(visit.id))
        if stood is not None and visit.exit_reason == MERGED:
            visit.step, visit.state = stood
            visit.exit_reason = visit.ended_at = None
            visit.due_at = now if visit.state == UNDER_WAY else None
            _note_moves(
                session,
                visit.journey_code,
                [visit.id],
                (visit.version, None, visit.step),
                now,
            )
    session.flush()
    session.execute(
        update(JourneyTask)
        .where(JourneyTask.id.in_(journal["tasks"]), JourneyTask.member_id == keep_id)
        .values(member_id=drop_id)
        .execution_options(synchronize_session=False)
    )
