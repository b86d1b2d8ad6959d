"""The quota: what is reserved, used and left; never above the ceiling, each key once."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from models.quota import (
    HIGH,
    PlanRefused,
    QuotaEntry,
    QuotaHold,
    QuotaMonth,
    Step,
    change_plan,
    cost_of,
    get_plan,
    list_leftovers,
    list_plan_versions,
    message_cost,
    month_of,
    note_line_figure,
    note_quota_gone,
    remaining,
    reserve,
    reserve_many,
    settle_use,
)
from tests.conftest import NOON

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NEXT_MONTH = datetime(2026, 12, 1, 4, tzinfo=NOON.tzinfo)


def limit(session: Session, cap: int | None, *, service: int = 0, now: datetime = NOON) -> None:
    """Let the shop have a cap, and so many messages kept for service."""
    changes: dict[str, Any] = {"hard_cap": cap, "service_reserve": service}
    change_plan(session, None, changes, from_month=month_of(now), note="t", by="t", now=now)


def ask(
    session: Session, key: str, wanted: int, *, service: bool = False, now: datetime = NOON
) -> int:
    """Reserve for a run, or for service."""
    source = "outbox" if service else "campaign:1"
    return reserve(session, source=source, key=key, wanted=wanted, is_service=service, now=now)


def sums(session: Session) -> tuple[int, int]:
    """Return what is used and reserved."""
    left = remaining(session, NOON)
    return left.used, left.reserved


# --- the ledger ---


def test_reserving_takes_all_or_a_part_and_never_more_than_the_ceiling(session: Session) -> None:
    """U2: a reservation is granted as far as the month goes, before anything is sent."""
    limit(session, 1_000)
    assert [ask(session, "a", 700), ask(session, "b", 700), ask(session, "c", 1)] == [700, 300, 0]
    assert sums(session) == (0, 1_000)
    assert session.scalars(select(QuotaHold.key).order_by(QuotaHold.key)).all() == ["a", "b"]


def test_a_key_asked_again_gets_what_it_got(session: Session) -> None:
    """U2: a worker that begins a batch anew reserves nothing twice, sent or not."""
    limit(session, 1_000)
    assert ask(session, "a", 600) == ask(session, "a", 600) == 600
    settle_use(session, {"a": 400}, NOON)
    settle_use(session, {"a": 400}, NOON)
    assert sums(session) == (400, 0)
    assert ask(session, "a", 600) == 400
    assert sums(session) == (400, 0)


def test_what_was_not_used_is_free_again_and_may_be_asked_for_anew(session: Session) -> None:
    """U2: a push that was refused costs nothing."""
    limit(session, 10)
    assert ask(session, "a", 10) == 10
    settle_use(session, {"a": 0, "never reserved": 1}, NOON)
    assert sums(session) == (0, 0)
    assert ask(session, "b", 4) == 4
    assert ask(session, "a", 10) == 6


def test_many_keys_are_served_in_their_order(session: Session) -> None:
    limit(session, 1_000)
    wanted = {"a": 500, "b": 300, "c": 500, "d": 500}
    asked: dict[str, Any] = {"source": "campaign:1", "is_service": False, "now": NOON}
    assert reserve_many(session, wanted, **asked) == {"a": 500, "b": 300, "c": 200, "d": 0}
    assert reserve_many(session, wanted, **asked) == {"a": 500, "b": 300, "c": 200, "d": 0}
    assert reserve_many(session, {}, **asked) == {}
    settle_use(session, {"a": 500, "b": 0, "c": 200}, NOON)
    assert sums(session) == (700, 0)


def test_more_than_reserved_is_never_used(session: Session) -> None:
    limit(session, 10)
    ask(session, "a", 5)
    with pytest.raises(ValueError, match="6 messages used of 5 reserved"):
        settle_use(session, {"a": 6}, NOON)


def test_the_database_itself_refuses_sums_above_the_ceiling(session: Session) -> None:
    """U1, X1: a hard cap is a constraint, not a promise of the code."""
    limit(session, 10)
    ask(session, "a", 10)
    for change in ({"used": 1}, {"ceiling": 9}, {"reserved": -1}, {"service_used": 1}):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(update(QuotaMonth).values(change))


def test_the_ledger_refuses_changes(session: Session) -> None:
    limit(session, 10)
    ask(session, "a", 10)
    for change in (update(QuotaEntry).values(messages=1), delete(QuotaEntry)):
        with pytest.raises(DBAPIError, match="is append-only"), session.begin_nested():
            session.execute(change)
    settle_use(session, {"a": 10}, NOON)
    twice = text(
        "INSERT INTO quota_entry (month, kind, source, key, messages, is_service,"
        " cost_twd, at) SELECT month, kind, source, key, messages, is_service, cost_twd,"
        " at FROM quota_entry WHERE kind = 'use'"
    )
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(twice)


def test_a_month_is_taipeis_and_begins_empty(session: Session) -> None:
    """U1: on 30 November, 16:30 UTC, it is December in Taipei."""
    limit(session, 10)
    assert ask(session, "a", 10) == 10
    december = datetime(2026, 11, 30, 16, 30, tzinfo=NOON.tzinfo)
    assert ask(session, "b", 3, now=december - HOUR) == 0
    assert ask(session, "b", 3, now=december) == 3
    settle_use(session, {"a": 10}, december)
    months = {row.month: (row.used, row.reserved) for row in session.scalars(select(QuotaMonth))}
    assert months == {date(2026, 11, 1): (10, 0), date(2026, 12, 1): (0, 3)}


def test_what_nobody_settled_is_listed(session: Session) -> None:
    """U2: a reservation whose owner died shows; it is let go of when its row is settled."""
    ask(session, "dead", 5, now=NOON - DAY - 2 * HOUR)
    ask(session, "alive", 5, now=NOON - DAY)
    assert [hold.key for hold in list_leftovers(session, NOON)] == ["dead"]


# --- service first ---


def test_campaigns_cannot_touch_what_is_kept_for_service(session: Session) -> None:
    """U3: when campaigns have had all they may, order notices still go."""
    limit(session, 1_000, service=100)
    assert ask(session, "campaign", 5_000) == 900
    assert ask(session, "more", 1) == 0
    assert ask(session, "notice", 60, service=True) == 60
    assert remaining(session, NOON).service_left == 40
    assert ask(session, "more", 1) == 0
    assert ask(session, "notices", 60, service=True) == 40


def test_service_uses_its_reserve_first(session: Session) -> None:
    """U3: what service took of its reserve is not kept a second time."""
    limit(session, 1_000, service=100)
    ask(session, "notice", 150, service=True)
    settle_use(session, {"notice": 150}, NOON)
    assert remaining(session, NOON).left_for_marketing == 850
    assert ask(session, "campaign", 5_000) == 850


def test_marketing_waits_after_lines_monthly_limit(session: Session) -> None:
    """U3: 429 "monthly limit" may be a passing one; service asks again, campaigns wait."""
    note_quota_gone(session, NOON)
    assert remaining(session, NOON).is_gone
    assert ask(session, "campaign", 5) == 0
    assert ask(session, "notice", 5, service=True) == 5
    assert ask(session, "campaign", 5, now=NOON + HOUR) == 5
    note_quota_gone(session, NOON)
    note_line_figure(session, 10, 6_000, NOON)
    assert ask(session, "again", 5) == 5


# --- LINE's own figure ---


def test_lines_figure_tells_what_was_sent_elsewhere(session: Session) -> None:
    """U2: the OA Manager's messages count; the difference is shown."""
    limit(session, 1_000)
    ask(session, "a", 400)
    settle_use(session, {"a": 400}, NOON)
    assert note_line_figure(session, 550, 6_000, NOON)
    left = remaining(session, NOON)
    assert (left.elsewhere, left.difference, left.left) == (150, 150, 450)
    assert note_line_figure(session, 390, 6_000, NOON + DAY)
    left = remaining(session, NOON)
    assert (left.elsewhere, left.difference, left.left) == (0, -10, 600)
    entries = session.scalars(select(QuotaEntry.messages).where(QuotaEntry.kind == "reconcile"))
    assert sorted(entries) == [-150, 150]


