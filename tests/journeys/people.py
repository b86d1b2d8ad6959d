"""The people of a journey: a shopper with a phone, and a clerk with the counter's page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

import urllib3
from sqlalchemy.orm import Session

from bot.postback import parse_postback
from handlers.device_cookie import DEVICE_COOKIE
from models.device import enrol_device
from models.shop import find_store, get_shop
from tests.handlers.clerk_driver import hidden
from tests.processes import CALL_SECONDS, PATIENCE_SECONDS, wait_until

POLL_SECONDS = 0.05
MANY_CONNECTIONS = 64
LOCK_LATE_MINUTES = 120
"""One clerk serves a whole test run."""

Json = dict[str, Any]


class Line:
    """LINE as the simulator plays it: where people are made, faults set, and calls counted."""

    def __init__(self, url: str) -> None:
        """Take the simulator's address."""
        self.url = url
        self._pool = urllib3.PoolManager(
            maxsize=MANY_CONNECTIONS, retries=False, timeout=CALL_SECONDS
        )

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Call the simulator's own API, which must agree, and return its JSON."""
        answer = self._pool.request(method, self.url + path, json=body)
        assert answer.status < 300, (path, answer.status, answer.data)
        found: Json = answer.json()
        return found

    def new_person(self, name: str = "林小晴") -> Shopper:
        """Make somebody who has not added the account yet."""
        return Shopper(self, self.call("POST", "/_sim/people", {"name": name})["id"])

    def befriend(self, user_ids: Iterable[str]) -> list[Shopper]:
        """Make people with these ids who have added the account before."""
        ids = list(user_ids)
        people = [{"id": user_id, "name": "王小明", "friend": True} for user_id in ids]
        self.call("POST", "/_sim/seed", {"people": people})
        return [Shopper(self, user_id) for user_id in ids]

    def misbehave(self, *rules: Json, **switches: Any) -> None:
        """Let LINE's API fail by these rules from now on; without any, let it work."""
        self.call("DELETE", "/_sim/faults")
        self.call("PUT", "/_sim/faults", {"rules": list(rules), "rate_limits": "off", **switches})

    def send(self, event: Json) -> int | None:
        """Send an event as a webhook at once; return the web server's status, if it answered."""
        status: int | None = self.call("POST", "/_sim/raw", {"events": [event]})["status"]
        return status

    def redeliver(self, event_id: str) -> int | None:
        """Send an event a second time, as LINE does after a failure; return the status."""
        status: int | None = self.call("POST", "/_sim/redeliver", {"webhookEventId": event_id})[
            "status"
        ]
        return status

    def insist(self, event_id: str) -> None:
        """Send an event again, as LINE does, until the web server takes it."""
        wait_until(lambda: self.redeliver(event_id) == 200, "the event is taken")

    def deliver(self, event: Json) -> None:
        """Send an event, and again where the web server was too busy to take it."""
        if self.send(event) != 200:
            self.insist(event["webhookEventId"])

    def calls(self, path: str) -> list[Json]:
        """Return the calls of LINE's API that came to a path, oldest first."""
        found: list[Json] = self.call("GET", f"/_sim/requests?path={path}&limit=100000")["requests"]
        return found


@dataclass(frozen=True)
class Shopper:
    """Somebody with LINE on a phone: taps, types, and reads the chat."""

    line: Line
    id: str

    def act(self, kind: str, **doing: Any) -> str:
        """Do something; return the id of the webhook event it made."""
        done = self.line.call(
            "POST", "/_sim/act", {"user": self.id, "act": {"kind": kind, **doing}}
        )
        return str(done["webhookEventId"])

    def follow(self) -> str:
        """Add the account, or unblock it."""
        return self.act("follow")

    def block(self) -> str:
        """Block the account."""
        return self.act("unfollow")

    def say(self, words: str) -> str:
        """Type a text."""
        return self.act("text", text=words)

    def tap(self, action: str, **doing: Any) -> str:
        """Tap the newest button in the chat that sends this postback action."""
        return self.act("action", action=self.find_button(action), **doing)

    def pick(self, day: date) -> str:
        """Pick a day in the date picker."""
        return self.tap("pick_birthday", params={"date": day.isoformat()})

    def find_button(self, action: str) -> Json:
        """Return the newest postback or picker of the chat with this action."""
        for message in reversed(self.said()):
            for button in _buttons(message):
                if parse_postback(button.get("data", "")).action == action:
                    return button
        raise AssertionError(f"no button in the chat does {action}")

    def chat(self) -> Json:
        """Return all that the phone shows."""
        return self.line.call("GET", f"/_sim/chat?user={self.id}")

    def said(self) -> list[Json]:
        """Return the account's messages in the chat, oldest first."""
        return [said["message"] for said in self.heard()]

    def heard(self) -> list[Json]:
        """Return the account's entries in the chat: `via`, `at` (ms) and the message."""
        return [entry for entry in self.chat()["entries"] if entry["from"] == "account"]

    def hears(self, words: str) -> list[Json]:
        """Return the account's entries whose message holds these words."""
        return [entry for entry in self.heard() if words in written(entry["message"])]

    def menu(self) -> list[str]:
        """Return the actions of the rich menu on the phone; none where there is no menu."""
        menu = self.chat()["menu"]
        areas = menu["areas"] if menu else []
        return [parse_postback(area["action"].get("data", "")).action for area in areas]

    def answered(self, deed: Callable[[], object]) -> list[Json]:
        """Do something and wait for the answer; return its messages."""
        before = len(self.heard())
        deed()
        wait_until(lambda: len(self.heard()) > before, "an answer in the chat")
        return self.said()[before:]

    def wait_for(self, words: str, *, count: int = 1, seconds: float = PATIENCE_SECONDS) -> float:
        """Wait until the account has said these words `count` times; return the seconds."""
        return wait_until(
            lambda: len(self.hears(words)) >= count, f"{words} in the chat", seconds=seconds
        )


