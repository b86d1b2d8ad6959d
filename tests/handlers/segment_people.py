"""A small shop for the doors of segments: a member in every class of every model."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from models.classification import rebuild_classes
from models.member import Member
from tests.conftest import NOON
from tests.models.class_shop import ClassShop

AGES = {
    "active": (5, 40),
    "new": (5,),
    "sleep": (100, 150),
    "lost": (100,),
    "deep": (400,),
    "prospect": (),
}
"""By NASLD's class under the assumed cycle of 30 days: how many days ago they bought."""


def fill_shop(session: Session) -> dict[str, Member]:
    """Make one member of each NASLD class and classify everybody; return them by class."""
    shop = ClassShop(session)
    people = {}
    for place, (code, ages) in enumerate(AGES.items(), start=1):
        person = shop.join()
        for days_ago in ages:
            shop.sell(person, days_ago, 100 * place)
        people[code] = person.member
    rebuild_classes(session, NOON)
    session.commit()
    return people


LONG_AGO = (NOON - timedelta(days=5_000)).date().isoformat()
TOMORROW = (NOON + timedelta(days=1)).date().isoformat()
LOST = {"schema": 1, "where": {"field": "nasld", "is": "is", "value": "nasld:lost"}}


def nested(levels: int) -> dict[str, object]:
    """Return a rule whose groups stand so many levels deep."""
    node: dict[str, object] = {"field": "purchases", "is": "at_least", "value": 1}
    for _ in range(levels):
        node = {"not": node}
    return {"schema": 1, "where": node}


def rule_of(**leaf: object) -> dict[str, object]:
    """Return a rule of one question."""
    return {"schema": 1, "where": leaf}


BAD_RULES = {
    "rule_unknown_field": rule_of(field="purchasse", **{"is": "at_least", "value": 3}),
    "rule_wrong_type": rule_of(field="purchases", **{"is": "at_least", "value": "three"}),
    "rule_too_deep": nested(50),
    "rule_too_many_values": rule_of(
        field="usual_item", **{"is": "any_of", "value": ["a"] * 10_000}
    ),
    "rule_unknown_operator": rule_of(field="purchases", **{"is": "like", "value": 3}),
    "rule_unknown_option": rule_of(
        field="purchases", **{"is": "at_least", "value": 3, "colour": "red"}
    ),
    "rule_out_of_range": rule_of(field="purchases", **{"is": "at_least", "value": -1}),
    "rule_no_such_day": rule_of(
        field="purchases", **{"is": "at_least", "value": 1, "since": "2026-02-30"}
    ),
    "rule_empty_list": {"schema": 1, "where": {"all": []}},
    "rule_schema_unknown": {"schema": 2, "where": nested(0)["where"]},
    "rule_unknown_code": rule_of(field="nasld", **{"is": "is", "value": "nasld:gone"}),
}
"""By the code of its refusal: a rule that cannot be asked."""
