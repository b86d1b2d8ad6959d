"""What rules may ask of the forecasts: who buys soon, expected value, risk of churn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from models.base import Sessions
from models.member import Member
from models.prediction import MemberForecast, find_forecast
from models.prediction.fitting import fit_forecasts
from models.segment.compiling import members_of
from models.segment.explaining import explain_rule
from models.segment.field import Context
from models.segment.fields.prediction import PREDICTION
from models.segment.rule import parse_rule
from tests.conftest import NOON
from tests.models.prediction_shop import TODAY, add_members, make_buyers

FIGURES: dict[str, Callable[[MemberForecast], int]] = {
    "likely_to_buy": lambda told: int(told.likely * 100),
    "likely_to_buy_top": lambda told: told.likely_top,
    "expected_value": lambda told: told.value_365_twd,
    "churn_risk": lambda told: int(told.risk * 100),
}
HOLDS: dict[str, Callable[[int], bool]] = {
    "at_least": lambda figure: figure >= 30,
    "at_most": lambda figure: figure <= 10,
    "more_than": lambda figure: figure > 1_000,
    "between": lambda figure: 60 <= figure <= 90,
}
ASKED = (
    ("likely_to_buy", "at_least", 30),
    ("likely_to_buy_top", "at_most", 10),
    ("expected_value", "more_than", 1_000),
    ("churn_risk", "between", [60, 90]),
)


@pytest.fixture
def ids(sessions: Sessions, session: Session) -> list[int]:
    """Return the buyers of a shop that is foretold, with one beside them who never bought."""
    found = make_buyers(session, 300)
    add_members(session, [TODAY])
    session.commit()
    fit_forecasts(sessions, now=NOON)
    return found


@pytest.mark.parametrize(("field", "operator", "value"), ASKED)
def test_a_rule_finds_exactly_those(
    session: Session, ids: list[int], field: str, operator: str, value: int | list[int]
) -> None:
    """B-18, E-10, A-26: the segment "likely in 14 days", and its kin; strangers are in none."""
    rule = parse_rule({"schema": 1, "where": {"field": field, "is": operator, "value": value}})
    found = set(session.scalars(members_of(rule, Context(session, NOON), Member.id)))
    figures = {member_id: _figure(session, field, member_id) for member_id in ids}
    wanted = {member_id for member_id, figure in figures.items() if HOLDS[operator](figure)}
    assert found == wanted
    assert 0 < len(found) < len(ids)


def _figure(session: Session, field: str, member_id: int) -> int:
    forecast = find_forecast(session, member_id)
    assert forecast is not None
    return FIGURES[field](forecast)


def test_why_a_member_is_in_tells_the_figure(session: Session, ids: list[int]) -> None:
    """B-18: what was found, how fresh it is."""
    rule = parse_rule(
        {"schema": 1, "where": {"field": "churn_risk", "is": "at_least", "value": 50}}
    )
    told = explain_rule(session, rule, ids[0], NOON)
    forecast = find_forecast(session, ids[0])
    assert forecast is not None
    (answer,) = told.answers
    assert answer.found == int(forecast.risk * 100)
    assert told.is_in == answer.holds == (forecast.risk >= 0.5)


def test_each_field_is_named_in_three_languages_and_says_its_age() -> None:
    for field in PREDICTION:
        assert set(field.labels) == {"zh-TW", "en", "ja"}
        assert field.freshness == "nightly"