def written(message: Json) -> str:
    """Return a message as one text to look for words in."""
    return json.dumps(message, ensure_ascii=False)


def picture_of(message: Json, path: str) -> str:
    """Return the first picture's address in a Flex Message that leads to this path."""
    for part in _parts(message):
        if part.get("type") == "image" and path in part["url"]:
            return str(part["url"])
    raise AssertionError(f"no picture of {path} in the message")


def _parts(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _parts(part)


def _buttons(message: Json) -> Iterator[Json]:
    return (part for part in _parts(message) if part.get("type") in ("postback", "datetimepicker"))


@dataclass(frozen=True)
class Page:
    """What the counter answered."""

    status: int
    text: str
    location: str | None


@dataclass
class Clerk:
    """A clerk's browser on the real web server."""

    base_url: str
    device_secret: str
    cookie: str = ""
    token: str = ""
    sale: dict[str, str] = field(default_factory=dict)
    pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=8, retries=False, timeout=CALL_SECONDS)
    )

    def log_in(self, staff_id: int, pin: str) -> Page:
        """Sign in on this device: a name, and its PIN."""
        door = self._call("GET", f"/clerk/login?person={staff_id}")
        self.token = hidden(door.text, "csrf_token")
        page = self.send("/clerk/pin", person=str(staff_id), pin=pin)
        assert page.location == "/clerk", page.text
        self.token = hidden(self._call("GET", "/clerk").text, "csrf_token")
        return page

    def look_up(self, code: str) -> Page:
        """Look a member up by a scanned code, and keep the page's hidden fields."""
        page = self.send("/clerk/lookup", code=code)
        assert page.status == 200, page.text
        self.sale = {name: hidden(page.text, name) for name in ("visit", "key")}
        return page

    def confirm(self, amount: str, **changed: str) -> Page:
        """Confirm the purchase on the page."""
        return self.send("/clerk/purchases", **(self.sale | {"amount": amount} | changed))

    def send(self, path: str, **fields: str) -> Page:
        """Send a form of the page, as its script does."""
        form = urlencode({"csrf_token": self.token} | fields)
        return self._call("POST", path, form)

    def _call(self, method: str, path: str, form: str | None = None) -> Page:
        cookie = f"{DEVICE_COOKIE}={self.device_secret}; {self.cookie}"
        headers = {"Cookie": cookie, "Referer": self.base_url}
        if form is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self.pool.request(
            method, self.base_url + path, body=form, headers=headers, redirect=False
        )
        for given in answer.headers.getlist("Set-Cookie"):
            if "session" in (morsel := SimpleCookie(given)):
                self.cookie = f"session={morsel['session'].value}"
        return Page(answer.status, answer.data.decode(), answer.headers.get("Location"))


def new_tablet(session: Session) -> str:
    """Enrol a tablet of the first store, in a shop whose tablets lock late; return its secret."""
    shop, store = get_shop(session), find_store(session, "TP01")
    assert store is not None
    shop.lock_minutes = LOCK_LATE_MINUTES
    return enrol_device(session, "櫃台平板", store, by=None, now=datetime.now(UTC))[1]


def stays_so(is_true: Callable[[], bool], seconds: float, what: str) -> None:
    """Fail with `what` where something stops being true within some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert is_true(), what
        time.sleep(POLL_SECONDS)
