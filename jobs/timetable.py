"""The timetable, one page: what runs daily, when in Taipei, how late it is still useful; what
comes round all day."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Protocol

from jobs import (
    apply_tag_rules,
    audit_sales,
    fit_forecasts,
    forget_identity,
    guard_budgets,
    keep_favourites,
    learn_channels,
    measure_kpis,
    move_files,
    nightly,
    note_engagement,
    offerings,
    open_campaigns,
    plans,
    prepare_figures,
    read_statistics,
    rebuild_classes,
    reconcile_quota,
    run_journeys,
    seal_ledger,
    send_report_letters,
    settle_referrals,
    tidy_counters,
)
from jobs.context import JobContext
from models.base import Sessions
from models.local_day import TAIPEI

SWEEP_SECONDS = 5
"""How often the clock looks for work whose wake-up was lost: events, deliveries, dead workers."""


class Job(Protocol):
    """Work at a time: in bounded parts, safe to run twice; returns how much it did."""

    def __call__(self, sessions: Sessions, *, now: datetime) -> int: ...


@dataclass(frozen=True)
class Entry:
    """One daily job. Missed while the clock was down, it is still run within `grace`."""

    name: str
    job: Job
    at: time
    grace: timedelta

    def latest_slot(self, now: datetime) -> datetime:
        """Return the newest moment not after `now` at which this is due, in Taipei's time."""
        local = now.astimezone(TAIPEI)
        due = datetime.combine(local.date(), self.at, TAIPEI)
        return due if due <= local else due - timedelta(days=1)


TIMETABLE: Sequence[Entry] = (
    Entry("end_plans", plans.end_plans, time(0, 5), timedelta(hours=23)),
    Entry("evaluate_tiers", nightly.evaluate_tiers, time(0, 10), timedelta(hours=23)),
    Entry("activate_points", nightly.activate_points, time(0, 20), timedelta(hours=23)),
    Entry("expire_points", nightly.expire_points, time(0, 30), timedelta(hours=23)),
    Entry("expire_stamps", plans.expire_stamps, time(0, 40), timedelta(hours=23)),
    Entry("make_birthday_cards", nightly.make_birthday_cards, time(1, 0), timedelta(hours=22)),
    Entry("measure_value_factors", nightly.measure_value_factors, time(2, 0), timedelta(hours=20)),
    Entry("measure_kpis", measure_kpis.measure_kpis, time(2, 10), timedelta(hours=20)),
    Entry("learn_channels", learn_channels.learn_channels, time(2, 15), timedelta(hours=20)),
    Entry("keep_favourites", keep_favourites.keep_favourites, time(2, 20), timedelta(hours=20)),
    Entry("rebuild_classes", rebuild_classes.rebuild_classes, time(2, 30), timedelta(hours=20)),
    Entry("apply_tag_rules", apply_tag_rules.apply_tag_rules, time(2, 50), timedelta(hours=20)),
    Entry("fit_forecasts", fit_forecasts.fit_forecasts, time(3, 0), timedelta(hours=20)),
    Entry("seal_ledger", seal_ledger.seal_ledger, time(3, 30), timedelta(hours=20)),
    Entry("forget_old", nightly.forget_old, time(4, 0), timedelta(hours=20)),
    Entry("forget_identity", forget_identity.forget_identity, time(4, 10), timedelta(hours=20)),
    Entry("want_figures", prepare_figures.want_figures, time(4, 15), timedelta(hours=19)),
    Entry("tidy_counters", tidy_counters.tidy_counters, time(4, 20), timedelta(hours=19)),
    Entry("settle_referrals", settle_referrals.settle_referrals, time(10, 30), timedelta(hours=10)),
)


@dataclass(frozen=True)
class Round:
    """One job that comes round all day. A round that was missed needs no catching up."""

    name: str
    job: Job
    every: timedelta


ROUNDS: Sequence[Round] = (
    Round("audit_sales", audit_sales.audit_sales, timedelta(minutes=3)),
    Round("note_engagement", note_engagement.note_engagement, timedelta(minutes=5)),
    Round("open_campaigns", open_campaigns.open_campaigns, timedelta(minutes=1)),
    Round("apply_offerings", offerings.apply_offerings, timedelta(minutes=5)),
    Round("run_journeys", run_journeys.run_journeys, timedelta(minutes=1)),
    Round("guard_budgets", guard_budgets.guard_budgets, timedelta(minutes=2)),
)


class Call(Protocol):
    """Work that asks LINE something: bounded, safe to run twice; returns how much it did."""

    def __call__(self, context: JobContext) -> Awaitable[int]: ...


@dataclass(frozen=True)
class Asking:
    """A round whose job speaks with LINE. It may come sooner than there is anything to ask."""

    name: str
    job: Call
    every: timedelta


CALLS: Sequence[Asking] = (
    Asking("reconcile_quota", reconcile_quota.reconcile_quota, timedelta(minutes=10)),
    Asking("read_statistics", read_statistics.read_statistics, timedelta(hours=1)),
    Asking("send_report_letters", send_report_letters.send_report_letters, timedelta(minutes=10)),
    Asking("sweep_files", move_files.sweep_files, timedelta(minutes=5)),
)
COMING_ROUND: Sequence[Round | Asking] = (*ROUNDS, *CALLS)


def get_entry(name: str) -> Entry:
    """Return the entry with this name. Raises KeyError."""
    return {entry.name: entry for entry in TIMETABLE}[name]


def get_round(name: str) -> Round:
    """Return the round with this name. Raises KeyError."""
    return {each.name: each for each in ROUNDS}[name]


def get_call(name: str) -> Asking:
    """Return the round that asks LINE, with this name. Raises KeyError."""
    return {each.name: each for each in CALLS}[name]


def list_due(now: datetime) -> list[tuple[Entry, str]]:
    """Return each entry whose newest slot is still useful at `now`, with that slot's name."""
    slots = [(entry, entry.latest_slot(now)) for entry in TIMETABLE]
    return [
        (entry, slot.isoformat(timespec="minutes"))
        for entry, slot in slots
        if now - slot <= entry.grace
    ]
