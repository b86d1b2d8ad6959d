"""No log tells who a member is: names, phones, mails and whatever somebody typed stay out of it.

Every route of the console is asked for as the owner, about a member all of whose words are one
mark, with the same mark in every field that its view reads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from flask import Flask, Request
from sqlalchemy.orm import Session

from handlers.console.door import ASKED
from handlers.limiting import limiter
from models.member import Member
from models.member_note import write_note
from models.staff import OWNER, Staff
from tests.conftest import NOON
from tests.handlers.clerk_driver import path_of
from tests.handlers.console_driver import Desk
from tests.handlers.test_console_garbage import LEFT_ALONE, Everything
from tests.test_house_rules import rules

MARK, PHONE = "祕密人名", "+886987654321"
NEVER_TOLD = (MARK, PHONE, "0987654321")


@pytest.fixture
def desk(app: Flask, make_staff: Callable[..., Staff]) -> Iterator[Desk]:
    """Yield the owner's desk; failures are answers, and no token is asked for."""
    limiter.reset()
    desk = Desk(app.test_client())
    desk.log_in(make_staff(OWNER, name=MARK))
    app.config["WTF_CSRF_METHODS"] = []
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield desk
    app.request_class = Request


@pytest.mark.parametrize("typed", [MARK, PHONE, ""], ids=["words", "phone", "nothing"])
def test_no_route_logs_who_somebody_is_or_what_was_typed(
    app: Flask,
    desk: Desk,
    session: Session,
    make_member: Callable[..., Member],
    make_staff: Callable[..., Staff],
    caplog: pytest.LogCaptureFixture,
    typed: str,
) -> None:
    member = make_member(name=MARK, phone=PHONE, points=5)
    write_note(session, member, MARK, staff=make_staff("manager"), key="note", now=NOON)

    class Told(Request):
        form = args = values = Everything(typed)  # type: ignore[assignment]  # Not read from it.

    if typed:
        app.request_class = Told
    asked = [(rule, method) for rule, method in rules(app) if rule.endpoint in ASKED]
    with structlog.testing.capture_logs() as logged, caplog.at_level(logging.DEBUG):
        for rule, method in asked:
            if rule.endpoint not in LEFT_ALONE:
                desk.client.open(path_of(rule, member.number), method=method)

    assert logged
    told = [*map(str, logged), *caplog.messages]
    assert [line for line in told if any(each in line for each in NEVER_TOLD)] == []
