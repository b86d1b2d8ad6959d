"""Drawing what a report found: figures in words, its charts, its tables; the same for all reports.

A report is told as JSON with every text in all languages (`models/report/findings.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot.report import change_text, interval_text, value_text
from bot.texts import Texts
from handlers.console import chart
from handlers.console.reports.opening import url_of
from models.base import in_language
from models.report import FEW

Told = Mapping[str, Any]
UNITS: Mapping[str, str] = {
    "twd": "money",
    "percent": "percent",
    "ratio": "times",
    "days": "days",
    "points": "points",
}
"""What the charts call our units; all else is a plain number."""
WORDS = ("text", "day", "month")


@dataclass(frozen=True)
class ShownFigure:
    """A figure in words."""

    name: str
    value: str
    formula: str
    before: str | None
    change: str | None
    is_better: bool | None
    interval: str | None
    cases: str | None
    is_few: bool
    url: str | None


@dataclass(frozen=True)
class ShownCell:
    """A cell in words; a number stands to the right."""

    words: str
    is_number: bool
    url: str | None = None


@dataclass(frozen=True)
class ShownRow:
    """A line of a table."""

    cells: Sequence[ShownCell]
    tone: str | None


@dataclass(frozen=True)
class ShownTable:
    """A table in words."""

    code: str
    title: str
    heads: Sequence[tuple[str, bool]]
    rows: Sequence[ShownRow]
    note: str | None


def draw_figures(t: Texts, body: Told) -> list[ShownFigure]:
    """Write a report's figures."""
    return [_figure(t, told) for told in body["figures"]]


def _figure(t: Texts, told: Told) -> ShownFigure:
    unit, cases = told["unit"], told["cases"]
    change = change_text(t, told)
    return ShownFigure(
        name=in_language(told["name"], t.language),
        value=value_text(t, told["value"], unit),
        formula=in_language(told["formula"], t.language),
        before=value_text(t, told["before"], unit) if told["before"] is not None else None,
        change=change,
        is_better=None if change is None else told["value"] >= told["before"],
        interval=interval_text(t, told),
        cases=t.number(cases) if cases is not None else None,
        is_few=cases is not None and cases < FEW and told["value"] is not None,
        url=url_of(told["opens"]),
    )


def draw_tables(t: Texts, body: Told) -> list[ShownTable]:
    """Write a report's tables; the first cell of a line that opens something leads there."""
    return [_table(t, told) for told in body["tables"]]


def _table(t: Texts, told: Told) -> ShownTable:
    columns = told["columns"]
    return ShownTable(
        code=told["code"],
        title=in_language(told["title"], t.language),
        heads=[
            (in_language(column["name"], t.language), column["unit"] not in WORDS)
            for column in columns
        ],
        rows=[_row(t, row, columns) for row in told["rows"]],
        note=in_language(told["note"], t.language) if told["note"] else None,
    )


def _row(t: Texts, row: Told, columns: Sequence[Told]) -> ShownRow:
    url = url_of(row["opens"])
    cells = []
    for at, (cell, column) in enumerate(zip(row["cells"], columns, strict=True)):
        unit = _unit_of(row, column)
        words = value_text(t, cell, unit)
        cells.append(ShownCell(words, unit not in WORDS, url if at == 0 else None))
    return ShownRow(cells, row["tone"])


def _unit_of(row: Told, column: Told) -> str:
    """Return what a cell is: its line's unit stands for columns of plain numbers alone."""
    unit: str = row["unit"] if row["unit"] and column["unit"] == "number" else column["unit"]
    return unit


def file_rows(t: Texts, table: Told) -> list[list[str | int]]:
    """Return a table for a file: headings, then each cell as it is, shares as fractions."""
    head: list[str | int] = [in_language(each["name"], t.language) for each in table["columns"]]
    return [head, *([_file_cell(t, cell) for cell in row["cells"]] for row in table["rows"])]


def figure_rows(t: Texts, figures: Sequence[Told]) -> list[list[str | int]]:
    """Return a report's figures for a file."""
    head: list[str | int] = [
        t("指標"),
        t("本期"),
        t("前期"),
        t("至少（95%）"),
        t("至多（95%）"),
        t("樣本數"),
        t("公式"),
    ]
    names = ("name", "value", "before", "low", "high", "cases", "formula")
    return [head, *([_file_cell(t, figure[name]) for name in names] for figure in figures)]


