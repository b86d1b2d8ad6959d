"""A workbook looked at before it is opened: what is packed into it must fit into memory.

A few kilobytes can unpack to gigabytes, and a workbook's reader holds some of its parts whole: its
texts and looks, and of a sheet one row at a time. So each part's size is told by the directory,
whose own size is looked at first, and sheets and texts are read through once, a block at a time.
What the directory says of a size is what is unpacked: more is cut off, and then the sum is wrong.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from models.base import said
from models.exchange.problems import FileRefused

MEGABYTE = 1 << 20
MOST_UNPACKED_BYTES = 1 << 30
"""More than this in a workbook is no customer list but a bomb, or wants to be CSV."""
MOST_TEXTS_BYTES = 32 * MEGABYTE
"""Of the texts that cells share, a million or so: all are read before the first row is."""
MOST_PART_BYTES = 8 * MEGABYTE
"""Of looks, names and whatever else is read whole."""
MOST_PICTURE_BYTES = 32 * MEGABYTE
MOST_TEXT_BYTES = MEGABYTE
"""Of one text or tag: a cell holds 32,767 letters."""
MOST_ROW_BYTES = 4 * MEGABYTE
"""Of one row, or of what stands before or after all of them: a sheet has 16,384 columns."""
MOST_ROWS = 1 << 20
"""A sheet of Excel's has no more; a row may call itself by any number."""
MOST_DIRECTORY_BYTES = MEGABYTE
"""Of the list of what is packed: some thousands of parts."""
BLOCK_BYTES = MEGABYTE
SHEETS, PICTURES, TEXTS = "xl/worksheets/", "xl/media/", "xl/sharedStrings.xml"
TAG = b"<"
_SHEET = re.compile(rb"<((?:\w+:)?)worksheet\b")
"""Some programs write a prefix before each name."""
_END, _END_BYTES, _LONGEST_COMMENT = b"PK\x05\x06", 22, 65_535
_LARGE_END, _LARGE_END_BYTES = b"PK\x06\x07", 20
_DIRECTORY_BYTES = struct.Struct("<12xI")
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)
"""What a packed file raises that is broken, locked, or packed in a way that few can unpack."""
UNREADABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    SyntaxError,
    TypeError,
    ValueError,
    *BROKEN,
)
"""What a workbook's reader raises over parts that are none: it checks little by itself."""


def read_sheet(path: Path) -> Iterator[tuple[int, tuple[object, ...]]]:
    """Yield the rows of a workbook's first sheet with their numbers. Raises FileRefused."""
    from openpyxl import load_workbook  # Takes a quarter second to load: only Excel pays.

    check_workbook(path)
    try:
        with path.open("rb") as file:  # Whatever fails, it is closed, and its name says nothing.
            book = load_workbook(file, read_only=True, data_only=True)
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # Some programs write a wrong size: rows would be cut off.
            for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
                if number > MOST_ROWS:
                    raise broken()
                yield number, cells
    except UNREADABLE as error:
        raise broken() from error


def check_workbook(path: Path) -> None:
    """Read a workbook's parts through. Raises FileRefused where it is broken, or too large."""
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
            if sum(part.file_size for part in parts) > MOST_UNPACKED_BYTES:
                raise too_large()
            for part in parts:
                if part.file_size > _most_bytes(part.filename):
                    raise too_large()
                if part.filename == TEXTS or part.filename.startswith(SHEETS):
                    _check_runs(packed, part)
    except BROKEN as error:
        raise broken() from error


def broken() -> FileRefused:
    """Return the refusal of a workbook that nobody could read."""
    return FileRefused(
        said(
            "Excel 檔案損壞，或加了密碼；請在 Excel 另存新檔再試",
            "The Excel file is broken or locked by a password; save it as a new file in Excel and "
            "try again.",
            "Excel ファイルが壊れているか、パスワードがかかっています。"
            "Excel で別名で保存し、もう一度お試しください。",
        )
    )


def too_large() -> FileRefused:
    """Return the refusal of a workbook that would not fit."""
    return FileRefused(
        said(
            "活頁簿解開後太大；請另存為 CSV 再匯入",
            "The workbook is too large once unpacked; save it as CSV and import that.",
            "ブックは展開すると大きすぎます。CSV で保存して取り込んでください。",
        )
    )


def _most_bytes(name: str) -> int:
    if name.startswith(SHEETS):
        return MOST_UNPACKED_BYTES
    if name.startswith(PICTURES):
        return MOST_PICTURE_BYTES
    return MOST_TEXTS_BYTES if name == TEXTS else MOST_PART_BYTES


def _check_directory(path: Path) -> None:
    """Look at the size of the directory, which is read whole as soon as the file is opened."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - _END_BYTES - _LONGEST_COMMENT - _LARGE_END_BYTES, 0))
        tail = file.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < _END_BYTES:
        raise broken()
    is_large = tail[max(place - _LARGE_END_BYTES, 0) : place].startswith(_LARGE_END)
    (directory_bytes,) = _DIRECTORY_BYTES.unpack_from(tail, place)
    if is_large or directory_bytes > MOST_DIRECTORY_BYTES:
        raise too_large()


def _check_runs(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Raise FileRefused where one text, or one row of a sheet, is longer than any should be."""
    limits = {TAG: MOST_TEXT_BYTES}
    since: dict[bytes, int] = {}
    for block in _blocks(packed, part):
        if not since and part.filename != TEXTS:
            told = _SHEET.search(block)
            limits[b"<%brow" % (told[1] if told is not None else b"")] = MOST_ROW_BYTES
        for mark, most in limits.items():
            first = block.find(mark)
            run = since.get(mark, 0) + (first if first >= 0 else len(block))
            if run > most:
                raise too_large()
            since[mark] = run if first < 0 else len(block) - block.rfind(mark)


def _blocks(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    with packed.open(part) as file:
        while block := file.read(BLOCK_BYTES):
            yield block
