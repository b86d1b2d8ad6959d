"""The page about campaigns: its campaign can be kept, its commands, options and routes exist."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
from flask import Flask

from models.campaign.detail import check_together, read_details
from models.campaign.table import STATES
from models.content import parse_content

PAGE = (Path(__file__).parents[1] / "docs" / "campaigns.md").read_text("utf-8")
SHELL = "\n".join(re.findall(r"```sh\n(.+?)```", PAGE, re.DOTALL))


def test_every_campaign_shown_can_be_kept() -> None:
    """E-15: what a stranger copies works, its contents and its stop rule."""
    (words,) = re.findall(r"```json\n(.+?)```", PAGE, re.DOTALL)
    columns = read_details(json.loads(words))
    check_together(columns)
    for variant in columns["variants"]:
        parse_content(variant["content"])
    assert {state for state in STATES if f"`{state}`" not in PAGE} == set()


def test_every_command_shown_is_there_with_its_options(app: Flask) -> None:
    lines = [line for line in SHELL.splitlines() if line.startswith("flask --app app")]
    assert len(lines) > 10
    for line in lines:
        group_name, name, *told = shlex.split(line, comments=True)[3:]
        group = app.cli.commands[group_name]
        assert isinstance(group, click.Group)
        options = {text for each in group.commands[name].params for text in each.opts}
        assert {word for word in told if word.startswith("--")} <= options, line


def test_every_route_of_the_api_is_in_the_table(app: Flask) -> None:
    routes = {
        rule.rule.rpartition("/")[2]
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/campaigns/")
    }
    words = {part for part in routes if not part.startswith("<")}
    assert {word for word in words if word not in PAGE} == set()
    assert len(words) > 8
