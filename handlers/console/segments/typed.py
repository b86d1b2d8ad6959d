"""What the segments' forms bring: a rule as JSON or as marked cells, names in three languages."""

import json

from flask import request

from handlers.console import form
from models.segment import Rule, parse_rule, read_rule
from models.segment.opening import cells_rule
from models.segment.rule import SCHEMA
from models.segment.table import LONGEST_NAME

NAMES = {"zh-TW": "name", "en": "name_en", "ja": "name_ja"}
"""By language: the field that holds the name in it."""
EMPTY = json.dumps({"schema": SCHEMA, "where": {"all": []}})
"""A rule before its first condition; the builder begins with it."""


def typed_rule() -> Rule:
    """Return the rule of a form: its cells of RFM where some are marked, else its `rule`.

    Raises a RuleRefused.
    """
    cells = request.form.getlist("cell")
    return parse_rule(cells_rule(cells)) if cells else read_rule(request.form.get("rule", ""))


def is_anything_typed() -> bool:
    """Tell whether a form brings a rule at all, or a marked cell."""
    return bool(request.form.get("cell") or request.form.get("rule"))


def typed_names() -> dict[str, str]:
    """Return the names that were typed, by language. Raises FieldRefused."""
    typed = {language: form.text(field, LONGEST_NAME) for language, field in NAMES.items()}
    return {language: name for language, name in typed.items() if name is not None}
