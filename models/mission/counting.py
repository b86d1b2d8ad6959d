"""How events add up: one step, its replay over many, and the same step as one SQL statement.

A count takes up to the day's cap; a streak goes on where the next day or week follows, and begins
again after a gap; a set grows by what is new in it. Both ways of counting are held equal by
`tests/models/test_mission.py`.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.activity import Mission

DAYS_A_WEEK = 7


@dataclass(frozen=True)
class Happened:
    """One event as a mission sees it."""

    things: tuple[str, ...]
    period: int | None
    day_on: date


@dataclass(frozen=True)
class Progress:
    """How far a member is; `round - 1` rounds are completed."""

    round: int = 1
    done: int = 0
    things: tuple[str, ...] = ()
    period: int | None = None
    day_on: date | None = None
    day_count: int = 0


@dataclass(frozen=True)
class Counted:
    """What one statement brought a mission to, before a full round is closed."""

    mission_id: int
    round: int
    done: int


def period_of(mission: Mission, day: date) -> int | None:
    """Return the number of the day, or of its ISO week; None where the mission is no streak.

    Weeks are numbered through all years, so the last of one is followed by the first of the next.
    """
    if mission.period is None:
        return None
    if mission.period == "day":
        return day.toordinal()
    return (day.toordinal() - 1) // DAYS_A_WEEK  # 1 January of the year 1 was a Monday.


def replay(mission: Mission, events: Iterable[Happened]) -> Progress:
    """Return where these events, in their order, lead."""
    progress = Progress()
    for event in events:
        progress = _step(mission, progress, event)
        if progress.done >= mission.goal:
            progress = replace(progress, round=progress.round + 1, done=0, things=())
    return progress


def _step(mission: Mission, before: Progress, event: Happened) -> Progress:
    if before.round > mission.rounds:
        return before
    if mission.kind == "set":
        things = tuple(sorted({*before.things, *event.things}))
        return replace(before, things=things, done=len(things))
    if mission.kind == "streak":
        return _go_on(before, event)
    count = before.day_count + 1 if before.day_on == event.day_on else 1
    if count > mission.day_cap:
        return before
    return replace(before, done=before.done + 1, day_on=event.day_on, day_count=count)


def _go_on(before: Progress, event: Happened) -> Progress:
    assert event.period is not None, "a streak's event has its period"
    if before.period is not None and event.period <= before.period:
        return before
    follows = before.period is not None and event.period == before.period + 1
    return replace(before, period=event.period, done=before.done + 1 if follows else 1)


_COUNT = text("""
    WITH asked AS (
        SELECT * FROM jsonb_to_recordset(CAST(:asked AS jsonb))
            AS asked(mission_id bigint, key text, things text[], period integer)
    ), noted AS (
        INSERT INTO mission_event
            (mission_id, member_id, key, things, period, day_on, purchase_id, happened_at)
        SELECT mission_id, :member_id, key, things, period, :day_on, :purchase_id, :happened_at
        FROM asked
        ON CONFLICT (mission_id, key) DO NOTHING
        RETURNING mission_id, things, period
    )
    INSERT INTO mission_progress AS held
        (member_id, mission_id, round, done, things, period, day_on, day_count)
    SELECT :member_id, noted.mission_id, 1,
           CASE mission.kind WHEN 'set' THEN cardinality(noted.things) ELSE 1 END,
           noted.things, noted.period,
           CASE mission.kind WHEN 'count' THEN CAST(:day_on AS date) END,
           CASE mission.kind WHEN 'count' THEN 1 ELSE 0 END
    FROM noted JOIN mission ON mission.id = noted.mission_id
    ORDER BY noted.mission_id
    ON CONFLICT (member_id, mission_id) DO UPDATE SET
        (done, things, period, day_on, day_count) = (
            SELECT
                CASE rule.kind
                    WHEN 'set' THEN cardinality(grown.things)
                    WHEN 'streak' THEN CASE
                        WHEN excluded.period <= held.period THEN held.done
                        WHEN excluded.period = held.period + 1 THEN held.done + 1
                        ELSE 1 END
                    ELSE held.done + CAST(fits.fits AS integer) END,
                CASE rule.kind WHEN 'set' THEN grown.things ELSE held.things END,
                greatest(held.period, excluded.period),
                CASE WHEN fits.fits THEN excluded.day_on ELSE held.day_on END,
                CASE WHEN NOT fits.fits THEN held.day_count
                     WHEN held.day_on = excluded.day_on THEN held.day_count + 1
                     ELSE excluded.day_count END
            FROM mission AS rule
            CROSS JOIN LATERAL (
                SELECT ARRAY(SELECT DISTINCT thing
                             FROM unnest(held.things || excluded.things) AS thing
                             ORDER BY thing) AS things) AS grown
            CROSS JOIN LATERAL (
                SELECT rule.kind = 'count' AND (held.day_on IS DISTINCT FROM excluded.day_on
                       OR held.day_count < rule.day_cap) AS fits) AS fits
            WHERE rule.id = held.mission_id
        )
        WHERE held.round <= (SELECT rounds FROM mission AS rule WHERE rule.id = held.mission_id)
    RETURNING held.mission_id, held.round, held.done
""")


def count(
    session: Session,
    member_id: int,
    asked: Sequence[tuple[Mission, str, Sequence[str]]],
    *,
    day: date,
    now: datetime,
    purchase_id: int | None = None,
) -> list[Counted]:
    """Note what happened for each (mission, key, things) and move the progress; one statement.

    What a mission has seen under this key moves nothing. The caller holds the member's row lock.
    """
    rows: list[dict[str, Any]] = [
        {
            "mission_id": mission.id,
            "key": key,
            "things": sorted(set(things)) if mission.kind == "set" else [],
            "period": period_of(mission, day),
        }
        for mission, key, things in asked
    ]
    moved = session.execute(
        _COUNT,
        {
            "asked": json.dumps(rows),
            "member_id": member_id,
            "day_on": day,
            "purchase_id": purchase_id,
            "happened_at": now,
        },
    )
    return [Counted(*row) for row in moved]
