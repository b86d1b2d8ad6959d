"""The journal of imports: which file, what it made, and how all of it can be undone.

A batch is one file brought in once. Its life: running → done → undoing → undone. A run that was
killed leaves it running; the same file then goes on with it. Each run holds a token that the next
run replaces, so that of two on one batch the older stops.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Row,
    func,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Day, Identifier, Moment, Words, one_of

KINDS = ("members", "purchases")
STATES = ("running", "done", "undoing", "undone")
SHOWN_BATCHES = 50
EMAIL = "email"
"""The source under which a member's e-mail address is kept as an alias."""


class ImportBatch(Base):
    """One file brought in. `counts` tells what came of its rows, by outcome."""

    __tablename__ = "import_batch"
    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind_known"),
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("(state = 'undone') = (undone_at IS NOT NULL)", name="undone_when"),
        Index(None, "file_digest"),
    )

    id: Mapped[Identifier]
    kind: Mapped[str]
    source: Mapped[str]
    """The system the file comes from; a purchase counts once by it and its order number."""
    file_name: Mapped[str]
    file_digest: Mapped[str]
    options: Mapped[Words]
    state: Mapped[str] = mapped_column(default="running")
    run_token: Mapped[str]
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    begun_at: Mapped[Moment]
    finished_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]


class ImportEffect(Base):
    """What a batch did to one member: made them, or changed the figures they had `before`."""

    __tablename__ = "import_effect"
    __table_args__ = (Index(None, "member_id"),)

    batch_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("import_batch.id"), primary_key=True, autoincrement=False
    )
    member_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("member.id"), primary_key=True, autoincrement=False
    )
    row_no: Mapped[int | None]
    is_new: Mapped[bool] = mapped_column(default=False)
    points: Mapped[int] = mapped_column(default=0)
    """The opening balance it gave."""
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """`{"tier_id": 1, "tier_kept_until": null}`: what a tier column or a replay changed."""
    after_tier_id: Mapped[int | None] = mapped_column(ForeignKey("tier.id"))
    undone_at: Mapped[datetime | None]


@dataclass(slots=True)
class Effect:
    """An ImportEffect about to be written, with many others."""

    batch_id: int
    member_id: int
    row_no: int | None = None
    is_new: bool = False
    points: int = 0
    before: dict[str, Any] | None = None
    after_tier_id: int | None = None

    @property
    def is_worth_noting(self) -> bool:
        """Tell whether there is anything that an undoing would have to take back."""
        return self.is_new or self.points > 0 or self.before is not None

    def values(self) -> tuple[object, ...]:
        """Return the row, in the order of NOTE_EFFECTS."""
        before = None if self.before is None else json.dumps(self.before)
        return (
            self.batch_id,
            self.member_id,
            self.row_no,
            self.is_new,
            self.points,
            before,
            self.after_tier_id,
        )


NOTE_EFFECTS = """
    INSERT INTO import_effect (batch_id, member_id, row_no, is_new, points, before, after_tier_id)
    SELECT effect.* FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::boolean[], %s::int[],
        %s::json[], %s::bigint[]) AS effect
    ON CONFLICT DO NOTHING
"""
"""Takes a list for each column; the first effect of a batch on a member is the one that counts."""


class MemberAlias(Base):
    """How another system knows a member: its own number, or an e-mail address.

    Gone with the member's erasure, which a trigger sees to.
    """

    __tablename__ = "member_alias"
    __table_args__ = (Index(None, "member_id"), Index(None, "batch_id"))

    source: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"))


class ImportRow(Base):
    """A row of purchases read and understood, waiting to be written; gone when its batch is done.

    Unlogged: a crash of the server empties it, and the file is then read again.
    """

    __tablename__ = "import_row"
    __table_args__ = (
        Index(None, "batch_id", "member_id"),
        Index(None, "batch_id", "order_ref"),
        {"prefixes": ["UNLOGGED"]},
    )

    batch_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    row_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(BigInteger)
    order_ref: Mapped[str]
    bought_at: Mapped[Moment]
    bought_on: Mapped[Day]
    amount_twd: Mapped[int]
    refunded_twd: Mapped[int]
    store_id: Mapped[int] = mapped_column(BigInteger)
    channel: Mapped[str]


