"""Receipt codes: a sale whose buyer forgot to scan, kept until they bring its code (U15).

The clerk types what was paid and gives the code away, on a slip or as a QR; whoever sends it in
the chat within the shop's days has the sale recorded on their card, once, as of the moment in
which it was made. The database keeps a digest of the code only. Like `models/checkout/`, on which
it builds, this module stands above the nouns: none imports it.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.audit import note
from models.base import Base, BusinessError, Identifier, Moment, constraint_of, find_made
from models.checkout import Line, Recorded, Sale, record_purchase
from models.digest import secret_digest
from models.fraud.approval import MAY_APPROVE
from models.local_day import day_start, local_day
from models.member import Member
from models.points import IdempotencyKeyReused
from models.points.entry import lock
from models.purchase import LARGEST_AMOUNT_TWD, AmountRefused
from models.shop import Store, get_shop
from models.staff import Staff

SOURCE = "receipt"
"""The source of the purchases that come of it."""
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without what is taken for something else when read aloud or off a slip."""
CODE_LENGTH = 12
PREFIX = "R"
"""What tells a receipt code from every other code of the shop."""
GROUP = 4
LARGE_AMOUNT_TWD = 3_000
"""From so many NT$ on a clerk asks a manager, as for a refund: nobody sees who will claim it."""
MOST_LINES = 100
MOST_GUESSES = 5
GUESS_WINDOW = timedelta(hours=1)
MOST_LISTED = 50
LONGEST_TYPED = 60

_INVOICE = re.compile(r"([A-Z]{2})-?([0-9]{8})")
_TYPED = re.compile(rf"{PREFIX}([{CODE_ALPHABET}]{{{CODE_LENGTH}}})")
_BETWEEN = re.compile(r"[\s\-\u2010-\u2015]")


class ReceiptCode(Base):
    """One sale that waits for its buyer. Its life: open, then claimed by one member or cancelled.

    What nobody claimed by `expires_at` is over. A paper receipt's number stands once among those
    that were not cancelled.
    """

    __tablename__ = "receipt_code"
    __table_args__ = (
        CheckConstraint("amount_twd > 0", name="amount_positive"),
        CheckConstraint("issued_at < expires_at", name="lives"),
        CheckConstraint("(claimed_at IS NULL) = (purchase_id IS NULL)", name="claimed_as"),
        CheckConstraint("claimed_at IS NULL OR cancelled_at IS NULL", name="ends_once"),
        Index(
            "uq_receipt_code_invoice_number",
            "invoice_number",
            unique=True,
            postgresql_where="cancelled_at IS NULL",
        ),
        Index("ix_receipt_code_store_id", "store_id", "issued_at"),
        Index("ix_receipt_code_staff_id", "staff_id", "issued_at"),
    )

    id: Mapped[Identifier]
    digest: Mapped[str] = mapped_column(unique=True)
    """SHA-256 of the code, in hexadecimal."""
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    """Who issued it; None where a till did."""
    amount_twd: Mapped[int]
    lines: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    invoice_number: Mapped[str | None]
    """Of the paper receipt, such as AB12345678."""
    issued_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    claimed_at: Mapped[datetime | None]
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchase.id"), unique=True)
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))

    store: Mapped[Store] = relationship(lazy="joined", innerjoin=True)
    staff: Mapped[Staff | None] = relationship(foreign_keys=[staff_id])

    def state(self, now: datetime) -> str:
        """Return `open`, `claimed`, `cancelled` or `over`."""
        if self.claimed_at is not None:
            return "claimed"
        if self.cancelled_at is not None:
            return "cancelled"
        return "open" if now < self.expires_at else "over"


class ReceiptCodeGuess(Base):
    """How many codes that are none a member has typed since a moment; one row a member."""

    __tablename__ = "receipt_code_guess"
    __table_args__ = (CheckConstraint("guesses > 0", name="guessed"),)

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    guesses: Mapped[int]
    since: Mapped[Moment]


class ReceiptCodeUnknown(BusinessError):
    """There is no such code."""

    code = "receipt_code_unknown"


