"""A-08, B-22: files are read whatever program wrote them, and their columns find their places."""

from __future__ import annotations

import json
import struct
import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from models.exchange import MEMBERS, PURCHASES, FileRefused, Findings, get_layout, open_source
from models.exchange.columns import find_columns
from models.exchange.reading import Sheet
from models.exchange.rows import MOST_LETTERS, read_rows
from models.exchange.workbook import MOST_DIRECTORY_BYTES, MOST_PART_BYTES, MOST_TEXT_BYTES

SAMPLES = Path(__file__).parents[1] / "samples" / "exchange"
LINES = '手機,姓名\n0912345678,"王\n小明"\n'


def cells_of(path: Path) -> list[list[object]]:
    return [list(row.cells) for row in read_rows(open_source(path))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp950", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_text_is_read_in_any_common_encoding_and_separator(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    """A-08: UTF-8 with and without BOM, Big5; comma, semicolon, tab; line breaks in quotes."""
    file = tmp_path / "members.csv"
    file.write_bytes(LINES.replace(",", delimiter).encode(encoding))

    assert cells_of(file) == [["手機", "姓名"], ["0912345678", "王\n小明"]]


def test_big5_that_shows_late_is_still_seen(tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_bytes(
        b"phone,name\n" + b"0912345678,Amy\n" * 100_000 + "0912345679,王".encode("cp950")
    )

    *_, last = read_rows(open_source(file))
    assert last.cells == ["0912345679", "王"]
    assert (last.number, last.share) == (100_002, 1.0)


def test_a_workbook_is_read_with_its_own_types(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.create_sheet(index=0)
    sheet.append(["手機", "生日", "訂單時間", "點數"])
    sheet.append([912345678, date(1990, 5, 20), datetime(2026, 5, 20, 10, 30), 12])  # noqa: DTZ001
    sheet.append([None, None])
    book.save(tmp_path / "members.xlsx")

    rows = cells_of(tmp_path / "members.xlsx")
    assert rows[1][0] == 912345678
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "空的"),
        (b"\xd0\xcf\x11\xe0 old excel", ".xlsx"),
        (b"PK\x03\x04 broken", "損壞"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "members.xlsx"
    file.write_bytes(content)

    with pytest.raises(FileRefused) as refused:
        cells_of(file)
    assert words in refused.value.facts["reason"]["zh-TW"]


def test_a_heading_below_a_title_is_found(tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text(
        "茶日子會員名單\n匯出日期,2026/11/22\n\n手機號碼*,姓 名\n0912345678,王\n", encoding="utf-8"
    )

    sheet = Sheet(open_source(file), get_layout(MEMBERS, None), MEMBERS)
    assert [row.number for row in sheet.rows(Findings())] == [5]
    assert sheet.columns.names == {"phone": "手機號碼*", "name": "姓 名"}


def test_a_file_without_the_needed_columns_is_refused_with_what_it_has(tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text("姓名,地址\n王,台北\n", encoding="utf-8")

    with pytest.raises(FileRefused) as refused:
        Sheet(open_source(file), get_layout(MEMBERS, None), MEMBERS)
    assert "姓名、地址" in refused.value.facts["reason"]["zh-TW"]


@pytest.mark.parametrize(
    ("preset", "kind", "file", "found"),
    [
        (
            "easystore",
            MEMBERS,
            "easystore_members.csv",
            {"phone", "first_name", "last_name", "birthday", "marketing", "points", "email"},
        ),
        (
            "shopline",
            MEMBERS,
            "shopline_members.csv",
            {"phone", "email", "points", "points_expire_on", "tier"},
        ),
        ("91app", PURCHASES, "91app_orders.csv", {"order", "moment", "amount", "member", "status"}),
        (
            "cyberbiz",
            PURCHASES,
            "cyberbiz_orders.csv",
            {"order", "moment", "amount", "phone", "status", "payment", "refunded"},
        ),
    ],
)
def test_a_preset_knows_its_platforms_export(
    preset: str, kind: str, file: str, found: set[str]
) -> None:
    """B-22: mappings for the exports of EasyStore, SHOPLINE, 91APP and CYBERBIZ."""
    sheet = Sheet(open_source(SAMPLES / file), get_layout(kind, preset), kind)

    assert set(sheet.columns.places) == found


def test_a_mapping_file_says_which_column_is_which(tmp_path: Path) -> None:
    mapping = tmp_path / "map.json"
    mapping.write_text(
        json.dumps(
            {"source": "mypos", "columns": {"phone": "客人", "moment": "何時", "amount": "收"}}
        )
    )

    layout = get_layout(PURCHASES, str(mapping))
    found = find_columns(layout, PURCHASES, ["何時", "收", "客人"], 1)
    assert found is not None
    assert found.places == {"phone": 2, "moment": 0, "amount": 1}
    assert find_columns(layout, PURCHASES, ["何時", "收"], 1) is None
    assert layout.source == "mypos"


@pytest.mark.parametrize(
    "told",
    [
        "{",
        "[]",
        '{"columns": {"colour": "x"}}',
        '{"columns": {"phone": 3}}',
        '{"columns": {}, "lines": "twice"}',
        '{"columns": {}, "source": "My POS"}',
    ],
)
def test_a_mapping_file_that_makes_no_sense_is_refused(tmp_path: Path, told: str) -> None:
    mapping = tmp_path / "map.json"
    mapping.write_text(told)

    with pytest.raises(FileRefused):
        get_layout(MEMBERS, str(mapping))


# --- what was made to do harm ---


def packed(path: Path, parts: dict[str, bytes]) -> Path:
    """Write a workbook of one sheet, with some of its parts changed or added."""
    book = Workbook()
    book.create_sheet(index=0).append(["手機", "姓名"])
    book.save(path)
    with zipfile.ZipFile(path) as whole:
        kept = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as changed:
        for name, content in (kept | parts).items():
            changed.writestr(name, content)
    return path


SHEET = "xl/worksheets/sheet1.xml"
XML = b'<%b xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%b</%b>'


def sheet(rows: bytes) -> dict[str, bytes]:
    """Return the part of a sheet with these rows."""
    return {SHEET: XML % (b"worksheet", b"<sheetData>" + rows + b"</sheetData>", b"worksheet")}


CELL = b'<row r="1"><c r="A1" t="inlineStr"><is><t>%b</t></is></c></row>'


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        pytest.param(sheet(CELL % (b"0" * MOST_TEXT_BYTES)), "太大", id="a text"),
        pytest.param(sheet(b"<row>" + b"<c/>" * MOST_TEXT_BYTES + b"</row>"), "太大", id="a row"),
        pytest.param({"xl/styles.xml": b"<a/>" * (MOST_PART_BYTES // 3)}, "太大", id="looks"),
        pytest.param({f"xl/{n:0200}": b"" for n in range(5_000)}, "太大", id="many parts"),
        pytest.param(sheet(b'<row r="99999999999"><c r="A1"/></row>'), "損壞", id="a row far off"),
        pytest.param(sheet(b'<row r="1"><c r="ZZZZ1"/></row>'), "損壞", id="a column far off"),
        pytest.param(sheet(b"<row>"), "損壞", id="no end"),
        pytest.param({"[Content_Types].xml": b"PK"}, "損壞", id="no workbook"),
    ],
)
def test_a_workbook_that_would_not_fit_is_refused_before_it_is_opened(
    tmp_path: Path, parts: dict[str, bytes], words: str
) -> None:
    file = packed(tmp_path / "members.xlsx", parts)

    with pytest.raises(FileRefused) as refused:
        cells_of(file)

    assert words in refused.value.facts["reason"]["zh-TW"]


@pytest.mark.parametrize(
    ("place", "shape", "value", "words"),
    [
        (16, "<I", 7, "損壞"),  # Where the directory begins.
        (12, "<I", MOST_DIRECTORY_BYTES + 1, "太大"),  # How large it is.
    ],
)
def test_a_directory_that_lies_is_refused(
    tmp_path: Path, place: int, shape: str, value: int, words: str
) -> None:
    file = packed(tmp_path / "members.xlsx", {})
    content = bytearray(file.read_bytes())
    struct.pack_into(shape, content, content.rfind(b"PK\x05\x06") + place, value)
    file.write_bytes(content)

    with pytest.raises(FileRefused) as refused:
        cells_of(file)

    assert words in refused.value.facts["reason"]["zh-TW"]


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(b"a" * (MOST_LETTERS + 1), id="one line"),
        pytest.param(b"ab," * (MOST_LETTERS // 2), id="many cells"),
        pytest.param(b'"' + b"a\n" * MOST_LETTERS, id="a quote without end"),
        pytest.param(b'"\n",' * MOST_LETTERS, id="a record without end"),
    ],
)
def test_a_record_that_goes_on_too_long_is_refused(tmp_path: Path, record: bytes) -> None:
    file = tmp_path / "members.csv"
    file.write_bytes("手機,姓名\n".encode() + record)

    with pytest.raises(FileRefused) as refused:
        cells_of(file)

    assert "有一列太長" in refused.value.facts["reason"]["zh-TW"]


def test_ten_thousand_columns_are_read_and_a_nul_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_bytes(b"0912\x00345678," + b"x," * 9_998 + b"\x00\n")

    (cells,) = cells_of(file)

    assert (len(cells), cells[0], cells[-1]) == (10_000, "0912345678", "")
