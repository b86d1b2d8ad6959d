"""Binding requests: a guest at the counter shows who they are in LINE, for a clerk to bind.

The guest's code is a member code (`models/member_code.py`) of a reference that is no card: signed,
a minute long, drawn by the same picture. Where no camera works the clerk types eight digits.
"""

import secrets
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Moment
from models.member_code import new_card_ref, read_code

TYPED_DIGITS = 8
LIFE = timedelta(minutes=10)


class BindingRequest(Base):
    """One LINE account that asks to be bound to a card; a new request replaces the last."""

    __tablename__ = "binding_request"

    ref: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    line_user_id: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[Moment]
    used_at: Mapped[datetime | None]


class NoSuchRequest(BusinessError):
    """No LINE account waits under this code: mistyped, over, or used."""

    code = "no_such_binding_request"


def request_binding(session: Session, line_user_id: str, now: datetime) -> BindingRequest:
    """Return the account's request, drawn anew: what it showed before is worth nothing now."""
    drawn = {
        "ref": new_card_ref(),
        "code": f"{secrets.randbelow(10**TYPED_DIGITS):0{TYPED_DIGITS}}",
        "expires_at": now + LIFE,
        "used_at": None,
    }
    return session.scalars(
        insert(BindingRequest)
        .values(line_user_id=line_user_id, **drawn)
        .on_conflict_do_update(index_elements=[BindingRequest.line_user_id], set_=drawn)
        .returning(BindingRequest)
        .execution_options(populate_existing=True)
    ).one()


def get_binding_request(
    session: Session, key: Ed25519PublicKey, typed: str, now: datetime
) -> BindingRequest:
    """Return the request behind a scanned code or eight typed digits, under its lock.

    Raises NoSuchRequest, or what reading a scanned code refuses.
    """
    digits = "".join(typed.split())
    if digits.isascii() and digits.isdecimal():
        condition = BindingRequest.code == digits
    else:
        condition = BindingRequest.ref == read_code(key, typed, now).card_ref
    found = session.scalars(
        select(BindingRequest)
        .where(condition, BindingRequest.used_at.is_(None), BindingRequest.expires_at > now)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NoSuchRequest
    return found


def forget_requests(session: Session, now: datetime) -> int:
    """Delete requests that are over; return how many."""
    gone = session.scalars(
        delete(BindingRequest).where(BindingRequest.expires_at < now).returning(BindingRequest.ref)
    )
    return len(gone.all())