def test_a_limit_lowered_in_the_oa_manager_lowers_ours(session: Session) -> None:
    """U2, U1: never above LINE's limit, and below what is used already nothing more goes."""
    limit(session, 1_000)
    ask(session, "a", 700)
    settle_use(session, {"a": 300}, NOON)
    note_line_figure(session, 300, 500, NOON)
    assert remaining(session, NOON).left == 200
    ask(session, "b", 200)
    note_line_figure(session, 300, 400, NOON)
    assert (remaining(session, NOON).left, ask(session, "c", 1)) == (0, 0)
    settle_use(session, {"b": 0}, NOON)
    assert ask(session, "c", 500) == 100


def test_lines_limit_stays_known_into_the_next_month(session: Session) -> None:
    limit(session, None)
    note_line_figure(session, 10, 50, NOON)
    assert ask(session, "a", 60, now=NEXT_MONTH) == 50
    note_line_figure(session, 0, None, NEXT_MONTH + DAY)
    assert remaining(session, NEXT_MONTH + DAY).left is None


def test_a_figure_of_the_last_month_is_not_taken_for_this_one(session: Session) -> None:
    """U2: where LINE's month begins is not told; a count that has not fallen is the old one."""
    note_line_figure(session, 5_000, 6_000, NOON)
    assert not note_line_figure(session, 5_020, 6_000, NEXT_MONTH)
    assert remaining(session, NEXT_MONTH).elsewhere == 0
    assert note_line_figure(session, 20, 6_000, NEXT_MONTH + HOUR)
    assert remaining(session, NEXT_MONTH).elsewhere == 20


