"""A clerk at the counter, as tests drive one: reads a page's hidden fields, sends its forms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

from flask.testing import FlaskClient
from sqlalchemy.orm import Session, object_session
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from handlers.device_cookie import DEVICE_COOKIE, DEVICE_COOKIE_PATH
from models.device import Device, enrol_device
from models.shop import find_store
from models.staff import Staff
from tests.conftest import NOON, STAFF_PASSWORD, STAFF_PIN, Clock

WORKED_MINUTES = 4
NOBODYS_ID = "999999999"
TAGS = re.compile(r"<[^>]+>")


def hidden(html: str, name: str) -> str:
    """Return the value of the page's first field of this name."""
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found is not None, f"the page has no field {name}"
    return unescape(found[1])


def path_of(rule: Rule, named: str = NOBODYS_ID) -> str:
    """Return an address of a route which names nothing that there is."""
    path = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule)
    path = re.sub(r"<\w+\(length=(\d+)\)[^>]*>", lambda part: "1" * int(part[1]), path)
    return re.sub(r"<[^>]*>", named, path)


def words(answer: TestResponse) -> str:
    """Return what a person reads, with single spaces."""
    return " ".join(unescape(TAGS.sub(" ", answer.text)).split())


def enrol(
    client: FlaskClient, session: Session, *, store: str = "TP01", name: str = "櫃台平板"
) -> Device:
    """Make a browser an enrolled device of a store."""
    place = find_store(session, store)
    assert place is not None
    device, secret = enrol_device(session, name, place, by=None, now=NOON)
    session.flush()
    client.set_cookie(DEVICE_COOKIE, secret, path=DEVICE_COOKIE_PATH)
    return device


@dataclass
class Counter:
    """One clerk's page; `script` says whether our script asks, or a browser without any."""

    client: FlaskClient
    script: bool = True
    token: str = ""
    sale: dict[str, str] = field(default_factory=dict)

    def log_in(self, staff: Staff, pin: str = STAFF_PIN) -> TestResponse:
        """Sign in by PIN, on a device of the person's own store where this is none yet."""
        if self.client.get_cookie(DEVICE_COOKIE, path=DEVICE_COOKIE_PATH) is None:
            session = object_session(staff)
            assert session is not None, "enrol the device first: see `enrol`"
            enrol(self.client, session, store=staff.store.code)
        self.open_door()
        return self.send_whole("/clerk/pin", person=str(staff.id), pin=pin)

    def log_in_by_password(self, staff: Staff, password: str = STAFF_PASSWORD) -> TestResponse:
        """Log in with name and password, as who manages may."""
        self.open_door()
        return self.send_whole("/clerk/login", username=staff.username, password=password)

    def open_door(self, person: Staff | None = None) -> TestResponse:
        """Open the page that asks who is there, and take its CSRF token."""
        picked = f"?person={person.id}" if person else "?person="
        page = self.client.get(f"/clerk/login{picked}")
        if page.status_code == 200:
            self.token = hidden(page.text, "csrf_token")
        return page

    def send_whole(self, path: str, **fields: str) -> TestResponse:
        """Send a form as a browser without any script does."""
        return self.client.post(path, data={"csrf_token": self.token} | fields)

    def send(self, path: str, **fields: str) -> TestResponse:
        """Send a form with its CSRF token."""
        headers = {"HX-Request": "true"} if self.script else {}
        return self.client.post(path, data={"csrf_token": self.token} | fields, headers=headers)

    def work_on(self, clock: Clock, *, minutes: float) -> None:
        """Let time pass at a counter that somebody keeps touching, so that it does not lock."""
        for _ in range(int(minutes // WORKED_MINUTES)):
            clock.advance(minutes=WORKED_MINUTES)
            assert self.send("/clerk/awake").status_code == 204
        clock.advance(minutes=minutes % WORKED_MINUTES)

    def look_up(self, code: str) -> TestResponse:
        """Look a member up and keep the page's sale."""
        answer = self.send("/clerk/lookup", code=code)
        if answer.status_code == 200:
            self.sale = {name: hidden(answer.text, name) for name in ("visit", "key")}
            if "name_checked" in answer.text:
                self.sale["name_checked"] = "yes"
        return answer

    def confirm(self, amount: str, **changed: str) -> TestResponse:
        """Confirm the sale on the page."""
        return self.send("/clerk/purchases", **(self.sale | {"amount": amount} | changed))

    def preview(self, amount: str, **changed: str) -> TestResponse:
        """Ask what the sale would cost and earn."""
        return self.send("/clerk/preview", **(self.sale | {"amount": amount} | changed))
