"""The night that keeps favourites: by what has changed, and the same as of everybody anew."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from jobs import keep_favourites
from jobs.timetable import get_entry
from models import favourite
from models.checkout import Line, Return, Sale, record_purchase, refund_purchase
from models.favourite import FavouriteMark, MemberFavourite, favourite_of, work_out
from models.identity.merge import MemberMerge
from models.identity.merging import merge_members
from models.identity.unmerging import undo_merge
from models.member import Member
from models.staff import Staff
from tests.conftest import NOON
from tests.jobs.conftest import Worker

DAY = timedelta(days=1)
ITEMS = (
    ("D-1", "拿鐵", "咖啡"),
    ("D-2", "摩卡", "咖啡"),
    (None, "烏龍茶", "茶"),
    (None, "提袋", None),
)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep_favourites, "PAUSE_SECONDS", 0.01)


class Life:
    """A shop by whose own verbs people buy and give back, with real commits."""

    def __init__(self, worker: Worker, seed: int) -> None:
        self.worker = worker
        self.chance = random.Random(seed)
        self.members: list[Member] = [worker.member(joined_at=NOON) for _ in range(6)]
        self.staff: Staff = worker.run(lambda session: worker.maker.staff(session, "manager"))
        self.store = worker.run(worker.maker.store)
        self.sold: list[int] = []
        self.count = 0

    def key(self) -> str:
        self.count += 1
        return f"life:{id(self)}:{self.count}"

    def buy(self, now: datetime, member: Member | None = None, *items: Any) -> int:
        buyer = member or self.chance.choice(self.members)
        chosen = items or self.chance.sample(ITEMS, self.chance.randrange(1, 3))
        lines = tuple(Line(name, 100, sku=sku, category=of) for sku, name, of in chosen)
        sale = Sale(buyer.id, self.store, None, 100 * len(lines), self.key(), lines=lines)
        purchase_id: int = self.worker.run(
            lambda session: record_purchase(session, sale, now).purchase_id
        )
        self.sold.append(purchase_id)
        return purchase_id

    def give_back(self, purchase_id: int, now: datetime, lines: Any = ()) -> None:
        asked = Return(purchase_id, self.store, None, "不好喝", self.key(), lines=lines)
        self.worker.run(lambda session: refund_purchase(session, asked, now).refund.id)

    def merge(self, keep: Member, drop: Member, now: datetime) -> None:
        with self.worker.sessions.begin() as session:
            kept_card, dropped = (session.get_one(Member, each.id) for each in (keep, drop))
            told = {"reason": "同一位客人", "key": self.key()}
            self.merged = merge_members(
                session, kept_card, dropped, staff=self.staff, now=now, **told
            )

    def undo(self, now: datetime) -> None:
        with self.worker.sessions.begin() as session:
            merge = session.get_one(MemberMerge, self.merged.id)
            undo_merge(session, merge, staff=self.staff, now=now)

    def merge_or_undo(self, now: datetime) -> None:
        """Make one card of the first two, or take that back while one may."""
        if len(self.members) == 6:
            self.dropped = self.members.pop(1)
            self.merge(self.members[0], self.dropped, now)
        elif now < self.merged.undo_until:
            self.undo(now)
            self.members.insert(1, self.dropped)

    def night(self, now: datetime) -> int:
        return get_entry("keep_favourites").job(self.worker.sessions, now=now)


def kept(worker: Worker) -> dict[int, tuple[Any, ...]]:
    """Return what is stored of everybody, but for since when."""
    with worker.sessions() as session:
        return {
            row.member_id: (
                row.sku, row.item_name, row.orders, row.category, row.category_orders, row.stale_on
            )
            for row in session.scalars(select(MemberFavourite))
        }  # fmt: skip


def anew(worker: Worker, now: datetime) -> dict[int, tuple[Any, ...]]:
    """Return what working everybody out from nothing gives, and leave it so."""
    with worker.sessions.begin() as session:
        session.execute(text("DELETE FROM member_favourite"))
        work_out(session, list(session.scalars(select(Member.id))), now)
    return kept(worker)


@pytest.mark.parametrize("seed", range(3))
def test_what_the_nights_keep_is_what_working_all_out_anew_gives(
    worker: Worker, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A-16: over random weeks of sales, refunds, merges and a window that moves on."""
    monkeypatch.setattr(favourite, "PART", 2)
    life, now = Life(worker, seed), NOON
    for _ in range(9):
        for _ in range(life.chance.randrange(4)):
            life.buy(now)
        if life.sold and life.chance.random() < 0.4:
            life.give_back(life.sold.pop(life.chance.randrange(len(life.sold))), now)
        if life.chance.random() < 0.3:
            life.merge_or_undo(now)
        life.night(now)
        assert kept(worker) == anew(worker, now)
        now += timedelta(days=life.chance.choice((1, 30, 120)))


