"""Reading a file row by row, whatever program wrote it: CSV in any common dress, or Excel.

Nothing is held but the row at hand; the whole file is looked at once before, for its digest and
its encoding, because Big5 may first show in the last row.
"""

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from typing import BinaryIO

from models.base import said
from models.exchange.problems import FileRefused
from models.exchange.values import Cell
from models.exchange.workbook import read_sheet

CHUNK_BYTES = 1 << 20
DELIMITERS = (",", ";", "\t", "|")
EXCEL_MARK = b"PK\x03\x04"
OLD_EXCEL_MARK = b"\xd0\xcf\x11\xe0"
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MOST_LETTERS = 1 << 20
"""Of one record: one that does not end is no list, or its quotes do not match."""
LOST_CHARACTER = "\ufffd"
NUL = "\x00"
"""No database keeps it, and no name has it: it is what a broken export leaves behind."""


@dataclass(frozen=True)
class Source:
    """A file that can be read: what it is, and the digest that stands for its content."""

    path: Path
    digest: str
    encoding: str | None
    """None for an Excel workbook."""
    size_bytes: int

    @property
    def is_excel(self) -> bool:
        """Tell whether it is a workbook."""
        return self.encoding is None

    @property
    def is_whole(self) -> bool:
        """Tell whether every character of it is known to be readable."""
        return self.encoding in (None, "utf-8", "utf-8-sig")


@dataclass(frozen=True)
class Row:
    """One record: its number as a spreadsheet counts, its cells, and how far the file is read."""

    number: int
    cells: list[Cell]
    share: float
    """From 0 to 1."""


def open_source(path: Path) -> Source:
    """Look at a file once from end to end. Raises FileRefused where it cannot be a table."""
    digest, head, is_utf8 = hashlib.sha256(), b"", True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(CHUNK_BYTES):
                head = head or block[:8]
                digest.update(block)
                is_utf8 = is_utf8 and _decodes(decoder, block)
    except OSError as error:
        told = error.strerror
        raise FileRefused(
            said(
                f"檔案打不開：{told}",
                f"The file cannot be opened: {told}",
                f"ファイルを開けません：{told}",
            )
        ) from error
    is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
    if not head:
        raise FileRefused(said("檔案是空的", "The file is empty.", "ファイルが空です。"))
    if head.startswith(OLD_EXCEL_MARK):
        raise FileRefused(
            said(
                "這是舊版 Excel（.xls）或加密的檔案；請另存為 .xlsx 或 CSV",
                "This is an old Excel file (.xls) or an encrypted one; save it as .xlsx or CSV.",
                "旧形式の Excel（.xls）か暗号化されたファイルです。"
                ".xlsx か CSV で保存してください。",
            )
        )
    encoding = None if head.startswith(EXCEL_MARK) else _encoding(head, is_utf8=is_utf8)
    return Source(path, digest.hexdigest(), encoding, path.stat().st_size)


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _encoding(head: bytes, *, is_utf8: bool) -> str:
    for mark, name in BOMS:
        if head.startswith(mark) and (is_utf8 or name != "utf-8-sig"):
            return name
    return "utf-8" if is_utf8 else "cp950"


def read_rows(source: Source) -> Iterator[Row]:
    """Yield every record that holds anything, the heading included. Raises FileRefused."""
    return _excel_rows(source) if source.is_excel else _csv_rows(source)


def _csv_rows(source: Source) -> Iterator[Row]:
    with source.path.open("rb") as file:
        text = io.TextIOWrapper(
            file, encoding=source.encoding, errors="replace", newline="", write_through=True
        )
        lines = _Lines(text)
        reader = csv.reader(lines, delimiter=_delimiter(source))
        try:
            for number, cells in enumerate(reader, start=1):
                lines.begin_record()
                if any(cells):
                    yield Row(number, list(cells), _share(file, source))
        except csv.Error as error:
            raise _endless() from error


class _Lines:
    """The lines of a text, as long as what one record takes of them stays within bounds."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text, self._taken = text, 0

    def begin_record(self) -> None:
        """Count anew."""
        self._taken = 0

    def __iter__(self) -> Iterator[str]:
        """Yield lines with their ends. Raises FileRefused where a record goes on too long."""
        while line := self._text.readline(MOST_LETTERS + 1):
            self._taken += len(line)
            if self._taken > MOST_LETTERS:
                raise _endless()
            yield line.replace(NUL, "")


def _endless() -> FileRefused:
    return FileRefused(
        said(
            "有一列太長：引號可能沒有成對，或這不是一列一筆的 CSV；請另存新檔再試",
            "A row is too long: a quote may not be closed, or this is not a CSV of one record a "
            "row. Save it as a new file and try again.",
            "長すぎる行があります。引用符が閉じていないか、1 行 1 件の CSV ではありません。"
            "別名で保存し、もう一度お試しください。",
        )
    )


def _share(file: BinaryIO, source: Source) -> float:
    return min(file.tell() / source.size_bytes, 1.0)


def _delimiter(source: Source) -> str:
    """Return what separates the first record: the candidate it has most of, outside quotes."""
    with source.path.open(encoding=source.encoding, errors="replace", newline="") as text:
        head = text.read(1 << 16)
    line = "".join(head.split('"')[::2]).lstrip("\r\n").splitlines()[:1]
    counts = {mark: line[0].count(mark) if line else 0 for mark in DELIMITERS}
    return max(DELIMITERS, key=lambda mark: counts[mark])


def _excel_rows(source: Source) -> Iterator[Row]:
    total = max(source.size_bytes, 1)
    for number, cells in read_sheet(source.path):
        if any(cell is not None and cell != "" for cell in cells):
            share = min(number * EXCEL_ROW_BYTES / total, 1.0)
            yield Row(number, [_cell(cell) for cell in cells], share)


def _cell(cell: object) -> Cell:
    """Return a workbook's cell; what only Excel knows (a formula without a result) as text."""
    if cell is None or isinstance(cell, str | int | float | date | time | timedelta):
        return cell
    return str(cell)


EXCEL_ROW_BYTES = 40
"""What a packed row takes, about: a workbook does not say how far it is read."""
