"""Repurchase cycles: of the shop, a category, a member; settings in versions (B-03)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.lifecycle import (
    NASLD,
    Cycle,
    LifecycleSettings,
    MemberFigures,
    RepurchaseCycle,
    change_settings,
    class_of,
    cycle_of,
    estimate_cycles,
    get_settings,
    list_settings,
    measuring,
)
from models.lifecycle.cycle import ASSUMED, CATEGORY, ESTIMATED, FIXED, MEMBER, SET, SHOP
from models.lifecycle.measuring import (
    Estimate,
    estimate_as_of,
    estimate_past,
    list_unmeasured,
)
from models.lifecycle.refusals import LifecycleRefused
from models.local_day import local_day
from models.member import Member
from models.purchase import Purchase, PurchaseLine, refigure
from tests.conftest import NOON, Maker
from tests.handlers.statements import count_statements

MakeMember = Callable[..., Member]
TODAY = local_day(NOON)


@pytest.fixture(autouse=True)
def _empty(session: Session) -> None:
    """Begin without anybody, as a shop that never had many: a large one is sampled by its ids."""
    session.execute(delete(RepurchaseCycle))
    session.execute(text("ALTER TABLE member ALTER COLUMN id RESTART WITH 1"))
    assert session.scalar(select(func.count()).select_from(Member)) == 0


def customers(
    session: Session, count: int, *ages: int, category: str | None = None
) -> list[Member]:
    """Make members who bought so many days ago, their running figures with them."""
    maker, made = Maker(), []
    for _ in range(count):
        member = maker.member(session, joined_at=NOON - timedelta(days=700))
        for age in ages:
            purchase = maker.spend(session, member, 100, TODAY - timedelta(days=age))
            if category is not None:
                line = PurchaseLine(
                    purchase_id=purchase.id,
                    line_no=1,
                    name=category,
                    category=category,
                    amount_twd=100,
                )
                session.add(line)
        made.append(member)
    refigure(session, [member.id for member in made])
    return made


def kept(session: Session) -> dict[str, tuple[int, bool, int, int]]:
    """Return what is kept of each category: days, whether assumed, members, intervals."""
    rows = session.scalars(select(RepurchaseCycle).execution_options(populate_existing=True))
    return {
        row.category: (row.cycle_days, row.is_assumed, row.members, row.intervals) for row in rows
    }


def test_the_shops_cycle_is_the_median_of_its_members_means(session: Session) -> None:
    """B-03: 15 members with a mean of 10 days, 16 of 25, and those who came once are no help."""
    customers(session, 15, 0, 10, 20, 30)
    customers(session, 16, 5, 30)
    customers(session, 40, 3)
    customers(session, 5, 8, 8)
    estimate_cycles(session, NOON)
    assert kept(session) == {"": (25, False, 31, 15 * 3 + 16)}
    cycle = get_settings(session, TODAY).cycle
    assert (cycle.days, cycle.level, cycle.source) == (25, SHOP, ESTIMATED)
    assert (cycle.members, cycle.intervals, cycle.measured_on) == (31, 61, TODAY)


def test_halves_are_rounded_up_and_a_day_is_the_least(session: Session) -> None:
    """B-03: two intervals of 7 and 8 days are 8; whoever comes daily has a cycle of a day."""
    customers(session, 30, 0, 7, 15)
    estimate_cycles(session, NOON)
    assert kept(session)[""][0] == 8
    customers(session, 61, 1, 2, 3)
    estimate_cycles(session, NOON)
    assert kept(session)[""][0] == 1


def test_too_few_who_came_again_make_an_honest_assumption(session: Session) -> None:
    """B-03: 29 members are one too few: 30 days, told as assumed; the thirtieth makes it real."""
    customers(session, 29, 0, 12)
    estimate_cycles(session, NOON)
    assert kept(session) == {"": (30, True, 29, 29)}
    cycle = get_settings(session, TODAY).cycle
    assert (cycle.days, cycle.source, cycle.members) == (30, ASSUMED, 29)
    customers(session, 1, 0, 12)
    estimate_cycles(session, NOON)
    assert kept(session) == {"": (12, False, 30, 30)}


def test_each_category_has_the_cycle_of_those_who_buy_it_again(session: Session) -> None:
    """B-03: at category level; one with too few has none, and the shop's holds for its buyers."""
    customers(session, 30, 0, 10, 20, category="原茶")
    customers(session, 31, 0, 60, category="茶葉")
    customers(session, 29, 0, 5, category="周邊")
    change_settings(session, {"cycle_level": CATEGORY}, note="依品類", by="owner", now=NOON)
    estimate_cycles(session, NOON)
    assert kept(session)["原茶"] == (10, False, 30, 60)
    assert kept(session)["茶葉"] == (60, False, 31, 31)
    assert set(kept(session)) == {"", "原茶", "茶葉"}
    settings = get_settings(session, TODAY)
    assert settings.cycle.by_category == {"原茶": 10, "茶葉": 60}
    only_on = TODAY - timedelta(days=40)
    lone = MemberFigures(1, 1, only_on, None, only_on)
    assert class_of(NASLD, replace(lone, category="原茶"), settings, TODAY) == "lost"
    assert class_of(NASLD, replace(lone, category="茶葉"), settings, TODAY) == "new"
    assert cycle_of(settings.cycle, replace(lone, category="周邊")) == settings.cycle.days


