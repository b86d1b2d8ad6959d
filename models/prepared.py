"""Prepared figures: what takes too long to work out while somebody waits, kept with its moment.

A figure is a function known by name (`prepared`), worked out for what was asked of it, by a worker:
every night, or when somebody wants it anew. A page shows the last one and says as of when it is.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, Index, delete, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Moment, Words, wake

LEASE = timedelta(minutes=20)
"""A worker that took a figure and said nothing for so long is taken for dead."""
KEPT = timedelta(days=60)
WHOLE = 100
TASK = "prepare_figures"

NoteProgress = Callable[[int, int], None]
"""Told how much is done, of how much."""
Compute = Callable[[Session, datetime, Mapping[str, Any], NoteProgress], dict[str, Any]]


class PreparedFigure(Base):
    """One figure for one question. `wanted_at` stands until a worker has made it."""

    __tablename__ = "prepared_figure"
    __table_args__ = (
        CheckConstraint("(body IS NULL) = (made_at IS NULL)", name="made_when"),
        CheckConstraint(f"progress BETWEEN 0 AND {WHOLE}", name="progress_a_percentage"),
        Index("ix_prepared_figure_wanted", "wanted_at", postgresql_where="wanted_at IS NOT NULL"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    """Of what was asked."""
    asked: Mapped[dict[str, Any]] = mapped_column(JSONB)
    asked_at: Mapped[Moment]
    body: Mapped[Words | None]
    as_of: Mapped[datetime | None]
    made_at: Mapped[datetime | None]
    took_ms: Mapped[int | None]
    wanted_at: Mapped[datetime | None]
    begun_at: Mapped[datetime | None]
    progress: Mapped[int] = mapped_column(default=0)
    failed: Mapped[str | None]
    """The code of the refusal, or the kind of error, that ended the last try."""

    @property
    def is_wanted(self) -> bool:
        """Tell whether a worker is to make it, or is making it."""
        return self.wanted_at is not None


class NoSuchFigure(BusinessError):
    """No figure has this name."""

    code = "no_such_figure"


@dataclass(frozen=True)
class Figure:
    """A figure that can be prepared."""

    name: str
    compute: Compute
    is_nightly: bool


@dataclass(frozen=True)
class Wanted:
    """A figure that a worker took upon itself."""

    name: str
    digest: str
    asked: dict[str, Any]


FIGURES: dict[str, Figure] = {}


def prepared(name: str, *, nightly: bool) -> Callable[[Compute], Compute]:
    """Register a function as the figure `name`; it returns JSON, changes nothing, and is bounded.

    A nightly one is made every night for no question (`{}`) and for those asked of late.
    """

    def register(compute: Compute) -> Compute:
        assert name not in FIGURES, f"two figures are called {name}"
        FIGURES[name] = Figure(name, compute, nightly)
        return compute

    return register


def find_prepared(
    session: Session, name: str, asked: Mapping[str, Any] | None = None
) -> PreparedFigure | None:
    """Return a figure as it was last made, or that it is wanted; None where nobody ever asked."""
    return session.get(PreparedFigure, (name, _digest(asked or {})), populate_existing=True)


def list_prepared(session: Session, names: Collection[str]) -> dict[str, PreparedFigure]:
    """Return figures as they were last made for no question, by their names; one query."""
    rows = session.scalars(
        select(PreparedFigure).where(
            PreparedFigure.name.in_(names), PreparedFigure.digest == _digest({})
        )
    )
    return {row.name: row for row in rows}


def want(session: Session, name: str, asked: Mapping[str, Any] | None, now: datetime) -> None:
    """Have a figure made anew, soon; asking twice makes it once. Raises NoSuchFigure."""
    if name not in FIGURES:
        raise NoSuchFigure(name=name[:60])
    question = dict(asked or {})
    session.execute(
        insert(PreparedFigure)
        .values(
            name=name,
            digest=_digest(question),
            asked=question,
            asked_at=now,
            wanted_at=now,
            progress=0,
        )
        .on_conflict_do_update(
            index_elements=["name", "digest"],
            set_={"asked_at": now, "wanted_at": now, "progress": 0, "failed": None},
            where=PreparedFigure.wanted_at.is_(None),
        )
    )
    wake(session, TASK)


def want_nightly(session: Session, now: datetime) -> int:
    """Want every nightly figure, and forget questions nobody asked for long; return how many."""
    session.execute(delete(PreparedFigure).where(PreparedFigure.asked_at < now - KEPT))
    nightly = [name for name, figure in FIGURES.items() if figure.is_nightly]
    for name in nightly:
        want(session, name, None, now)
    asked = session.execute(
        update(PreparedFigure)
        .where(PreparedFigure.name.in_(nightly), PreparedFigure.wanted_at.is_(None))
        .values(wanted_at=now, progress=0, failed=None)
        .returning(PreparedFigure.name)
    )
    return len(nightly) + len(asked.all())


def claim_wanted(session: Session, now: datetime) -> Wanted | None:
    """Take the figure that waits longest upon this worker, or None where none waits."""
    row = session.scalars(
        select(PreparedFigure)
        .where(
            PreparedFigure.wanted_at.is_not(None),
            or_(PreparedFigure.begun_at.is_(None), PreparedFigure.begun_at < now - LEASE),
        )
        .order_by(PreparedFigure.wanted_at, PreparedFigure.name, PreparedFigure.digest)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    row.begun_at = now
    return Wanted(row.name, row.digest, row.asked)


def note_progress(session: Session, wanted: Wanted, percent: int, now: datetime) -> None:
    """Say how far a figure is, for who waits; the claim lives on."""
    session.execute(_row(wanted).values(progress=min(max(percent, 0), WHOLE), begun_at=now))


def keep_prepared(
    session: Session,
    wanted: Wanted,
    body: dict[str, Any],
    *,
    as_of: datetime,
    now: datetime,
    took_ms: int,
) -> None:
    """Keep a figure that was made."""
    session.execute(
        _row(wanted).values(
            body=body,
            as_of=as_of,
            made_at=now,
            took_ms=took_ms,
            progress=WHOLE,
            wanted_at=None,
            begun_at=None,
            failed=None,
        )
    )


def give_up(session: Session, wanted: Wanted, failed: str) -> None:
    """Keep why a figure could not be made; what was made before stays."""
    session.execute(_row(wanted).values(failed=failed, wanted_at=None, begun_at=None))


def _row(wanted: Wanted) -> Any:
    return update(PreparedFigure).where(
        PreparedFigure.name == wanted.name, PreparedFigure.digest == wanted.digest
    )


def _digest(asked: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
