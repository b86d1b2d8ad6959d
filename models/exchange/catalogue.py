"""The catalogue as a file: read row by row with what is wrong said, and written for a spreadsheet.

What is written can be read again, so a shop may correct its items in a spreadsheet.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TextIO

from models.catalogue import MOST_AT_ONCE, CatalogueItem, Item, ItemRefused
from models.exchange.columns import Columns, get_layout
from models.exchange.headings import CATALOGUE, COMMON
from models.exchange.problems import Findings
from models.exchange.readable import safe_cell
from models.exchange.reading import Sheet
from models.exchange.rows import Row, Source
from models.exchange.values import Cell, Unreadable, as_text, read_amount, read_yes

YES, NO = "是", "否"
_READERS: dict[str, Callable[[Cell], str | int | bool]] = {
    "barcode": as_text,
    "category": as_text,
    "price_twd": read_amount,
    "cost_twd": read_amount,
    "is_available": read_yes,
    "link": as_text,
    "image_url": as_text,
}
FIELDS = ("sku", "name", *_READERS)


class _NoItem(Exception):
    """The row makes no item, and why."""

    def __init__(self, field: str, code: str, **facts: object) -> None:
        super().__init__(code)
        self.field = field
        self.code = code
        self.facts = facts


class ItemSheet:
    """A file of items; its rows can be read once."""

    def __init__(self, source: Source, mapping: str | None, findings: Findings) -> None:
        """Find the heading. Raises FileRefused where there is no column of skus and of names."""
        self._sheet = Sheet(source, get_layout(CATALOGUE, mapping), CATALOGUE)
        self._findings = findings
        self._skus: dict[str, int] = {}

    @property
    def columns(self) -> Columns:
        """Which heading was read as what."""
        return self._sheet.columns

    def batches(self) -> Iterator[list[tuple[int, Item]]]:
        """Yield the good rows, each item with its row's number, in batches one statement takes."""
        items = self._items()
        while batch := list(islice(items, MOST_AT_ONCE)):
            yield batch

    def refuse(self, row: int, field: str, code: str, **facts: object) -> None:
        """Note why a row is not taken."""
        self._findings.add(row, self.columns.named(field), code, **facts)

    def _items(self) -> Iterator[tuple[int, Item]]:
        for row in self._sheet.rows(self._findings):
            try:
                yield row.number, self._item(row)
            except _NoItem as no:
                self.refuse(row.number, no.field, no.code, **no.facts)

    def _item(self, row: Row) -> Item:
        sku, name = (as_text(self.columns.cell(row.cells, key)) for key in ("sku", "name"))
        if not sku or not name:
            raise _NoItem("name" if sku else "sku", "item_nameless")
        first = self._skus.setdefault(sku, row.number)
        if first != row.number:
            raise _NoItem("sku", "item_twice", first=first)
        item = Item(sku, name)
        for field in _READERS:
            item = self._with(item, row, field)
        try:
            item.check()
        except ItemRefused as refusal:
            field = refusal.facts["what"]
            raise _NoItem(field, "item_unreadable", value=getattr(item, field)) from refusal
        return item

    def _with(self, item: Item, row: Row, field: str) -> Item:
        """Return the item with one cell more; an empty one says nothing."""
        cell = self.columns.cell(row.cells, field)
        if cell is None:
            return item
        try:
            return replace(item, **{field: _READERS[field](cell)})  # type: ignore[arg-type]  # By name.
        except Unreadable as error:
            raise _NoItem(field, "item_unreadable", value=as_text(cell)) from error


def write_items(file: TextIO, items: Iterable[CatalogueItem]) -> int:
    """Write items as CSV under the headings people know; return how many."""
    writer = csv.writer(file)
    writer.writerow([COMMON[CATALOGUE][field][0] for field in FIELDS])
    count = 0
    for item in items:
        writer.writerow([_cell(getattr(item, field)) for field in FIELDS])
        count += 1
    return count


def _cell(value: str | int | bool | None) -> str | int:
    if isinstance(value, bool):
        return YES if value else NO
    return "" if value is None else safe_cell(value)