@pytest.mark.parametrize(
    ("ages", "days"),
    [
        ((), 30),
        ((5,), 30),
        ((0, 10), 23),  # (10 + 2 × 30) / 3
        ((0, 10, 20), 17),  # (20 + 30) / 3, a half and more is rounded up
        ((0, 10, 20, 30), 10),
        ((0, 10, 20, 30, 31), 8),  # 31 / 4, three quarters are rounded up
        ((0, 1, 2, 3), 1),
        ((0, 500, 1000, 1500), 365),
        ((4, 4, 4, 4), 30),
    ],
)
def test_a_members_own_cycle_is_filled_up_with_the_shops(ages: tuple[int, ...], days: int) -> None:
    """B-03: from three intervals on their own mean; those that are missing are the shop's."""
    bought = sorted({TODAY - timedelta(days=age) for age in ages})
    figures = MemberFigures(
        orders=len(ages),
        days=len(bought),
        first_on=bought[0] if bought else None,
        previous_on=None,
        last_on=bought[-1] if bought else None,
    )
    assert cycle_of(Cycle(days=30, level=MEMBER), figures) == days
    assert cycle_of(Cycle(days=30, level=SHOP), figures) == 30


def test_a_past_day_has_the_cycle_of_its_own_purchases(session: Session) -> None:
    """B-03, time travel: kept estimates as they were read, and before the first the purchases'."""
    customers(session, 31, 20, 30, 80, 100)
    assert get_settings(session, TODAY).cycle.days == 27
    assert get_settings(session, TODAY).cycle.measured_on == TODAY
    assert get_settings(session, TODAY - timedelta(days=60)).cycle.days == 20
    last_week = NOON - timedelta(days=7)
    session.add(
        RepurchaseCycle(
            measured_on=local_day(last_week),
            category="",
            cycle_days=77,
            is_assumed=False,
            members=50,
            intervals=99,
            measured_at=last_week,
        )
    )
    session.flush()
    assert get_settings(session, TODAY).cycle.days == 77
    assert get_settings(session, local_day(last_week)).cycle.days == 77
    assert get_settings(session, TODAY - timedelta(days=8)).cycle.days == 27


def test_a_shop_that_came_with_its_history_is_looked_back_on_once(session: Session) -> None:
    """B-03, time travel: month by month; no look at a past day then reads the purchases again."""
    customers(session, 31, 20, 30, 80, 100)
    assert list_unmeasured(session) == []  # Before the first night there is no newest estimate.
    estimate_cycles(session, NOON)
    months = list_unmeasured(session)
    assert months == [date(2026, 11, 1), date(2026, 10, 1), date(2026, 9, 1)]
    for month in months:
        estimate_past(session, month, NOON)
    assert list_unmeasured(session) == []
    session.flush()
    with count_statements(session) as statements:
        cycles = [get_settings(session, date(2026, month, 15)).cycle for month in (9, 10, 11)]
    assert len(statements) == 3
    assert [(cycle.days, cycle.measured_on) for cycle in cycles] == [
        (30, date(2026, 9, 1)),  # Assumed: nobody had come again by then.
        (20, date(2026, 10, 1)),
        (35, date(2026, 11, 1)),
    ]


