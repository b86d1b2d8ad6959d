"""Changing what the shop offers: asked for, decided, and applied at once or on its day.

Who may publish decides in the same step. What somebody else changed meanwhile is never overwritten:
a form says what it was filled from, and a change that waited touches only what it was about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.activity import note_rule_change
from models.audit import note as note_in_audit
from models.base import BusinessError, constraint_of
from models.local_day import local_day
from models.offering.kind import Kind, Row, Values
from models.offering.kinds import KINDS
from models.offering.table import (
    APPLIED,
    ASKED,
    FAILED,
    LONGEST_NOTE,
    REFUSED,
    SCHEDULED,
    WAITING,
    NoSuchChange,
    OfferingChange,
    OfferingChanged,
    OfferingExists,
    OfferingFixed,
    OfferingRefused,
)
from models.staff import Staff

MOST_LISTED = 50
FAILED_SHOWN = timedelta(days=14)
"""So long what could not be applied on its day is shown to those who planned it."""


@dataclass(frozen=True)
class Wish:
    """What somebody asks for. `base` is the fingerprint of what their form was filled from."""

    kind: Kind
    code: str
    values: Values
    base: str
    note: str = ""
    effective_on: date | None = None
    key: str = ""


def ask_change(
    session: Session, wish: Wish, *, staff: Staff, is_published: bool, now: datetime
) -> OfferingChange:
    """Keep a change, and with `is_published` decide it too; the same key is one change.

    Raises OfferingChanged, OfferingExists, OfferingFixed, OfferingRefused, or what the kind itself
    refuses; then nothing has changed.
    """
    known = session.scalars(select(OfferingChange).where(OfferingChange.key == wish.key)).first()
    if known is not None:
        return known
    row = wish.kind.find(session, wish.code, locked=True)
    _check_wish(session, wish, row)
    change = OfferingChange(
        kind=wish.kind.noun,
        code=wish.code,
        before=wish.kind.as_json(wish.kind.values_of(row)) if row is not None else None,
        after=wish.kind.as_json(wish.values),
        note=wish.note[:LONGEST_NOTE],
        effective_on=wish.effective_on,
        state=ASKED,
        asked_by=staff.id,
        asked_at=now,
        key=wish.key,
    )
    session.add(change)
    session.flush()
    if is_published:
        _decide(session, change, staff, now)
    return change


def decide_change(
    session: Session, change_id: int, *, is_published: bool, staff: Staff, now: datetime
) -> OfferingChange:
    """Publish what somebody asked for, or refuse it. Raises NoSuchChange and what applying does."""
    change = session.get(OfferingChange, change_id, with_for_update=True, populate_existing=True)
    is_open = change is not None and (
        change.state == ASKED or (change.state == SCHEDULED and not is_published)
    )
    if change is None or not is_open:
        raise NoSuchChange
    if is_published:
        _decide(session, change, staff, now)
    else:
        change.state, change.decided_by, change.decided_at = REFUSED, staff.id, now
        subject = f"{change.kind}:{change.code}"
        what = f"{change.kind}.refuse"
        note_in_audit(session, what, subject, now=now, staff_id=staff.id, reason=change.note)
    session.flush()
    return change


def apply_due(session: Session, now: datetime) -> bool:
    """Apply the next change whose day has come; tell whether there was one.

    One that can no longer be applied fails with its reason, for somebody to look at.
    """
    change = session.scalars(
        select(OfferingChange)
        .where(OfferingChange.state == SCHEDULED, OfferingChange.effective_on <= local_day(now))
        .order_by(OfferingChange.effective_on, OfferingChange.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if change is None:
        return False
    try:
        with session.begin_nested():
            _apply(session, change, now)
    except BusinessError as error:
        change.state, change.problem = FAILED, error.code
        session.flush()
    return True


def list_changes(
    session: Session, kind: Kind, code: str, *, limit: int = MOST_LISTED
) -> Sequence[tuple[OfferingChange, str]]:
    """Return the newest changes of one thing with who asked for them, the newest first."""
    rows = session.execute(
        select(OfferingChange, Staff.name)
        .join(Staff, Staff.id == OfferingChange.asked_by)
        .where(OfferingChange.kind == kind.noun, OfferingChange.code == code)
        .order_by(OfferingChange.id.desc())
        .limit(limit)
    )
    return [(change, name) for change, name in rows]


def list_waiting(session: Session, today: date) -> Sequence[tuple[OfferingChange, str]]:
    """Return what waits for a decision or its day, and what lately failed on its day.

    Each with who asked for it, the oldest first.
    """
    has_failed = and_(
        OfferingChange.state == FAILED, OfferingChange.effective_on > today - FAILED_SHOWN
    )
    rows = session.execute(
        select(OfferingChange, Staff.name)
        .join(Staff, Staff.id == OfferingChange.asked_by)
        .where(or_(OfferingChange.state.in_(WAITING), has_failed))
        .order_by(OfferingChange.id)
        .limit(MOST_LISTED)
    )
    return [(change, name) for change, name in rows]


def get_change(session: Session, change_id: int) -> OfferingChange:
    """Return a change of what is changed by a form. Raises NoSuchChange."""
    change = session.get(OfferingChange, change_id)
    if change is None or change.kind not in KINDS:
        raise NoSuchChange
    return change


def differing(before: dict[str, Any] | None, after: dict[str, Any]) -> dict[str, Any]:
    """Return what of `after` is not as it was before."""
    known = before or {}
    return {name: value for name, value in after.items() if known.get(name) != value}


def check_change(session: Session, wish: Wish) -> Row | None:
    """Raise what keeping this change would raise, and return the row as it is; nothing is kept."""
    row = wish.kind.find(session, wish.code)
    _check_wish(session, wish, row)
    return row


def _check_wish(session: Session, wish: Wish, row: Row | None) -> None:
    kind = wish.kind
    if row is None and wish.base:
        raise OfferingChanged(kind=kind.noun, code=wish.code, theirs=None, mine={})
    if row is not None and not wish.base and not kind.is_single:
        raise OfferingExists(kind=kind.noun, code=wish.code)
    if row is not None and wish.base and kind.fingerprint(row) != wish.base:
        theirs = kind.as_json(kind.values_of(row))
        mine = differing(theirs, kind.as_json(wish.values))
        raise OfferingChanged(
            kind=kind.noun, code=wish.code, mine=mine, theirs={name: theirs[name] for name in mine}
        )
    _check_fixed(session, kind, row, wish.values)
    kind.check(session, wish.values)


def _check_fixed(session: Session, kind: Kind, row: Row | None, values: Values) -> None:
    if row is None:
        return
    changed = {name for name in kind.fixed if name in values and getattr(row, name) != values[name]}
    if changed and kind.is_used(session, row):
        raise OfferingFixed(kind=kind.noun, columns=sorted(changed))


def _decide(session: Session, change: OfferingChange, staff: Staff, now: datetime) -> None:
    is_later = change.effective_on is not None and change.effective_on > local_day(now)
    with session.begin_nested():
        change.decided_by, change.decided_at = staff.id, now
        if is_later:
            change.state = SCHEDULED
        else:
            _apply(session, change, now)


def _apply(session: Session, change: OfferingChange, now: datetime) -> None:
    change.state, change.applied_at = APPLIED, now
    kind = KINDS[change.kind]
    values = kind.from_json(differing(change.before, change.after))
    row = kind.find(session, change.code, locked=True)
    if (row is None) != (change.before is None):
        raise OfferingChanged(kind=kind.noun, code=change.code, theirs=None, mine={})
    if row is not None:
        _check_untouched(kind, row, change)
        _check_fixed(session, kind, row, values)
        kind.check(session, kind.values_of(row) | values)
        values = {name: value for name, value in values.items() if name not in kind.at_first}
    else:
        kind.check(session, values)
        row = kind.new(change.code)
        session.add(row)
    try:
        with session.no_autoflush:
            kind.write(session, row, values)
        session.flush()
    except IntegrityError as error:
        raise OfferingRefused(kind=kind.noun, rule=constraint_of(error)) from error
    note_rule_change(session)
    _note(session, change, now)


def _check_untouched(kind: Kind, row: Row, change: OfferingChange) -> None:
    """Refuse to overwrite what somebody else changed after this was asked for."""
    now = kind.as_json(kind.values_of(row))
    mine = differing(change.before, change.after)
    before = change.before or {}
    theirs = {
        name: now[name]
        for name in mine
        if name not in kind.at_first and now[name] != before.get(name)
    }
    if theirs:
        raise OfferingChanged(kind=kind.noun, code=change.code, mine=mine, theirs=theirs)


def _note(session: Session, change: OfferingChange, now: datetime) -> None:
    after = differing(change.before, change.after)
    before = {name: (change.before or {}).get(name) for name in after}
    note_in_audit(
        session,
        f"{change.kind}.{'add' if change.before is None else 'change'}",
        f"{change.kind}:{change.code}",
        now=now,
        staff_id=change.decided_by,
        before=before if change.before is not None else None,
        after=after,
        reason=change.note or None,
    )
