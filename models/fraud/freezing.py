"""Frozen cards: points and rewards of a card in doubt stay where they are; earning goes on."""

from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from models.audit import note
from models.base import BusinessError
from models.member import Member

NOT_ME, BY_STAFF, CONFIRMED_FRAUD = "not_me", "by_staff", "confirmed_fraud"
REASONS = (NOT_ME, BY_STAFF, CONFIRMED_FRAUD)


class Freezable(Protocol):
    """A member as far as this rule looks: their row, or what a sale read of it."""

    @property
    def frozen_at(self) -> datetime | None: ...


class CardFrozen(BusinessError):
    """The card is frozen: it earns, and spends nothing until the shop has looked at it."""

    code = "card_frozen"


def refuse_if_frozen(member: Freezable) -> None:
    """Refuse to spend points or redeem anything on a frozen card. Raises CardFrozen."""
    if member.frozen_at is not None:
        raise CardFrozen(since=member.frozen_at)


def freeze_member(
    session: Session,
    member: Member,
    reason: str,
    *,
    now: datetime,
    staff_id: int | None = None,
    note_text: str | None = None,
) -> bool:
    """Freeze a card for one of REASONS; tell whether it was not frozen yet.

    Without `staff_id` the member did it, by saying that something was not them.
    """
    assert reason in REASONS, reason
    session.flush()
    session.refresh(member, with_for_update=True)
    if member.frozen_at is not None:
        return False
    member.frozen_at, member.frozen_reason = now, reason
    note(
        session,
        "member.freeze",
        f"member:{member.id}",
        now=now,
        staff_id=staff_id,
        member_id=member.id,
        after={"frozen_reason": reason},
        reason=note_text,
    )
    session.flush()
    return True


def unfreeze_member(
    session: Session, member: Member, *, staff_id: int, now: datetime, note_text: str | None = None
) -> bool:
    """Release a card; tell whether it was frozen."""
    session.flush()
    session.refresh(member, with_for_update=True)
    if member.frozen_at is None:
        return False
    note(
        session,
        "member.unfreeze",
        f"member:{member.id}",
        now=now,
        staff_id=staff_id,
        member_id=member.id,
        before={"frozen_reason": member.frozen_reason},
        reason=note_text,
    )
    member.frozen_at = member.frozen_reason = None
    session.flush()
    return True