def test_a_large_shop_is_estimated_from_a_sample(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded: in a large shop each n-th member stands for all, a past day's shop included."""
    newest = customers(session, 100, 0, 10, category="原茶")[-1]
    monkeypatch.setattr(measuring, "SAMPLE_MEMBERS", newest.id // 2)
    found = estimate_as_of(session, TODAY)
    assert found["原茶"] == found[""] == Estimate(10, 50, 50)


def test_estimating_twice_on_a_day_keeps_the_newer(session: Session) -> None:
    """A job is safe to run twice."""
    customers(session, 30, 0, 10, category="原茶")
    assert estimate_cycles(session, NOON) == estimate_cycles(session, NOON) == 2
    customers(session, 40, 0, 20, category="原茶")
    estimate_cycles(session, NOON + timedelta(hours=1))
    assert kept(session) == {"": (20, False, 70, 70), "原茶": (20, False, 70, 70)}


def test_what_was_taken_back_is_no_interval(session: Session) -> None:
    """B-03: net of refunds, in the shop's cycle and a category's."""
    people = customers(session, 30, 0, 10, 40, category="原茶")
    estimate_cycles(session, NOON)
    assert kept(session)["原茶"][0] == 20
    for member in people:
        newest = session.scalars(
            select(Purchase).where(Purchase.member_id == member.id, Purchase.purchased_on == TODAY)
        ).one()
        newest.refunded_twd, newest.undone_at = newest.paid_twd, NOON
    refigure(session, [member.id for member in people])
    estimate_cycles(session, NOON)
    assert kept(session)[""] == kept(session)["原茶"] == (30, False, 30, 30)


# --- settings ---


def test_settings_are_versions_that_hold_from_their_day_on(session: Session) -> None:
    """T3: windows configurable; each version says who, when and why, and the past keeps its own."""
    assert get_settings(session, TODAY).version is None
    first = change_settings(
        session, {"window_days": 60}, note="夏季較短", by="owner", now=NOON - timedelta(days=9)
    )
    second = change_settings(session, {"loyal_orders": 5}, note="門檻提高", by="mei", now=NOON)
    today = get_settings(session, TODAY)
    assert (today.window_days, today.loyal_orders, today.version) == (60, 5, second.id)
    before = get_settings(session, TODAY - timedelta(days=1))
    assert (before.window_days, before.loyal_orders, before.version) == (60, 3, first.id)
    assert get_settings(session, TODAY - timedelta(days=10)).window_days == 90
    assert [(each.set_by, each.note) for each in list_settings(session)] == [
        ("mei", "門檻提高"),
        ("owner", "夏季較短"),
    ]


def test_a_cycle_the_shop_says_itself_goes_before_any_estimate(session: Session) -> None:
    """B-03: a fixed cycle, and the way back to the estimate."""
    customers(session, 30, 0, 10)
    change_settings(session, {"cycle_days": 45}, note="固定", by="owner", now=NOON)
    cycle = get_settings(session, TODAY).cycle
    assert (cycle.days, cycle.level, cycle.source) == (45, FIXED, SET)
    change_settings(session, {"cycle_days": None}, note="改回估算", by="owner", now=NOON)
    assert get_settings(session, TODAY).cycle.days == 10


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"window_days": 0}, "window_days"),
        ({"window_days": 9_999}, "window_days"),
        ({"window_days": None}, "window_days"),
        ({"window_days": "90"}, "window_days"),
        ({"loyal_orders": 1}, "loyal_orders"),
        ({"loyal_orders": True}, "loyal_orders"),
        ({"near_cycles": 0}, "near_cycles"),
        ({"near_cycles": 6}, "far_cycles"),
        ({"far_cycles": 3}, "far_cycles"),
        ({"cycle_days": 0}, "cycle_days"),
        ({"cycle_days": 366}, "cycle_days"),
        ({"cycle_level": "brand"}, "cycle_level"),
        ({"recency": 3}, "recency"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    session: Session, changes: dict[str, int | str | None], wrong: str
) -> None:
    """Bad input: each is named, with what it may be; nothing is kept."""
    with pytest.raises(LifecycleRefused) as refused:
        change_settings(session, changes, note="試", by="owner", now=NOON)
    assert list(refused.value.facts["why"]) == [wrong]
    assert list_settings(session) == []


@pytest.mark.parametrize("note", ["", "  ", "長" * 201])
def test_a_change_says_why(session: Session, note: str) -> None:
    with pytest.raises(LifecycleRefused) as refused:
        change_settings(session, {"window_days": 60}, note=note, by="owner", now=NOON)
    assert list(refused.value.facts["why"]) == ["note"]


@pytest.mark.parametrize("change", ["UPDATE lifecycle_setting SET id = id", "DELETE FROM {}"])
def test_versions_are_never_changed(session: Session, change: str) -> None:
    """X5: what an explanation names by its version stays as it was."""
    change_settings(session, {"window_days": 60}, note="試", by="owner", now=NOON)
    with pytest.raises(DBAPIError, match="is append-only"), session.begin_nested():
        session.execute(text(change.format("lifecycle_setting")))


def test_reading_the_settings_is_one_statement(session: Session) -> None:
    """What every live rule reads costs one small query once a night has estimated."""
    customers(session, 30, 0, 10, category="原茶")
    estimate_cycles(session, NOON)
    with count_statements(session) as statements:
        settings = get_settings(session, TODAY)
    assert len(statements) == 1
    assert settings == replace(
        LifecycleSettings(), cycle=Cycle(10, SHOP, ESTIMATED, 30, 30, TODAY, {"原茶": 10})
    )
