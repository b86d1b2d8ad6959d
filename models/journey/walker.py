"""A visit in the hands of the engine: what a part read, what its steps made of it, written once."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from models.base import among, squeezed
from models.journey.table import DONE, EXITED, SET_ASIDE, UNDER_WAY, JourneyVisit

COLUMNS = (
    JourneyVisit.id,
    JourneyVisit.version,
    JourneyVisit.member_id,
    JourneyVisit.key,
    JourneyVisit.step,
    JourneyVisit.step_at,
    JourneyVisit.cause_at,
    JourneyVisit.facts,
)
"""What the engine reads of a visit."""


@dataclass
class Walker:
    """One visit under way. Steps change it here; `write_walkers` writes them all at once."""

    id: int
    version: int
    member_id: int
    key: str
    step: str
    step_at: datetime
    cause_at: datetime
    facts: dict[str, Any]
    now: datetime
    state: str = UNDER_WAY
    due_at: datetime | None = None
    """Set once it waits."""
    exit_reason: str | None = None
    moves: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, row: Row[Any], now: datetime) -> "Walker":
        """Take up a row of COLUMNS."""
        told = dict(zip((column.key for column in COLUMNS), row, strict=True))
        return cls(**told, now=now)

    def copy(self) -> "Walker":
        """Return another of the same, to try a step on; a part makes one a step and visit."""
        tried = Walker.__new__(Walker)
        tried.__dict__.update(self.__dict__, facts=dict(self.facts), moves=list(self.moves))
        return tried

    @property
    def walks(self) -> bool:
        """Tell whether it goes on now."""
        return self.state == UNDER_WAY and self.due_at is None

    @property
    def pass_key(self) -> str:
        """Return a key of this passing of its step: a circle over a wait comes by again."""
        return f"journey:{self.id}:{self.step}:{int(self.step_at.timestamp())}"

    def key_of(self, words: Mapping[str, Any]) -> str:
        """Return the key under which its step acts: its own, or that of the cause."""
        return self.key if "key" in words else self.pass_key

    def go(self, aim: str | None, why: str) -> None:
        """Leave its step for another, or for the end."""
        self._note(aim, why)
        if aim is None:
            self.state = DONE
        else:
            self.step, self.step_at = aim, self.now

    def wait(self, due_at: datetime) -> None:
        """Stay where it is until then."""
        self.due_at = due_at

    def leave(self, reason: str, *, state: str = EXITED) -> None:
        """End it here: the reason is gone, or the step says so."""
        self._note(None, reason)
        self.state, self.exit_reason = state, reason

    def set_aside(self, error: str) -> None:
        """Leave it at its step for somebody to look at: the step failed."""
        self.state, self.exit_reason = SET_ASIDE, error

    def _note(self, aim: str | None, why: str) -> None:
        at = self.now.isoformat()
        self.moves.append({"visit_id": self.id, "from": self.step, "to": aim, "why": why, "at": at})


def claim_walkers(session: Session, code: str, now: datetime, limit: int) -> list[Walker]:
    """Lock the next due visits of a journey, the longest due first; what others hold is left."""
    rows = session.execute(
        select(*COLUMNS)
        .where(
            JourneyVisit.journey_code == code,
            JourneyVisit.state == UNDER_WAY,
            JourneyVisit.due_at <= now,
        )
        .order_by(JourneyVisit.due_at, JourneyVisit.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [Walker.of(row, now) for row in rows]


def lock_walkers(session: Session, ids: Sequence[int], now: datetime) -> list[Walker]:
    """Lock these visits where they are under way and nobody else holds them."""
    rows = session.execute(
        select(*COLUMNS)
        .where(among(JourneyVisit.id, ids), JourneyVisit.state == UNDER_WAY)
        .order_by(JourneyVisit.id)
        .with_for_update(skip_locked=True)
    )
    return [Walker.of(row, now) for row in rows]


def write_walkers(session: Session, code: str, walkers: Iterable[Walker], now: datetime) -> None:
    """Write where all of them stand, and every step they took, in two statements."""
    told = list(walkers)
    if not told:
        return
    session.execute(_WRITE, {"rows": json.dumps([_row(each) for each in told]), "now": now})
    moves = [move | {"version": each.version} for each in told for move in each.moves]
    if moves:
        session.execute(_WRITE_MOVES, {"rows": json.dumps(moves), "code": code})


def _row(walker: Walker) -> dict[str, Any]:
    stands = walker.state in (UNDER_WAY, SET_ASIDE)
    waits_until = walker.due_at or walker.now
    return {
        "id": walker.id,
        "state": walker.state,
        "step": walker.step if stands else None,
        "step_at": walker.step_at.isoformat(),
        "due_at": waits_until.isoformat() if walker.state == UNDER_WAY else None,
        "exit_reason": walker.exit_reason,
        "facts": walker.facts,
    }


_WRITE = text(
    squeezed("""
        UPDATE journey_visit AS visit SET state = told.state, step = told.step,
            step_at = told.step_at, due_at = told.due_at, exit_reason = told.exit_reason,
            facts = told.facts,
            ended_at = CASE WHEN told.state IN ('done', 'exited')
                THEN CAST(:now AS timestamptz) END
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS told (id bigint, state text, step text,
            step_at timestamptz, due_at timestamptz, exit_reason text, facts jsonb)
        WHERE visit.id = told.id
    """)
)
_WRITE_MOVES = text(
    squeezed("""
        INSERT INTO journey_move (visit_id, journey_code, version, from_step, to_step, why, at)
        SELECT told.visit_id, :code, told.version, told.from, told.to, told.why, told.at
        FROM ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb)) AS (visit_id bigint,
            version integer, "from" text, "to" text, why text, at timestamptz)) WITH ORDINALITY
            AS told (visit_id, version, "from", "to", why, at, place)
        ORDER BY told.place
    """)
)
