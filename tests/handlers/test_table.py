"""Tables of commands: aligned by what a terminal shows, not by how many letters there are."""

from __future__ import annotations

import pytest

from handlers.operator.table import print_table, table_lines, width_of, written


def test_columns_stand_below_each_other_whatever_is_written_in_them() -> None:
    lines = table_lines(
        ("類別", "key", "人數"), [("活躍客", "nasld:active", 1_234), ("VIP 會員", "x", None)], "llr"
    )
    assert lines == [
        "類別      key            人數",
        "────────  ────────────  ─────",
        "活躍客    nasld:active  1,234",
        "VIP 會員  x                 –",
    ]
    assert {width_of(line) for line in lines} == {29}


@pytest.mark.parametrize(
    ("text", "columns"),
    [("Ab1", 3), ("客", 2), ("，", 2), ("ｱ", 1), ("e\u0301", 1), ("😀", 2), ("NT$–", 4), ("", 0)],
)
def test_a_text_is_as_wide_as_a_terminal_shows_it(text: str, columns: int) -> None:
    assert width_of(text) == columns


def test_what_people_typed_moves_no_cursor() -> None:
    assert written("a\x1b[2Jb\nc\u2028d") == "a [2Jb c d"


def test_a_table_without_rows_has_its_headers(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("類別", "人數"), [])
    assert capsys.readouterr().out == "類別  人數\n────  ────\n"


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        table_lines(("a", "b"), [("1",)])
