"""The items of a sale as a clerk types or scans them; all of it may be left out."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from flask import g, request

from handlers.clerk import form
from handlers.clerk.amount import AmountMissing, read_amount
from models.base import BusinessError
from models.catalogue import LONGEST_SKU, CatalogueItem, find_item
from models.checkout import Line
from models.member import is_member_number
from models.purchase import LARGEST_AMOUNT_TWD

MOST_ITEMS = 60
MOST_OF_ONE = 999
LONGEST_NAME = 100
BARCODE_LENGTHS = (8, 12, 13, 14)
BLANK_ROWS = 3
"""Offered to a browser without our script; with it a key adds them."""
_FIELDS = ("line_sku", "line_name", "line_price", "line_quantity")


class ItemUnreadable(BusinessError):
    """An item lacks its name, or its price or quantity is no whole number; `row` counts from 1."""

    code = "item_unreadable"


class ItemsDoNotAddUp(BusinessError):
    """The amount typed is not what the items come to."""

    code = "items_do_not_add_up"


@dataclass(frozen=True)
class Row:
    """One item as the page shows it; everything as it was typed."""

    sku: str = ""
    name: str = ""
    price: str = ""
    quantity: str = "1"

    @property
    def is_blank(self) -> bool:
        """Tell whether nothing was typed into it."""
        return not (self.sku or self.name or self.price)

    @classmethod
    def of(cls, item: CatalogueItem) -> "Row":
        """Return the row of an item of the catalogue."""
        price = "" if item.price_twd is None else str(item.price_twd)
        return cls(sku=item.sku, name=item.name, price=price)


def typed_rows() -> list[Row]:
    """Return the rows that the form brings and that hold something."""
    columns = ((_clean(typed) for typed in request.form.getlist(name)) for name in _FIELDS)
    rows = (Row(*cells) for cells in zip(*columns, strict=False))
    return [row for row in rows if not row.is_blank][:MOST_ITEMS]


def read_items() -> tuple[tuple[Line, ...], int]:
    """Return the sale's items and its amount (NT$): what was typed, else what the items come to.

    Raises AmountMissing, AmountUnreadable, AmountRefused, ItemUnreadable or ItemsDoNotAddUp.
    """
    lines = lines_of(typed_rows())
    sum_twd = sum(line.amount_twd for line in lines)
    try:
        amount_twd = read_amount(request.form.get("amount", ""))
    except AmountMissing:
        if not lines or not sum_twd:
            raise
        return lines, sum_twd
    if lines and amount_twd != sum_twd:
        raise ItemsDoNotAddUp(sum_twd=sum_twd, amount_twd=amount_twd)
    return lines, amount_twd


def lines_of(rows: Sequence[Row]) -> tuple[Line, ...]:
    """Return the items that rows say. Raises ItemUnreadable."""
    return tuple(_line(row, number) for number, row in enumerate(rows, start=1))


def find_row(code: str) -> Row | None:
    """Return the row of the item whose sku or barcode was scanned, or None."""
    item = find_item(g.session, code) if 0 < len(code) <= LONGEST_SKU else None
    return Row.of(item) if item is not None else None


def is_barcode(code: str) -> bool:
    """Tell whether a code is of the shape that goods carry (EAN, UPC), and no member's number."""
    is_number = code.isascii() and code.isdecimal()
    return is_number and len(code) in BARCODE_LENGTHS and not is_member_number(code)


def _line(row: Row, number: int) -> Line:
    price, quantity = form.read_whole(row.price), form.read_whole(row.quantity or "1")
    is_named = bool(row.name or row.sku)
    if price is None or quantity is None or not is_named:
        raise ItemUnreadable(row=number)
    if not (0 <= price <= LARGEST_AMOUNT_TWD and 0 < quantity <= MOST_OF_ONE):
        raise ItemUnreadable(row=number)
    return Line(row.name, price * quantity, quantity=quantity, sku=row.sku or None)


def _clean(typed: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", typed).split())[:LONGEST_NAME]
