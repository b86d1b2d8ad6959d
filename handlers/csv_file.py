"""Rows as a CSV file to send, written whole before its first byte goes out.

A slow reader then holds no transaction, and a refusal comes before the answer has begun.
"""

import csv
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from os import SEEK_END
from tempfile import TemporaryFile
from typing import IO, cast

from flask import Response

from models.exchange.readable import BYTE_ORDER_MARK, Cells, safe_cell

CSV = "text/csv"
CHUNK_BYTES = 65_536


def csv_answer(file: IO[bytes], name: str, status: int = 200) -> Response:
    """Return the answer that sends a file of `written` under a name, and closes it."""
    size = file.seek(0, SEEK_END)
    file.seek(0)
    response = Response(_chunks(file), status, mimetype=CSV)
    response.call_on_close(file.close)  # Where the reader goes before the end.
    response.content_length = size
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def written(rows: Iterable[Cells]) -> IO[bytes]:
    """Return a file of these rows, at its beginning; nobody else can open it.

    No cell of it is a formula, whoever wrote the words in it.
    """
    file = cast(IO[bytes], TemporaryFile())  # noqa: SIM115 - the answer closes it, once it is sent.
    text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    text.write(BYTE_ORDER_MARK)
    csv.writer(text).writerows([safe_cell(cell) for cell in row] for row in rows)
    text.detach()
    file.seek(0)
    return file
