"""A person at a desk, as tests drive one: opens the console's pages and sends their forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from io import BytesIO

from flask.testing import FlaskClient
from sqlalchemy.orm import object_session
from werkzeug.test import TestResponse

from handlers.console.views import SEE_OTHER
from models.staff import Staff
from models.totp import begin_totp, is_totp_required, renew_paper_codes
from tests.conftest import NOON, STAFF_PASSWORD

TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')
KEY = re.compile(r'name="key" value="([^"]+)"')


def _paper_code(staff: Staff) -> str:
    """Set a person's second factor up, where it is not, and return a code of theirs."""
    session = object_session(staff)
    assert session is not None, "a person with a second factor is logged in where they were made"
    if staff.totp_at is None:
        begin_totp(staff)
        staff.totp_at = NOON
    return renew_paper_codes(session, staff)[0]


@dataclass
class Desk:
    """One browser at a desk. `key` is the one drawn with the page that was opened last."""

    client: FlaskClient
    token: str = ""
    key: str = ""

    def log_in(self, staff: Staff, password: str = STAFF_PASSWORD) -> TestResponse:
        """Log in with name and password, and with a code on paper where the role needs one."""
        paper = _paper_code(staff) if is_totp_required(staff) else None
        self.get("/console/login")
        answer = self.send("/console/login", username=staff.username, password=password)
        if paper is None or answer.status_code != SEE_OTHER:
            return answer
        return self.send("/console/login/code", code=paper)

    def get(self, path: str) -> TestResponse:
        """Open a page, and take its CSRF token and its key."""
        answer = self.client.get(path)
        for name, pattern in (("token", TOKEN), ("key", KEY)):
            found = pattern.search(answer.text)
            if found is not None:
                setattr(self, name, unescape(found[1]))
        return answer

    def fragment(self, path: str) -> TestResponse:
        """Ask for a part of a page, as our script does."""
        return self.client.get(path, headers={"HX-Request": "true"})

    def send(self, path: str, *, script: bool = False, **fields: str | list[str]) -> TestResponse:
        """Send a form with its CSRF token, as a browser does, or as our script does."""
        headers = {"HX-Request": "true"} if script else {}
        data = {"csrf_token": self.token, "key": self.key} | fields
        return self.client.post(path, data=data, headers=headers)

    def upload(self, path: str, name: str, content: bytes, **fields: str) -> TestResponse:
        """Send a form with a file in the field `file`."""
        data = {"csrf_token": self.token, "key": self.key, "file": (BytesIO(content), name)}
        return self.client.post(path, data=data | fields, content_type="multipart/form-data")
