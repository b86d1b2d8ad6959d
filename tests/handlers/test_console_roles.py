"""Every route of the console as every role: who may, may; who may not, is told so (U17, section 4).

Each is asked for with nothing in its form and with names of things that are not there: so this
also shows that an empty form, at whichever door, is a refusal and never a failure of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from handlers.console.door import ASKED, OPEN, SELF
from handlers.console.rights import RIGHTS, has_right
from handlers.limiting import limiter
from models.staff import OFFICE_ROLES, Staff
from tests.handlers.clerk_driver import path_of
from tests.handlers.console_driver import Desk

NOT_ALLOWED = "您的角色不能做這件事"


def routes(app: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Yield each route of the console with its method and the right it asks for."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("console."):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method, ASKED[rule.endpoint]


def test_every_route_asks_for_a_right(app: Flask) -> None:
    asked = {right for _, _, right in routes(app)}

    assert asked <= {*RIGHTS, OPEN, SELF}
    assert {rule.endpoint for rule, _, right in routes(app) if right == OPEN} == {
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
    app.config["WTF_CSRF_ENABLED"] = False
    desk = Desk(app.test_client())
    desk.log_in(make_staff(role))
    app.config["PROPAGATE_EXCEPTIONS"] = False  # Each failure is listed, not the first alone.
    wrong = {}
    for rule, method, right in routes(app):
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
