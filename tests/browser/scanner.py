"""A hardware scanner: a keyboard that types fast, wherever the cursor is, and ends with Enter.

Its keys carry the times at which a scanner would press them. Were they dated by their arrival, a
machine that stands still for a moment while a test types would make a slow hand of the scanner.
"""

from __future__ import annotations

import string
import time
from collections.abc import Mapping

from playwright.sync_api import Page

BETWEEN_KEYS_SECONDS = 0.001
BETWEEN_HAND_AND_SCANNER_MS = 500
"""Keys in quick succession are one scan; nobody reaches for the scanner faster than this."""
HAND_MS = 90
"""How long a hand takes for a key, at least."""
PHYSICAL_KEYS = {
    **{letter: f"Key{letter.upper()}" for letter in string.ascii_letters},
    **{digit: f"Digit{digit}" for digit in string.digits},
    ":": "Semicolon",
    "/": "Slash",
    ".": "Period",
    "-": "Minus",
    "+": "Equal",
}
ENTER = {"key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13}


def scan(page: Page, text: str, *, stumbles: Mapping[int, float] | None = None) -> None:
    """Scan a code; before the n-th key the scanner may stumble for so many seconds.

    Nobody scans before the page is there, and with it the script that listens.
    """
    page.wait_for_load_state("load")
    keyboard = page.context.new_cdp_session(page)
    pressed_at = time.time()
    for index, key in enumerate([*map(_key, text), ENTER]):
        pressed_at += BETWEEN_KEYS_SECONDS + (stumbles or {}).get(index, 0.0)
        keyboard.send("Input.dispatchKeyEvent", {"type": "keyDown", "timestamp": pressed_at, **key})
        up = {**key, "type": "keyUp", "timestamp": pressed_at, "text": ""}
        keyboard.send("Input.dispatchKeyEvent", up)
    keyboard.detach()


def reach_for_it(page: Page) -> None:
    """Let the hand reach for the scanner."""
    page.wait_for_timeout(BETWEEN_HAND_AND_SCANNER_MS)


def _key(character: str) -> dict[str, object]:
    code = PHYSICAL_KEYS[character]
    return {
        "key": character,
        "code": code,
        "text": character,
        "windowsVirtualKeyCode": ord(code[-1]) if code.startswith(("Key", "Digit")) else 0,
    }
