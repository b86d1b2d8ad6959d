"""Every route of the console as every role: who may, may; who may not, is told so (U17, section 4).

Each is asked for with nothing in its form and with names of things that are not there: so this
also shows that an empty form, at whichever door, is a refusal and never a failure of ours.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from handlers.console.door import ASKED, OPEN, SELF
from handlers.console.rights import RIGHTS, has_right
from handlers.limiting import limiter
from models.staff import OFFICE_ROLES, Staff
from tests.handlers.clerk_driver import path_of
from tests.handlers.console_driver import Desk
from tests.test_house_rules import rules

NOT_ALLOWED = "您的角色不能做這件事"


def test_every_route_asks_for_a_right(app: Flask) -> None:
    routes = {rule.endpoint for rule, _ in rules(app) if rule.endpoint.startswith("console.")}
    asked = {endpoint: ASKED[endpoint] for endpoint in routes}

    assert set(asked.values()) <= {*RIGHTS, OPEN, SELF}
    assert {endpoint for endpoint, right in asked.items() if right == OPEN} == {
        "console.login_show_login",
        "console.login_log_in",
        "console.login_show_code",
        "console.login_give_code",
        "console.login_choose_theme",
        "console.settings_people_show_invitation",  # A token of ours opens these four.
        "console.settings_people_take_password",
        "console.reports_ask_to_stop",
        "console.reports_stop",
    }


@pytest.mark.parametrize("role", OFFICE_ROLES)
def test_each_role_sees_what_it_may(
    app: Flask, make_staff: Callable[..., Staff], role: str
) -> None:
    limiter.reset()
    app.config["WTF_CSRF_METHODS"] = []
    desk = Desk(app.test_client())
    desk.log_in(make_staff(role))
    app.config["PROPAGATE_EXCEPTIONS"] = False  # Each failure is listed, not the first alone.
    wrong = {}
    for rule, method in rules(app):
        right = ASKED.get(rule.endpoint, OPEN)
        if right in (OPEN, SELF):
            continue
        answer = desk.client.open(path_of(rule), method=method)
        is_refused = answer.status_code == 403 and NOT_ALLOWED in answer.text
        is_lost = answer.status_code >= 500 or "/console/login" in (answer.location or "")
        if is_lost or is_refused == has_right(role, right):
            wrong[f"{method} {rule.rule}"] = (answer.status_code, right)

    assert wrong == {}


def test_a_clerk_has_no_right() -> None:
    assert [right for right in RIGHTS if has_right("clerk", right)] == []
