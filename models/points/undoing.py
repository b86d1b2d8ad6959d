"""Undoing: taking an earning back, giving a spending back, each by an entry that answers it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.local_day import local_day
from models.member import Member
from models.points.entry import (
    Cause,
    Lot,
    entry_of,
    find_entry,
    lock,
    move,
    repaid_by,
    with_lot,
    write,
)
from models.points.lots import Takes, note_takes, settle_lots, take_up_to
from models.points.table import (
    UNDOING,
    MoreThanEarned,
    MoreThanSpent,
    NotReversible,
    PointsEntry,
    PointsLot,
    PointsTake,
)
from models.shop import get_shop

if TYPE_CHECKING:
    from models.purchase.table import Purchase  # It stands above us: the rules know plans too.

GIVEN_BACK_DAYS = 30
"""Points given back to a lot that has ended meanwhile are good for so many days."""
FLOOR, DEBT = "floor", "debt"
NEGATIVE_POINTS = (FLOOR, DEBT)
"""What a shop does where points to take back are spent: forgive them, or let a debt stand."""


class Told(TypedDict):
    """What both ways of undoing are told beside what they undo."""

    reason: str
    idempotency_key: str
    now: datetime
    staff_id: int | None
    store_id: int | None
    note: str | None


@dataclass(frozen=True)
class TakenBack:
    """What came of taking points back: `taken` and `forgiven` are together what was asked."""

    entry: PointsEntry | None
    """None where nothing was asked."""
    taken: int
    forgiven: int
    is_new: bool = True
    """Whether this call did it, and not an earlier one under the same key."""


def take_back(
    session: Session,
    member: Member,
    earning: "PointsEntry | Purchase",
    points: int,
    *,
    reason: str = "refund",
    idempotency_key: str,
    now: datetime,
    tier_points: int = 0,
    staff_id: int | None = None,
    store_id: int | None = None,
    note: str | None = None,
) -> TakenBack:
    """Take back `points` of what an entry, or a purchase with all its entries, brought.

    Found first in what is still pending of it, then in its own lots, then in the member's other
    lots. What is spent is forgiven or stays as a debt, as the shop decided; what had expired by
    itself is not asked for a second time. `tier_points` are taken from the second wallet, as far
    as they are there. A key seen before returns its first answer.
    Raises MoreThanEarned, or IdempotencyKeyReused.
    """
    lock(session, member)
    posted = find_entry(session, idempotency_key)
    if posted is not None:
        first = posted.or_refuse(member, -points, posted.tier_points)
        return TakenBack(first, -first.moved, first.forgiven, is_new=False)
    tier_points = min(tier_points, member.tier_points)
    if not points and not tier_points:
        return TakenBack(None, 0, 0)
    purchase_id, entry_id = _named(session, earning)
    cause = Cause(
        reason,
        idempotency_key,
        now,
        purchase_id=purchase_id,
        answers_id=entry_id,
        staff_id=staff_id,
        store_id=store_id,
        note=note,
    )
    settle_lots(session, member, now)
    return _take_back(session, member, _lots_of(session, earning), points, cause, tier_points)


def _take_back(
    session: Session,
    member: Member,
    own: Sequence[PointsLot],
    points: int,
    cause: Cause,
    tier_points: int,
) -> TakenBack:
    left = sum(lot.granted - lot.recalled for lot in own)
    if points > left:
        raise MoreThanEarned(asked=points, left=left)
    _note_recall(own, points)
    pending = take_up_to([lot for lot in own if lot.pending_until is not None], points)
    from_pending = _sum(pending)
    active = take_up_to([lot for lot in own if lot.pending_until is None], points - from_pending)
    _note_reversed(pending + active)
    excused = _excuse(own, points - from_pending - _sum(active))
    others = _take_from_others(session, member, points - from_pending - _sum(active) - excused)
    found = _sum(active) + _sum(others)
    missing = points - from_pending - found - excused
    is_debt = get_shop(session).negative_points == DEBT
    entry_id = move(
        session,
        member,
        cause,
        points=-(found + (missing if is_debt else 0)),
        pending=-from_pending,
        tier_points=-tier_points,
        forgiven=excused + (0 if is_debt else missing),
    )
    note_takes(session, entry_id, _merged(pending + active + others))
    entry = session.get_one(PointsEntry, entry_id)
    return TakenBack(entry, -entry.moved, entry.forgiven)


def _lots_of(session: Session, earning: "PointsEntry | Purchase") -> Sequence[PointsLot]:
    """Return the lots an earning opened; a purchase may have several, as its bonuses have."""
    lots = select(PointsLot).order_by(PointsLot.expires_on, PointsLot.entry_id)
    if isinstance(earning, PointsEntry):
        lots = lots.where(PointsLot.entry_id == earning.id)
    else:
        lots = lots.join(PointsEntry, PointsEntry.id == PointsLot.entry_id).where(
            PointsEntry.member_id == earning.member_id,
            PointsEntry.purchase_id == earning.id,
            PointsEntry.answers_id.is_(None),
        )
    return session.scalars(lots.execution_options(populate_existing=True)).all()


def _named(session: Session, earning: "PointsEntry | Purchase") -> tuple[int | None, int | None]:
    """Return the purchase of an earning and the entry by which it earned first, if it did."""
    if isinstance(earning, PointsEntry):
        return earning.purchase_id, earning.id
    entry_id = session.scalar(
        select(func.min(PointsEntry.id)).where(
            PointsEntry.member_id == earning.member_id,
            PointsEntry.purchase_id == earning.id,
            or_(PointsEntry.points > 0, PointsEntry.pending > 0, PointsEntry.tier_points > 0),
        )
    )
    return earning.id, entry_id


def _note_recall(own: Sequence[PointsLot], points: int) -> None:
    for lot in own:
        asked = min(lot.granted - lot.recalled, points)
        lot.recalled += asked
        points -= asked


def _note_reversed(takes: Takes) -> None:
    for lot, taken in takes:
        lot.reversed += taken


def _excuse(own: Sequence[PointsLot], points: int) -> int:
    """Leave what had expired by itself alone; return how many points that is."""
    total = 0
    for lot in own:
        excused = min(lot.expired - lot.excused, lot.recalled - lot.excused, points - total)
        lot.excused += excused
        total += excused
    return total


def _take_from_others(session: Session, member: Member, points: int) -> Takes:
    if not points:
        return []
    session.flush()
    others = session.scalars(
        select(PointsLot)
        .where(
            PointsLot.member_id == member.id,
            PointsLot.remaining > 0,
            PointsLot.pending_until.is_(None),
        )
        .order_by(PointsLot.expires_on, PointsLot.entry_id)
    ).all()
    takes = take_up_to(others, points)
    _note_reversed(takes)
    return takes


def _merged(takes: Takes) -> Takes:
    """Return the takes with one line a lot."""
    summed: dict[int, tuple[PointsLot, int]] = {}
    for lot, points in takes:
        summed[lot.entry_id] = (lot, summed.get(lot.entry_id, (lot, 0))[1] + points)
    return list(summed.values())


def _sum(takes: Takes) -> int:
    return sum(points for _, points in takes)


def give_back(
    session: Session,
    member: Member,
    spending: PointsEntry,
    points: int,
    *,
    reason: str = "reversal",
    idempotency_key: str,
    now: datetime,
    staff_id: int | None = None,
    store_id: int | None = None,
    note: str | None = None,
) -> PointsEntry:
    """Give back `points` of a spending to the lots they came from, and return the entry.

    The lots that live longest are filled first. What came from a lot that has ended meanwhile
    goes to a new one, good for GIVEN_BACK_DAYS. A balance below zero keeps its part. A key seen
    before returns its first entry. Raises MoreThanSpent, NotReversible, or IdempotencyKeyReused.
    """
    lock(session, member)
    posted = find_entry(session, idempotency_key)
    if posted is not None:
        return posted.or_refuse(member, points)
    if spending.points >= 0 or not _is_first_hand(spending):
        raise NotReversible
    answers = session.scalars(
        select(PointsEntry).where(PointsEntry.answers_id == spending.id)
    ).all()
    left = -spending.points - sum(answer.points for answer in answers)
    if points > left:
        raise MoreThanSpent(asked=points, left=left)
    cause = Cause(
        reason,
        idempotency_key,
        now,
        purchase_id=spending.purchase_id,
        answers_id=spending.id,
        staff_id=staff_id,
        store_id=store_id,
        note=note,
    )
    settle_lots(session, member, now)
    taken = _taken_by(session, spending, answers)
    return _give_back(session, member, taken, points, cause)


def _is_first_hand(entry: PointsEntry) -> bool:
    """Tell whether somebody earned or spent here, and not the ledger by itself."""
    return entry.reason not in (*UNDOING, "expiry", "activation")


def _taken_by(
    session: Session, spending: PointsEntry, answers: Sequence[PointsEntry]
) -> list[tuple[PointsLot, int]]:
    """Return what a spending took from each lot and was not given back to it, longest lived first.

    What was given back elsewhere, because a lot had ended, is counted off those that ended first.
    """
    net = func.sum(PointsTake.points)
    rows = session.execute(
        select(PointsLot, net)
        .join(PointsTake, PointsTake.lot_id == PointsLot.entry_id)
        .where(PointsTake.entry_id.in_([spending.id, *(answer.id for answer in answers)]))
        .group_by(PointsLot.entry_id)
        .having(net > 0)
        .order_by(PointsLot.expires_on, PointsLot.entry_id)
        .execution_options(populate_existing=True)
    ).all()
    given = sum(answer.points for answer in answers)
    elsewhere = given + sum(points for _, points in rows) + spending.points
    taken = []
    for lot, points in rows:
        counted_off = min(elsewhere, points)
        elsewhere -= counted_off
        if points > counted_off:
            taken.append((lot, points - counted_off))
    return taken[::-1]


def _give_back(
    session: Session, member: Member, taken: Takes, points: int, cause: Cause
) -> PointsEntry:
    today = local_day(cause.now)
    rest = points - repaid_by(member.points, points)
    given: Takes = []
    for lot, taken_points in taken:
        back = min(taken_points, rest)
        if back and lot.expires_on > today:
            lot.remaining += back
            rest -= back
            given.append((lot, -back))
    session.flush()
    entry = entry_of(member, cause, points=points)
    if rest:
        new = Lot(rest, today + timedelta(days=GIVEN_BACK_DAYS))
        entry = with_lot(entry, member.id, new)
    entry_id = write(session, entry)
    note_takes(session, entry_id, given)
    _recover(session, member, points, cause, entry_id)
    return session.get_one(PointsEntry, entry_id)


def _recover(
    session: Session, member: Member, points: int, cause: Cause, given_back_id: int
) -> None:
    """Take what was forgiven before out of points that come back.

    Else who earns, spends, and takes the first purchase back before the second keeps points that
    nothing earned.
    """
    found = min(_forgiven(session, member.id), points, max(member.points, 0))
    if not found:
        return
    takes = _take_from_others(session, member, found)
    key = f"recover:{given_back_id}"
    cause = replace(cause, reason="refund", idempotency_key=key, answers_id=None, purchase_id=None)
    entry_id = move(session, member, cause, points=-found, forgiven=-found)
    note_takes(session, entry_id, takes)


def _forgiven(session: Session, member_id: int) -> int:
    """Return what was forgiven and not found since; what had expired by itself is left alone."""
    forgiven = select(func.coalesce(func.sum(PointsEntry.forgiven), 0)).where(
        PointsEntry.member_id == member_id
    )
    excused = select(func.coalesce(func.sum(PointsLot.excused), 0)).where(
        PointsLot.member_id == member_id
    )
    return int(session.scalar(select(forgiven.scalar_subquery() - excused.scalar_subquery())) or 0)


def undo(
    session: Session,
    member: Member,
    entry: PointsEntry,
    *,
    idempotency_key: str,
    now: datetime,
    staff_id: int | None = None,
    note: str | None = None,
) -> TakenBack:
    """Undo what is left of an earning or a spending, without telling anybody.

    Of a spending `taken` is below zero: that much was given back. A key seen before returns its
    first answer. Raises NotReversible, also where nothing is left to undo.
    """
    lock(session, member)
    posted = find_entry(session, idempotency_key)
    if posted is not None:
        return TakenBack(posted, -posted.moved, posted.forgiven, is_new=False)
    if not _is_first_hand(entry):
        raise NotReversible
    told: Told = {
        "reason": "reversal",
        "idempotency_key": idempotency_key,
        "now": now,
        "staff_id": staff_id,
        "store_id": entry.store_id,
        "note": note,
    }
    if entry.points < 0:
        left = -entry.points - _given_back_of(session, entry)
        if not left:
            raise NotReversible
        given = give_back(session, member, entry, left, **told)
        return TakenBack(given, -given.points, 0)
    lot = session.get(PointsLot, entry.id, populate_existing=True)
    left = lot.granted - lot.recalled if lot is not None else 0
    tier_points = _tier_points_left(session, entry)
    if not left and not min(tier_points, member.tier_points):
        raise NotReversible
    return take_back(session, member, entry, left, tier_points=tier_points, **told)


def _given_back_of(session: Session, spending: PointsEntry) -> int:
    answered = select(func.coalesce(func.sum(PointsEntry.points), 0))
    return int(session.scalar(answered.where(PointsEntry.answers_id == spending.id)) or 0)


def _tier_points_left(session: Session, earning: PointsEntry) -> int:
    answered = select(func.coalesce(func.sum(PointsEntry.tier_points), 0))
    taken = session.scalar(answered.where(PointsEntry.answers_id == earning.id))
    return max(earning.tier_points, 0) + int(taken or 0)
