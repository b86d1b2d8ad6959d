"""Definitions: what cannot be walked is refused with its place; what can be comes back the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.journey import add_journey, parse_definition
from models.journey.refusals import (
    DuplicateStep,
    LoopWithoutWait,
    MissingNext,
    NameUnknown,
    NotADefinition,
    TooManySteps,
    UnknownStep,
    UnreachableStep,
    ValueRefused,
    WaitTooLong,
    WordUnknown,
)
from models.journey.templates import TEMPLATES
from models.journey.wording import cause_text, step_text
from models.segment.refusals import RuleRefused, UnknownCode, UnknownField
from tests.conftest import NOON
from tests.models.journey_shop import send, wait, written

HI = send("hi")
ASK: dict[str, Any] = {"id": "ask", "do": "condition", "yes": "hi", "no": None}
GIFT = {"id": "gift", "do": "coupon", "template": "win_back", "next": None}
AB = {"id": "ab", "do": "split"}


def rule(field: str) -> dict[str, Any]:
    return {"schema": 1, "where": {"field": field, "is": "at_least", "value": 1}}


REFUSED: list[tuple[str, object, type[RuleRefused], str]] = [
    ("no object", [], NotADefinition, ""),
    ("no schema", {"trigger": {"on": "joined"}, "steps": [HI]}, WordUnknown, ""),
    ("schema", written([HI]) | {"schema": 2}, ValueRefused, "schema"),
    ("unknown word", written([HI], colour="red"), WordUnknown, ""),
    ("kind", written([HI], kind="spam"), ValueRefused, "kind"),
    ("holdout", written([HI], holdout_percent=51), ValueRefused, "holdout_percent"),
    ("holdout true", written([HI], holdout_percent=True), ValueRefused, "holdout_percent"),
    ("priority", written([HI], priority=101), ValueRefused, "priority"),
    ("consent", written([HI], needs_consent=1), ValueRefused, "needs_consent"),
    ("reentry", written([HI], reentry="often"), NotADefinition, "reentry"),
    ("reentry 0", written([HI], reentry={"after_days": 0}), ValueRefused, "reentry.after_days"),
    ("trigger", written([HI], on="full_moon"), WordUnknown, "trigger.on"),
    ("trigger's word", written([HI], on={"on": "joined", "x": 1}), WordUnknown, "trigger"),
    ("trigger's need", written([HI], on={"on": "segment"}), WordUnknown, "trigger"),
    (
        "trigger's value",
        written([HI], on={"on": "purchase", "first_only": 1}),
        ValueRefused,
        "trigger.first_only",
    ),
    (
        "trigger's time",
        written([HI], on={"on": "birthday", "from_time": "24:00"}),
        ValueRefused,
        "trigger.from_time",
    ),
    ("exits", written([HI], exit_when="purchase"), NotADefinition, "exit_when"),
    ("exit", written([HI], exit_when=["rain"]), WordUnknown, "exit_when[0].on"),
    ("no steps", written([]), NotADefinition, "steps"),
    ("fifty-one", written([send(f"s{n}") for n in range(51)]), TooManySteps, "steps"),
    ("step", written(["hi"]), NotADefinition, "steps[0]"),
    ("id", written([HI | {"id": ""}]), ValueRefused, "steps[0].id"),
    ("do", written([HI | {"do": "dance"}]), WordUnknown, "steps[0].do"),
    ("twice", written([send("hi", "hi"), HI]), DuplicateStep, "steps[1].id"),
    ("no next", written([{"id": "x", "do": "wait", "for": {"days": 1}}]), MissingNext, "steps[0]"),
    ("nowhere", written([send("hi", "ho")]), UnknownStep, "steps[0].next"),
    ("unreachable", written([HI, send("ho")]), UnreachableStep, "steps[1]"),
    ("loop", written([send("a", "b"), send("b", "a")]), LoopWithoutWait, "steps[0]"),
    ("wait", written([wait("w", None, **{"for": {"days": 401}})]), WaitTooLong, "steps[0].for"),
    ("wait 0", written([wait("w", None, **{"for": {}})]), WordUnknown, "steps[0].for"),
    (
        "wait for what",
        written([wait("w", None, **{"for": {"days": 1}, "until": {}})]),
        WordUnknown,
        "steps[0]",
    ),
    (
        "wait's fact",
        written([wait("w", None, until={"fact": "weather"})]),
        WordUnknown,
        "steps[0].until.fact",
    ),
    (
        "wait's days",
        written([wait("w", None, until={"fact": "purchased_on", "days": -401})]),
        WaitTooLong,
        "steps[0].until.days",
    ),
    ("no branch", written([{"id": "c", "do": "condition", "yes": None}]), MissingNext, "steps[0]"),
    ("ask what", written([ASK | {"if": {}}, HI]), NotADefinition, "steps[0].if"),
    (
        "ask a fact",
        written([ASK | {"if": {"fact": "x", "is": "known"}}, HI]),
        WordUnknown,
        "steps[0].if.fact",
    ),
    (
        "ask a field",
        written([ASK | {"if": {"rule": rule("shoe_size")}}, HI]),
        UnknownField,
        "steps[0].if.rule.where.field",
    ),
    ("one arm", written([AB | {"arms": [{"share": 50}]}]), NotADefinition, "steps[0].arms"),
    (
        "shares",
        written([AB | {"arms": [{"share": 50, "next": None}, {"share": 49, "next": None}]}]),
        ValueRefused,
        "steps[0].arms",
    ),
    ("tag", written([{"id": "t", "do": "tag", "next": None}]), WordUnknown, "steps[0]"),
    (
        "task",
        written([{"id": "t", "do": "task", "what": {"en": "x"}, "next": None}]),
        WordUnknown,
        "steps[0].what",
    ),
    ("key", written([send("hi", key="mine")]), ValueRefused, "steps[0].key"),
    (
        "variable",
        written([send("hi", words="{weather}")]),
        RuleRefused,
        "steps[0].content.messages[0].text.zh-TW",
    ),
    ("no text", written([HI | {"content": {}}]), RuleRefused, "steps[0].content"),
]


@pytest.mark.parametrize(
    ("told", "refusal", "path"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_what_cannot_be_walked_is_refused_with_its_place(
    told: object, refusal: type[RuleRefused], path: str
) -> None:
    """B-16: a journey is data checked by a schema; each refusal says where and what would do."""
    with pytest.raises(RuleRefused) as raised:
        parse_definition(told)
    assert isinstance(raised.value, refusal)
    assert raised.value.facts["path"] == path
    assert set(raised.value.facts["advice"]) == {"zh-TW", "en", "ja"}


def test_a_circle_over_a_wait_is_a_habit() -> None:
    steps = [wait("month", "hi", **{"for": {"days": 30}}), send("hi", "month")]
    assert parse_definition(written(steps)).steps["hi"].onwards == "month"
    late = [wait("day", "hi", until={"fact": "purchased_on"}), send("hi", "day")]
    with pytest.raises(LoopWithoutWait):
        parse_definition(written(late))


@pytest.mark.parametrize("code", sorted(TEMPLATES))
def test_what_is_read_is_written_the_same(code: str) -> None:
    """B-16: at least twelve templates, each one readable, and each step told in three languages."""
    assert len(TEMPLATES) >= 12
    definition = parse_definition(TEMPLATES[code].definition)
    again = parse_definition(json.loads(json.dumps(definition.as_json())))
    assert again.as_json() == definition.as_json()
    for language in ("zh-TW", "en", "ja"):
        assert cause_text(definition.cause, language)
        assert all(step_text(step, language) for step in definition.steps.values())


@pytest.mark.parametrize(
    ("told", "refusal", "path"),
    [
        (
            written([HI], on={"on": "segment", "segment": "nobody"}),
            NameUnknown,
            "trigger.segment",
        ),
        (written([GIFT | {"template": "nothing"}]), NameUnknown, "steps[0].template"),
        (
            written([{"id": "t", "do": "tag", "give": "none", "next": None}]),
            NameUnknown,
            "steps[0].give",
        ),
        (
            written([{"id": "s", "do": "survey", "survey": "none", "next": None}]),
            RuleRefused,
            "steps[0].messages[0].survey",
        ),
        (
            written(
                [
                    ASK
                    | {
                        "if": {
                            "rule": {
                                "schema": 1,
                                "where": {"field": "tier", "is": "is", "value": "jade"},
                            }
                        }
                    },
                    HI,
                ]
            ),
            UnknownCode,
            "steps[0].if.rule.where.value",
        ),
    ],
)
def test_what_the_shop_does_not_have_is_refused_when_it_is_kept(
    session: Session, told: dict[str, Any], refusal: type[BusinessError], path: str
) -> None:
    with pytest.raises(RuleRefused) as raised:
        add_journey(session, "x", {"zh-TW": "x"}, parse_definition(told), by="阿德", now=NOON)
    assert isinstance(raised.value, refusal)
    assert raised.value.facts["path"] == path
