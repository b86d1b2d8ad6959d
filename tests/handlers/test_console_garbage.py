"""Garbage in every field that a route of the console reads: a refusal, and never a failure of ours.

The request answers to whatever field its view asks for, so no list of fields can be out of date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, Request
from werkzeug.datastructures import ImmutableMultiDict

from handlers.console.door import ASKED
from handlers.csv_file import written
from handlers.limiting import limiter
from models.staff import OWNER, Staff
from tests.handlers.clerk_driver import path_of
from tests.handlers.console_driver import Desk
from tests.test_house_rules import rules

GARBAGE = {
    "too large": "9" * 20,
    "too deep": "[" * 5_000,
    "the last day": "9999-12-31",
    "half a letter": '{"schema": 1, "where": {"all": "\\ud800\\u0000"}, "messages": [NaN]}',
}
LEFT_ALONE = {"console.login_log_out"}


class Everything(ImmutableMultiDict[str, str]):
    """A form in which every field holds the same, twice where several are asked for."""

    def __init__(self, held: str) -> None:
        """Fill the fields with `held`; only those that are listed have names."""
        super().__init__({"field": held, "rule": held, "asked": held})
        self.held = held

    def __contains__(self, _name: object) -> bool:
        """Tell that there is such a field."""
        return True

    def __getitem__(self, _name: str) -> str:
        """Return what each field holds."""
        return self.held

    def get(  # type: ignore[override]  # One shape for all that is asked.
        self, _name: str, default: Any = None, type: Any = None
    ) -> Any:
        """Return the same as what `type` makes of it, or the default."""
        try:
            return type(self.held) if type is not None else self.held
        except (TypeError, ValueError):
            return default

    def getlist(self, _name: str, type: Any = None) -> list[Any]:
        """Return it twice."""
        found = self.get(_name, type=type)
        return [] if found is None else [found, found]


@pytest.fixture
def desk(app: Flask, make_staff: Callable[..., Staff]) -> Iterator[Desk]:
    """Yield the owner's desk; failures are answers, and no token is asked for."""
    limiter.reset()
    desk = Desk(app.test_client())
    desk.log_in(make_staff(OWNER))
    app.config["WTF_CSRF_METHODS"] = []
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield desk
    app.request_class = Request


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_in_every_field_is_refused(app: Flask, desk: Desk, garbage: str) -> None:
    class Told(Request):
        form = args = values = Everything(garbage)  # type: ignore[assignment]  # Not read from it.

    app.request_class = Told
    failed = [
        f"{method} {rule.rule}"
        for rule, method in rules(app)
        if rule.endpoint in ASKED and rule.endpoint not in LEFT_ALONE
        if desk.client.open(path_of(rule), method=method, data=garbage.encode()).status_code >= 500
    ]

    assert failed == []


def test_an_address_of_a_number_no_key_could_have_names_nothing(app: Flask, desk: Desk) -> None:
    failed = [
        f"{method} {rule.rule}"
        for rule, method in rules(app)
        if rule.endpoint in ASKED and rule.arguments
        if desk.client.open(path_of(rule, "9" * 20), method=method).status_code >= 500
    ]

    assert failed == []


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/console/members/%00", None),
        ("/console/members?q=%00", None),
        ("/console/segments?%00=1", None),
        ("/console/drafts/a", {"name": "\x00"}),
    ],
)
def test_a_nul_is_refused_wherever_it_stands(
    desk: Desk, path: str, fields: dict[str, str] | None
) -> None:
    answer = desk.client.open(path, method="GET" if fields is None else "POST", data=fields)

    assert answer.status_code == 409
    assert "裡面有看不見、也存不下的字元" in answer.text


def test_no_cell_of_a_file_is_a_formula() -> None:
    with written([["=cmd|' /C calc'!A0", "@SUM(1)", -5]]) as file:
        told = file.read().decode("utf-8-sig")

    assert told.strip() == "'=cmd|' /C calc'!A0,'@SUM(1),-5"
