"""The items of a sale, with what the catalogue knows of them where the asker did not say it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from models.catalogue import CatalogueItem, get_items


@dataclass(frozen=True)
class Line:
    """One item of a sale; amount and cost are of all `quantity` of them, before discounts.

    Where a `sku` is told, name (then an empty text), category and cost may be left out.
    """

    name: str
    amount_twd: int
    quantity: int = 1
    sku: str | None = None
    category: str | None = None
    cost_twd: int | None = None

    @property
    def wants_item(self) -> bool:
        """Tell whether the catalogue may know more of it."""
        is_whole = self.name and self.category is not None and self.cost_twd is not None
        return self.sku is not None and not is_whole


def known_lines(session: Session, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Fill in what was left out of lines that name a sku; one statement, none where none does."""
    skus = {line.sku for line in lines if line.sku is not None and line.wants_item}
    if not skus:
        return lines
    items = get_items(session, skus)
    return tuple(_known(line, items) for line in lines)


def _known(line: Line, items: Mapping[str, CatalogueItem]) -> Line:
    if line.sku is None or not line.wants_item:
        return line
    item = items.get(line.sku)
    if item is None:
        return replace(line, name=line.name or line.sku)
    cost_twd = line.cost_twd
    if cost_twd is None and item.cost_twd is not None:
        cost_twd = item.cost_twd * line.quantity
    return replace(
        line,
        name=line.name or item.name,
        category=item.category if line.category is None else line.category,
        cost_twd=cost_twd,
    )
