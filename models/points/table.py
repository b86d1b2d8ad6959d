"""The ledger's tables, and what its rules refuse."""

from typing import Literal, Self, get_args

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    FetchedValue,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BusinessError, Day, Identifier, Moment, one_of
from models.member import Member

PointsReason = Literal[
    "purchase",
    "welcome",
    "birthday",
    "adjustment",
    "expiry",
    "refund",
    "redemption",
    "reward",
    "activation",
    "referral",
    "mission",
    "review",
    "lottery",
    "merge",
    "import",
    "reversal",
    "survey",
]
REASONS: tuple[str, ...] = get_args(PointsReason)
UNDOING = ("refund", "reversal")
"""The only reasons for which a balance may fall below zero, where the shop lets it."""


class PointsEntry(Base):
    """One movement of a member's points: what it moved, and what was there after it. Never changed.

    It may move three figures: `points` that can be spent, `pending` ones that cannot yet, and
    `tier_points`, the second wallet, which no spending touches. Each figure of the member's row is
    the sum of its deltas. The database itself counts a member's entries (`seq`), refuses one whose
    figures do not follow from the entry before it, and chains each to that one by `hash`:
    SHA-256 over the hash before it and the entry's content (`models/points/verifying.py`).
    """

    __tablename__ = "points_entry"
    __table_args__ = (
        CheckConstraint(
            "points <> 0 OR pending <> 0 OR tier_points <> 0 OR forgiven <> 0", name="moves_points"
        ),
        CheckConstraint(
            "balance_after >= 0 OR points >= 0 OR " + one_of("reason", UNDOING),
            name="balance_not_negative",
        ),
        CheckConstraint("pending_after >= 0", name="pending_not_negative"),
        CheckConstraint("tier_points_after >= 0", name="tier_points_not_negative"),
        CheckConstraint("forgiven >= 0 OR points < 0", name="forgiven_not_negative"),
        CheckConstraint(
            one_of("reason", REASONS),
            name="reason_known",
        ),
        UniqueConstraint("member_id", "seq"),
        Index(
            "ix_points_entry_answers_id", "answers_id", postgresql_where="answers_id IS NOT NULL"
        ),
        Index("ix_points_entry_posted_at", "posted_at", postgresql_using="brin"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    seq: Mapped[int] = mapped_column(server_default=FetchedValue())
    """The member's first entry is 1; the database counts, whatever it is told."""
    points: Mapped[int]
    balance_after: Mapped[int]
    pending: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    pending_after: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    tier_points: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    tier_points_after: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    forgiven: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Points that should have been taken back and were not there any more; below zero where such
    points were found after all, because a spending was given back."""
    reason: Mapped[str]
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchase.id"))
    answers_id: Mapped[int | None] = mapped_column(ForeignKey("points_entry.id"))
    """The entry this one corrects or undoes."""
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    store_id: Mapped[int | None] = mapped_column(ForeignKey("store.id"))
    note: Mapped[str | None]
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    posted_at: Mapped[Moment]
    hash: Mapped[bytes] = mapped_column(LargeBinary, server_default=FetchedValue())

    @property
    def moved(self) -> int:
        """Return what it moved, spendable or pending: above zero earned, below zero taken."""
        return self.points + self.pending

    def or_refuse(self, member: Member, points: int, tier_points: int = 0) -> Self:
        """Return this entry as the answer to a repeated key. Raises IdempotencyKeyReused."""
        asked = (member.id, points, tier_points)
        if (self.member_id, self.moved - self.forgiven, self.tier_points) != asked:
            raise IdempotencyKeyReused
        return self


class PointsLot(Base):
    """What is left of one earning: pending, then active, then spent, expired or reversed.

    `granted` is always what `remaining`, `repaid`, `expired`, `reversed` and the spendings kept
    in `points_take` come to. All open active lots of a member together hold their balance, or
    nothing where that is below zero; all pending ones hold their pending points.
    """

    __tablename__ = "points_lot"
    __table_args__ = (
        CheckConstraint("remaining >= 0 AND remaining <= granted", name="remaining_within_granted"),
        CheckConstraint(
            "repaid >= 0 AND expired >= 0 AND reversed >= 0"
            " AND remaining + repaid + expired + reversed <= granted",
            name="parts_within_granted",
        ),
        CheckConstraint(
            "excused >= 0 AND excused <= expired AND excused <= recalled AND recalled <= granted",
            name="recalled_within_granted",
        ),
        CheckConstraint("pending_until < expires_on", name="pending_before_it_ends"),
        Index("ix_points_lot_open", "member_id", "expires_on", postgresql_where="remaining > 0"),
        Index("ix_points_lot_expiring", "expires_on", postgresql_where="remaining > 0"),
        Index(
            "ix_points_lot_pending",
            "pending_until",
            postgresql_where="pending_until IS NOT NULL AND remaining > 0",
        ),
    )

    entry_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("points_entry.id"), primary_key=True, autoincrement=False
    )
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    granted: Mapped[int]
    remaining: Mapped[int]
    expires_on: Mapped[Day]
    """The first Taipei day on which the points are gone."""
    pending_until: Mapped[Day | None]
    """The first Taipei day on which they may be spent; None once they may."""
    repaid: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """What of it went to a balance below zero."""
    expired: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    reversed: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """What was taken back out of this very lot."""
    recalled: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """What was asked back of this earning, wherever it was found: never more than was earned."""
    excused: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """What of that had expired by itself and so cost nothing again."""

    @property
    def spent(self) -> int:
        """Return what of it was spent and not given back."""
        return self.granted - self.remaining - self.repaid - self.expired - self.reversed

    @property
    def state(self) -> str:
        """Return `pending`, `active`, `reversed`, `expired` or `spent`, whatever ended it most."""
        if self.remaining:
            return "active" if self.pending_until is None else "pending"
        ends = {"spent": self.spent + self.repaid, "expired": self.expired}
        ends["reversed"] = self.reversed
        return max(ends, key=lambda end: ends[end])


class PointsTake(Base):
    """What one entry took out of one lot; below zero what it gave back to it. Never changed."""

    __tablename__ = "points_take"
    __table_args__ = (CheckConstraint("points <> 0", name="takes_points"), Index(None, "lot_id"))

    entry_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("points_entry.id"), primary_key=True, autoincrement=False
    )
    lot_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("points_lot.entry_id"), primary_key=True, autoincrement=False
    )
    points: Mapped[int]


class LedgerSeal(Base):
    """The proof of all entries up to one, taken once a day. Never changed.

    `root` is SHA-256 over the root before it and the entries' hashes since (`sealing.py`).
    """

    __tablename__ = "ledger_seal"
    __table_args__ = (CheckConstraint("entries >= 0", name="entries_not_negative"),)

    sealed_on: Mapped[Day] = mapped_column(primary_key=True)
    last_entry_id: Mapped[int] = mapped_column(BigInteger)
    entries: Mapped[int] = mapped_column(BigInteger)
    """How many entries it adds to the seal before it."""
    root: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[Moment]


class InsufficientPoints(BusinessError):
    """The movement would take more than the member has."""

    code = "insufficient_points"


class IdempotencyKeyReused(BusinessError):
    """The key came before with other content."""

    code = "idempotency_key_reused"


class MoreThanEarned(BusinessError):
    """More was asked back than the earning brought, less what was asked back before."""

    code = "more_than_earned"


class MoreThanSpent(BusinessError):
    """More was to be given back than the spending took, less what was given back before."""

    code = "more_than_spent"


class NotReversible(BusinessError):
    """The entry is itself an answer of the ledger: an expiry, an activation, an undoing."""

    code = "not_reversible"
