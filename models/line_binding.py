"""Bindings: which LINE account carried which member's card, from when until when, and why.

A member is not their LINE account: a lost phone, a new number or a deleted account moves the card
and keeps number, points and history. The member's row names the present account; this is the
history. A row is closed once and never opened again; erasing takes the account out of it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.audit import note
from models.base import Base, BusinessError, Identifier, Moment, one_of
from models.friend import end_conversation
from models.member import Member
from models.member_code import new_card_ref
from models.outbox import MENU_KIND, owe

WAYS = ("joined", "otp", "clerk", "merge")
MOVED_KIND = "line_moved"
MOVED, ERASED, MERGED, UNMERGED = "moved", "erased", "merged", "unmerged"
"""Why a binding ended."""


class LineBinding(Base):
    """One LINE account on one card. At most one is open for an account, and for a member."""

    __tablename__ = "line_binding"
    __table_args__ = (
        CheckConstraint(one_of("bound_how", WAYS), name="bound_how_known"),
        CheckConstraint("bound_how <> 'clerk' OR bound_by IS NOT NULL", name="clerk_is_named"),
        CheckConstraint("(revoked_at IS NULL) = (revoke_reason IS NULL)", name="revoked_why"),
        CheckConstraint(
            "revoked_at IS NOT NULL OR line_user_id IS NOT NULL", name="open_has_account"
        ),
        Index("ix_line_binding_member_id", "member_id", "id"),
        Index(
            "uq_line_binding_open_member_id",
            "member_id",
            unique=True,
            postgresql_where="revoked_at IS NULL",
        ),
        Index(
            "uq_line_binding_open_line_user_id",
            "line_user_id",
            unique=True,
            postgresql_where="revoked_at IS NULL",
        ),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    line_user_id: Mapped[str | None]
    bound_at: Mapped[Moment]
    bound_how: Mapped[str]
    bound_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    revoked_at: Mapped[datetime | None]
    revoke_reason: Mapped[str | None]


class LineTaken(BusinessError):
    """This LINE account carries another member's card."""

    code = "line_taken"


def note_binding(
    session: Session,
    member: Member,
    how: str,
    now: datetime,
    *,
    staff_id: int | None = None,
) -> LineBinding:
    """Begin the history of the account that the member's row now names."""
    row = LineBinding(
        member_id=member.id,
        line_user_id=member.line_user_id,
        bound_at=now,
        bound_how=how,
        bound_by=staff_id,
    )
    session.add(row)
    return row


def move_binding(
    session: Session,
    member: Member,
    line_user_id: str,
    how: str,
    *,
    key: str,
    now: datetime,
    staff_id: int | None = None,
    reason: str | None = None,
) -> Member:
    """Put a member's card on another LINE account; the old account goes back to being a guest.

    Codes of the old phone lead nowhere from now on. `key` names the cause, once. Binding the
    account it is bound to already changes nothing. Raises LineTaken where the account carries
    another card.
    """
    session.flush()
    session.refresh(member, with_for_update=True)  # Two phones, one card: the second waits.
    if member.line_user_id == line_user_id:
        return member
    before = member.line_user_id is not None
    if before:
        release_line(session, member, MOVED, key=key, now=now)
    try:
        with session.begin_nested():
            member.line_user_id = line_user_id
            member.card_ref = new_card_ref()
            note_binding(session, member, how, now, staff_id=staff_id)
    except IntegrityError as error:
        raise LineTaken from error
    owe_menu_to(session, line_user_id, "member", member=member, key=f"bind:{key}", now=now)
    end_conversation(session, line_user_id)
    note(
        session,
        "binding.move",
        f"member:{member.id}",
        now=now,
        staff_id=staff_id,
        member_id=member.id,
        before={"is_bound": before},
        after={"is_bound": True, "how": how},
        reason=reason,
    )
    return member


def release_line(session: Session, member: Member, reason: str, *, key: str, now: datetime) -> None:
    """Take the member's LINE account off their card, and tell it so; the caller holds the lock."""
    line_user_id = member.line_user_id
    assert line_user_id is not None, "there is an account to release"
    close_binding(session, member, reason, now)
    member.line_user_id = None
    member.card_ref = new_card_ref()
    session.flush()
    owe_menu_to(session, line_user_id, "guest", member=member, key=f"release:{key}", now=now)
    if reason in (MOVED, MERGED):
        # No member_id: whoever holds that phone now is none, and is to be told all the same.
        owe(
            session,
            line_user_id,
            MOVED_KIND,
            {},
            language=member.language,
            idempotency_key=f"{MOVED_KIND}:{key}",
            now=now,
        )
    end_conversation(session, line_user_id)


def close_binding(session: Session, member: Member, reason: str, now: datetime) -> None:
    """End the history of the account the member's row names, whatever brought it there."""
    row = session.scalars(
        select(LineBinding).where(
            LineBinding.member_id == member.id, LineBinding.revoked_at.is_(None)
        )
    ).one_or_none()
    if row is None:  # A card from before there was a history, or copied in.
        row = LineBinding(
            member_id=member.id,
            line_user_id=member.line_user_id,
            bound_at=member.joined_at,
            bound_how="joined",
        )
        session.add(row)
    row.revoked_at, row.revoke_reason = now, reason
    session.flush()


def forget_bindings(session: Session, member: Member, now: datetime) -> None:
    """Take a leaving member's LINE accounts out of their history."""
    if member.line_user_id is not None:
        close_binding(session, member, ERASED, now)
    for row in list_bindings(session, member.id):
        row.line_user_id = None
    session.flush()


def list_bindings(session: Session, member_id: int) -> Sequence[LineBinding]:
    """Return a member's bindings, oldest first."""
    return session.scalars(
        select(LineBinding).where(LineBinding.member_id == member_id).order_by(LineBinding.id)
    ).all()


def owe_menu_to(
    session: Session, line_user_id: str, menu: str, *, member: Member, key: str, now: datetime
) -> None:
    """Owe a LINE account a rich menu: `member`, or `guest`."""
    owe(
        session,
        line_user_id,
        MENU_KIND,
        {"menu": menu},
        language=member.language,
        idempotency_key=f"menu:{key}",
        now=now,
        member_id=member.id,
    )
