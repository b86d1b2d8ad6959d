"""Which column holds what: by a file's own headings, a platform's preset, or a mapping file.

A preset lists headings as a platform's exports are known to use them and falls back to the
common ones, so that a renamed column still finds its place.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.base import said
from models.exchange.headings import (
    CANCELLED,
    COMMON,
    MEMBERS,
    PRESETS,
    REFUNDED,
    REQUIRED,
    UNPAID,
    Headings,
)
from models.exchange.problems import FileRefused
from models.exchange.values import Cell, as_text

HEADING_ROWS = 12
"""Titles, totals and notes may stand above the heading; so far down it is looked for."""
SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
LARGEST_MAPPING_BYTES = 1 << 20


@dataclass(frozen=True)
class Layout:
    """A preset or mapping file, ready to find the columns of one kind of file."""

    source: str
    headings: tuple[Headings, ...]
    """In order of trust."""
    lines: str
    channel: str
    cancelled: frozenset[str]
    """States of an order that was never a sale, compared as headings are."""
    unpaid: frozenset[str]
    refunded: frozenset[str]
    is_exact: bool = False
    """A mapping file's columns must all be there."""


@dataclass(frozen=True)
class Columns:
    """Where each field stands in this file."""

    places: dict[str, int]
    names: dict[str, str]
    """The file's own heading of each field."""
    heading_row: int

    def cell(self, cells: Sequence[Cell], name: str) -> Cell:
        """Return a field's cell; None where the column or the cell is missing or empty."""
        place = self.places.get(name)
        if place is None or place >= len(cells):
            return None
        cell = cells[place]
        return None if isinstance(cell, str) and not cell.strip() else cell

    def named(self, name: str) -> str:
        """Return a field's heading for a report."""
        return self.names.get(name, "")


def plain(heading: Cell) -> str:
    """Return a heading without case, spaces and marks, for comparing."""
    text = unicodedata.normalize("NFKC", as_text(heading)).casefold()
    return "".join(c for c in text if unicodedata.category(c)[0] in "LN")


def get_layout(kind: str, chosen: str | None) -> Layout:
    """Return a preset by name, or the mapping in a JSON file. Raises FileRefused.

    A mapping file: `{"source": "mypos", "columns": {"phone": "客人電話", "amount": "實收"},
    "lines": "sum", "channel": "till", "cancelled": ["作廢"], "refunded": ["退貨"]}`; all but
    `columns` may be left out.
    """
    name = (chosen or "generic").lower()
    if name in PRESETS:
        preset = PRESETS[name]
        own = preset.members if kind == MEMBERS else preset.purchases
        return Layout(
            preset.source,
            (own, COMMON[kind]),
            preset.lines,
            preset.channel,
            _words(CANCELLED),
            _words(UNPAID),
            _words(REFUNDED),
        )
    return _from_file(kind, Path(chosen or ""))


def _words(words: Sequence[str]) -> frozenset[str]:
    return frozenset(plain(word) for word in words)


def _from_file(kind: str, path: Path) -> Layout:
    try:
        if path.stat().st_size > LARGEST_MAPPING_BYTES:
            raise FileRefused(
                said(
                    "對應檔太大",
                    "The mapping file is too large.",
                    "対応ファイルが大きすぎます。",
                )
            )
        told: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        names = ", ".join(PRESETS)
        raise FileRefused(
            said(
                f"「{path}」不是預設對應（{names}），也不是讀得懂的 JSON 對應檔",
                f"“{path}” is no preset ({names}), nor a JSON mapping file that can be read.",
                f"「{path}」はプリセット（{names}）でも、読み取れる JSON の対応ファイルでも"
                "ありません。",
            )
        ) from error
    return make_layout(kind, told)


