"""Codes to be scanned off the counter's screen or a slip, as SVG paths: QR and Code 39."""

from typing import TypedDict

import qrcode
from qrcode.constants import ERROR_CORRECT_M

QUIET_MODULES = 4
NARROW, WIDE = 2, 5
"""Units of a bar. Code 39 (ISO/IEC 16388) wants wide ones 2 to 3 times as wide as narrow ones."""
QUIET_UNITS = 10 * NARROW
_GUARD = "*"
_ELEMENTS = {
    "0": "nnnwwnwnn",
    "1": "wnnwnnnnw",
    "2": "nnwwnnnnw",
    "3": "wnwwnnnnn",
    "4": "nnnwwnnnw",
    "5": "wnnwwnnnn",
    "6": "nnwwwnnnn",
    "7": "nnnwnnwnw",
    "8": "wnnwnnwnn",
    "9": "nnwwnnwnn",
    "A": "wnnnnwnnw",
    "B": "nnwnnwnnw",
    "C": "wnwnnwnnn",
    "D": "nnnnwwnnw",
    "E": "wnnnwwnnn",
    "F": "nnwnwwnnn",
    "G": "nnnnnwwnw",
    "H": "wnnnnwwnn",
    "I": "nnwnnwwnn",
    "J": "nnnnwwwnn",
    "K": "wnnnnnnww",
    "L": "nnwnnnnww",
    "M": "wnwnnnnwn",
    "N": "nnnnwnnww",
    "O": "wnnnwnnwn",
    "P": "nnwnwnnwn",
    "Q": "nnnnnnwww",
    "R": "wnnnnnwwn",
    "S": "nnwnnnwwn",
    "T": "nnnnwnwwn",
    "U": "wwnnnnnnw",
    "V": "nwwnnnnnw",
    "W": "wwwnnnnnn",
    "X": "nwnnwnnnw",
    "Y": "wwnnwnnnn",
    "Z": "nwwnwnnnn",
    "-": "nwnnnnwnw",
    ".": "wwnnnnwnn",
    "+": "nwnnnwnwn",
    "/": "nwnwnnnwn",
    _GUARD: "nwnnwnwnn",
}
"""Five bars and the four spaces between them, narrow or wide."""


class Picture(TypedDict):
    """An SVG: its size in units and the path of all that is dark."""

    width: int
    height: int
    path: str


def qr_picture(text: str) -> Picture:
    """Return the QR code of a text, quiet zone included."""
    drawn = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_MODULES)
    drawn.add_data(text)
    drawn.make(fit=True)
    matrix = drawn.get_matrix()
    squares = [
        f"M{x} {y}h1v1h-1z"
        for y, row in enumerate(matrix)
        for x, is_dark in enumerate(row)
        if is_dark
    ]
    return {"width": len(matrix), "height": len(matrix), "path": "".join(squares)}


def code39_picture(text: str) -> Picture:
    """Return the Code 39 of a text, quiet zones included; one unit high, to be stretched.

    Raises KeyError for a character that no invoice carrier has.
    """
    bars, at = [], QUIET_UNITS
    for character in (_GUARD, *text, _GUARD):
        for place, element in enumerate(_ELEMENTS[character]):
            width = NARROW if element == "n" else WIDE
            if place % 2 == 0:
                bars.append(f"M{at} 0h{width}v1h-{width}z")
            at += width
        at += NARROW
    return {"width": at - NARROW + QUIET_UNITS, "height": 1, "path": "".join(bars)}
