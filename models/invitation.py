"""Invitations: a link by which a person chooses the password of their login, once.

Who manages makes it and hands it over; nobody but the person ever knows the password. Only a
digest of the link's token is kept. A newer invitation takes the place of an older one.
"""

import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Moment
from models.digest import secret_digest
from models.shop import Store
from models.staff import (
    LONGEST_NAME,
    LONGEST_PASSWORD,
    OWNER,
    NotTheirsToManage,
    Staff,
    StaffNameRefused,
    add_staff,
    choose_password,
    get_staff_to_manage,
    note_staff,
)

TOKEN_BYTES = 32
GOOD_FOR = timedelta(days=3)
GIVEN_ROLES = ("manager", "marketer", "auditor", "clerk")
"""What the owner makes others; a second owner is made by command."""
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,29}")


class StaffInvitation(Base):
    """A link that was made for a person and not used. Gone once it is."""

    __tablename__ = "staff_invitation"

    staff_id: Mapped[int] = mapped_column(
        ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True
    )
    digest: Mapped[str] = mapped_column(unique=True)
    made_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[Moment]
    expires_at: Mapped[Moment]


class InvitationOver(BusinessError):
    """There is no such invitation, or it was used, or replaced, or its days are over."""

    code = "invitation_over"


class UsernameRefused(BusinessError):
    """A login's name has 2 to 30 small letters, digits, dots or dashes, and is nobody else's."""

    code = "username_refused"


class RoleRefused(BusinessError):
    """The role is none that is given in the console."""

    code = "role_refused"


def add_officer(
    session: Session,
    *,
    username: str,
    name: str,
    role: str,
    store: Store,
    by: Staff,
    now: datetime,
) -> tuple[Staff, str]:
    """Give a person a login and return it with the token of their invitation.

    Until they use it nobody can log in by it. Only an owner may. Raises NotTheirsToManage,
    RoleRefused, UsernameRefused or StaffNameRefused.
    """
    if by.role != OWNER:
        raise NotTheirsToManage
    if role not in GIVEN_ROLES:
        raise RoleRefused(role=role)
    login, known = username.strip().lower(), " ".join(name.split())
    if not _USERNAME.fullmatch(login):
        raise UsernameRefused(why="form")
    if not 0 < len(known) <= LONGEST_NAME:
        raise StaffNameRefused(longest=LONGEST_NAME)
    nobodys = secrets.token_urlsafe(LONGEST_PASSWORD // 2)
    try:
        with session.begin_nested():
            staff = add_staff(
                session, username=login, name=known, role=role, store=store, password=nobodys
            )
    except IntegrityError as error:
        raise UsernameRefused(why="taken") from error
    note_staff(session, "staff.add", staff, by, now, after={"role": role})
    return staff, _draw(session, staff, by, now)


def invite(session: Session, staff_id: int, *, by: Staff, now: datetime) -> tuple[Staff, str]:
    """Let a person choose a new password, by a link; return them and its token.

    Their old password and their sessions are good until they do. Raises NoSuchStaff or
    NotTheirsToManage.
    """
    staff = get_staff_to_manage(session, staff_id, by)
    return staff, _draw(session, staff, by, now)


def find_invited(session: Session, token: str, now: datetime) -> Staff | None:
    """Return whose invitation this is, where it is still good."""
    return session.scalars(
        select(Staff)
        .join(StaffInvitation, StaffInvitation.staff_id == Staff.id)
        .where(
            StaffInvitation.digest == secret_digest(token),
            StaffInvitation.expires_at > now,
            Staff.is_active,
        )
    ).one_or_none()


def use_invitation(session: Session, token: str, password: str, now: datetime) -> Staff:
    """Take the password that the invited person chose, and end their sessions.

    Raises InvitationOver or PasswordTooShort.
    """
    staff = find_invited(session, token, now)
    if staff is None:
        raise InvitationOver
    choose_password(staff, password)
    used = delete(StaffInvitation).where(StaffInvitation.digest == secret_digest(token))
    if session.scalar(used.returning(StaffInvitation.staff_id)) is None:
        raise InvitationOver  # Somebody else was quicker with the same link.
    note_staff(session, "staff.password_set", staff, None, now)
    return staff


def list_invited(session: Session, now: datetime) -> dict[int, datetime]:
    """Return until when the invitations not yet used are good, by the person's id."""
    rows = session.execute(
        select(StaffInvitation.staff_id, StaffInvitation.expires_at).where(
            StaffInvitation.expires_at > now
        )
    )
    return dict(rows.all())


def _draw(session: Session, staff: Staff, by: Staff, now: datetime) -> str:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    kept = {
        "digest": secret_digest(token),
        "made_by": by.id,
        "made_at": now,
        "expires_at": now + GOOD_FOR,
    }
    session.execute(
        insert(StaffInvitation)
        .values(staff_id=staff.id, **kept)
        .on_conflict_do_update(index_elements=["staff_id"], set_=kept)
    )
    note_staff(session, "staff.invite", staff, by, now)
    return token
