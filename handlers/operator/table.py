"""Tables in a terminal that stay aligned where Chinese and Latin letters stand side by side.

print_table(("類別", "人數"), [("活躍客", 1_234), ("流失客", 56)], "lr")
"""

import unicodedata
from collections.abc import Iterable, Sequence

import click

Cell = str | int | None
"""Text as it is; a whole number with its thousands apart; None is a dash, for what is not known."""
LEFT, RIGHT = "l", "r"
GAP = "  "
NOT_KNOWN = "–"
_WIDE = frozenset("WF")
_UNSEEN = frozenset({"Mn", "Me", "Cf"})
_CONTROL = frozenset({"Cc", "Zl", "Zp"})


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Cell]], align: str = "") -> None:
    """Print rows below their headers and a rule, each column as wide as its widest cell.

    `align` has a letter a column: `l` left, `r` right; the columns it does not reach stand left.
    """
    for line in table_lines(headers, rows, align):
        click.echo(line)


def table_lines(
    headers: Sequence[str], rows: Iterable[Sequence[Cell]], align: str = ""
) -> list[str]:
    """Return the lines of a table: the headers, a rule, the rows. Rows are as long as `headers`."""
    texts = [[written(cell) for cell in row] for row in rows]
    columns = zip(headers, *texts, strict=True)
    widths = [max(width_of(text) for text in column) for column in columns]
    return [
        _line(headers, widths, align),
        GAP.join("─" * width for width in widths),
        *(_line(row, widths, align) for row in texts),
    ]


def written(cell: Cell) -> str:
    """Return a cell as text on one line: what moves a terminal's cursor becomes a blank."""
    if cell is None:
        return NOT_KNOWN
    if isinstance(cell, int):
        return f"{cell:,}"
    return "".join(" " if unicodedata.category(letter) in _CONTROL else letter for letter in cell)


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: a Chinese character takes two."""
    return sum(_width_of_letter(letter) for letter in text)


def _width_of_letter(letter: str) -> int:
    if unicodedata.category(letter) in _UNSEEN:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in _WIDE else 1


def _line(texts: Sequence[str], widths: Sequence[int], align: str) -> str:
    sides = align.ljust(len(texts), LEFT)
    cells = zip(texts, widths, sides, strict=True)
    return GAP.join(_padded(text, width, side) for text, width, side in cells).rstrip()


def _padded(text: str, width: int, side: str) -> str:
    blanks = " " * (width - width_of(text))
    return blanks + text if side == RIGHT else text + blanks
