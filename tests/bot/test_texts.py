"""The texts: three languages complete, and days and sums as people in Taipei write them."""

import ast
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

from bot.texts import DEFAULT_LANGUAGE, LANGUAGES, LOCALES_FOLDER, language_from_line, texts_for

ROOT = Path(__file__).parents[2]
TRANSLATED = [language for language in LANGUAGES if language != DEFAULT_LANGUAGE]
THURSDAY = date(2026, 3, 5)
LATE_IN_LONDON = datetime(2026, 3, 4, 16, 3, 25, tzinfo=UTC)  # Already the 5th in Taipei.


def extract_sentences() -> Iterator[str]:
    """Yield every sentence the code of bot/ and handlers/ says, as pybabel finds it."""
    with (LOCALES_FOLDER / "mapping.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    keywords = {**DEFAULT_KEYWORDS, "t": None}
    for room in ("bot", "handlers"):
        for found in extract_from_dir(ROOT / room, methods, options, keywords):
            yield found[2] if isinstance(found[2], str) else found[2][0]


def named_fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_with_the_same_fields(language: str) -> None:
    catalogue = texts_for(language).catalogue
    sentences = set(extract_sentences())

    missing = sorted(sentence for sentence in sentences if sentence not in catalogue)
    unlike = sorted(
        sentence
        for sentence in sentences & catalogue.keys()
        if named_fields(sentence) != named_fields(catalogue[sentence])
    )

    assert len(sentences) > 100
    assert missing == []
    assert unlike == []


def test_every_sentence_is_asked_of_a_name_that_is_looked_for() -> None:
    """`texts()("…")` says the same as `t("…")`, but nobody would find it to translate."""
    hidden = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for room in ("bot", "handlers")
        for path in (ROOT / room).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and call.args
        if isinstance(call.func, ast.Call) or ast.unparse(call.func).endswith("texts")
        if isinstance(call.args[0], ast.Constant) and not str(call.args[0].value).isascii()
    ]

    assert hidden == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_is_filled_with_its_fields(language: str) -> None:
    t = texts_for(language)

    said = t("再消費 {gap} 升級{tier}", gap=t.money(3800), tier="Gold")

    assert "NT$3,800" in said
    assert "Gold" in said


def test_words_a_person_wrote_are_never_read_as_fields() -> None:
    said = texts_for("en")("{name}，好久不見", name="{shop} {0}")

    assert "{shop} {0}" in said


def test_a_sentence_nobody_translated_stays_in_chinese() -> None:
    assert texts_for("ja")("尚無譯文") == "尚無譯文"


def test_a_sentence_without_its_field_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        texts_for("zh-TW")("{points} 點")


@pytest.mark.parametrize(
    ("language", "written"),
    [("zh-TW", "2026/03/05"), ("en", "5 Mar 2026"), ("ja", "2026年3月5日")],
)
def test_a_date_carries_its_year(language: str, written: str) -> None:
    assert texts_for(language).date(THURSDAY) == written


@pytest.mark.parametrize(
    ("language", "written"),
    [("zh-TW", "3/5（四）"), ("en", "Thu, 5 Mar"), ("ja", "3月5日（木）")],
)
def test_a_day_near_today_carries_its_weekday(language: str, written: str) -> None:
    assert texts_for(language).day(THURSDAY) == written


def test_moments_are_those_of_taipei() -> None:
    t = texts_for("zh-TW")

    assert t.time(LATE_IN_LONDON) == "00:03"
    assert t.time(LATE_IN_LONDON, seconds=True) == "00:03:25"
    assert t.date(LATE_IN_LONDON) == "2026/03/05"
    assert t.moment(LATE_IN_LONDON) == "2026/03/05 00:03"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        texts_for("zh-TW").time(LATE_IN_LONDON.replace(tzinfo=None))


def test_money_and_numbers_part_their_thousands() -> None:
    t = texts_for("ja")

    assert t.money(1234) == "NT$1,234"
    assert t.money(-50) == "−NT$50"
    assert t.number(12345) == "12,345"
    assert t.number(-12345) == "−12,345"


def test_a_difference_has_its_sign_and_nothing_is_plus_nothing() -> None:
    t = texts_for("ja")

    assert t.signed(1234) == "+1,234"
    assert t.signed(-3.46, 1) == "−3.5"
    assert t.signed(-0.04, 1) == "+0.0"


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("zh-Hant", "zh-TW"),
        ("zh-TW", "zh-TW"),
        ("zh_TW", "zh-TW"),
        ("zh-Hans", "zh-TW"),
        ("ja", "ja"),
        ("ja-JP", "ja"),
        ("en", "en"),
        ("ko", "en"),
        ("", "zh-TW"),
        (None, "zh-TW"),
    ],
)
def test_the_language_of_a_line_profile_becomes_one_of_ours(
    code: str | None, language: str
) -> None:
    assert language_from_line(code) == language


def test_an_unknown_language_gets_the_default_texts() -> None:
    assert texts_for("tlh") is texts_for(DEFAULT_LANGUAGE)
    assert texts_for("en") is texts_for("en")
