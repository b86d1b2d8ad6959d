"""What the nights kept of the models, and the rule fields by which its numbers are opened."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import combinations_with_replacement
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models.classification import (
    ALL_MODELS,
    count_classes,
    cross_table,
    migration_matrix,
    note_moves,
    rebuild_classes,
)
from models.classification.remembering import (
    night_counts,
    night_cross,
    noted_months,
    rfm_cells,
    share_history,
)
from models.lifecycle import MODELS
from models.segment import Context, explain_rule, members_of, parse_rule
from models.segment.opening import move_rule
from models.segment.wording import describe, describe_answer
from tests.conftest import NOON
from tests.models.class_shop import TODAY, ClassShop

DAYS = (10, 45, 100, 170, 260, 400)


@pytest.fixture
def shop(session: Session) -> ClassShop:
    """Make a small shop in which every lifecycle has several classes, now and a month ago."""
    shop = ClassShop(session)
    shop.fill(DAYS)
    return shop


def found(session: Session, node: dict[str, Any]) -> set[int]:
    rule = parse_rule({"schema": 1, "where": node})
    return set(session.scalars(members_of(rule, Context(session, NOON))))


@pytest.mark.usefixtures("shop")
def test_the_night_keeps_what_counting_anew_would_find(session: Session) -> None:
    """X12: counts and any two models side by side, without reading a member."""
    assert night_counts(session, "nasld") is None
    assert night_cross(session, "nasld", "rfm") is None
    rebuild_classes(session, NOON)
    rebuild_classes(session, NOON)

    for model in ALL_MODELS:
        assert night_counts(session, model) == count_classes(session, model, now=NOON)
    for a, b in combinations_with_replacement(ALL_MODELS, 2):
        assert night_cross(session, a, b) == cross_table(session, a, b, now=NOON)


@pytest.mark.usefixtures("shop")
def test_each_cell_of_the_grid_opens_its_people(session: Session) -> None:
    """B-06: the cells part all buyers, and a rule names any of them."""
    rebuild_classes(session, NOON)
    cells = rfm_cells(session)

    assert sum(cell.members for cell in cells) == len(DAYS) * 3
    by_pair: Counter[tuple[int, int]] = Counter()
    for cell in cells:
        code = f"{cell.r_score}-{cell.f_score}-{cell.m_score}"
        by_pair[cell.r_score, cell.f_score] += cell.members
        assert len(found(session, {"field": "rfm_cell", "is": "is", "value": code})) == cell.members
    for (r, f), members in by_pair.items():
        node = {"field": "rfm_cell", "is": "any_of", "value": [f"{r}-{f}", f"{r}-{f}-5"]}
        assert len(found(session, node)) == members
        assert not found(session, node) & found(session, node | {"is": "none_of"})


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("model", MODELS)
def test_a_move_between_two_days_opens_its_people(session: Session, model: str) -> None:
    """A-17: the classes of a past day, asked by a rule, are those the matrix counts."""
    then = 60
    matrix = migration_matrix(session, model, TODAY - timedelta(days=then), TODAY, now=NOON)

    assert len({move.from_class for move in matrix.moves}) > 2
    for move in matrix.moves:
        if move.from_class is not None:
            rule = move_rule(model, (move.from_class, move.to_class), (then, 0))
            assert len(found(session, rule["where"])) == move.members


def test_what_a_member_was_is_explained(session: Session, shop: ClassShop) -> None:
    """X5: the class of then is a fact like any other."""
    node = {"field": "nasld_was", "is": "is", "value": "nasld:new", "days_ago": 30}
    rule = parse_rule({"schema": 1, "where": node})
    [answer] = explain_rule(session, rule, shop.people[0].member.id, NOON).answers

    assert answer.found == "nasld:prospect"
    assert describe(rule, "zh-TW") == "30 天前的NASLD 顧客活躍度（當時） 是 nasld:new"
    assert "nasld:prospect" in describe_answer(answer, "zh-TW")


@pytest.mark.usefixtures("shop")
def test_the_history_of_shares_and_the_noted_months_are_told(session: Session) -> None:
    """A-17: proportions over time; who never bought is left out of RFM's."""
    for days in (8, 1, 0):
        rebuild_classes(session, NOON - timedelta(days=days))
    note_moves(session, NOON)

    history = share_history(session, "rfm", TODAY - timedelta(days=7))
    assert [each.day for each in history] == [TODAY - timedelta(days=1), TODAY]
    assert sum(history[-1].members.values()) == len(DAYS) * 3
    assert sum(history[-1].share(code) or 0 for code in history[-1].members) == pytest.approx(1)
    assert len(noted_months(session)) == 1
    assert len(share_history(session, "nasld", TODAY - timedelta(days=30))) == 3
