"""What a report found, in one shape for all: figures, charts, tables and notes, told as JSON.

Whatever a report is about, a page, a file and a mail draw it the same way from this. Every text is
one a language; a share is told as 0 to 1 and money in whole NT$, whatever they are written as.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from models.analysis.told import Told
from models.base import Texts

Unit = Literal[
    "count", "twd", "percent", "ratio", "number", "days", "points", "text", "day", "month", "chance"
]
"""What a number is: `ratio` is a multiple (1.4 ×), `number` has decimals, `count` has none;
`chance` is a p value."""
Cell = str | int | float | date | Texts | None
Opens = Mapping[str, Any]
"""What a number opens: `{"rule": …}` members, `{"segment": code}`, `{"stuck": stage}`, …"""

SCHEMA = 2
"""The edition of this shape: what was kept in another one is worked out anew."""
FEW = 30
"""With fewer cases than this a share or a mean says little, and the report says so."""


@dataclass(frozen=True)
class Figure(Told):
    """One number with what it was the period before, and where it really lies at 95%."""

    code: str
    name: Texts
    value: float | int | None
    unit: Unit
    formula: Texts
    before: float | int | None = None
    low: float | None = None
    high: float | None = None
    cases: int | None = None
    """How many it rests upon: members, orders, answers."""
    opens: Opens | None = None


@dataclass(frozen=True)
class Column(Told):
    """One column of a table: its heading and what its cells are."""

    name: Texts
    unit: Unit = "count"


@dataclass(frozen=True)
class Row(Told):
    """One line of a table; `opens` leads from its numbers to the people or things behind them."""

    cells: tuple[Cell, ...]
    opens: Opens | None = None
    tone: str | None = None
    """`warning`, `danger` or `success` where it stands out; the words say why, too."""
    unit: Unit | None = None
    """What its numbers are where each line has a unit of its own."""


@dataclass(frozen=True)
class Table(Told):
    """A table with a name of its own, under which it can be had as a file."""

    code: str
    title: Texts
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: Texts | None = None


@dataclass(frozen=True)
class Series(Told):
    """One line or set of bars: its name and a number for each place, None where there is none."""

    name: Texts
    numbers: tuple[float | int | None, ...]


@dataclass(frozen=True)
class Line(Told):
    """A line across a chart, such as a reference."""

    name: Texts
    at: float | int


@dataclass(frozen=True)
class Whisker(Told):
    """A point with the interval it lies in."""

    name: Texts
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Chart(Told):
    """A chart of what a table tells: bars, a trend over days, a funnel, cells, or intervals."""

    kind: Literal["bars", "trend", "funnel", "heat", "intervals"]
    title: Texts
    unit: Unit = "count"
    names: tuple[Texts, ...] = ()
    """What stands below the bars, or the stages of a funnel, or the columns of the cells."""
    days: tuple[date, ...] = ()
    series: tuple[Series, ...] = ()
    """Of cells each series is a line of them."""
    lines: tuple[Line, ...] = ()
    whiskers: tuple[Whisker, ...] = ()
    centre: float | None = None
    """Where nothing is different, of intervals: 1 for odds ratios, 0 for differences."""
    is_stacked: bool = False
    band: tuple[Series, Series] | None = None
    """The low and the high end of the interval around a trend."""
    opens: tuple[Opens | None, ...] = ()
    """What each bar or stage leads to."""


@dataclass(frozen=True)
class Findings(Told):
    """What a report found."""

    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[Texts, ...] = ()
    """Whole sentences: what to think of it, what is missing, what to do next."""
    since: date | None = None
    until: date | None = None
    before_since: date | None = None
    before_until: date | None = None
    schema: int = SCHEMA


def plain(text: str) -> Texts:
    """Return a text that reads the same in every language: a code, a number, a name."""
    return {"zh-TW": text}


def filled(template: Texts, **facts: Any) -> Texts:
    """Return a sentence with its facts in every language."""
    return {language: words.format(**facts) for language, words in template.items()}
