"""A real Chromium for the browser tests, and pictures of what a person would see."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

from tests import processes

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "var" / "screenshots"
CHROMIUM_PATH = ROOT / "var" / "chromium-path"  # Set-up notes here where it found or put one.
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",  # A container's root may not make the sandbox's namespaces.
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = {"width": 390, "height": 844}
WAIT_MS = 60_000
"""How long a test waits for what has to come: long, for it costs only where it does not come."""
expect.set_options(timeout=WAIT_MS)
MOST_DETOURS = 3
PATIENCE = """
    AbortController.prototype.abort = () => {};
    AbortSignal.timeout = () => new AbortController().signal;
    Object.defineProperty(XMLHttpRequest.prototype, "timeout", { get: () => 0, set: () => {} });
"""
"""A page's script that waits for every answer: a machine that stands still for some seconds is no
network that is away. What is to fail for a test, fails at once."""

Screenshot = Callable[[Page, str], Path]
OpenPage = Callable[..., Page]


def find_chromium() -> str | None:
    """Return the browser's path: the one named, the one set-up found, or one on the PATH."""
    named = os.environ.get("REGULARS_CHROMIUM")
    noted = CHROMIUM_PATH.read_text(encoding="utf-8").strip() if CHROMIUM_PATH.exists() else None
    candidates = [named, noted, *map(shutil.which, CHROMIUM_NAMES)]
    return next((path for path in candidates if path and Path(path).exists()), None)


def miss(what: str, remedy: str) -> None:
    """Leave a test out and say why; where CI is set, fail: it must not silently test less."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}: {remedy}", pytrace=False)
    pytest.skip(f"NO BROWSER TEST: {what}: {remedy}")


def visit(page: Page, address: str) -> None:
    """Go to an address; again where the page was on its way elsewhere, as a person would.

    A counter that finds its network again goes home by itself, which cancels our navigation.
    """
    for _ in range(MOST_DETOURS):
        try:
            page.goto(address)
        except Error as error:
            if "ERR_ABORTED" not in error.message and "interrupted" not in error.message:
                raise
            page.wait_for_load_state("load")
        else:
            return
    raise AssertionError(f"the page never let us go to {address}")


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait for something that is seen on no page: what the server knows, say."""
    processes.wait_until(
        holds,
        "what the page waits for",
        seconds=WAIT_MS / 1000,
        pause=lambda seconds: page.wait_for_timeout(seconds * 1000),
    )


def wait_for_script(page: Page, expression: str) -> None:
    """Wait until an expression (or the promise it is) comes true.

    Playwright's own way asks again by `eval`, which our pages' Content-Security-Policy forbids.
    """

    def holds() -> bool:
        try:
            return bool(page.evaluate(expression))
        except Error as error:
            if "context was destroyed" not in error.message:  # The page is on its way elsewhere.
                raise
            return False

    wait_until(page, holds)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium for one file's tests.

    No longer than a file: while Playwright runs, its event loop counts as running in this thread,
    and a later test that starts one of its own would fail.
    """
    path = find_chromium()
    if path is None:
        miss("no Chromium", "apt-get install chromium fonts-noto-cjk, or `make test`")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Return a function that opens an address in a fresh browser window the size of a phone.

    A test fails where a page's script failed or its Content-Security-Policy was broken.
    """
    contexts = []
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if re.search(r"content security policy", message.text, re.IGNORECASE):
            complaints.append(message.text)

    def open_at(
        address: str,
        *,
        width: int = PHONE["width"],
        height: int = PHONE["height"],
        touch: bool = False,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            has_touch=touch,
            is_mobile=touch,
            locale="zh-TW",
            timezone_id="Asia/Taipei",
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        context.add_init_script(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", note)
        page.goto(address)
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def screenshot() -> Screenshot:
    """Return a function that keeps a picture of a page as var/screenshots/NAME.png."""

    def take(page: Page, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        page.screenshot(path=path)
        return path

    return take
