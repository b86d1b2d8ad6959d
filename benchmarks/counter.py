"""The counter: what looking a member up and one confirmed purchase cost, and the first load."""

import gzip
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from sqlalchemy import Engine, event, select
from werkzeug.test import TestResponse

from benchmarks.figure import BenchmarkError, Figure, Goal
from benchmarks.taps import add_members
from benchmarks.workshop import BASE_URL, Database, Workshop
from handlers.device_cookie import DEVICE_COOKIE, DEVICE_COOKIE_PATH
from models.coupon import get_template, issue_coupon
from models.database import make_sessions
from models.device import enrol_device
from models.member import Member
from models.pin import set_pin
from models.shop import find_store
from models.staff import add_staff

if TYPE_CHECKING:
    from app import Installation

STATEMENTS = Goal(most=8)
LOOKUP_STATEMENTS = Goal(most=5)
FIRST_LOAD_KB = Goal(most=150)
NOT_COUNTED = ("SAVEPOINT", "RELEASE", "ROLLBACK")
AMOUNT_TWD = "450"
WORKER = "/clerk/sw.js"
USERNAME, PASSWORD, PIN = "clerk", "counter-1", "4826"


def measure_statements(workshop: Workshop) -> list[Figure]:
    """Count the statements of a look-up and of one confirmed purchase, login and all, as the page
    sends them, and the bytes of the page's first load."""
    with workshop.database() as database:
        add_members(database, 2)
        numbers, coupon_id, staff_id, secret = _prepare(database)
        counter = _Counter(workshop.environment(database), staff_id, secret)
        plain = counter.sell(numbers[0])
        with_coupon = counter.sell(numbers[1], coupon=coupon_id)
        lookup = counter.look_up(numbers[1])
        first_load = counter.load_first()
        counter.close()
    return [
        Figure("counter_lookup_statements", lookup, "statements", LOOKUP_STATEMENTS),
        Figure("counter_first_load_kb", first_load / 1_000, "kB", FIRST_LOAD_KB),
        Figure("purchase_statements", plain, "statements", STATEMENTS),
        Figure("purchase_statements_with_coupon", with_coupon, "statements", STATEMENTS),
    ]


def _prepare(database: Database) -> tuple[list[str], str, int, str]:
    """Make a clerk, a tablet, and a coupon for the second member.

    Return the members' numbers, the coupon's and the clerk's ids, and the tablet's secret.
    """
    with make_sessions(database.engine).begin() as session:
        store = find_store(session, "TP01")
        assert store is not None, "set-up makes the stores"
        clerk = add_staff(
            session, username=USERNAME, name="小安", role="clerk", store=store, password=PASSWORD
        )
        set_pin(clerk, PIN)
        _, secret = enrol_device(session, "平板", store, by=None, now=datetime.now(UTC))
        members = session.scalars(select(Member).order_by(Member.id)).all()
        template, now = get_template(session, "welcome"), datetime.now(UTC)
        coupon = issue_coupon(session, members[1].id, template, issue_key="bench", now=now)
        assert coupon is not None, "the key is new"
        return [member.number for member in members], str(coupon.id), clerk.id, secret


class _Silent:
    """A bell nobody hears: no worker runs here."""

    def ring(self, task: str) -> None:
        """Wake nobody."""


class _Counter:
    """A clerk at the real application, within this process."""

    def __init__(self, environment: dict[str, str], staff_id: int, device_secret: str) -> None:
        self._installation = _make_installation(environment)
        self._client = _client_of(self._installation)
        self._client.set_cookie(
            DEVICE_COOKIE, device_secret, path=DEVICE_COOKIE_PATH, domain=urlsplit(BASE_URL).netloc
        )
        self._token = _hidden(
            self._client.get("/clerk/login", base_url=BASE_URL).text, "csrf_token"
        )
        self._post("/clerk/pin", person=str(staff_id), pin=PIN)

    def sell(self, number: str, **also: str) -> int:
        """Look a member up and sell; return how many statements the sale took."""
        page = self._post("/clerk/lookup", code=number)
        fields = {name: _hidden(page, name) for name in ("visit", "key")}
        with _statements(self._installation.engine) as statements:
            self._post("/clerk/purchases", amount=AMOUNT_TWD, name_checked="yes", **fields, **also)
        return len(statements)

    def look_up(self, number: str) -> int:
        """Look a member up; return how many statements the one request took."""
        with _statements(self._installation.engine) as statements:
            self._post("/clerk/lookup", code=number)
        return len(statements)

    def load_first(self) -> int:
        """Load the page as a browser that has nothing of it; return the bytes, compressed.

        The page, what it names, and the service worker; the camera's code loads when first used.
        """
        page = self._get("/clerk")
        named = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.decode()))
        return len(gzip.compress(page)) + sum(len(self._get(url)) for url in (*named, WORKER))

    def _get(self, path: str) -> bytes:
        answer = self._client.get(path, base_url=BASE_URL, headers={"Accept-Encoding": "gzip"})
        if answer.status_code != 200:
            raise BenchmarkError(f"the counter answered {answer.status_code} to {path}")
        content = answer.data
        return content if path == "/clerk" or _is_compressed(answer) else gzip.compress(content)

    def close(self) -> None:
        """Give the connections back."""
        self._installation.engine.dispose()

    def _post(self, path: str, **fields: str) -> str:
        answer = self._client.post(
            path,
            base_url=BASE_URL,
            data={"csrf_token": self._token} | fields,
            headers={"HX-Request": "true", "Referer": BASE_URL + "/clerk"},
        )
        if answer.status_code >= 400:
            raise BenchmarkError(f"the counter answered {answer.status_code} to {path}")
        return answer.text


def _is_compressed(answer: TestResponse) -> bool:
    return answer.headers.get("Content-Encoding") == "gzip"


def _make_installation(environment: dict[str, str]) -> "Installation":
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = environment["PROMETHEUS_MULTIPROC_DIR"]
    from app import Installation, Settings  # Only now: importing it opens the metrics' folder.

    named = {name.lower(): text for name, text in environment.items()}
    wanted = {name: named[name] for name in Settings.model_fields if name in named}
    settings = Settings(_env_file=None, **wanted, log_level="CRITICAL")  # type: ignore[call-arg, arg-type]
    made = Installation(settings)
    made.bell = _Silent()  # type: ignore[assignment]  # It rings the same.
    return made


def _client_of(installation: "Installation") -> FlaskClient:
    from app import create_app  # As above.

    return create_app(installation).test_client()


def _hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    if found is None:
        raise BenchmarkError(f"the counter's page has no field {name}")
    return unescape(found[1])


@contextmanager
def _statements(engine: Engine) -> Iterator[list[str]]:
    """Collect what is asked of the database; the edges of transactions are left aside."""
    found: list[str] = []

    def note(*arguments: Any) -> None:
        statement: str = arguments[2]
        if not statement.startswith(NOT_COUNTED):
            found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)