class ReceiptCodeClaimed(BusinessError):
    """The code was claimed; its sale can only be refunded."""

    code = "receipt_code_claimed"


class ReceiptCodeCancelled(BusinessError):
    """The counter took the code back."""

    code = "receipt_code_cancelled"


class ReceiptCodeOver(BusinessError):
    """The code was good for some days, which are over; `until` is the moment they ended."""

    code = "receipt_code_over"


class ReceiptCodeGuesses(BusinessError):
    """The member has typed too many codes that are none; they may go on in an hour."""

    code = "receipt_code_guesses"


class ReceiptCodeLimit(BusinessError):
    """A clerk may not issue this alone; `why` lists `many` and `large`."""

    code = "receipt_code_limit"


class InvoiceNumberRefused(BusinessError):
    """The receipt's number is not of two letters and eight digits."""

    code = "invoice_number_refused"


class InvoiceKnown(BusinessError):
    """There is a code for this paper receipt already: each counts once."""

    code = "invoice_known"


@dataclass(frozen=True)
class ReceiptAsked:
    """What a counter or a till asks a code for."""

    store: Store
    staff: Staff | None
    """Who issues it; None where a till does by itself."""
    amount_twd: int
    idempotency_key: str
    secret: bytes
    """The installation's own, of which codes are made; see `derive_code_secret`."""
    lines: tuple[Line, ...] = ()
    invoice_number: str | None = None
    allowed_by: Staff | None = None
    """The manager who allowed what a clerk may not do alone."""


@dataclass(frozen=True)
class Issued:
    """A code to give away. The same key brings the same code again, with `is_repeat`."""

    code: str
    """In groups, as it is shown and printed: `R-7KQM-2XWB-94TD`."""
    good_until: datetime
    id: int
    is_repeat: bool = False


def derive_code_secret(signing_key: Ed25519PrivateKey) -> bytes:
    """Derive the secret of which receipt codes are made from the shop's signing key."""
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"regulars receipt code v1")
    return derived.derive(signing_key.private_bytes_raw())


def issue_receipt_code(session: Session, asked: ReceiptAsked, now: datetime) -> Issued:
    """Keep a sale for whoever brings its code; the caller's transaction keeps it.

    A key seen before returns its first code. Raises AmountRefused, InvoiceNumberRefused,
    InvoiceKnown, IdempotencyKeyReused, or ReceiptCodeLimit where a clerk needs a manager.
    """
    if not 0 < asked.amount_twd <= LARGEST_AMOUNT_TWD:
        raise AmountRefused(largest_twd=LARGEST_AMOUNT_TWD)
    number = normal_invoice_number(asked.invoice_number)
    first = find_made(session, ReceiptCode, asked.idempotency_key)
    if first is not None:
        return _repeated(first, asked)
    _check_limits(session, asked, now)
    plain = _make_code(asked.secret, asked.idempotency_key)
    row = ReceiptCode(
        digest=secret_digest(plain),
        store_id=asked.store.id,
        staff_id=asked.staff.id if asked.staff else None,
        amount_twd=asked.amount_twd,
        lines=[asdict(line) for line in asked.lines[:MOST_LINES]] or None,
        invoice_number=number,
        issued_at=now,
        expires_at=now + timedelta(days=get_shop(session).receipt_code_days),
        idempotency_key=asked.idempotency_key,
    )
    _insert(session, row)
    _note(session, row, "issue", asked.allowed_by or asked.staff, now)
    return Issued(shown_code(plain), row.expires_at, row.id)


