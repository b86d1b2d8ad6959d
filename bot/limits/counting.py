"""How LINE counts characters: most properties in UTF-16 code units, a few in grapheme clusters.

Source: LINE, "Character counting in a text", read 2026-11. A birthday cake is two code units and
one grapheme; a family emoji is eleven code units and still one grapheme.
"""

from __future__ import annotations

import regex

_GRAPHEME = regex.compile(r"\X")


def utf16_length(text: str) -> int:
    """Return the number of UTF-16 code units of `text`."""
    if text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def grapheme_length(text: str) -> int:
    """Return the number of grapheme clusters of `text`: what a reader would call characters."""
    return len(_GRAPHEME.findall(text))