def test_a_night_looks_only_at_whom_something_concerns(worker: Worker) -> None:
    life = Life(worker, 1)
    first, second = life.members[:2]
    life.buy(NOON, first, ITEMS[0])
    life.buy(NOON, second, ITEMS[0])
    assert life.night(NOON) == 2
    worker.run(lambda session: session.execute(text("UPDATE member_favourite SET orders = 77")))

    life.buy(NOON + DAY, first, ITEMS[2])
    assert life.night(NOON + DAY) == 1

    with worker.sessions() as session:
        assert favourite_of(session, first.id).item_name == "烏龍茶"  # type: ignore[union-attr]
        assert favourite_of(session, second.id).orders == 77  # type: ignore[union-attr]
    assert life.night(NOON + DAY) == 0


def test_a_line_that_is_taken_back_counts_no_more(worker: Worker) -> None:
    life = Life(worker, 1)
    member = life.members[0]
    sold = life.buy(NOON, member, ITEMS[0], ITEMS[2])
    life.buy(NOON - DAY, member, ITEMS[0])
    life.night(NOON)

    life.give_back(sold, NOON, lines=((1, 1),))
    assert life.night(NOON + DAY) == 1

    with worker.sessions() as session:
        found = favourite_of(session, member.id)
        assert found is not None
        assert (found.item_name, found.orders, found.category) == ("烏龍茶", 1, "茶")


def test_a_purchase_leaves_the_window_by_itself(worker: Worker) -> None:
    life = Life(worker, 1)
    life.buy(NOON, life.members[0], ITEMS[0])
    life.night(NOON)

    assert life.night(NOON + 364 * DAY) == 0
    assert life.night(NOON + 365 * DAY) == 1
    assert kept(worker) == {}


def test_a_merge_and_its_undoing_move_what_is_liked(worker: Worker) -> None:
    life = Life(worker, 1)
    keep, drop = life.members[:2]
    life.buy(NOON, keep, ITEMS[2])
    for _ in range(2):
        life.buy(NOON, drop, ITEMS[0])
    life.night(NOON)

    life.merge(keep, drop, NOON + DAY)
    assert drop.id not in kept(worker)
    life.night(NOON + DAY)
    assert {member: row[1] for member, row in kept(worker).items()} == {keep.id: "拿鐵"}

    life.undo(NOON + 2 * DAY)
    life.night(NOON + 2 * DAY)
    assert {member: row[1] for member, row in kept(worker).items()} == {
        keep.id: "烏龍茶",
        drop.id: "拿鐵",
    }


def test_a_first_night_that_was_stopped_is_gone_on_with(worker: Worker) -> None:
    """Safe to stop anywhere: marks are set before everybody is gone through."""
    life = Life(worker, 1)
    for member in life.members:
        life.buy(NOON, member, ITEMS[0])
    with worker.sessions.begin() as session:
        favourite.begin_marks(session, {"purchase": 0, "refund": 0}, NOON)
        favourite.keep_of_everybody(session, NOON, limit=2)
    assert len(kept(worker)) == 2

    life.night(NOON)

    assert len(kept(worker)) == 6
    with worker.sessions() as session:
        assert {mark.fact for mark in session.scalars(select(FavouriteMark))} == {
            "purchase",
            "refund",
        }


def test_it_waits_for_a_sale_under_way_and_misses_it_not(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sale whose number was drawn before and is committed after is found the night after."""
    monkeypatch.setattr(keep_favourites, "TRIES", 1)
    life = Life(worker, 1)
    life.night(NOON)
    late, other = life.members[:2]
    with worker.sessions.begin() as session:
        lines = (Line("拿鐵", 100),)
        record_purchase(
            session, Sale(late.id, life.store, None, 100, life.key(), lines=lines), NOON
        )
        session.flush()
        life.buy(NOON, other, ITEMS[2])
        assert life.night(NOON + DAY) == 0

    assert life.night(NOON + 2 * DAY) == 2
    assert set(kept(worker)) == {late.id, other.id}


def test_a_first_night_that_cannot_tell_where_to_begin_waits_for_the_next(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep_favourites, "TRIES", 1)
    life = Life(worker, 1)
    life.buy(NOON, life.members[0], ITEMS[0])
    with worker.sessions.begin() as session:
        record_purchase(session, Sale(life.members[1].id, life.store, None, 100, life.key()), NOON)
        session.flush()
        assert life.night(NOON) == 0

    assert life.night(NOON + DAY) == 1