def make_layout(kind: str, told: Any) -> Layout:
    """Return a mapping as `get_layout` describes one, read from JSON. Raises FileRefused."""
    columns = told.get("columns") if isinstance(told, dict) else None
    known = COMMON[kind]
    if not isinstance(columns, dict) or not all(isinstance(name, str) for name in columns.values()):
        raise FileRefused(
            said(
                "對應檔要有 columns：欄位對到檔案的標題",
                "The mapping file needs columns: which heading holds which field.",
                "対応ファイルには columns（項目とファイルの見出しの対応）が必要です。",
            )
        )
    if unknown := sorted(set(columns) - set(known)):
        unknowns, usable = ", ".join(unknown), ", ".join(known)
        raise FileRefused(
            said(
                f"對應檔有不認識的欄位：{unknowns}；可用：{usable}",
                f"The mapping file names unknown fields: {unknowns}. These can be used: {usable}.",
                f"対応ファイルに知らない項目があります：{unknowns}。使えるもの：{usable}。",
            )
        )
    source, lines = told.get("source", "file"), told.get("lines", "repeat")
    if not isinstance(source, str) or not SOURCE_NAME.fullmatch(source):
        raise FileRefused(
            said(
                "對應檔的 source 只能用小寫英數字、底線與減號",
                "The source of a mapping file may hold a–z, 0–9, _ and - only.",
                "対応ファイルの source に使えるのは英小文字、数字、_ と - だけです。",
            )
        )
    if lines not in ("repeat", "sum"):
        raise FileRefused(
            said(
                "對應檔的 lines 只能是 repeat 或 sum",
                "The lines of a mapping file must be repeat or sum.",
                "対応ファイルの lines は repeat か sum だけです。",
            )
        )
    return Layout(
        source,
        ({name: (heading,) for name, heading in columns.items()},),
        lines,
        str(told.get("channel", "file")),
        _words(told.get("cancelled", CANCELLED)),
        _words(told.get("unpaid", UNPAID)),
        _words(told.get("refunded", REFUNDED)),
        is_exact=True,
    )


def find_columns(layout: Layout, kind: str, cells: Sequence[Cell], row: int) -> Columns | None:
    """Return where the fields stand if this row is the heading; None where it is not."""
    places: dict[str, int] = {}
    own = [plain(cell) for cell in cells]
    for headings in layout.headings:
        for name, candidates in headings.items():
            if name in places:
                continue
            place = next(
                (
                    own.index(p)
                    for p in map(plain, candidates)
                    if p in own and own.index(p) not in places.values()
                ),
                None,
            )
            if place is not None:
                places[name] = place
    if not all(any(name in places for name in group) for group in REQUIRED[kind]):
        return None
    if layout.is_exact and len(places) < len(layout.headings[0]):
        return None
    return Columns(places, {name: as_text(cells[place]) for name, place in places.items()}, row)


def no_columns(layout: Layout, kind: str, first: Sequence[Cell]) -> FileRefused:
    """Return the refusal of a file in which no heading was found."""
    seen = "、".join(filter(None, (as_text(cell) for cell in first)))[:200]
    chinese, others = _wanted(layout, kind)
    return FileRefused(
        said(
            f"找不到需要的欄位（{chinese}）。檔案的標題是：{seen or '（空白）'}",
            f"The columns needed are not there ({others}). The file's headings: {seen or 'none'}",
            f"必要な列が見つかりません（{others}）。ファイルの見出し：{seen or 'なし'}",
        )
    )


def _wanted(layout: Layout, kind: str) -> tuple[str, str]:
    """Return the headings a file needs, as Chinese files have them and as others do."""
    if layout.is_exact:
        own = ", ".join(names[0] for names in layout.headings[0].values())
        return own, own
    groups = [[COMMON[kind][name] for name in group] for group in REQUIRED[kind]]
    chinese = "；".join(" 或 ".join(known[0] for known in group) for group in groups)
    others = "; ".join(
        " / ".join(next(filter(str.isascii, known)) for known in group) for group in groups
    )
    return chinese, others
