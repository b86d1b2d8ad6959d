"""The rhythm of buying: who comes again after how many purchases, and when members are lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy.orm import Session

from models.analysis import frequency_curve, recency_curve
from models.analysis.frequency import read_frequency
from models.analysis.recency import MONTHS, read_recency
from models.analysis.scope import Scope
from models.interval import wilson
from models.local_day import local_day
from models.member import Member
from models.purchase import refigure
from tests.conftest import NOON, Maker

MakeMember = Callable[..., Member]
TODAY = local_day(NOON)
AT_LEAST = (10_000, 3_800, 1_450, 700, 360, 195, 110, 62, 36, 21, 12)
"""Members with one purchase or more, two, …: 700 ÷ 1,450 = 48.28%."""


def made_long_ago(at_least: tuple[int, ...]) -> dict[tuple[int, int], int]:
    """Return the counts of a shop in which nobody bought lately."""
    steps = pairwise((*at_least, 0))
    return {(n, n): count - more for n, (count, more) in enumerate(steps, 1)}


def bought(session: Session, member: Member, *days_ago: int) -> None:
    """Give the member sales of NT$100 so many days before today."""
    for days in days_ago:
        Maker().spend(session, member, 100, TODAY - timedelta(days=days))
    refigure(session, [member.id])


# --- frequency ---


def test_from_the_third_purchase_on_members_stay() -> None:
    """C-06: the share that buys again after three is 48.28%, and stable from there, by rule."""
    found = frequency_curve(made_long_ago(AT_LEAST), horizon_days=90)
    third = found.steps[2]
    assert (third.orders, third.judged, third.again, third.too_recent) == (3, 1_450, 700, 0)
    assert third.rate is not None
    assert round(third.rate, 4) == 0.4828
    assert third.low < third.rate < third.high
    assert (found.stable_from, found.rate) == (3, third.rate)
    assert [step.rate for step in found.steps[:2]] == [0.38, 1_450 / 3_800]
    assert [note.code for note in found.notes] == ["few_members"]


def test_who_bought_too_recently_is_left_out_and_counted() -> None:
    """C-06: the third purchase a week ago says nothing yet; a fourth since, of an old third, does.

    Of 40 with three old purchases 20 bought again; 10 made the third lately and half of those a
    fourth at once: they are left out, whatever they did.
    """
    counts = {(3, 3): 20, (3, 4): 20, (2, 3): 5, (1, 4): 5}
    found = frequency_curve(counts, horizon_days=90)
    third = found.steps[2]
    assert (third.judged, third.again, third.too_recent) == (40, 20, 10)
    second = found.steps[1]
    assert (second.judged, second.again, second.too_recent) == (45, 45, 5)


@pytest.mark.parametrize(
    ("at_least", "stable_from"),
    [
        ((10_000, 2_000, 400, 80, 16), 2),  # Flat from the start: one purchase is no habit.
        ((10_000, 2_000, 1_000, 200, 40), None),  # It falls again.
        ((40, 20, 10), None),  # Too few to tell.
        ((10_000, 2_000), None),  # Nothing after it to compare with.
    ],
)
def test_stable_is_what_rises_no_more_and_does_not_fall(
    at_least: tuple[int, ...], stable_from: int | None
) -> None:
    """C-06: the rule: the next step less than five points higher, none later clearly lower."""
    found = frequency_curve(made_long_ago(at_least), horizon_days=90)
    assert found.stable_from == stable_from
    assert ("never_stable" in [note.code for note in found.notes]) == (stable_from is None)


def test_no_members_and_one_purchase_have_no_curve() -> None:
    """C-06, bad input: nothing to divide, nothing wrong said."""
    nobody = frequency_curve({}, horizon_days=90)
    assert [note.code for note in nobody.notes] == ["no_buyers"]
    assert {step.rate for step in nobody.steps} == {None}
    one = frequency_curve({(1, 1): 1}, horizon_days=90)
    assert (one.steps[0].judged, one.steps[0].rate, one.stable_from) == (1, 0.0, None)
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_shops_curve_judges_each_purchase_by_its_own_day(
    session: Session, make_member: MakeMember
) -> None:
    """C-06: by SQL, today and as of an earlier day; a purchase exactly the horizon ago counts."""
    exact, recent, again = (make_member() for _ in range(3))
    bought(session, exact, 90)
    bought(session, recent, 89)
    bought(session, again, 200, 100, 3, 2)
    first, second, third = read_frequency(session, Scope(TODAY), NOON, 90).steps[:3]
    assert (first.judged, first.again, first.too_recent) == (2, 1, 1)
    assert (second.judged, second.again, second.too_recent) == (1, 1, 0)
    assert (third.judged, third.too_recent) == (0, 1)
    before = read_frequency(session, Scope(TODAY - timedelta(days=95)), NOON, 90).steps
    assert [(step.judged, step.again, step.too_recent) for step in before[:2]] == [
        (1, 1, 0),
        (0, 0, 1),
    ]


def test_without_a_horizon_it_is_three_repurchase_cycles(
    session: Session, make_member: MakeMember
) -> None:
    """C-06: the horizon is stated with the curve; a shop without a known cycle assumes 30 days."""
    make_member()
    assert read_frequency(session, Scope(TODAY), NOON).horizon_days == 90


# --- recency ---


def silences(*by_month: int) -> list[int]:
    return [*by_month, *[0] * (MONTHS + 1 - len(by_month))]


def test_churn_rises_in_the_fourth_month() -> None:
    """C-07: the month whose churn lies clearly above the one before; remind a week earlier."""
    ended = silences(500, 450, 410, 60, 50, 45)
    lasting = silences(100, 90, 80, 70, 60, 50, 40, 40, 40, 40, 40, 40, 2_000)
    found = recency_curve(ended, lasting)
    assert (found.rises_in_month, found.remind_on_day) == (4, 83)
    first = found.months[0]
    assert (first.silent, first.came_back, first.undecided) == (4_105, 500, 100)
    assert first.churn is not None
    assert first.churn == pytest.approx(1 - 500 / 4_105)
    assert first.still_away == first.churn
    assert first.low < first.churn < first.high
    assert found.months[1].still_away == pytest.approx(first.churn * (1 - 450 / (4_105 - 500 - 90)))


def test_a_steady_churn_has_no_rise() -> None:
    """C-07: what chance could make is no rise; a shop of a few members is not judged."""
    tenths = (100, 90, 81, 73, 66, 59, 53, 48, 43, 39, 35, 31)
    steady = recency_curve(silences(*tenths), silences(*[0] * 12, 282))
    assert steady.rises_in_month is None
    assert [note.code for note in steady.notes] == ["no_rise"]
    few = recency_curve(silences(9, 1), silences(*[0] * 12, 9))
    assert few.rises_in_month is None
    assert [note.code for note in few.notes] == ["few_members", "no_rise"]


def test_no_silence_is_no_curve() -> None:
    """C-07, bad input: no members, and one purchase made today."""
    nobody = recency_curve(silences(), silences())
    assert [note.code for note in nobody.notes] == ["no_buyers"]
    assert {month.churn for month in nobody.months} == {None}
    one = recency_curve(silences(), silences(1))
    assert (one.months[0].silent, one.months[0].undecided, one.months[0].churn) == (0, 1, None)


def test_the_shops_silences_are_each_members_last_two(
    session: Session, make_member: MakeMember
) -> None:
    """C-07: by SQL; 29 days are the first month, 30 the second; twice a day ends at once."""
    for days in ((29,), (30,), (400, 100, 41), (60, 60)):
        bought(session, make_member(), *days)
    make_member(name="還沒買")
    first, second, third = read_recency(session, Scope(TODAY), NOON).months[:3]
    assert (first.silent, first.came_back, first.undecided) == (5, 1, 1)
    assert (second.silent, second.came_back, second.undecided) == (2, 1, 2)
    assert (third.silent, third.came_back, third.undecided) == (0, 0, 1)
    earlier = read_recency(session, Scope(TODAY - timedelta(days=31)), NOON).months
    assert [month.undecided for month in earlier[:3]] == [2, 0, 0]
