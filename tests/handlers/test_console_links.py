"""What a page of the console offers, it keeps: links open, forms are their reader's to send.

The demo shop with its figures prepared, read from its first page on by each role as far as links
and fragments lead: once an address for each endpoint and each choice that a link names in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException

from handlers.console.door import ASKED, OPEN, SELF
from handlers.console.rights import has_right
from models.demo import DEMO_STAFF
from models.staff import OFFICE_ROLES
from tests.browser.serving import Served, served_demo
from tests.handlers.console_driver import Desk

HOST = "http://localhost"
FIRST = "/console/"
BAD_REQUEST = 400
FEWEST_PAGES = 100
A_WORD = re.compile(r"[a-z_]{1,20}")
SAME_PAGE = {"language"}
"""What changes how a page speaks, not what it is."""

Shape = tuple[str, tuple[tuple[str, str], ...]]


@dataclass
class Offers(HTMLParser):
    """What a page offers: addresses to open, and those of forms that have a button to send them."""

    opened: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    _form: str | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a link, a fragment, a form or its button."""
        told = dict(attrs)
        if tag == "a":
            self._open(told.get("href"))
        self._open(told.get("hx-get"))
        if tag == "form" and told.get("method", "get") == "get":
            self._open(told.get("action"))
        elif tag == "form":
            self._form = told.get("action") or ""
        is_button = tag == "button" and told.get("type", "submit") == "submit"
        if is_button and "disabled" not in told and self._form is not None:
            self.sent.append(told.get("formaction") or self._form)

    def handle_endtag(self, tag: str) -> None:
        """Leave a form."""
        if tag == "form":
            self._form = None

    def _open(self, address: str | None) -> None:
        if address:
            self.opened.append(address)


@dataclass
class Reader:
    """Reads the console from its first page on as one role, and notes what is offered in vain."""

    app: Flask
    role: str
    wrong: dict[str, str] = field(default_factory=dict)
    """What was offered in vain, and on which page."""
    read: int = 0
    _known: set[Shape] = field(default_factory=set)
    _ahead: list[tuple[str, str]] = field(default_factory=lambda: [(FIRST, "")])

    def read_all(self) -> None:
        """Read until nothing new is offered."""
        desk = Desk(self.app.test_client())
        username, password = next(known[:2] for known in DEMO_STAFF if known[2] == self.role)
        desk.get("/console/login")
        desk.send("/console/login", username=username, password=password)
        while self._ahead:
            address, seen_on = self._ahead.pop(0)
            answer = desk.client.get(address)
            self.read += 1
            if answer.status_code >= BAD_REQUEST:
                self.wrong[f"{answer.status_code} {address}"] = seen_on
            if answer.location:
                self._offered(urljoin(HOST + address, answer.location), "GET", address)
            elif answer.mimetype == "text/html":
                self._take(answer.text, address)

    def _take(self, html: str, address: str) -> None:
        offers = Offers()
        offers.feed(html)
        for offered in offers.opened:
            self._offered(urljoin(HOST + address, offered), "GET", address)
        for offered in offers.sent:
            self._offered(urljoin(HOST + address, offered), "POST", address)

    def _offered(self, address: str, method: str, seen_on: str) -> None:
        """Judge an address by its right; go there later where it can be opened and is new."""
        parts = urlsplit(address)
        if not address.startswith(f"{HOST}{FIRST}"):
            return
        try:
            endpoint = self.app.url_map.bind("localhost").match(parts.path, method)[0]
        except HTTPException:
            self.wrong[f"{method} {parts.path}"] = seen_on
            return
        right = ASKED[endpoint]
        if right not in (OPEN, SELF) and not has_right(self.role, right):
            self.wrong[f"{method} {endpoint} asks for {right}"] = seen_on
        elif method == "GET":
            self._go(endpoint, parts.path, parts.query, seen_on)

    def _go(self, endpoint: str, path: str, query: str, seen_on: str) -> None:
        asked = [(name, value) for name, value in parse_qsl(query) if name not in SAME_PAGE]
        words = ((name, value if A_WORD.fullmatch(value) else "") for name, value in asked)
        shape = (endpoint, tuple(sorted(words)))
        if shape not in self._known:
            self._known.add(shape)
            self._ahead.append((f"{path}?{query}" if query else path, seen_on))


@pytest.fixture(scope="module")
def shop(server_url: str, pristine_demo: str) -> Iterator[Served]:
    with served_demo(server_url, pristine_demo) as office:
        yield office


@pytest.mark.parametrize("role", OFFICE_ROLES)
def test_nothing_is_offered_in_vain(shop: Served, role: str) -> None:
    """U17, section 4: who may not, is not led to a door that is shut; who may, finds it open."""
    reader = Reader(shop.app, role)

    reader.read_all()

    assert reader.wrong == {}
    assert reader.read >= FEWEST_PAGES
