"""The classes: a partition of all histories, the same in Python and in SQL (T2 to T4, B-03)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Date, Integer, Subquery, Text, cast, column, select, values
from sqlalchemy.orm import Session

from models.lifecycle import (
    MODELS,
    NAPL_91APP,
    NAPL_ARTICLE,
    NASLD,
    PROSPECT,
    Cycle,
    LifecycleSettings,
    MemberFigures,
    class_name,
    class_of,
    class_sql,
    columns_of,
    get_class,
    get_model,
)
from models.lifecycle.cycle import CATEGORY, ESTIMATED, MEMBER, SHOP
from models.lifecycle.refusals import UnknownClass, UnknownModel

ON = date(2026, 11, 22)
CYCLE = 30
SETTINGS = LifecycleSettings(cycle=Cycle(days=CYCLE, source=ESTIMATED))
Bands = tuple[int, int, int, int]
HISTORIES: list[Bands] = list(product(range(4), repeat=4))  # type: ignore[arg-type]  # Four each.
"""0 to 3 purchases in each of (0–1], (1–3], (3–6] and more than 6 cycles."""
EDGES = ((0, CYCLE), (CYCLE + 1, 3 * CYCLE), (3 * CYCLE + 1, 6 * CYCLE), (6 * CYCLE + 1, 400))
"""The youngest and the oldest age, in days, in each band."""
PRECEDENCE = ("active", "new", "sleep", "lost", "deep")
_FIGURES = ("orders", "days", "first_on", "previous_on", "last_on", "category")


def bought(*ages: int, category: str | None = None) -> MemberFigures:
    """Return the figures of purchases so many days ago."""
    days = sorted(ON - timedelta(days=age) for age in ages)
    return MemberFigures(
        orders=len(days),
        days=len(set(days)),
        first_on=days[0] if days else None,
        previous_on=days[-2] if len(days) > 1 else None,
        last_on=days[-1] if days else None,
        category=category,
    )


def by_the_text(history: Bands) -> list[str]:
    """Return every class of B-03 whose words fit, in the order of precedence."""
    first, second, third, _ = history
    fits = {
        "active": first + second >= 2,
        "new": first + second == 1,
        "sleep": third >= 2 and first == 0,
        "lost": third == 1 and first == 0,
        "deep": first + second + third == 0,
    }
    return [code for code in PRECEDENCE if fits[code]]


def ages_of(history: Bands, *, oldest: bool) -> list[int]:
    """Return an age for each purchase of a history: all at one edge of their bands."""
    return [EDGES[band][oldest] for band, count in enumerate(history) for _ in range(count)]


def relation_of(people: list[MemberFigures]) -> Subquery:
    """Return made-up figures as a relation, with a number for each."""
    kinds: dict[str, Any] = {
        "member_id": Integer,
        "orders": Integer,
        "days": Integer,
        "first_on": Date,
        "previous_on": Date,
        "last_on": Date,
        "category": Text,
    }
    rows = [(at, *(getattr(each, name) for name in _FIGURES)) for at, each in enumerate(people)]
    row = values(*(column(name, kind) for name, kind in kinds.items()), name="people").data(rows)
    # A column that is NULL throughout has no type of its own in VALUES.
    typed = [cast(row.c[name], kind).label(name) for name, kind in kinds.items()]
    rest = [row.c.orders.label(name) for name in ("joined_on", "net_twd", "promo_orders")]
    return select(*typed, *rest).subquery("figures")


def in_sql(
    session: Session, model: str, people: list[MemberFigures], chosen: LifecycleSettings
) -> list[str]:
    """Return what the SQL says of each."""
    columns = columns_of(relation_of(people))
    statement = select(columns.member_id, class_sql(model, columns, chosen, ON))
    with session.begin_nested():
        return [code for _, code in sorted(session.execute(statement).all())]


def test_nasld_as_written_puts_36_of_256_histories_in_two_classes() -> None:
    """T4: 16 Active+Sleep, 8 New+Sleep, 8 Active+Lost, 4 New+Lost, and none in no class."""
    fits = [by_the_text(history) for history in HISTORIES]
    assert len(HISTORIES) == 256
    assert Counter(tuple(each) for each in fits if len(each) > 1) == {
        ("active", "sleep"): 16,
        ("new", "sleep"): 8,
        ("active", "lost"): 8,
        ("new", "lost"): 4,
    }
    assert min(map(len, fits)) == 1


def test_were_new_a_first_purchase_of_all_24_would_be_double_and_18_in_no_class() -> None:
    """T4: the other reading of "New" is worse."""
    found = Counter(
        len({*by_the_text(history)} - {"new"}) + (sum(history) == 1 == history[0] + history[1])
        for history in HISTORIES
    )
    assert (found[2], found[0]) == (24, 18)


@pytest.mark.parametrize("oldest", [False, True])
@pytest.mark.parametrize("history", HISTORIES)
def test_every_history_is_in_the_first_class_that_fits(history: Bands, oldest: bool) -> None:
    """T4, B-03: precedence A > N > S > L > D; T2: who never bought is a prospect beside them."""
    found = class_of(NASLD, bought(*ages_of(history, oldest=oldest)), SETTINGS, ON)
    assert found == (by_the_text(history)[0] if any(history) else PROSPECT)


@pytest.mark.parametrize("oldest", [False, True])
def test_sql_puts_every_history_where_python_does(session: Session, oldest: bool) -> None:
    """T4: all 256, at both edges of their bands, in all three models."""
    people = [bought(*ages_of(history, oldest=oldest)) for history in HISTORIES]
    for model in MODELS:
        expected = [class_of(model, each, SETTINGS, ON) for each in people]
        assert in_sql(session, model, people, SETTINGS) == expected


def test_the_clause_of_one_cycle_holds_by_itself() -> None:
    """T4: who is asleep or lost has bought nothing within one cycle, without being asked."""
    for history in HISTORIES:
        found = class_of(NASLD, bought(*ages_of(history, oldest=True)), SETTINGS, ON)
        assert found not in ("sleep", "lost") or history[0] == 0


@pytest.mark.parametrize(
    ("ages", "code"),
    [
        ((0,), "new"),
        ((0, 0), "active"),
        ((29, 30), "active"),
        ((30, 31), "active"),
        ((89, 90), "active"),
        ((90, 90), "active"),
        ((90, 91), "new"),
        ((90,), "new"),
        ((91,), "lost"),
        ((91, 91), "sleep"),
        ((91, 180), "sleep"),
        ((91, 181), "lost"),
        ((180,), "lost"),
        ((180, 180), "sleep"),
        ((180, 181), "lost"),
        ((181,), "deep"),
        ((181, 181, 200), "deep"),
        ((), PROSPECT),
    ],
)
def test_nasld_changes_a_day_after_each_limit(ages: tuple[int, ...], code: str) -> None:
    """B-03: boundaries at exactly 1, 3 and 6 cycles of 30 days."""
    assert class_of(NASLD, bought(*ages), SETTINGS, ON) == code


@pytest.mark.parametrize(
    ("ages", "article", "original"),
    [
        ((), "new", PROSPECT),
        ((0,), "active", "new"),
        ((90,), "active", "new"),
        ((91,), "passout", "lost"),
        ((5, 90), "active", "active"),
        ((90, 200), "active", "active"),
        ((90, 200, 300), "loyal", "active"),
        ((1, 2, 3, 4), "loyal", "active"),
        ((91, 200), "passout", "potential"),
        ((91, 92, 93), "passout", "potential"),
    ],
)
def test_the_two_dialects_of_napl_are_two_definitions(
    ages: tuple[int, ...], article: str, original: str
) -> None:
    """T3, A-16: the article's N has not bought (T2), 91APP's N bought once; boundaries at 90."""
    assert class_of(NAPL_ARTICLE, bought(*ages), SETTINGS, ON) == article
    assert class_of(NAPL_91APP, bought(*ages), SETTINGS, ON) == original


def test_windows_can_be_chosen() -> None:
    """T3: 60 days and 2 purchases, not 90 and 3; two and four cycles, not three and six."""
    chosen = replace(SETTINGS, window_days=60, loyal_orders=2, near_cycles=2, far_cycles=4)
    assert class_of(NAPL_ARTICLE, bought(60, 300), chosen, ON) == "loyal"
    assert class_of(NAPL_ARTICLE, bought(61), chosen, ON) == "passout"
    assert class_of(NAPL_91APP, bought(61, 62), chosen, ON) == "potential"
    assert [class_of(NASLD, bought(age), chosen, ON) for age in (60, 61, 120, 121)] == [
        "new",
        "lost",
        "lost",
        "deep",
    ]


ages = st.lists(st.integers(0, 400), max_size=7)
cycles = st.builds(
    Cycle,
    days=st.integers(1, 120),
    level=st.sampled_from([SHOP, CATEGORY, MEMBER]),
    by_category=st.dictionaries(st.sampled_from(["原茶", "果茶"]), st.integers(1, 120)),
)
chosen_settings = st.builds(
    lambda near, more, **chosen: LifecycleSettings(
        near_cycles=near, far_cycles=near + more, **chosen
    ),
    st.integers(1, 5),
    st.integers(1, 5),
    window_days=st.integers(1, 200),
    loyal_orders=st.integers(2, 5),
    cycle=cycles,
)
people = st.lists(
    st.builds(
        lambda ages, category: bought(*ages, category=category),
        ages,
        st.sampled_from(["原茶", "果茶", "其他", None]),
    ),
    min_size=1,
    max_size=30,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(people=people, chosen=chosen_settings)
def test_sql_agrees_with_python_whatever_is_chosen(
    session: Session, people: list[MemberFigures], chosen: LifecycleSettings
) -> None:
    """X12, B-03: any purchases, any settings, the cycle of shop, category and member."""
    for model, names in MODELS.items():
        found = in_sql(session, model, people, chosen)
        assert found == [class_of(model, each, chosen, ON) for each in people]
        assert {*found} <= {each.code for each in names.classes}


def test_an_unknown_model_or_class_is_refused_with_what_there_is() -> None:
    """T1: a bare letter is no class."""
    with pytest.raises(UnknownModel) as unknown:
        get_model("napl")
    assert unknown.value.facts["known"] == ["nasld", "napl_article", "napl_91app"]
    with pytest.raises(UnknownClass) as refused:
        get_class(NASLD, "L")
    assert "lost" in refused.value.facts["known"]
    assert class_name(NASLD, "lost") == "流失客"
    assert class_name(NAPL_ARTICLE, "loyal", "ja") == "ロイヤル客"


def test_every_model_and_class_has_a_name_and_a_rule_in_three_languages() -> None:
    """X12: side by side, so the names within a model differ too; T1: none is a letter."""
    for model in MODELS.values():
        for language in ("zh-TW", "en", "ja"):
            names = [each.name[language] for each in model.classes]
            assert len({*names}) == len(names)
            assert min(len(name) for name in names) > 1
            assert all(each.rule[language] for each in model.classes)
            assert model.name[language]
        assert min(len(each.code) for each in model.classes) > 1
