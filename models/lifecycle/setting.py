"""What the lifecycle models are set to, in versions: windows, loyal orders, which cycle holds.

A version is never changed. A day is told by the version in force at its end and by the cycle as
it was estimated then, so that what was shown then can be shown again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.lifecycle.cycle import ASSUMED, ASSUMED_DAYS, ESTIMATED, FIXED, SET, SHOP, Cycle
from models.lifecycle.measuring import Estimate, estimate_as_of
from models.lifecycle.refusals import LifecycleRefused
from models.lifecycle.table import (
    CYCLE_LEVELS,
    LONGEST_CYCLE_DAYS,
    SHORTEST_CYCLE_DAYS,
    THE_SHOP,
    LifecycleSetting,
    RepurchaseCycle,
)
from models.local_day import day_start, local_day

CYCLES_LIMIT = 60
LIMITS = {
    "window_days": (1, 1825),
    "loyal_orders": (2, 100),
    "near_cycles": (1, CYCLES_LIMIT),
    "far_cycles": (2, CYCLES_LIMIT),
    "cycle_days": (SHORTEST_CYCLE_DAYS, LONGEST_CYCLE_DAYS),
}
"""Between what each number may be chosen."""
CHOSEN = (*LIMITS, "cycle_level")
"""What a shop chooses."""
LONGEST_NOTE = 200
MOST_LISTED = 20


@dataclass(frozen=True)
class LifecycleSettings:
    """The settings in force on a day, with the cycle; without a version, those every shop has."""

    window_days: int = 90
    """NAPL, both dialects: how long a customer may be silent."""
    loyal_orders: int = 3
    """NAPL of the article: from so many purchases on an active customer is loyal."""
    near_cycles: int = 3
    """NASLD: within so many cycles a customer is active or new."""
    far_cycles: int = 6
    """NASLD: after so many cycles without a purchase a customer is archived."""
    cycle_level: str = "shop"
    cycle_days: int | None = None
    """A cycle that the shop says itself; it goes before any level."""
    version: int | None = None
    """The id of the version; None where nobody has set anything."""
    cycle: Cycle = field(default_factory=Cycle)
    """The cycle that all this comes to."""

    def for_category(self, category: str) -> "LifecycleSettings":
        """Return the settings by the cycle of one category for everybody: the shop's, if none."""
        if self.cycle.level == FIXED:
            return self
        days = self.cycle.by_category.get(category, self.cycle.days)
        return replace(self, cycle=replace(self.cycle, days=days, level=SHOP))


def get_settings(session: Session, on: date) -> LifecycleSettings:
    """Return the settings in force at the end of a day, with the cycle as of it; one small query.

    Where no estimate was kept by then, as before the first night has looked back, the purchases up
    to that day are estimated from, which takes seconds in a large shop.
    """
    setting, kept = _read(session, on)
    chosen = {name: getattr(setting, name) for name in CHOSEN} if setting is not None else {}
    settings = LifecycleSettings(**chosen, version=setting.id if setting is not None else None)
    return replace(settings, cycle=_cycle(session, settings, kept, on))


