"""Staff: who works at the counter and in the office, with their role and store."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import CheckConstraint, ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base, BusinessError, Identifier
from models.shop import Store

ROLES = ("owner", "manager", "marketer", "clerk", "auditor")
COUNTER_ROLES = ("owner", "manager", "clerk")
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 200

_hasher = PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """Hash a password nobody has: checked where a name is unknown, so that it takes as long."""
    return _hasher.hash("nobody has this password")


class Staff(Base):
    """One person with a login. Raising `session_version` ends all their sessions."""

    __tablename__ = "staff"
    __table_args__ = (CheckConstraint("role IN ('" + "', '".join(ROLES) + "')", name="role_known"),)

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

    store: Mapped[Store] = relationship(lazy="joined", innerjoin=True)

    @property
    def may_work_counter(self) -> bool:
        """Tell whether their role belongs at the counter."""
        return self.is_active and self.role in COUNTER_ROLES


class WrongLogin(BusinessError):
    """The name or the password is wrong; which of them is not told."""

    code = "wrong_login"


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


def log_in(session: Session, username: str, password: str) -> Staff:
    """Return the person with this name and password. Raises WrongLogin."""
    staff = session.scalars(
        select(Staff).where(Staff.username == username.strip().lower(), Staff.is_active)
    ).one_or_none()
    try:
        _hasher.verify(
            staff.password_hash if staff else _nobodys_hash(), password[:LONGEST_PASSWORD]
        )
    except (VerificationError, InvalidHashError) as error:
        raise WrongLogin from error
    if staff is None:
        raise WrongLogin
    return staff


def find_staff_in_session(session: Session, staff_id: int, version: int) -> Staff | None:
    """Return the person behind a session cookie, or None where it was ended."""
    return session.scalars(
        select(Staff).where(Staff.id == staff_id, Staff.session_version == version, Staff.is_active)
    ).one_or_none()