def _file_cell(t: Texts, cell: Any) -> str | int:
    if cell is None:
        return ""
    if isinstance(cell, dict):
        return in_language(cell, t.language)
    return cell if isinstance(cell, int) else str(cell)


# --- charts ---


def draw_charts(t: Texts, body: Told, as_of: datetime | None) -> list[chart.Chart]:
    """Return the specs of a report's charts."""
    return [_CHARTS[told["kind"]](t, told, as_of) for told in body["charts"]]


def _words(t: Texts, texts: dict[str, str]) -> str:
    return in_language(texts, t.language)


def _series(t: Texts, told: Told) -> list[chart.Series]:
    return [
        (
            _words(t, each["name"]),
            [_told_number(number, told["unit"]) for number in each["numbers"]],
        )
        for each in told["series"]
    ]


def _told_number(number: float | None, unit: str) -> float | None:
    """Return a number as a chart tells it: money in whole NT$."""
    return round(number) if unit == "twd" and number is not None else number


def _places(t: Texts, told: Told) -> list[date | str]:
    if told["days"]:
        return [date.fromisoformat(day) for day in told["days"]]
    return [_words(t, name) for name in told["names"]]


def _lines(t: Texts, told: Told) -> list[tuple[str, float]]:
    return [(_words(t, line["name"]), line["at"]) for line in told["lines"]]


def _urls(told: Told) -> list[str | None]:
    return [url_of(opens) for opens in told["opens"]]


def _shared(told: Told, as_of: datetime | None) -> dict[str, Any]:
    return {"unit": UNITS.get(told["unit"], "number"), "as_of": as_of}


def _bars(t: Texts, told: Told, as_of: datetime | None) -> chart.Chart:
    return chart.bars(
        _words(t, told["title"]),
        [_words(t, name) for name in told["names"]],
        _series(t, told),
        stacked=told["is_stacked"],
        lines=_lines(t, told),
        urls=_urls(told),
        **_shared(told, as_of),
    )


def _trend(t: Texts, told: Told, as_of: datetime | None) -> chart.Chart:
    return chart.trend(
        _words(t, told["title"]),
        _places(t, told),
        _series(t, told),
        bands=_bands(t, told),
        marks=_lines(t, told),
        **_shared(told, as_of),
    )


def _bands(t: Texts, told: Told) -> list[tuple[str, list[float], list[float]]]:
    if told["band"] is None:
        return []
    low, high = (each["numbers"] for each in told["band"])
    return [(t("95% 區間"), low, high)]


def _funnel(t: Texts, told: Told, as_of: datetime | None) -> chart.Chart:
    numbers = told["series"][0]["numbers"]
    stages = [
        (_words(t, name), int(number or 0))
        for name, number in zip(told["names"], numbers, strict=True)
    ]
    return chart.funnel(_words(t, told["title"]), stages, _urls(told), **_shared(told, as_of))


def _heat(t: Texts, told: Told, as_of: datetime | None) -> chart.Chart:
    return chart.heat(
        _words(t, told["title"]),
        [_words(t, name) for name in told["names"]],
        [_words(t, row["name"]) for row in told["series"]],
        [row["numbers"] for row in told["series"]],
        **_shared(told, as_of),
    )


def _intervals(t: Texts, told: Told, as_of: datetime | None) -> chart.Chart:
    return chart.intervals(
        _words(t, told["title"]),
        [
            (_words(t, each["name"]), each["value"], each["low"], each["high"])
            for each in told["whiskers"]
        ],
        line=told["centre"],
        logarithmic=told["unit"] == "ratio",
        heads=(t("數值"), t("至少"), t("至多")),
        **_shared(told, as_of),
    )


_CHARTS: Mapping[str, Callable[[Texts, Told, datetime | None], chart.Chart]] = {
    "bars": _bars,
    "trend": _trend,
    "funnel": _funnel,
    "heat": _heat,
    "intervals": _intervals,
}