class NoSuchBatch(BusinessError):
    """No import has this number."""

    code = "no_such_batch"


class BatchNotUndoable(BusinessError):
    """The import was undone before."""

    code = "batch_not_undoable"


class ImportTakenOver(BusinessError):
    """A newer run goes on with this file; this one stops."""

    code = "import_taken_over"


def begin_batch(
    session: Session,
    *,
    kind: str,
    source: str,
    file_name: str,
    file_digest: str,
    options: dict[str, Any],
    now: datetime,
) -> ImportBatch:
    """Return the batch of this file: the one a killed run left, or a new one."""
    left = session.scalars(
        select(ImportBatch)
        .where(
            ImportBatch.file_digest == file_digest,
            ImportBatch.kind == kind,
            ImportBatch.source == source,
            ImportBatch.state == "running",
        )
        .order_by(ImportBatch.id)
        .limit(1)
        .with_for_update()
    ).one_or_none()
    batch = left or ImportBatch(
        kind=kind,
        source=source,
        file_name=file_name,
        file_digest=file_digest,
        begun_at=now,
    )
    batch.options = options
    batch.run_token = secrets.token_hex(8)
    session.add(batch)
    session.flush()
    return batch


def purchase_key(batch_id: int, row: int | str) -> str:
    """Return the idempotency key of what a batch makes of a row; with `%` a pattern for all."""
    return f"import:{batch_id}:{row}"


def hold_batch(
    session: Session, batch_id: int, run_token: str, *, is_shared: bool = False
) -> ImportBatch:
    """Lock the batch for one chunk. Raises ImportTakenOver where a newer run has it.

    Writers of one run share it; a newer run waits until their chunks are written.
    """
    batch = session.scalars(
        select(ImportBatch)
        .where(ImportBatch.id == batch_id)
        .with_for_update(read=is_shared, key_share=is_shared)
        .execution_options(populate_existing=True)
    ).one()
    if batch.run_token != run_token or batch.state not in ("running", "undoing"):
        raise ImportTakenOver
    return batch


def begin_undoing(session: Session, batch: ImportBatch) -> None:
    """Make the batch ours: a run that may still be at work on it stops at its next chunk."""
    session.refresh(batch, with_for_update=True)
    batch.state, batch.run_token = "undoing", secrets.token_hex(8)
    session.flush()


def get_batch(session: Session, batch_id: int) -> ImportBatch:
    """Return the import with this number. Raises NoSuchBatch."""
    batch = session.get(ImportBatch, batch_id)
    if batch is None:
        raise NoSuchBatch
    return batch


def find_done(session: Session, *, kind: str, source: str, file_digest: str) -> ImportBatch | None:
    """Return the newest finished import of this very file, or None."""
    return session.scalars(
        select(ImportBatch)
        .where(
            ImportBatch.file_digest == file_digest,
            ImportBatch.kind == kind,
            ImportBatch.source == source,
            ImportBatch.state == "done",
        )
        .order_by(ImportBatch.id.desc())
        .limit(1)
    ).one_or_none()


def list_batches(session: Session) -> list[Row[ImportBatch, int]]:
    """Return the newest imports, newest first, each with the number of members it touched."""
    touched = (
        select(func.count())
        .where(ImportEffect.batch_id == ImportBatch.id)
        .correlate(ImportBatch)
        .scalar_subquery()
    )
    return list(
        session.execute(
            select(ImportBatch, touched).order_by(ImportBatch.id.desc()).limit(SHOWN_BATCHES)
        )
    )


def count_batches(session: Session) -> int:
    """Return how many files were brought in, whatever became of them."""
    return session.scalar(select(func.count()).select_from(ImportBatch)) or 0


def tier_before(tier_id: int, kept_until: date | None) -> dict[str, Any]:
    """Return what an effect keeps of a tier."""
    return {"tier_id": tier_id, "tier_kept_until": kept_until and kept_until.isoformat()}
