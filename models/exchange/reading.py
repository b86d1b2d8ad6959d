"""A file as a table: its heading found, its rows one by one, and how far one has come."""

from collections.abc import Callable, Iterator
from itertools import chain, islice

from models.base import said
from models.exchange.columns import HEADING_ROWS, Columns, Layout, find_columns, no_columns
from models.exchange.problems import FileRefused, Findings
from models.exchange.rows import LOST_CHARACTER, Row, Source, read_rows

Tell = Callable[[str, int, float], None]
"""Told what is being done (`read` or `write`), how many rows so far, and what share of all."""


def tell_nobody(_phase: str, _rows: int, _share: float) -> None:
    """Take no notice."""


class Sheet:
    """A file whose columns are known; its rows can be read once."""

    def __init__(self, source: Source, layout: Layout, kind: str) -> None:
        """Find the heading. Raises FileRefused where the needed columns are not there."""
        self.source = source
        self.layout = layout
        rows = read_rows(source)
        first = list(islice(rows, HEADING_ROWS))
        if not first:
            raise FileRefused(
                said(
                    "檔案沒有任何資料",
                    "There is nothing in the file.",
                    "ファイルにデータがありません。",
                )
            )
        for place, row in enumerate(first):
            columns = find_columns(layout, kind, row.cells, row.number)
            if columns is not None:
                self.columns: Columns = columns
                self._rows = chain(first[place + 1 :], rows)
                return
        raise no_columns(layout, kind, first[0].cells)

    def rows(self, findings: Findings) -> Iterator[Row]:
        """Yield the rows below the heading. A file that breaks off is reported, not raised."""
        number = self.columns.heading_row
        may_lose = not self.source.is_whole
        try:
            for row in self._rows:
                number = row.number
                if may_lose and any(LOST_CHARACTER in str(cell) for cell in row.cells):
                    findings.add(number, "", "characters_lost")
                yield row
        except FileRefused:
            findings.add(number + 1, "", "file_broken")

    def chunks(self, findings: Findings, size: int) -> Iterator[list[Row]]:
        """Yield the rows in lists of up to `size`."""
        rows = self.rows(findings)
        while chunk := list(islice(rows, size)):
            yield chunk
