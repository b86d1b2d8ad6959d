"""Every day: read what LINE counted of the last two weeks' runs, within LINE's 60 an hour."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from jobs.context import JobContext
from models.insight.unit import Asked, keep_unit_figure, list_units_to_read

log = structlog.get_logger()


async def read_statistics(context: JobContext) -> int:
    """Ask LINE about each unit name that was not read today; return how many it told of.

    One call after another, at most as many as LINE answers in an hour. Safe to stop anywhere: a
    name is kept as soon as it is read, and the next hour goes on with those read longest ago.
    """
    asked = await asyncio.to_thread(_list_due, context)
    read = 0
    for unit in asked:
        told = await context.line.unit_statistics(unit.unit_name, unit.from_on, unit.to_on)
        if told is None:
            break  # No token, no LINE, or too many questions: the next hour asks again.
        await asyncio.to_thread(_keep, context, unit, told)
        read += 1
    log.info("statistics_read", read=read, left=len(asked) - read)
    return read


def _list_due(context: JobContext) -> list[Asked]:
    with context.sessions() as session:
        return list_units_to_read(session, context.clock())


def _keep(context: JobContext, unit: Asked, told: Mapping[str, Any]) -> None:
    overview = told.get("overview") or {}
    with context.sessions.begin() as session:
        keep_unit_figure(
            session,
            unit,
            context.clock(),
            impressions=_figure(overview.get("uniqueImpression")),
            clicks=_figure(overview.get("uniqueClick")),
            plays=_figure(overview.get("uniqueMediaPlayed")),
            urls=[_url(each) for each in told.get("clicks") or ()],
        )


def _url(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "url": str(told.get("url", "")),
        "clicks": _figure(told.get("click")),
        "unique_clicks": _figure(told.get("uniqueClick")),
    }


def _figure(told: object) -> int | None:
    """Return a figure as LINE told it; null, and whatever is no count, is not known."""
    return told if isinstance(told, int) and not isinstance(told, bool) else None
