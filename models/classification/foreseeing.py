"""What other settings of the models would change: who would go from which class to which, today.

Prepared by a worker: it reads every member, and for RFM every purchase of both windows.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import FromClause, Select, func, select
from sqlalchemy.orm import Session

from models.classification.counting import Move
from models.lifecycle import MODELS, RFM, class_sql, columns_of, figures_on, get_settings
from models.lifecycle.setting import foresee_settings
from models.local_day import local_day
from models.prepared import NoteProgress, prepared
from models.rfm import foresee_rfm_settings, get_rfm_settings
from models.rfm.measuring import find_cuts, groups_of_day, measured_buyers
from models.rfm.setting import read_rfm_changes

SETTINGS_EFFECT = "class_settings"
LIFECYCLE = "lifecycle"
PARTS = (LIFECYCLE, RFM)


@prepared(SETTINGS_EFFECT, nightly=False)
def count_effect(
    session: Session, now: datetime, asked: Mapping[str, Any], note_progress: NoteProgress
) -> dict[str, Any]:
    """Count the moves between the classes of today's settings and of those that are asked about.

    `asked` holds `part`, the `version` in force, and for the lifecycles the `changes`, for RFM
    `window_days` and `cuts`; RFM's answer tells where high would begin, too. Raises what refuses
    the settings.
    """
    today = local_day(now)
    if asked.get("part") == RFM:
        return _rfm_effect(session, asked, today, now, note_progress)
    held, draft = get_settings(session, today), foresee_settings(session, asked["changes"], today)
    figures: FromClause = figures_on(session, today, now)
    columns = columns_of(figures)
    moves = {}
    for done, model in enumerate(MODELS, start=1):
        was = class_sql(model, columns, held, today).label("was")
        becomes = class_sql(model, columns, draft, today).label("becomes")
        moves[model] = _counted(session, select(was, becomes))
        note_progress(done, len(MODELS))
    return {"moves": moves, "cycle_days": draft.cycle.days}


def _rfm_effect(
    session: Session,
    asked: Mapping[str, Any],
    today: date,
    now: datetime,
    note_progress: NoteProgress,
) -> dict[str, Any]:
    held = get_rfm_settings(session, today)
    draft = foresee_rfm_settings(session, today, **read_rfm_changes(asked))
    figures: FromClause = select(figures_on(session, today, now)).cte()
    was = groups_of_day(figures, held, today, is_past=False).subquery("was")
    becomes = groups_of_day(figures, draft, today, is_past=False).subquery("becomes")
    moves = _counted(
        session,
        select(was.c.rfm_group.label("was"), becomes.c.rfm_group.label("becomes")).join(
            becomes, becomes.c.member_id == was.c.member_id
        ),
    )
    note_progress(2, 3)
    measured = measured_buyers(figures, draft, today, is_past=False).cte()
    cuts, _ = find_cuts(session, measured, draft)
    return {"moves": {RFM: moves}, "cuts": {name: cut.high for name, cut in cuts.items()}}


def _counted(session: Session, pairs: Select[*tuple[Any, ...]]) -> list[list[Any]]:
    """Count the members of each pair of classes: was, becomes, how many."""
    each = pairs.subquery()
    rows = session.execute(
        select(each.c.was, each.c.becomes, func.count())
        .group_by(each.c.was, each.c.becomes)
        .order_by(each.c.was, each.c.becomes)
    )
    return [list(row) for row in rows]


def effect_in(body: Mapping[str, Any], model: str) -> tuple[Move, ...]:
    """Return a model's moves from a prepared figure."""
    return tuple(Move(*move) for move in body["moves"].get(model, ()))
