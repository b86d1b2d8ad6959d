"""Looking into what stands out: the cases behind a figure, and the note that somebody looked.

Like the figures, this stands on purchases and the ledger; import it by its module.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.audit import AuditEntry, note
from models.base import BusinessError
from models.fraud.approval import SecondPersonNeeded
from models.fraud.figures import MOST_CASES, Figure
from models.member import Member
from models.points import PointsEntry
from models.purchase import Purchase, Refund
from models.staff import Staff

LOOKED = "lens.look"
MANUAL_ADDS = "manual_adds"
MOST_LOOKS = 200


class NothingSaid(BusinessError):
    """A look was to be noted without a word on what was found."""

    code = "nothing_said"


@dataclass(frozen=True)
class Case:
    """One purchase or, for what was added by hand, one entry of the ledger."""

    at: datetime
    member_name: str | None
    """As the member wrote it: mask it."""
    member_number: str
    purchase_id: int | None
    paid_twd: int | None
    refunded_twd: int | None
    refunded_at: datetime | None
    """When the last of it was taken back."""
    points: int
    note: str | None


@dataclass(frozen=True)
class Look:
    """That a manager looked at a figure of a clerk, and what they found."""

    staff_id: int
    figure: str
    at: datetime
    by: str
    found: str


def list_cases(session: Session, figure: Figure) -> list[Case]:
    """Return the newest cases behind a figure, newest first; one query."""
    if figure.name == MANUAL_ADDS:
        return _entries(session, figure.ids)
    return list_purchase_cases(session, figure.ids)


def list_purchase_cases(session: Session, purchase_ids: Iterable[int]) -> list[Case]:
    """Return purchases as cases, newest first, each with its last refund."""
    refunded_at = (
        select(Refund.refunded_at)
        .where(Refund.purchase_id == Purchase.id)
        .order_by(Refund.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Purchase, Member.name, Member.number, refunded_at)
        .join(Member, Member.id == Purchase.member_id)
        .where(Purchase.id.in_(list(purchase_ids)))
        .order_by(Purchase.purchased_at.desc(), Purchase.id.desc())
    )
    return [
        Case(
            at=purchase.purchased_at,
            member_name=name,
            member_number=number,
            purchase_id=purchase.id,
            paid_twd=purchase.paid_twd,
            refunded_twd=purchase.refunded_twd,
            refunded_at=last,
            points=purchase.points_earned,
            note=None,
        )
        for purchase, name, number, last in rows
    ]


def _entries(session: Session, entry_ids: Iterable[int]) -> list[Case]:
    rows = session.execute(
        select(PointsEntry, Member.name, Member.number)
        .join(Member, Member.id == PointsEntry.member_id)
        .where(PointsEntry.id.in_(list(entry_ids)))
        .order_by(PointsEntry.posted_at.desc(), PointsEntry.id.desc())
        .limit(MOST_CASES)
    )
    return [
        Case(
            at=entry.posted_at,
            member_name=name,
            member_number=number,
            purchase_id=None,
            paid_twd=None,
            refunded_twd=None,
            refunded_at=None,
            points=entry.moved,
            note=entry.note,
        )
        for entry, name, number in rows
    ]


def note_look(
    session: Session,
    manager: Staff,
    staff_id: int,
    figure: Figure,
    *,
    found: str,
    days: int,
    now: datetime,
) -> None:
    """Write down that a manager looked at a figure of the last `days` days, and what they found.

    Raises SecondPersonNeeded for their own figures, or NothingSaid.
    """
    if manager.id == staff_id:
        raise SecondPersonNeeded
    if not found.strip():
        raise NothingSaid
    note(
        session,
        LOOKED,
        f"staff:{staff_id}",
        now=now,
        staff_id=manager.id,
        after={
            "figure": figure.name,
            "cases": figure.cases,
            "sales": figure.sales,
            "days": days,
            "verdict": figure.verdict,
        },
        reason=found.strip(),
    )
    session.flush()


def last_looks(session: Session, since: datetime) -> Mapping[tuple[int, str], Sequence[Look]]:
    """Return who looked since a moment, newest first, by clerk and figure; one query."""
    rows = session.execute(
        select(AuditEntry, Staff.name)
        .join(Staff, Staff.id == AuditEntry.staff_id)
        .where(AuditEntry.what == LOOKED, AuditEntry.at >= since)
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .limit(MOST_LOOKS)
    )
    looks: dict[tuple[int, str], list[Look]] = {}
    for entry, by in rows:
        figure = str((entry.after or {}).get("figure"))
        staff_id = int(entry.subject.removeprefix("staff:"))
        look = Look(staff_id, figure, entry.at, by, entry.reason or "")
        looks.setdefault((staff_id, figure), []).append(look)
    return looks
