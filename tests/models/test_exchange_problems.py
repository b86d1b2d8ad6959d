"""What is wrong with a file: every kind in every language, kept in none."""

from __future__ import annotations

import json
from string import Formatter

import pytest

from models.exchange import KINDS, Findings, Problem
from models.shop import LANGUAGES

FACTS = {"value": "x", "first": 1_234, "number": "A1", "known": "2,000", "largest": "9,999"}


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("code", KINDS)
def test_every_kind_is_said_in_every_language_with_the_same_facts(code: str) -> None:
    kind = KINDS[code]
    asked = placeholders(kind.what["zh-TW"])

    for texts in (kind.what, kind.remedy):
        assert set(texts) == set(LANGUAGES)
        assert all(text.strip() for text in texts.values())
    assert {frozenset(placeholders(text)) for text in kind.what.values()} == {frozenset(asked)}
    assert not any(placeholders(text) for text in kind.remedy.values()), "they are not filled in"
    assert asked <= set(FACTS)
    problem = Problem(4, "手機", code, FACTS)
    assert all(ord(sign) < 0x2E80 for sign in problem.what("en") + problem.remedy("en"))


def test_a_problem_is_kept_in_no_language() -> None:
    findings = Findings()
    findings.add(5, "手機", "phone_unreadable", value="1" * 100)
    (problem,) = findings.first

    kept = json.loads(json.dumps(problem.to_words()))

    assert Problem.from_words(kept) == problem
    assert kept["facts"] == {"value": "1" * 40}
    assert problem.what("en") == f"“{'1' * 40}” is not a Taiwanese mobile number"
    assert "台湾の携帯番号" in problem.what("ja")
