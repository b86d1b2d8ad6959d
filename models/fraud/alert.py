"""Alerts: what somebody should look at, with the ids that show why.

A life: open → confirmed (it was fraud) or released (it was not). The key says for what it was
raised, so that it is raised once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Identifier, Moment, one_of

STATES = ("open", "confirmed", "released")
MOST_LISTED = 100


class FraudAlert(Base):
    """Something about a member or a clerk that a manager is to look at."""

    __tablename__ = "fraud_alert"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_when"),
        CheckConstraint("member_id IS NOT NULL OR staff_id IS NOT NULL", name="about_someone"),
        Index("ix_fraud_alert_open", "id", postgresql_where="state = 'open'"),
        Index("ix_fraud_alert_member_id", "member_id"),
    )

    id: Mapped[Identifier]
    kind: Mapped[str]
    """`not_me`, `buy_return`, …"""
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Ids by what they are of: `{"purchase": [7, 9]}`."""
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default="open")
    opened_at: Mapped[Moment]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


def raise_alert(
    session: Session,
    kind: str,
    *,
    evidence: dict[str, Any],
    key: str,
    now: datetime,
    member_id: int | None = None,
    staff_id: int | None = None,
) -> FraudAlert | None:
    """Raise an alert and return it; None where this key raised one before."""
    return session.scalars(
        insert(FraudAlert)
        .values(
            kind=kind,
            member_id=member_id,
            staff_id=staff_id,
            evidence=evidence,
            idempotency_key=key,
            state="open",
            opened_at=now,
        )
        .on_conflict_do_nothing(index_elements=[FraudAlert.idempotency_key])
        .returning(FraudAlert)
    ).one_or_none()


def list_open_alerts(
    session: Session, *, member_id: int | None = None, limit: int = MOST_LISTED
) -> Sequence[FraudAlert]:
    """Return what waits for a manager, oldest first, of one member where asked for."""
    found = select(FraudAlert).where(FraudAlert.state == "open").order_by(FraudAlert.id)
    if member_id is not None:
        found = found.where(FraudAlert.member_id == member_id)
    return session.scalars(found.limit(min(limit, MOST_LISTED))).all()


def settle_alert(alert: FraudAlert, *, is_fraud: bool, staff_id: int, now: datetime) -> None:
    """Note what a manager found."""
    alert.state = "confirmed" if is_fraud else "released"
    alert.decided_at, alert.decided_by = now, staff_id