def _read(session: Session, on: date) -> tuple[LifecycleSetting | None, list[RepurchaseCycle]]:
    setting = (
        select(LifecycleSetting.id)
        .where(LifecycleSetting.set_at < day_start(on + timedelta(days=1)))
        .order_by(LifecycleSetting.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    newest_on = (
        select(func.max(RepurchaseCycle.measured_on))
        .where(RepurchaseCycle.measured_on <= on)
        .scalar_subquery()
    )
    one = select(setting.label("setting_id"), newest_on.label("measured_on")).subquery()
    rows = session.execute(
        select(LifecycleSetting, RepurchaseCycle)
        .select_from(one)
        .join(LifecycleSetting, LifecycleSetting.id == one.c.setting_id, isouter=True)
        .join(RepurchaseCycle, RepurchaseCycle.measured_on == one.c.measured_on, isouter=True)
    ).all()
    cycles: list[RepurchaseCycle | None] = [cycle for _, cycle in rows]
    return rows[0][0], [cycle for cycle in cycles if cycle is not None]


def _cycle(
    session: Session, settings: LifecycleSettings, kept: Sequence[RepurchaseCycle], on: date
) -> Cycle:
    """Put together what holds: the number that was set, or the estimates at the chosen level."""
    if settings.cycle_days is not None:
        return Cycle(settings.cycle_days, FIXED, SET)
    found = {cycle.category: _as_estimate(cycle) for cycle in kept}
    if not found:
        found = estimate_as_of(session, on)
    shop = found.pop(THE_SHOP)
    return Cycle(
        days=shop.days or ASSUMED_DAYS,
        level=settings.cycle_level,
        source=ESTIMATED if shop.days else ASSUMED,
        members=shop.members,
        intervals=shop.intervals,
        measured_on=kept[0].measured_on if kept else on,
        by_category={name: estimate.days for name, estimate in found.items() if estimate.days},
    )


def _as_estimate(kept: RepurchaseCycle) -> Estimate:
    return Estimate(None if kept.is_assumed else kept.cycle_days, kept.members, kept.intervals)


def change_settings(
    session: Session, changes: Mapping[str, int | str | None], *, note: str, by: str, now: datetime
) -> LifecycleSetting:
    """Keep a new version: what `changes` does not name stays as it is. It holds from its day on.

    The names are CHOSEN; `{"cycle_days": None}` goes back to the estimate. Raises
    LifecycleRefused.
    """
    chosen = _chosen(session, changes, local_day(now))
    wrong = _wrong(chosen)
    if not 0 < len(note.strip()) <= LONGEST_NOTE:
        wrong["note"] = f"1–{LONGEST_NOTE}"
    if wrong:
        raise LifecycleRefused(why=wrong)
    version = LifecycleSetting(**chosen, note=note.strip(), set_by=by, set_at=now)
    session.add(version)
    session.flush()
    return version


def foresee_settings(
    session: Session, changes: Mapping[str, int | str | None], on: date
) -> LifecycleSettings:
    """Return what `changes` would make of a day's settings, with the cycle it would come to.

    Raises LifecycleRefused.
    """
    chosen = _chosen(session, changes, on)
    wrong = _wrong(chosen)
    if wrong:
        raise LifecycleRefused(why=wrong)
    settings = LifecycleSettings(**chosen)
    return replace(settings, cycle=_cycle(session, settings, _read(session, on)[1], on))


def _chosen(session: Session, changes: Mapping[str, int | str | None], on: date) -> dict[str, Any]:
    """Return what is chosen on a day, with `changes` in the place of what they name."""
    held, _ = _read(session, on)
    settings = held or LifecycleSettings()
    return {name: getattr(settings, name) for name in CHOSEN} | dict(changes)


def _wrong(chosen: Mapping[str, int | str | None]) -> dict[str, str]:
    """Return what makes no sense, by name, each with what it may be."""
    wrong = {name: " | ".join(CHOSEN) for name in chosen if name not in CHOSEN}
    numbers: dict[str, int] = {}
    for name, (low, high) in LIMITS.items():
        value = chosen[name]
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            numbers[name] = value
        elif name != "cycle_days" or value is not None:
            wrong[name] = f"{low}–{high}"
    if numbers.get("near_cycles", 0) >= numbers.get("far_cycles", CYCLES_LIMIT + 1):
        wrong["far_cycles"] = f"{numbers['near_cycles'] + 1}–{CYCLES_LIMIT}"
    if chosen["cycle_level"] not in CYCLE_LEVELS:
        wrong["cycle_level"] = " | ".join(CYCLE_LEVELS)
    return wrong


def list_settings(session: Session, *, limit: int = MOST_LISTED) -> Sequence[LifecycleSetting]:
    """Return the versions there were, newest first."""
    newest = select(LifecycleSetting).order_by(LifecycleSetting.id.desc()).limit(limit)
    return session.scalars(newest).all()
