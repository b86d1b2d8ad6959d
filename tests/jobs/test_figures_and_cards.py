"""Two nights' works: the value factors of everybody, and the birthday cards to write."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from jobs import nightly
from jobs.queue import run_slot
from jobs.timetable import get_entry
from models.birthday_card import BirthdayCard
from models.member import Member
from models.metric import VALUE_FACTORS, MemberMetric
from tests.jobs.conftest import Worker


def run(worker: Worker, name: str, slot: str) -> int:
    return run_slot(worker.context, name, f"2026-11-22T{slot}+08:00")


def test_everybodys_value_factors_are_measured_in_parts(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D-01: the five value factors, nightly, bounded, and again without a change."""
    monkeypatch.setattr(nightly, "MEASURED_AT_ONCE", 2)
    members = [worker.member(spend_twd=100 * number) for number in range(1, 6)]

    assert run(worker, "measure_value_factors", "02:00") == 5 * len(VALUE_FACTORS)
    assert run(worker, "measure_value_factors", "02:01") == 0

    spends = worker.run(
        lambda session: session.scalars(
            select(MemberMetric.value)
            .where(MemberMetric.name == "value_spend")
            .order_by(MemberMetric.member_id)
        ).all()
    )
    assert list(spends) == [100, 200, 300, 400, 500]
    assert len(members) == len(spends)


def test_who_has_left_is_not_measured(worker: Worker) -> None:
    member = worker.member()
    columns = {"line_user_id": None, "name": None, "phone": None, "birthday": None}
    worker.change(Member, member.id, erased_at=worker.clock.now, marketing_allowed=False, **columns)

    assert run(worker, "measure_value_factors", "02:00") == 0


def test_birthday_cards_are_made_in_parts_and_once(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C-13: nightly and idempotent."""
    monkeypatch.setattr(nightly, "PART", 2)
    for day in (1, 2, 3, 4, 5):
        worker.member(tier="black", birthday=date(1980, 12, day))

    assert run(worker, "make_birthday_cards", "01:00") == 5
    assert run(worker, "make_birthday_cards", "01:01") == 0
    assert len(worker.run(lambda session: session.scalars(select(BirthdayCard)).all())) == 5


@pytest.mark.parametrize("name", ["measure_value_factors", "make_birthday_cards"])
def test_both_run_while_the_shop_sleeps(name: str) -> None:
    entry = get_entry(name)

    assert entry.at.hour < 6
