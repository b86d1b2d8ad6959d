"""A clerk at the counter, as tests drive one: reads a page's hidden fields, sends its forms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from models.staff import Staff
from tests.conftest import STAFF_PASSWORD

TAGS = re.compile(r"<[^>]+>")


def hidden(html: str, name: str) -> str:
    """Return the value of the page's first field of this name."""
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found is not None, f"the page has no field {name}"
    return unescape(found[1])


def words(answer: TestResponse) -> str:
    """Return what a person reads, with single spaces."""
    return " ".join(unescape(TAGS.sub(" ", answer.text)).split())


@dataclass
class Counter:
    """One clerk's page; `script` says whether our script asks, or a browser without any."""

    client: FlaskClient
    script: bool = True
    token: str = ""
    sale: dict[str, str] = field(default_factory=dict)

    def log_in(self, staff: Staff, password: str = STAFF_PASSWORD) -> TestResponse:
        """Log in on the login page and open the counter."""
        self.token = hidden(self.client.get("/clerk/login").text, "csrf_token")
        return self.client.post(
            "/clerk/login",
            data={"username": staff.username, "password": password, "csrf_token": self.token},
        )

    def send(self, path: str, **fields: str) -> TestResponse:
        """Send a form with its CSRF token."""
        headers = {"HX-Request": "true"} if self.script else {}
        return self.client.post(path, data={"csrf_token": self.token} | fields, headers=headers)

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
