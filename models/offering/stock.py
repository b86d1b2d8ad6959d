"""Adding to what is counted down, or taking from it, or counting it no longer; each change once."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.activity import note_rule_change
from models.audit import note
from models.benefit import Benefit
from models.coupon import CouponTemplate
from models.offering.table import APPLIED, OfferingChange, OfferingRefused
from models.reward import Reward
from models.staff import Staff

Stocked = CouponTemplate | Reward | Benefit


def move_stock(
    session: Session,
    row: Stocked,
    code: str,
    by: int | None,
    *,
    key: str,
    staff: Staff,
    now: datetime,
) -> int | None:
    """Add `by` pieces (below zero: take them away), or with None take the limit off.

    Return how many are left, None for no limit; the same key moves once. What had no limit gets
    one. The row is locked first, so nobody draws on it meanwhile. Raises OfferingRefused below
    none.
    """
    known = session.scalars(select(OfferingChange).where(OfferingChange.key == key)).first()
    if known is not None:
        done: int | None = known.after["stock_left"]
        return done
    noun = row.__tablename__.removesuffix("_template")
    session.refresh(row, with_for_update=True)
    was = row.stock_left
    left = None if by is None else (was or 0) + by
    if left is not None and left < 0:
        raise OfferingRefused(kind=noun, rule="stock_below_none")
    row.stock_left = left
    _keep(session, noun, code, was, left, key, staff, now)
    note(
        session,
        f"{noun}.restock",
        f"{noun}:{code}",
        now=now,
        staff_id=staff.id,
        before={"left": was},
        after={"left": left},
    )
    if isinstance(row, Benefit):
        note_rule_change(session)
    return left


def _keep(
    session: Session,
    noun: str,
    code: str,
    was: int | None,
    left: int | None,
    key: str,
    staff: Staff,
    now: datetime,
) -> None:
    """Keep it among the changes of the thing, as done."""
    session.add(
        OfferingChange(
            kind=noun,
            code=code,
            before={"stock_left": was},
            after={"stock_left": left},
            note="",
            effective_on=None,
            state=APPLIED,
            asked_by=staff.id,
            asked_at=now,
            decided_by=staff.id,
            decided_at=now,
            applied_at=now,
            key=key,
        )
    )
    session.flush()
