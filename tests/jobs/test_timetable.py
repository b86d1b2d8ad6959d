"""The timetable: each slot once, late where it is still useful, and twice without harm."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from jobs import nightly
from jobs.clock import catch_up
from jobs.queue import make_sync_queue, run_slot
from jobs.timetable import TIMETABLE, Entry, get_entry, list_due
from models.browse_event import KEPT_DAYS, BrowseEvent, Look, keep_looks
from models.coupon import Coupon, get_template, issue_coupon
from models.database import libpq_conninfo
from models.friend import FORGET_AFTER, Conversation, Friend, converse
from models.job_run import JobRun, begin_run, finish_run, last_runs
from models.line_event import LineEvent
from models.local_day import TAIPEI
from models.member import Member
from models.outbox import Owed
from models.points import PointsLot
from models.tier import Tier, TierChange
from tests.conftest import NOON
from tests.jobs.conftest import Worker, a_person

NIGHTLY = {
    "apply_tag_rules",
    "learn_channels",
    "measure_kpis",
    "activate_points",
    "end_plans",
    "evaluate_tiers",
    "expire_points",
    "expire_stamps",
    "fit_forecasts",
    "forget_identity",
    "forget_old",
    "keep_favourites",
    "make_birthday_cards",
    "measure_value_factors",
    "rebuild_classes",
    "seal_ledger",
    "tidy_counters",
    "want_figures",
}
"""What is as useful in the evening as in its night."""
TOLD = {"settle_referrals"}
"""What members hear of: not after bedtime."""
NAMES = tuple(sorted(NIGHTLY | TOLD))
TODAY = date(2026, 11, 22)


def taipei(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=TAIPEI).astimezone(UTC)


def run(worker: Worker, name: str, slot: str = "2026-11-22T10:00+08:00") -> int:
    return run_slot(worker.context, name, slot)


# --- when


def test_every_job_has_its_name_once() -> None:
    assert tuple(sorted(entry.name for entry in TIMETABLE)) == NAMES
    assert get_entry("forget_old").job is nightly.forget_old
    with pytest.raises(KeyError):
        get_entry("forget_all")


def test_no_slot_is_useful_for_longer_than_until_the_next() -> None:
    assert all(timedelta(0) < entry.grace < timedelta(days=1) for entry in TIMETABLE)


@pytest.mark.parametrize(
    ("at", "now", "slot"),
    [
        (time(0, 10), taipei(22, 0, 10), taipei(22, 0, 10)),
        (time(0, 10), taipei(22, 0, 9), taipei(21, 0, 10)),
        (time(0, 0), taipei(22, 0), taipei(22, 0)),
        (time(0, 0), taipei(21, 23, 59), taipei(21, 0)),
        (time(10, 0), taipei(22, 7), taipei(21, 10)),
        (time(10, 0), taipei(22, 23, 59), taipei(22, 10)),
        (time(7, 30), datetime(2026, 11, 21, 23, 30, tzinfo=UTC), taipei(22, 7, 30)),
    ],
)
def test_the_newest_slot_is_found_in_taipeis_time(at: time, now: datetime, slot: datetime) -> None:
    entry = Entry("x", nightly.forget_old, at, timedelta(hours=1))

    assert entry.latest_slot(now) == slot


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (taipei(22, 0, 4), {"forget_identity"}),
        (taipei(22, 0, 5), {"forget_identity", "end_plans"}),
        (taipei(22, 0, 11), {"end_plans", "evaluate_tiers"}),
        (taipei(22, 10), NIGHTLY),
        (taipei(22, 10, 30), set(NAMES)),
        (taipei(22, 20, 30), set(NAMES)),
        (taipei(22, 20, 31), NIGHTLY),
    ],
)
def test_a_slot_is_due_while_it_is_useful(now: datetime, due: set[str]) -> None:
    assert {entry.name for entry, _ in list_due(now)} == due


def test_a_slot_is_named_by_its_taipei_moment() -> None:
    assert ("evaluate_tiers", "2026-11-22T00:10+08:00") in [
        (entry.name, slot) for entry, slot in list_due(NOON)
    ]


# --- once


def test_a_slot_is_run_once_and_noted(worker: Worker) -> None:
    worker.member(points=30, points_expire_on=TODAY)

    assert run(worker, "expire_points") == 30
    assert run(worker, "expire_points") == 0

    (noted,) = worker.run(lambda session: last_runs(session, 10))
    assert (noted.name, noted.done, noted.finished_at) == ("expire_points", 30, NOON)


def test_a_slot_that_was_begun_and_not_finished_is_run_again(worker: Worker) -> None:
    slot = "2026-11-22T10:00+08:00"
    assert worker.run(lambda s: begin_run(s, "forget_old", slot, NOON))
    assert worker.run(lambda s: begin_run(s, "forget_old", slot, NOON))
    worker.run(lambda s: finish_run(s, "forget_old", slot, 7, NOON))

    assert not worker.run(lambda s: begin_run(s, "forget_old", slot, NOON))
    assert worker.run(lambda s: s.get_one(JobRun, ("forget_old", slot)).done) == 7


def test_a_slot_whose_job_breaks_is_left_unfinished(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> int:
        raise ValueError("a bug")

    entry = Entry("broken", broken, time(0, 0), timedelta(hours=1))
    monkeypatch.setattr("jobs.queue.get_entry", lambda _name: entry)

    with pytest.raises(ValueError, match="a bug"):
        run(worker, "broken")
    assert worker.run(lambda s: last_runs(s, 1))[0].finished_at is None


@pytest.mark.parametrize("name", sorted({*NAMES} - {"want_figures"}))  # It makes every figure.
def test_a_job_with_nothing_to_do_does_nothing(worker: Worker, name: str) -> None:
    assert run(worker, name) == 0


def test_after_downtime_what_is_still_useful_is_caught_up_once(worker: Worker) -> None:
    slot = "2026-11-22T00:10+08:00"
    worker.run(lambda s: begin_run(s, "evaluate_tiers", slot, NOON))
    worker.run(lambda s: finish_run(s, "evaluate_tiers", slot, 0, NOON))
    queue = make_sync_queue(libpq_conninfo(worker.url))

    with queue.open():
        first = catch_up(queue, worker.sessions, NOON)
        again = catch_up(queue, worker.sessions, NOON)

    assert set(first) == set(NAMES) - {"evaluate_tiers"}
    assert len(first) == len(set(first))
    assert again == first
    waiting = worker.run(
        lambda s: (
            s.connection()
            .exec_driver_sql("SELECT args->>'name' FROM procrastinate_jobs WHERE status = 'todo'")
            .scalars()
            .all()
        )
    )
    assert sorted(waiting) == sorted(first)


# --- what each does


def test_more_members_than_a_part_are_all_reached(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly, "PART", 2)
    members = [worker.member(points=10) for _ in range(5)]
    for member in members:
        worker.change(PointsLot, _lot(worker, member).entry_id, expires_on=TODAY)

    assert run(worker, "expire_points") == 50
    assert run(worker, "evaluate_tiers") == 0
    assert nightly.expire_points(worker.sessions, now=NOON) == 0


def test_points_end_on_their_day_in_taipei(worker: Worker) -> None:
    member = worker.member(points=30, points_expire_on=TODAY + timedelta(days=1))
    worker.clock.now = taipei(22, 23, 59)
    assert run(worker, "expire_points", "a") == 0
    worker.clock.now = taipei(23, 0)

    assert run(worker, "expire_points", "b") == 30
    assert worker.run(lambda s: s.get_one(Member, member.id).points) == 0
    assert run(worker, "expire_points", "c") == 0


def test_a_tier_whose_year_is_over_falls_and_its_member_is_told(worker: Worker) -> None:
    member = worker.member(tier="gold", tier_kept_until=TODAY)
    kept = worker.member(tier="gold", tier_kept_until=TODAY + timedelta(days=1))

    assert run(worker, "evaluate_tiers") == 1
    worker.deliver_outbox()

    assert _tier(worker, member).rank == 0
    assert _tier(worker, kept).code == "gold"
    assert [call.to for call in worker.line.said] == [member.line_user_id]
    assert worker.run(lambda s: s.scalar(select(func.count()).select_from(TierChange))) == 1


def test_what_is_old_is_forgotten_and_what_waits_is_kept(worker: Worker) -> None:
    person = a_person()
    worker.befriend(person)
    done, waiting = worker.receive(person, said="x"), worker.receive(person, said="y")
    worker.change(LineEvent, done, state="done")
    sent, unsent = worker.owe(person), worker.owe(person)
    worker.change(Friend, person, is_following=True)
    worker.run(lambda s: converse(s, person, "join", "name", worker.clock.now))
    worker.change(Owed, sent, state="accepted", settled_at=NOON)
    seen_at = worker.clock.now - timedelta(days=KEPT_DAYS) + FORGET_AFTER
    looks = [Look("e", worker.member().number, "view", seen_at)]
    worker.run(lambda s: keep_looks(s, "shop", looks, worker.clock.now))
    worker.clock.advance(days=FORGET_AFTER.days, seconds=1)

    assert run(worker, "forget_old") == 4
    assert worker.run(lambda s: s.get(BrowseEvent, ("shop", "e"))) is None
    assert worker.run(lambda s: s.get(LineEvent, done)) is None
    assert worker.event(waiting).state == "waiting"
    assert [row.id for row in worker.rows()] == [unsent]
    assert worker.run(lambda s: s.get(Conversation, person)) is None


def _coupons(worker: Worker, member: Member) -> list[Coupon]:
    found = select(Coupon).where(Coupon.member_id == member.id)
    return list(worker.run(lambda session: session.scalars(found).all()))


def _lot(worker: Worker, member: Member) -> PointsLot:
    found = select(PointsLot).where(PointsLot.member_id == member.id)
    lot: PointsLot = worker.run(lambda session: session.scalars(found).one())
    return lot


def _tier(worker: Worker, member: Member) -> Tier:
    def read(session: Any) -> Tier:
        found: Tier = session.get_one(Tier, session.get_one(Member, member.id).tier_id)
        return found

    tier: Tier = worker.run(read)
    return tier


def _give(worker: Worker, member: Member, key: str, *, days: int) -> None:
    def issue(session: Any) -> None:
        issued_at = worker.clock.now - timedelta(days=10)
        template = get_template(session, "birthday")
        coupon = issue_coupon(session, member.id, template, issue_key=key, now=issued_at)
        assert coupon is not None
        coupon.expires_at = worker.clock.now + timedelta(days=days)

    worker.run(issue)
