"""Charts as pages describe them: what is compared, in which unit, as of when; never how to draw it.

Our script draws them in the page's colours; without it, and for a screen reader, the same figures
stand in a table below. Numbers may be missing (None): a line has a gap there. Percentages are told
as fractions, 0.3172 being 31.7%.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from bot.texts import MINUS

Number = int | float | None
Series = tuple[str, Sequence[Number]]
"""A name and its numbers, one for each name or day of the chart."""
UNITS = ("number", "money", "percent", "days", "times", "messages", "points")
_DIVIDED = {"percent": "{:.1%}", "times": "{:,.2f}"}
SMALL = 0.1
"""Below it two decimals say nothing of a ratio."""


@dataclass(frozen=True)
class Chart:
    """A chart: `drawn` is told to the script, `head` and `rows` make the table."""

    kind: str
    title: str
    drawn: Mapping[str, Any]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    unit: str = "number"
    as_of: datetime | None = None
    note: str | None = None
    csv_url: str | None = None
    urls: Sequence[str | None] = field(default=())
    """Where a click on each mark leads; the table's rows lead there as well."""


def told_number(value: Number, unit: str) -> str:
    """Write a number as people read it: NT$1,200, 31.7%, 4 days' 4; below zero with a minus."""
    if value is None:
        return "–"
    if value < 0:
        return MINUS + told_number(-value, unit)
    if unit == "times" and 0 < value < SMALL:
        return f"{value:.2g}"
    if unit in _DIVIDED:
        return _DIVIDED[unit].format(value)
    rounded = f"{value:,.1f}" if isinstance(value, float) and value % 1 else f"{int(value):,}"
    return f"NT${rounded}" if unit == "money" else rounded


def bars(
    title: str,
    names: Sequence[str],
    series: Sequence[Series],
    *,
    unit: str = "number",
    stacked: bool = False,
    lines: Sequence[tuple[str, float]] = (),
    lying: bool = False,
    urls: Sequence[str | None] = (),
    **told: Any,
) -> Chart:
    """Describe bars, side by side or stacked; `lines` are reference values across them.

    `lying` draws them from left to right, for long names.
    """
    drawn = _drawn(names, series, lines) | {"stacked": stacked, "lying": lying}
    return _with_table("bars", title, names, series, unit, drawn, urls, told)


def trend(
    title: str,
    days: Sequence[date | str],
    series: Sequence[Series],
    *,
    unit: str = "number",
    bands: Sequence[tuple[str, Sequence[Number], Sequence[Number]]] = (),
    marks: Sequence[tuple[str, float]] = (),
    stacked: bool = False,
    most: float | None = None,
    **told: Any,
) -> Chart:
    """Describe lines over days; `bands` are intervals around them, `marks` reference values.

    `most` is how far the axis goes at least, of charts that are to be compared.
    """
    names = [f"{day:%Y/%m/%d}" if isinstance(day, date) else day for day in days]
    drawn = _drawn(names, series, marks) | {
        "stacked": stacked,
        "most": most,
        "bands": [
            {"name": name, "low": list(low), "high": list(high)} for name, low, high in bands
        ],
    }
    return _with_table("trend", title, names, series, unit, drawn, (), told)


def heat(
    title: str,
    xs: Sequence[str],
    ys: Sequence[str],
    cells: Sequence[Sequence[Number]],
    *,
    unit: str = "number",
    urls: Sequence[Sequence[str | None]] = (),
    **told: Any,
) -> Chart:
    """Describe a grid of numbers, a row for each of `ys`; a cell may lead to its people."""
    drawn = {
        "names": list(xs),
        "rows": list(ys),
        "cells": [list(row) for row in cells],
        "urls": [list(row) for row in urls],
    }
    rows = [
        [name, *(told_number(cell, unit) for cell in row)]
        for name, row in zip(ys, cells, strict=True)
    ]
    return Chart("heat", title, drawn, ["", *xs], rows, unit, **told)


def sankey(
    title: str,
    links: Sequence[tuple[str, str, int]],
    kinds: Mapping[str, int],
    *,
    unit: str = "number",
    **told: Any,
) -> Chart:
    """Describe streams from left to right: from, to, how many. Names of two sides must differ.

    `kinds` numbers each name: what is of one kind has one colour, on both sides.
    """
    nodes = list(dict.fromkeys(name for link in links for name in link[:2]))
    drawn = {
        "names": nodes,
        "kinds": [kinds[name] for name in nodes],
        "links": [{"source": one, "target": other, "value": many} for one, other, many in links],
    }
    rows = [[one, other, told_number(many, unit)] for one, other, many in links]
    return Chart("sankey", title, drawn, ["", "", ""], rows, unit, **told)


def funnel(
    title: str,
    stages: Sequence[tuple[str, int]],
    urls: Sequence[str | None] = (),
    *,
    unit: str = "number",
    **told: Any,
) -> Chart:
    """Describe a funnel, its widest stage first; each stage may lead to the people stuck there."""
    names = [name for name, _ in stages]
    numbers: list[Number] = [many for _, many in stages]
    drawn = {"names": names, "series": [{"name": title, "values": numbers}]}
    return _with_table("funnel", title, names, [(title, numbers)], unit, drawn, urls, told)


def pareto(
    title: str,
    names: Sequence[str],
    numbers: Sequence[Number],
    cumulated: Sequence[Number],
    *,
    unit: str = "number",
    shares: str = "%",
    **told: Any,
) -> Chart:
    """Describe bars with the line of their cumulated shares (fractions of one)."""
    drawn = _drawn(names, [(title, numbers)], ()) | {
        "cumulated": list(cumulated),
        "cumulated_name": shares,
    }
    rows = [
        [name, told_number(number, unit), told_number(share, "percent")]
        for name, number, share in zip(names, numbers, cumulated, strict=True)
    ]
    return Chart("pareto", title, drawn, ["", title, shares], rows, unit, **told)


def intervals(
    title: str,
    rows: Sequence[tuple[str, Number, Number, Number]],
    *,
    unit: str = "number",
    line: float | None = None,
    logarithmic: bool = False,
    heads: Sequence[str] = ("", "", ""),
    **told: Any,
) -> Chart:
    """Describe points with whiskers: name, value, low, high; `line` is where nothing happens.

    `heads` are the table's words for the value, its low and its high end.
    """
    drawn = {
        "names": [name for name, *_ in rows],
        "points": [list(numbers) for _, *numbers in rows],
        "line": line,
        "logarithmic": logarithmic,
    }
    table = [[name, *(told_number(each, unit) for each in numbers)] for name, *numbers in rows]
    return Chart("intervals", title, drawn, ["", *heads], table, unit, **told)


def _drawn(
    names: Sequence[str], series: Sequence[Series], lines: Sequence[tuple[str, float]]
) -> dict[str, Any]:
    return {
        "names": list(names),
        "series": [{"name": name, "values": list(numbers)} for name, numbers in series],
        "lines": [{"name": name, "value": value} for name, value in lines],
    }


def _with_table(
    kind: str,
    title: str,
    names: Sequence[str],
    series: Sequence[Series],
    unit: str,
    drawn: Mapping[str, Any],
    urls: Sequence[str | None],
    told: Mapping[str, Any],
) -> Chart:
    assert unit in UNITS, f"{title}: no unit is called {unit}"
    rows = [
        [name, *(told_number(numbers[at], unit) for _, numbers in series)]
        for at, name in enumerate(names)
    ]
    head = ["", *(name for name, _ in series)]
    return Chart(
        kind, title, {**drawn, "urls": list(urls)}, head, rows, unit, urls=tuple(urls), **told
    )
