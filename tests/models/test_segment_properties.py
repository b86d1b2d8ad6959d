"""Random rules over random small shops, each held against plain Python (B-08, X5)."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.lifecycle import RepurchaseCycle
from models.lifecycle.figures import is_here
from models.member import Member
from models.segment import Context, explain_rule, members_of, parse_rule, size_of
from models.segment.schema import rule_schema
from tests.conftest import NOON
from tests.models.segment_shop import NODES, PEOPLE, TODAY, Person, holds, keep_person

SHOPS = st.lists(PEOPLE, min_size=1, max_size=5)
OFTEN = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # A shop takes long to be made smaller.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
VALIDATOR = jsonschema.Draft202012Validator(rule_schema())


@pytest.fixture(autouse=True)
def cycle(session: Session) -> None:
    """Have last night find a repurchase cycle of 30 days."""
    session.add(
        RepurchaseCycle(
            measured_on=TODAY,
            cycle_days=30,
            is_assumed=False,
            members=30,
            intervals=60,
            measured_at=NOON,
        )
    )
    session.flush()


def written(node: dict[str, Any]) -> dict[str, Any]:
    return {"schema": 1, "where": node}


@OFTEN
@given(shop=SHOPS, nodes=st.lists(NODES, min_size=1, max_size=3))
def test_a_rule_has_the_members_plain_python_finds_and_its_denial_all_others(
    session: Session, shop: list[Person], nodes: list[dict[str, Any]]
) -> None:
    """B-08: AND, OR and NOT mean what they say, also where a fact is missing."""
    with session.begin_nested() as nested:
        people = {keep_person(session, person): person for person in shop}
        everybody = set(session.scalars(select(Member.id).where(is_here())))
        assert everybody == {key for key, person in people.items() if person.is_here}
        for node in nodes:
            rule, denied = parse_rule(written(node)), parse_rule(written({"not": node}))
            context = Context(session, NOON)
            found = set(session.scalars(members_of(rule, context)))
            assert found == {key for key in everybody if holds(people[key], node)}
            assert found | set(session.scalars(members_of(denied, context))) == everybody
            sizes = size_of(session, rule, NOON), size_of(session, denied, NOON)
            assert [size.members for size in sizes] == [len(found), len(everybody) - len(found)]
            reached = {key for key in found if holds(people[key], REACHABLE)}
            assert sizes[0].reachable == len(reached)
        nested.rollback()


REACHABLE = {"field": "reachable", "is": "is", "value": True}


@OFTEN
@given(shop=SHOPS, node=NODES)
def test_an_explanation_agrees_with_the_rule_and_its_deciding_answers_suffice(
    session: Session, shop: list[Person], node: dict[str, Any]
) -> None:
    """X5: who is in is told why, who is not is told why not, and never otherwise."""
    with session.begin_nested() as nested:
        people = {keep_person(session, person): person for person in shop}
        rule = parse_rule(written(node))
        inside = set(session.scalars(members_of(rule, Context(session, NOON))))
        for key, person in people.items():
            told = explain_rule(session, rule, key, NOON)
            assert told.is_in == (key in inside)
            assert (told.gone is None) == person.is_here
            assert bool(told.deciding()) == person.is_here
            assert all(
                answer.holds == holds(person, answer.leaf.as_json()) for answer in told.answers
            )
            fixed = {answer.leaf.path: answer.holds for answer in told.deciding()}
            if person.is_here:
                assert all(
                    verdict(rule.as_json()["where"], "where", fixed, free) is told.is_in
                    for free in (True, False)
                )
        nested.rollback()


def verdict(node: dict[str, Any], path: str, fixed: dict[str, bool], free: bool) -> bool:
    """Judge a rule by some answers alone, all others being `free`."""
    if "not" in node:
        return not verdict(node["not"], f"{path}.not", fixed, free)
    for word, join in (("all", all), ("any", any)):
        if word in node:
            return join(
                verdict(each, f"{path}.{word}[{place}]", fixed, free)
                for place, each in enumerate(node[word])
            )
    return fixed.get(path, free)


@settings(max_examples=200, deadline=None)
@given(node=NODES)
def test_a_rule_read_and_written_is_the_same_rule_and_fits_the_schema(
    node: dict[str, Any],
) -> None:
    """B-08: what is stored is what was said, in one canonical form."""
    rule = parse_rule(written(node))
    again = parse_rule(rule.as_json())
    assert again == rule
    assert again.as_json() == rule.as_json()
    VALIDATOR.validate(written(node))
    VALIDATOR.validate(rule.as_json())
