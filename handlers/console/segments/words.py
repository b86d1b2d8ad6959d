"""How these pages say rules, classes, versions and people who made them."""

from collections.abc import Sequence

from flask import g

from handlers.console.door import console_texts
from models.base import in_language
from models.classification import get_any_class, get_any_model
from models.lifecycle import NASLD, PROSPECT, RFM
from models.segment import Rule, describe
from models.segment.codes import names_for
from models.segment.field import LIVE, MINUTES, NIGHTLY
from models.segment.freshness import FRESHNESS

TONES = {LIVE: "green", MINUTES: "azure", NIGHTLY: "secondary"}
"""The colour in which each freshness is shown."""


def class_name(model: str, code: str) -> str:
    """Return a class's name; beside RFM, who never bought goes by NASLD's."""
    named = NASLD if (model, code) == (RFM, PROSPECT) else model
    return in_language(get_any_class(named, code).name, console_texts().language)


def model_name(model: str) -> str:
    """Return a model's name."""
    return in_language(get_any_model(model).name, console_texts().language)


def rule_words(rule: Rule) -> str:
    """Return a rule as a sentence."""
    return rules_in_words([rule])[0]


def rules_in_words(rules: Sequence[Rule]) -> list[str]:
    """Return rules as sentences; the names in them are read once for all."""
    names, language = names_for(g.session, rules), console_texts().language
    return [describe(rule, language, names) for rule in rules]


def freshness_words(freshness: str) -> tuple[str, str]:
    """Return how old the facts behind a rule may be, in words, and the colour to show it in."""
    return in_language(FRESHNESS[freshness], console_texts().language), TONES[freshness]
