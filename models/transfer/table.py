"""The tables of transfers: one row a file, and the file itself in parts."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identifier, Moment, one_of

IMPORTS = ("members", "purchases")
EVERYTHING, READABLE = "everything", "readable"
EXPORTS = (EVERYTHING, READABLE)
CHECK, WRITE, UNDO, EXPORT = "check", "write", "undo", "export"
STEPS = (CHECK, WRITE, UNDO, EXPORT)
"""What a worker may be wanted to do with one."""
UPLOAD, REPORT, RESULT = "upload", "report", "result"
ROLES = (UPLOAD, REPORT, RESULT)
"""What was brought, the problems found in it, and what was made to be fetched."""
LEASE = timedelta(minutes=10)
"""A worker that took one and said nothing for so long is taken for dead."""
WHOLE = 100


class Transfer(Base):
    """One file, in or out. `step` stands while a worker is to do something with it.

    `checked`, `written` and `undone` tell what came of each step. `file_gone_at` says when the
    parts were taken away; what the row tells of counts stays.
    """

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint(one_of("kind", IMPORTS + EXPORTS), name="kind_known"),
        CheckConstraint(one_of("step", STEPS), name="step_known"),
        CheckConstraint("(step IS NULL) = (wanted_at IS NULL)", name="wanted_when"),
        CheckConstraint(f"progress BETWEEN 0 AND {WHOLE}", name="progress_a_percentage"),
        Index("ix_transfer_wanted", "wanted_at", postgresql_where=text("wanted_at IS NOT NULL")),
    )

    id: Mapped[Identifier]
    kind: Mapped[str]
    file_name: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The first rows of an upload, for choosing its columns; gone with the file."""
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)
    idempotency_key: Mapped[str | None] = mapped_column(unique=True)
    """Of the page that brought an upload."""
    made_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[Moment]
    step: Mapped[str | None]
    wanted_at: Mapped[datetime | None]
    begun_at: Mapped[datetime | None]
    """When a worker last said that it is at it."""
    phase: Mapped[str] = mapped_column(default="", server_default="")
    rows: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    progress: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    checked: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    written: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    undone: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    failed: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Why the last step could not be done: `{"code": …, "reason": …}`, in three languages."""
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"))
    finished_at: Mapped[datetime | None]
    file_gone_at: Mapped[datetime | None]

    @property
    def is_import(self) -> bool:
        """Tell whether it comes in."""
        return self.kind in IMPORTS

    @property
    def is_wanted(self) -> bool:
        """Tell whether a worker is to do something, or is doing it."""
        return self.step is not None


class TransferPart(Base):
    """A piece of a file; a file is its pieces in the order of their places."""

    __tablename__ = "transfer_part"
    __table_args__ = (CheckConstraint(one_of("role", ROLES), name="role_known"),)

    transfer_id: Mapped[int] = mapped_column(
        ForeignKey("transfer.id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[bytes] = mapped_column(LargeBinary)
