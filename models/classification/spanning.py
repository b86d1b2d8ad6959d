"""Who went where within the last days, prepared by a worker: it reads every purchase there is."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from models.classification.counting import Move, count_moves
from models.lifecycle import MODELS, opened_on
from models.local_day import local_day
from models.prepared import NoteProgress, prepared

CLASS_MOVES = "class_moves"
USUAL_DAYS = 30
SPANS = (7, USUAL_DAYS, 90)
"""From how many days back until today moves may be asked for."""


@prepared(CLASS_MOVES, nightly=True)
def count_spans(
    session: Session, now: datetime, asked: Mapping[str, Any], note_progress: NoteProgress
) -> dict[str, Any]:
    """Count the moves of every lifecycle from `days` ago until today, in one reading of each day.

    A shop that is younger is told from its first day. Of a shop without members there are none.
    """
    today, opened = local_day(now), opened_on(session)
    days = asked.get("days", USUAL_DAYS)
    if opened is None or days not in SPANS:
        return {"from_day": today.isoformat(), "to_day": today.isoformat(), "moves": {}}
    from_day = max(today - timedelta(days=days), opened)
    found = count_moves(session, list(MODELS), from_day, today, now=now)
    note_progress(1, 1)
    return {
        "from_day": from_day.isoformat(),
        "to_day": today.isoformat(),
        "moves": {
            model: [[move.from_class, move.to_class, move.members] for move in moves]
            for model, moves in found.items()
        },
    }


def moves_in(body: Mapping[str, Any], model: str) -> tuple[date, date, tuple[Move, ...]]:
    """Return the two days of a prepared figure and a model's moves between them."""
    moves = tuple(Move(*move) for move in body["moves"].get(model, ()))
    return date.fromisoformat(body["from_day"]), date.fromisoformat(body["to_day"]), moves