# --- plan and price ---


def test_ten_thousand_messages_on_high_cost_two_thousand(session: Session) -> None:
    """U1: 10,000 messages on high ≈ 1,200 + 4,000 × 0.2 = NT$2,000."""
    cost = cost_of(session, 10_000, NOON)
    assert (cost.free, cost.paid, cost.short) == (6_000, 4_000, 0)
    assert (cost.more_twd, cost.bill_twd) == (Decimal(800), Decimal(2_000))


def test_a_plan_without_further_messages_ends_with_the_free_ones(session: Session) -> None:
    """U1: medium has 3,000 and no top-up."""
    month = month_of(NOON)
    change_plan(session, "medium", {}, from_month=month, note="n", by="b", now=NOON)
    cost = cost_of(session, 10_000, NOON)
    assert (cost.free, cost.paid, cost.short, cost.bill_twd) == (2_850, 0, 7_150, Decimal(800))
    assert ask(session, "a", 10_000) == 2_850


def test_prices_fall_by_steps_and_each_use_costs_what_it_adds(session: Session) -> None:
    """U1, T9: the cost of a run is what its messages added to the bill when they were sent."""
    steps = (Step(1_000, Decimal("0.2")), Step(None, Decimal("0.1")))
    changes = {"free_messages": 100, "steps": steps, "service_reserve": 0}
    change_plan(session, None, changes, from_month=month_of(NOON), note="n", by="b", now=NOON)
    for run, messages in (("campaign:1", 60), ("campaign:2", 540), ("campaign:1", 1_000)):
        key = f"{run}:{messages}"
        reserve(session, source=f"{run}:A", key=key, wanted=messages, is_service=False, now=NOON)
        settle_use(session, {key: messages}, NOON)
    first, second = (message_cost(session, [f"campaign:{run}"]) for run in (1, 2))
    assert (first.messages, first.paid_twd) == (1_060, Decimal(500) * Decimal("0.2") + 50)
    assert (second.messages, second.paid_twd) == (540, Decimal(100))
    assert cost_of(session, 0, NOON).bill_twd == 1_200 + first.paid_twd + second.paid_twd


def test_a_plan_is_kept_in_versions(session: Session) -> None:
    """U1: an upgrade holds at once, a downgrade from the next month."""
    november, december = month_of(NOON), month_of(NEXT_MONTH)
    assert get_plan(session, november).code == HIGH
    told: dict[str, Any] = {"note": "合約", "by": "boss", "now": NOON}
    change_plan(session, "light", {}, from_month=december, **told)
    change_plan(session, None, {"hard_cap": 7_000}, from_month=november, **told)
    assert [get_plan(session, month).code for month in (november, december)] == [HIGH, "light"]
    assert remaining(session, NOON).limit == 7_000
    assert remaining(session, NEXT_MONTH).limit == 200
    assert [row.code for row in list_plan_versions(session)] == [HIGH, "light"]


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("gold", {}),
        (None, {"free_messages": -1}),
        (None, {"hard_cap": 100, "service_reserve": 101}),
        (None, {"margin_percent": Decimal(101)}),
        (None, {"steps": (Step(10, Decimal(1)),)}),
        (None, {"steps": (Step(None, Decimal(1)), Step(None, Decimal(1)))}),
        (None, {"steps": (Step(10, Decimal(1)), Step(10, Decimal(1)), Step(None, Decimal(1)))}),
        (None, {"steps": (Step(None, Decimal(-1)),)}),
    ],
)
def test_figures_that_cannot_be_are_refused(
    session: Session, code: str | None, changes: dict[str, Any]
) -> None:
    month = month_of(NOON)
    with pytest.raises(PlanRefused):
        change_plan(session, code, changes, from_month=month, note="n", by="b", now=NOON)
    assert list_plan_versions(session) == []


@pytest.mark.parametrize(
    ("month", "note"),
    [(date(2026, 10, 1), "n"), (date(2026, 12, 2), "n"), (date(2026, 12, 1), " ")],
)
def test_a_version_begins_a_month_and_says_why(session: Session, month: date, note: str) -> None:
    with pytest.raises(PlanRefused):
        change_plan(session, None, {}, from_month=month, note=note, by="b", now=NOON)
