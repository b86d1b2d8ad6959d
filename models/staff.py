"""Staff: who works at the counter and in the office, with their role and store.

People at a counter have a PIN (`models/pin.py`); a password opens what is not a counter yet.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.audit import note
from models.base import Base, BusinessError, Identifier, one_of
from models.shop import Store

ROLES = ("owner", "manager", "marketer", "clerk", "auditor")
COUNTER_ROLES = ("owner", "manager", "clerk")
MANAGING_ROLES = ("owner", "manager")
OFFICE_ROLES = ("owner", "manager", "marketer", "auditor")
CLERK = "clerk"
OWNER = "owner"
MARKETER = "marketer"
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 200
LONGEST_NAME = 30
DRAWN_BYTES = 4
KEYS_STAY = {"key_share": True}
"""Locks a person's row without stopping sales that only name it."""

_hasher = PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """Hash a password nobody has: checked where a name is unknown, so that it takes as long."""
    return _hasher.hash("nobody has this password")


class Staff(Base):
    """One person with a login. Raising `session_version` ends all their sessions."""

    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint(one_of("role", ROLES), name="role_known"),
        CheckConstraint("pin_tries >= 0", name="pin_tries_counted"),
        CheckConstraint("totp_tries >= 0", name="totp_tries_counted"),
        CheckConstraint("totp_at IS NULL OR totp_seed IS NOT NULL", name="totp_has_its_seed"),
    )

    id: Mapped[Identifier]
    username: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    password_hash: Mapped[str]
    session_version: Mapped[int] = mapped_column(default=1)
    is_active: Mapped[bool] = mapped_column(default=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"), unique=True)
    """Their own card, on which they neither earn nor redeem; see `models/fraud/own_card.py`."""
    phone: Mapped[str | None] = mapped_column(unique=True)
    """E.164, where the shop keeps it: it finds their own card."""
    pin_hash: Mapped[str | None]
    pin_is_temporary: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Somebody else knows it: it only serves to choose one's own."""
    pin_tries: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Wrong ones in a row."""
    pin_locked_until: Mapped[datetime | None]
    totp_seed: Mapped[str | None]
    """What their second factor is derived from, with the installation's secret."""
    totp_at: Mapped[datetime | None]
    """Since when it is asked for; None while no code was confirmed."""
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    """The step of the last code that was used: none serves twice."""
    totp_tries: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    totp_locked_until: Mapped[datetime | None]

    store: Mapped[Store] = relationship(lazy="joined", innerjoin=True)

    @property
    def may_work_counter(self) -> bool:
        """Tell whether their role belongs at the counter."""
        return self.is_active and self.role in COUNTER_ROLES

    @property
    def may_work_office(self) -> bool:
        """Tell whether their role belongs in the console."""
        return self.is_active and self.role in OFFICE_ROLES

    @property
    def manages(self) -> bool:
        """Tell whether this person may decide where a clerk may not."""
        return self.role in MANAGING_ROLES

    def may_manage(self, other: "Staff") -> bool:
        """Tell whether PIN, role and access of another are theirs to change.

        A manager's reach ends below their own kind: who could set a colleague's PIN would be two
        persons where two are asked for.
        """
        if other.id == self.id or other.role == OWNER:
            return False
        return self.role == OWNER or (self.manages and other.role == CLERK)


class WrongLogin(BusinessError):
    """The name or the password is wrong; which of them is not told."""

    code = "wrong_login"


class NotTheirsToManage(BusinessError):
    """The person stands not below who wants to change something about them."""

    code = "not_theirs_to_manage"


class StaffNameRefused(BusinessError):
    """A person needs a name, of at most `longest` characters."""

    code = "staff_name_refused"


class NoSuchStaff(BusinessError):
    """Nobody has this id, or they work here no more."""

    code = "no_such_staff"


class PasswordTooShort(BusinessError):
    """The password has fewer characters than we accept."""

    code = "password_too_short"


def add_staff(
    session: Session, *, username: str, name: str, role: str, store: Store, password: str
) -> Staff:
    """Give a person a login. Raises PasswordTooShort."""
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordTooShort(shortest=SHORTEST_PASSWORD)
    staff = Staff(
        username=username.strip().lower(),
        name=name,
        role=role,
        store_id=store.id,
        password_hash=_hasher.hash(password),
    )
    session.add(staff)
    session.flush()
    return staff


def add_clerk(session: Session, name: str, store: Store, *, by: Staff, now: datetime) -> Staff:
    """Let a person work at counters; they sign in by PIN, for their password nobody knows.

    Raises StaffNameRefused.
    """
    known = " ".join(name.split())
    if not 0 < len(known) <= LONGEST_NAME:
        raise StaffNameRefused(longest=LONGEST_NAME)
    staff = add_staff(
        session,
        username=f"{CLERK}-{secrets.token_hex(DRAWN_BYTES)}",
        name=known,
        role=CLERK,
        store=store,
        password=secrets.token_urlsafe(LONGEST_PASSWORD // 2),
    )
    note_staff(session, "staff.add", staff, by, now, after={"role": CLERK})
    return staff


def log_in(session: Session, username: str, password: str) -> Staff:
    """Return the person with this name and password. Raises WrongLogin."""
    staff = session.scalars(
        select(Staff).where(Staff.username == username.strip().lower(), Staff.is_active)
    ).one_or_none()
    check_password(staff, password)
    if staff is None:
        raise WrongLogin
    return staff


def check_password(staff: Staff | None, password: str) -> None:
    """Check a person's password; nobody's takes as long. Raises WrongLogin."""
    try:
        _hasher.verify(
            staff.password_hash if staff else _nobodys_hash(), password[:LONGEST_PASSWORD]
        )
    except (VerificationError, InvalidHashError) as error:
        raise WrongLogin from error


def choose_password(staff: Staff, password: str) -> None:
    """Give a person the password they chose, and end their sessions. Raises PasswordTooShort."""
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordTooShort(shortest=SHORTEST_PASSWORD)
    staff.password_hash = _hasher.hash(password[:LONGEST_PASSWORD])
    staff.session_version += 1


def change_password(session: Session, staff: Staff, old: str, new: str, now: datetime) -> None:
    """Let a person who knows their password choose another; all their sessions end.

    Raises WrongLogin or PasswordTooShort.
    """
    check_password(staff, old)
    choose_password(staff, new)
    note_staff(session, "staff.password_change", staff, staff, now)


def end_sessions(session: Session, staff: Staff, now: datetime) -> None:
    """End all sessions of a person who asks for it themselves."""
    staff.session_version += 1
    note_staff(session, "staff.sessions_end", staff, staff, now)


def find_staff_in_session(session: Session, staff_id: int, version: int) -> Staff | None:
    """Return the person behind a session cookie, or None where it was ended."""
    return session.scalars(
        select(Staff).where(Staff.id == staff_id, Staff.session_version == version, Staff.is_active)
    ).one_or_none()


def get_counter_staff(session: Session, username: str) -> Staff:
    """Return who works at the counter by this login. Raises NoSuchStaff."""
    staff = session.scalars(
        select(Staff).where(Staff.username == username.strip().lower())
    ).one_or_none()
    if staff is None or not staff.may_work_counter:
        raise NoSuchStaff
    return staff


def list_counter_staff(session: Session) -> Sequence[Staff]:
    """Return everybody who may work a counter, in the order of their names."""
    return session.scalars(
        select(Staff)
        .where(Staff.is_active, Staff.role.in_(COUNTER_ROLES))
        .order_by(Staff.name, Staff.id)
    ).all()


def list_staff(session: Session) -> Sequence[Staff]:
    """Return everybody, those who work here no more last."""
    return session.scalars(select(Staff).order_by(~Staff.is_active, Staff.id)).all()


def get_staff_by_username(session: Session, username: str) -> Staff:
    """Return a person by their login, also one who works here no more. Raises NoSuchStaff."""
    found = session.scalars(
        select(Staff).where(Staff.username == username.strip().lower())
    ).one_or_none()
    if found is None:
        raise NoSuchStaff
    return found


def get_staff_to_manage(session: Session, staff_id: int, by: Staff | None) -> Staff:
    """Return a person under their row's lock. A command (`by` None) may manage everybody.

    Raises NoSuchStaff or NotTheirsToManage.
    """
    found = session.get(Staff, staff_id, with_for_update=KEYS_STAY, populate_existing=True)
    if found is None:
        raise NoSuchStaff
    if by is not None and not by.may_manage(found):
        raise NotTheirsToManage
    return found


def change_role(
    session: Session, staff_id: int, role: str, *, by: Staff | None, now: datetime
) -> Staff:
    """Give a person another role and end their sessions; a manager is made by the owner alone.

    Raises NoSuchStaff or NotTheirsToManage.
    """
    staff = get_staff_to_manage(session, staff_id, by)
    if by is not None and (by.role != OWNER or role == OWNER):
        raise NotTheirsToManage
    if staff.role == role:
        return staff
    before, staff.role = staff.role, role
    staff.session_version += 1
    note_staff(session, "staff.role", staff, by, now, before={"role": before}, after={"role": role})
    return staff


def change_access(
    session: Session, staff_id: int, *, is_active: bool, by: Staff | None, now: datetime
) -> Staff:
    """Let a person in again, or out at once, with all their sessions.

    Raises NoSuchStaff or NotTheirsToManage.
    """
    staff = get_staff_to_manage(session, staff_id, by)
    if staff.is_active == is_active:
        return staff
    staff.is_active = is_active
    staff.session_version += 1
    note_staff(session, "staff.admit" if is_active else "staff.shut_out", staff, by, now)
    return staff


def note_staff(
    session: Session,
    what: str,
    staff: Staff,
    by: Staff | None,
    now: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write down what was done to a person, and flush it; `by` None was a command, or nobody."""
    note(
        session,
        what,
        f"staff:{staff.id}",
        now=now,
        staff_id=by.id if by else None,
        before=before,
        after=after,
    )
    session.flush()