def claim_receipt_code(session: Session, member: Member, typed: str, now: datetime) -> Recorded:
    """Record the sale of a code on the member's card, as of when it was made.

    Whoever claimed it gets their first answer again, with `is_repeat`. Of two members at once one
    gets it: the code's row is locked after the member's. Limits of pace that are the clerk's do
    not count here: they were held against them when they issued it. Raises ReceiptCodeUnknown,
    which counts as a guess that the caller's transaction must keep, ReceiptCodeGuesses,
    ReceiptCodeClaimed, ReceiptCodeCancelled, ReceiptCodeOver, OwnCard and ApprovalNeeded.
    """
    lock(session, member)
    _refuse_guessers(session, member, now)
    code = normal_receipt_code(typed)
    found = _lock_by_code(session, code) if code is not None else None
    if found is None:
        _count_guess(session, member, now)
        raise ReceiptCodeUnknown
    if found.purchase_id is not None:
        return _claimed_before(session, found, member, now)
    if found.cancelled_at is not None:
        raise ReceiptCodeCancelled
    if now >= found.expires_at:
        raise ReceiptCodeOver(until=found.expires_at)
    recorded = record_purchase(session, _sale(found, member), now)
    found.purchase_id, found.claimed_at = recorded.purchase_id, now
    session.flush()
    return recorded


