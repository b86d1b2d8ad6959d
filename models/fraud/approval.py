"""Approvals: what one person may not do alone, another one allows, once and for a while.

A clerk asks and gets a code; a manager who is not that clerk says yes or no; the clerk's next try
uses the yes up. The subject says exactly what was allowed, so a yes fits nothing else.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.audit import note
from models.base import Base, BusinessError, Identifier, Moment, one_of
from models.staff import Staff

STATES = ("asked", "approved", "refused", "used")
MAY_APPROVE = ("owner", "manager")
LIFE = timedelta(minutes=15)
"""Long enough for a manager to come to the counter, too short to be kept for later."""
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 6
MOST_LISTED = 50


class Approval(Base):
    """One question to a second person, and its answer."""

    __tablename__ = "approval"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("asked_by <> decided_by", name="second_person"),
        CheckConstraint(
            "(state = 'asked') = (decided_by IS NULL)"
            " AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="decided_by_whom",
        ),
        CheckConstraint("(state = 'used') = (used_at IS NOT NULL)", name="used_when"),
        Index("ix_approval_asked_by", "asked_by", "asked_at"),
        Index("ix_approval_open", "expires_at", postgresql_where="state = 'asked'"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    asked_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    subject: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What is asked for, by ids and figures: `{"what": "purchase", "member": 12, …}`."""
    reason: Mapped[str]
    state: Mapped[str] = mapped_column(default="asked")
    asked_at: Mapped[Moment]
    decided_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    expires_at: Mapped[Moment]


class SecondPersonNeeded(BusinessError):
    """Who asked cannot answer, nor can who has not the right."""

    code = "second_person_needed"


class ApprovalNotUsable(BusinessError):
    """No such approval, or it is over, refused, used, or for something else."""

    code = "approval_not_usable"


def ask_approval(
    session: Session, staff: Staff, subject: dict[str, Any], *, reason: str, now: datetime
) -> Approval:
    """Ask for a second person's yes; its code is what the two tell each other."""
    approval = Approval(
        code="".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH)),
        asked_by=staff.id,
        subject=subject,
        reason=reason,
        asked_at=now,
        expires_at=now + LIFE,
    )
    session.add(approval)
    session.flush()
    return approval


def approve(session: Session, code: str, staff: Staff, now: datetime) -> Approval:
    """Say yes. Raises SecondPersonNeeded or ApprovalNotUsable."""
    return _decide(session, code, staff, "approved", now)


def refuse(session: Session, code: str, staff: Staff, now: datetime) -> Approval:
    """Say no. Raises SecondPersonNeeded or ApprovalNotUsable."""
    return _decide(session, code, staff, "refused", now)


def use_approval(
    session: Session, code: str, staff: Staff, subject: dict[str, Any], now: datetime
) -> Approval:
    """Use up a yes whose subject says all of this, asked by exactly this person.

    One UPDATE decides, so of two tries at once one wins. Raises ApprovalNotUsable.
    """
    used = session.scalars(
        update(Approval)
        .where(
            Approval.code == code.strip().upper(),
            Approval.state == "approved",
            Approval.asked_by == staff.id,
            Approval.subject.contains(subject),
            Approval.expires_at > now,
        )
        .values(state="used", used_at=now)
        .returning(Approval)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).one_or_none()
    if used is None:
        raise ApprovalNotUsable
    return used


def list_asked(session: Session, now: datetime) -> Sequence[Approval]:
    """Return what waits for an answer, oldest first."""
    return session.scalars(
        select(Approval)
        .where(Approval.state == "asked", Approval.expires_at > now)
        .order_by(Approval.id)
        .limit(MOST_LISTED)
    ).all()


def _decide(session: Session, code: str, staff: Staff, state: str, now: datetime) -> Approval:
    approval = session.scalars(
        select(Approval)
        .where(
            Approval.code == code.strip().upper(),
            Approval.state == "asked",
            Approval.expires_at > now,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if approval is None:
        raise ApprovalNotUsable
    if staff.role not in MAY_APPROVE or staff.id == approval.asked_by:
        raise SecondPersonNeeded
    approval.state, approval.decided_by, approval.decided_at = state, staff.id, now
    note(
        session,
        f"approval.{state}",
        f"approval:{approval.id}",
        now=now,
        staff_id=staff.id,
        after=approval.subject,
        reason=approval.reason,
    )
    session.flush()
    return approval
