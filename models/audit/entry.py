"""Entries of the audit: each sealed at its commit, in one chain.

The database seals: at the commit of whoever wrote it an entry gets the next place in one chain,
with a digest over itself and the digest before it. So the chain's lock is the last one a
transaction takes and is held for a moment; taken at the insert it would make tills wait for each
other and could close a circle with the members' row locks. Nothing personal is kept here: ids and
figures only, and what a person types as a reason loses phone numbers and LINE accounts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Identifier, Moment, one_of

ACTORS = ("staff", "system", "member")
PERSONAL = frozenset(
    {"name", "phone", "birthday", "line_user_id", "email", "display_name", "address"}
)
"""What is never written down here, only that it changed."""
HIDDEN = "•"
LONGEST_REASON = 200
MOST_LISTED = 200
TELLING = r"(?:\+?886[ -]?|0)9\d{2}[ -]?\d{3}[ -]?\d{3}|U[0-9a-f]{32}|\S+@\S+\.\S+"
"""A phone, a LINE account or an address of e-mail; PostgreSQL reads it the same way."""
_HERE = "audit:here"
_TELLING = re.compile(TELLING)


class AuditEntry(Base):
    """One thing done. `before` and `after` hold the columns that changed, as they were and are."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        CheckConstraint(one_of("actor", ACTORS), name="actor_known"),
        CheckConstraint(
            "(actor = 'staff') = (staff_id IS NOT NULL)"
            " AND (actor <> 'member' OR member_id IS NOT NULL)",
            name="actor_is_named",
        ),
        Index("ix_audit_entry_at", "at", "id"),
        Index("ix_audit_entry_subject", "subject", "at", "id"),
        Index("ix_audit_entry_staff_id", "staff_id", "at", "id"),
        Index("ix_audit_entry_store_id", "store_id", "at", "id"),
    )

    id: Mapped[Identifier]
    at: Mapped[Moment]
    actor: Mapped[str]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    what: Mapped[str]
    """What was done, `noun.verb`: `member.freeze`, `binding.move`."""
    subject: Mapped[str]
    """What it was done to: `member:12`, `purchase:7`."""
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    reason: Mapped[str | None]
    store_id: Mapped[int | None] = mapped_column(ForeignKey("store.id"))
    device: Mapped[str | None]
    """Where from: an address, or the name of a tablet."""
    fact: Mapped[str | None] = mapped_column(unique=True)
    """The row it was carried from, `purchase:7`; None where the verb itself noted it."""


class AuditSeal(Base):
    """The place of an entry in the chain, and the digest of the chain up to it."""

    __tablename__ = "audit_seal"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(ForeignKey("audit_entry.id"), unique=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True)
class Verified:
    """What a look through the chain found; `broken_at` names the first place that is wrong."""

    entries: int
    broken_at: int | None
    unsealed: int
    head: str
    """The last digest in hexadecimal: noted outside, it proves that nothing was rewritten."""

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing was changed, taken out or slipped in."""
        return self.broken_at is None and not self.unsealed


def work_at(session: Session, store_id: int | None, device: str) -> None:
    """Have all that this session notes carry the store and the device where it is done."""
    session.info[_HERE] = (store_id, device)


def note(
    session: Session,
    what: str,
    subject: str,
    *,
    now: datetime,
    staff_id: int | None = None,
    member_id: int | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
    store_id: int | None = None,
    device: str | None = None,
) -> AuditEntry:
    """Write down that something was done; the caller's transaction keeps it.

    With `staff_id` a person of the shop did it, with `member_id` alone the member, else the
    system. Store and device are those of `work_at` unless told. Personal values in `before` and
    `after` are hidden, as are phones in the reason.
    """
    is_members = staff_id is None and member_id is not None
    here_id, here = session.info.get(_HERE, (None, None))
    entry = AuditEntry(
        at=now,
        actor="staff" if staff_id is not None else "member" if is_members else "system",
        staff_id=staff_id,
        member_id=member_id,
        what=what,
        subject=subject,
        before=_impersonal(before),
        after=_impersonal(after),
        reason=hide_persons(reason[:LONGEST_REASON]) if reason else None,
        store_id=store_id if store_id is not None else here_id,
        device=device if device is not None else here,
    )
    session.add(entry)
    return entry


def list_audit(
    session: Session,
    *,
    subject: str | None = None,
    staff_id: int | None = None,
    store_id: int | None = None,
    device: str | None = None,
    what: str | None = None,
    since: datetime | None = None,
    before: tuple[datetime, int] | None = None,
    limit: int = MOST_LISTED,
) -> Sequence[AuditEntry]:
    """Return the newest entries that match all that is asked for, newest first.

    `what` is a whole `noun.verb`, or a noun with its dot (`purchase.`) for all its verbs; `before`
    is the moment and the id of the last entry seen, for the next page.
    """
    found = select(AuditEntry).order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
    equal = {
        AuditEntry.subject: subject,
        AuditEntry.staff_id: staff_id,
        AuditEntry.store_id: store_id,
        AuditEntry.device: device,
    }
    for column, value in equal.items():
        if value is not None:
            found = found.where(column == value)
    if what:
        is_noun = what.endswith(".")
        noun = AuditEntry.what.startswith(what, autoescape=True)
        found = found.where(noun if is_noun else AuditEntry.what == what)
    if since is not None:
        found = found.where(AuditEntry.at >= since)
    if before is not None:
        found = found.where(tuple_(AuditEntry.at, AuditEntry.id) < before)
    return session.scalars(found.limit(min(limit, MOST_LISTED))).all()


_CHECK = text("""
    SELECT count(*) AS entries,
           min(seq) FILTER (WHERE digest IS DISTINCT FROM expected OR seq <> place) AS broken_at,
           (SELECT count(*) FROM audit_entry
            WHERE NOT EXISTS (SELECT FROM audit_seal WHERE entry_id = audit_entry.id)) AS unsealed,
           (array_agg(digest ORDER BY seq DESC))[1] AS head
    FROM (
        SELECT seal.seq, seal.digest,
               row_number() OVER (ORDER BY seal.seq) AS place,
               audit_digest(
                   coalesce(lag(seal.digest) OVER (ORDER BY seal.seq), ''::bytea), entry
               ) AS expected
        FROM audit_seal AS seal LEFT JOIN audit_entry AS entry ON entry.id = seal.entry_id
    ) AS chain
""")


def verify_audit(session: Session) -> Verified:
    """Work every digest out anew and tell where the chain does not hold, if anywhere."""
    found: Row[Any] = session.execute(_CHECK).one()
    head = bytes(found.head).hex() if found.head is not None else ""
    return Verified(found.entries, found.broken_at, found.unsealed, head)


def _impersonal(values: dict[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {
        key: HIDDEN if key in PERSONAL and value is not None else _shown(value)
        for key, value in values.items()
    }


def _shown(value: Any) -> Any:
    """Return a value as JSON takes it, with nothing in it that names a person."""
    if isinstance(value, str):
        return hide_persons(value)
    if isinstance(value, dict):
        return _impersonal(value)
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def hide_persons(words: str) -> str:
    """Return words without phone numbers, LINE accounts and addresses of e-mail."""
    return _TELLING.sub(HIDDEN, words)
