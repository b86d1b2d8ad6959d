"""The page about segments: its rules are good ones, its tables are complete, its commands exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from flask import Flask

from models.classification import ALL_MODELS
from models.lifecycle import RFM, class_key
from models.segment import parse_rule

PAGE = (Path(__file__).parents[1] / "docs" / "segments.md").read_text("utf-8")
RULES = re.findall(r"```json\n(.+?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_shown_can_be_asked(rule: str) -> None:
    """B-08: what a stranger copies works."""
    words = json.loads(rule)
    assert parse_rule(words).as_json() == words


def test_every_class_is_in_the_table() -> None:
    """T1 to T4: which letter means what where."""
    for model in ALL_MODELS.values():
        for each in model.classes:
            is_told = each.name["zh-TW"] in PAGE
            if model.code != RFM and each.code != "prospect":
                is_told = f"`{class_key(model.code, each.code)}` | {each.name['zh-TW']}" in PAGE
            assert is_told, (model.code, each.code)


def test_every_command_shown_is_there(app: Flask) -> None:
    group = app.cli.commands["segment"]
    shown = set(re.findall(r"flask --app app segment ([a-z]+)", PAGE))
    assert shown <= set(group.commands)  # type: ignore[attr-defined]  # A group has commands.
    assert {"show", "why", "add", "size"} <= shown


def test_every_route_of_the_api_is_in_the_table(app: Flask) -> None:
    routes = {
        rule.rule.removeprefix("/api/v1/segments")
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/segments/")
    }
    last = {route.rstrip("/").rpartition("/")[2] for route in routes}
    words = {part for part in last if not part.startswith("<")}
    assert {word for word in words if word not in PAGE} == set()
