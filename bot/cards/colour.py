"""Colours of cards: a readable theme from whatever colour a shop gives a tier.

Contrast is WCAG 2's ratio; every text colour here keeps `READABLE` against its ground, at each
stop of a gradient and so everywhere between.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

READABLE: Final = 4.5
"""WCAG 2.2, success criterion 1.4.3: the least contrast of text of ordinary size."""

TEA: Final = "#2F6B4A"
"""The house colour: buttons, titles, and the theme of a tier whose colour we cannot read."""
LEAF: Final = "#EEF5EF"
INK: Final = "#2B2A28"
QUIET: Final = "#6B6660"
EDGE: Final = "#E8E4DD"
PAPER: Final = "#FFFFFF"
SUN: Final = "#FFF6E0"
WARM: Final = "#A8481F"

_DARK_INK: Final = "#1F1A14"
_STEP: Final = 0.05
_WORTH_DARKENING: Final = 3.0
_GREY_CONTRAST: Final = 8.0
"""A grey button of ordinary contrast looks switched off; this dark it does not."""
_GREY_SPREAD: Final = 40
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Theme:
    """The colours of one tier's card, all #RRGGBB."""

    start: str
    centre: str
    end: str
    ink: str
    """Text on the gradient."""
    faint: str
    """Less important text on the gradient."""
    accent: str
    """Buttons, bars and text on white."""
    track: str
    """The part of a bar that is still empty."""
    badge: str
    """Text on a ground of `ink`."""

    @property
    def stops(self) -> tuple[str, str, str]:
        """The gradient's colours from its start to its end."""
        return (self.start, self.centre, self.end)


@lru_cache(maxsize=256)
def theme_for(colour: str) -> Theme:
    """Return the theme of a tier's `colour` (#RRGGBB); the house theme for anything else."""
    base = colour if _COLOUR.fullmatch(colour) else TEA
    wished = (mix(base, PAPER, 0.28), base, mix(base, "#000000", 0.22))
    # White reads lighter than its ratio says, so it is taken where little darkening makes it fit.
    ink = PAPER if contrast(PAPER, base) >= _WORTH_DARKENING else _DARK_INK
    start, centre, end = (_readable_ground(stop, ink) for stop in wished)
    return Theme(
        start=start,
        centre=centre,
        end=end,
        ink=ink,
        faint=_faintest(ink, (start, centre, end)),
        accent=_readable_ground(base, PAPER, _GREY_CONTRAST if _is_grey(base) else READABLE),
        track=mix(base, PAPER, 0.82),
        badge=max((start, centre, end), key=lambda stop: contrast(stop, ink)),
    )


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mix(colour: str, other: str, share: float) -> str:
    """Return `colour` with a `share` (0 to 1) of `other` stirred in."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)


def _readable_ground(ground: str, ink: str, least: float = READABLE) -> str:
    """Move `ground` away from `ink` until their contrast is `least`."""
    away = "#000000" if ink == PAPER else PAPER
    share = 0.0
    moved = ground
    while contrast(moved, ink) < least:  # Ends at `away` at the latest: 17:1 or more.
        share += _STEP
        moved = mix(ground, away, min(share, 1.0))
    return moved


def _faintest(ink: str, grounds: tuple[str, ...]) -> str:
    """Return the palest shade of `ink` that can still be read on all `grounds`."""
    for share in (0.3, 0.2, 0.1):
        pale = mix(ink, grounds[1], share)
        if min(contrast(pale, ground) for ground in grounds) >= READABLE:
            return pale
    return ink


def _is_grey(colour: str) -> bool:
    channels = _channels(colour)
    return max(channels) - min(channels) <= _GREY_SPREAD


def _channels(colour: str) -> tuple[int, int, int]:
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))


def _luminance(colour: str) -> float:
    """Return the relative luminance as WCAG 2 defines it, 0 to 1."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
