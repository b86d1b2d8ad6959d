"""A source: one table's rows as moments on a member's line, in SQL of our own words only.

Each reads no more than a page by its member's index, so a long history costs what a short one does.
"""

from dataclasses import dataclass, field

COLUMNS = {
    "what": "text",
    "name": "jsonb",
    "words": "text",
    "store_id": "bigint",
    "staff_id": "bigint",
    "amount_twd": "bigint",
    "points": "bigint",
    "balance": "bigint",
    "facts": "jsonb",
}
"""What a moment may tell, each with its type; one that a source does not tell is NULL."""
_BOUND = """
    {at} <= :until AND ({at} < :until OR ('{name}' COLLATE "C", {row_id})
        < (CAST(:after_source AS text) COLLATE "C", CAST(:after_id AS bigint)))
"""


@dataclass(frozen=True)
class Source:
    """Where moments of one sort come from. `rows` is FROM and WHERE, of the card `card.id`."""

    name: str
    kind: str
    rows: str
    at: str
    row_id: str
    told: dict[str, str] = field(default_factory=dict)
    """An expression for each of COLUMNS that it tells."""
    order: str = ""
    """The order of an index in which the newest come first, where sorting all would cost."""

    def statement(self) -> str:
        """Return the SELECT of its next page."""
        columns = ", ".join(
            f"CAST({self.told.get(column, 'NULL')} AS {kind}) AS {column}"
            for column, kind in COLUMNS.items()
        )
        bound = _BOUND.format(at=self.at, name=self.name, row_id=self.row_id)
        return f"""
            (SELECT {self.at} AS at, CAST('{self.name}' AS text) AS source,
                CAST({self.row_id} AS bigint) AS id, {columns}
            {self.rows} AND {bound}
            ORDER BY {self.order}{self.at} DESC, {self.row_id} DESC LIMIT :limit)
        """  # Of our own words only.