def cancel_receipt_code(
    session: Session, receipt_code_id: int, *, store: Store, staff: Staff | None, now: datetime
) -> ReceiptCode:
    """Take a code of this store back, so that nobody can claim it. Done before: nothing changes.

    Raises ReceiptCodeUnknown, also for another store's, and ReceiptCodeClaimed.
    """
    found = session.scalars(
        select(ReceiptCode)
        .where(ReceiptCode.id == receipt_code_id, ReceiptCode.store_id == store.id)
        .with_for_update(of=ReceiptCode)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise ReceiptCodeUnknown
    if found.purchase_id is not None:
        raise ReceiptCodeClaimed(purchase_id=found.purchase_id)
    if found.cancelled_at is None:
        found.cancelled_at, found.cancelled_by = now, staff.id if staff else None
        _note(session, found, "cancel", staff, now)
        session.flush()
    return found


def list_receipt_codes(
    session: Session, store: Store, *, since: datetime, limit: int = MOST_LISTED
) -> Sequence[ReceiptCode]:
    """Return a store's codes issued since a moment, newest first."""
    return session.scalars(
        select(ReceiptCode)
        .where(ReceiptCode.store_id == store.id, ReceiptCode.issued_at >= since)
        .order_by(ReceiptCode.issued_at.desc(), ReceiptCode.id.desc())
        .limit(limit)
    ).all()


def get_receipt_code(session: Session, receipt_code_id: int, store: Store) -> ReceiptCode:
    """Return this store's code. Raises ReceiptCodeUnknown, also for another store's."""
    found = session.get(ReceiptCode, receipt_code_id)
    if found is None or found.store_id != store.id:
        raise ReceiptCodeUnknown
    return found


def code_of(secret: bytes, receipt: ReceiptCode) -> str:
    """Return the code of a row in groups, made again of what it was made of."""
    return shown_code(_make_code(secret, receipt.idempotency_key))


def normal_receipt_code(typed: str) -> str | None:
    """Return the code a person typed, however it is grouped and in any case and width, or None."""
    folded = unicodedata.normalize("NFKC", typed[:LONGEST_TYPED]).upper()
    found = _TYPED.fullmatch(_BETWEEN.sub("", folded))
    return found.group(1) if found else None


def normal_invoice_number(typed: str | None) -> str | None:
    """Return a receipt's number as it is kept: AB12345678. Raises InvoiceNumberRefused."""
    text_typed = unicodedata.normalize("NFKC", typed or "").upper()
    bare = "".join(text_typed.split())
    if not bare:
        return None
    found = _INVOICE.fullmatch(bare)
    if found is None:
        raise InvoiceNumberRefused
    return "".join(found.groups())


def shown_code(code: str) -> str:
    """Return a code in groups, as it is shown and printed."""
    groups = (code[at : at + GROUP] for at in range(0, CODE_LENGTH, GROUP))
    return "-".join((PREFIX, *groups))


def _make_code(secret: bytes, idempotency_key: str) -> str:
    """Make the code of a key: 59 bits that only who has the secret can tell."""
    made = hmac.digest(secret, idempotency_key.encode(), hashlib.sha256)
    number = int.from_bytes(made)
    letters = []
    for _ in range(CODE_LENGTH):
        number, place = divmod(number, len(CODE_ALPHABET))
        letters.append(CODE_ALPHABET[place])
    return "".join(letters)


def _repeated(first: ReceiptCode, asked: ReceiptAsked) -> Issued:
    """Answer a key that came before with its code. Raises IdempotencyKeyReused."""
    same = (first.amount_twd, first.store_id) == (asked.amount_twd, asked.store.id)
    if not same or first.invoice_number != normal_invoice_number(asked.invoice_number):
        raise IdempotencyKeyReused
    return Issued(code_of(asked.secret, first), first.expires_at, first.id, is_repeat=True)


def _check_limits(session: Session, asked: ReceiptAsked, now: datetime) -> None:
    """Hold a clerk to what they may issue alone; their row is locked, so twins count as two."""
    staff = asked.staff
    if staff is None or asked.allowed_by is not None or staff.role in MAY_APPROVE:
        return
    session.execute(select(Staff.id).where(Staff.id == staff.id).with_for_update())
    issued = session.scalar(
        select(func.count()).where(
            ReceiptCode.staff_id == staff.id, ReceiptCode.issued_at >= day_start(local_day(now))
        )
    )
    most = get_shop(session).receipt_codes_per_day
    why = {"many": (issued or 0) >= most, "large": asked.amount_twd >= LARGE_AMOUNT_TWD}
    if any(why.values()):
        raise ReceiptCodeLimit(why=[name for name, holds in why.items() if holds], most=most)


def _insert(session: Session, row: ReceiptCode) -> None:
    """Write a new row. Raises InvoiceKnown."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        if constraint_of(error) != "uq_receipt_code_invoice_number":
            raise
        raise InvoiceKnown(number=row.invoice_number) from error


def _note(session: Session, row: ReceiptCode, what: str, by: Staff | None, now: datetime) -> None:
    note(
        session,
        f"receipt_code.{what}",
        f"receipt_code:{row.id}",
        now=now,
        staff_id=by.id if by else None,
        store_id=row.store_id,
        after={"amount_twd": row.amount_twd, "issued_by": row.staff_id},
    )


def _lock_by_code(session: Session, code: str) -> ReceiptCode | None:
    return session.scalars(
        select(ReceiptCode)
        .where(ReceiptCode.digest == secret_digest(code))
        .with_for_update(of=ReceiptCode)
        .execution_options(populate_existing=True)
    ).one_or_none()


def _claimed_before(
    session: Session, found: ReceiptCode, member: Member, now: datetime
) -> Recorded:
    """Answer who claimed it with what came of it. Raises ReceiptCodeClaimed for anybody else."""
    sale = _sale(found, member)
    try:
        return record_purchase(session, sale, now)
    except IdempotencyKeyReused as error:
        raise ReceiptCodeClaimed(purchase_id=found.purchase_id) from error


def _sale(found: ReceiptCode, member: Member) -> Sale:
    return Sale(
        member_id=member.id,
        store=found.store,
        staff=found.staff,
        amount_twd=found.amount_twd,
        idempotency_key=f"receipt:{found.id}",
        lines=tuple(Line(**line) for line in found.lines or ()),
        source=SOURCE,
        source_ref=found.invoice_number or str(found.id),
        sold_at=found.issued_at,
        is_claimed=True,
    )


def _refuse_guessers(session: Session, member: Member, now: datetime) -> None:
    counted = session.get(ReceiptCodeGuess, member.id, populate_existing=True)
    if counted is None or counted.since <= now - GUESS_WINDOW:
        return
    if counted.guesses >= MOST_GUESSES:
        raise ReceiptCodeGuesses(until=counted.since + GUESS_WINDOW)


_GUESS = text("""
    INSERT INTO receipt_code_guess AS known (member_id, guesses, since) VALUES (:member_id, 1, :now)
    ON CONFLICT (member_id) DO UPDATE SET
        guesses = CASE WHEN known.since <= :over THEN 1 ELSE known.guesses + 1 END,
        since = CASE WHEN known.since <= :over THEN :now ELSE known.since END
""")


def _count_guess(session: Session, member: Member, now: datetime) -> None:
    session.execute(_GUESS, {"member_id": member.id, "now": now, "over": now - GUESS_WINDOW})
