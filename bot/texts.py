"""Texts in three languages: the msgid is the zh-TW sentence, en and ja come from `bot/locales/`.

The catalogues are read as they are written (`.po`), once per process, so no build step stands
between a translator and the shop. Dates and times are always those of Taipei.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.messages.pofile import read_po

TAIPEI: Final = ZoneInfo("Asia/Taipei")
DEFAULT_LANGUAGE: Final = "zh-TW"
LANGUAGES: Final = ("zh-TW", "en", "ja")
LANGUAGE_NAMES: Final[Mapping[str, str]] = {"zh-TW": "繁體中文", "en": "English", "ja": "日本語"}
"""Each language under its own name, as its speakers look for it; never translated."""
MINUS: Final = "\N{MINUS SIGN}"
"""As wide as a plus and never at the end of a line, unlike the hyphen."""

LOCALES_FOLDER: Final = Path(__file__).parent / "locales"
_DAYS_KEPT: Final = 4096
_BABEL_LOCALES: Final = {"zh-TW": "zh_Hant_TW", "en": "en", "ja": "ja"}
_DATE_PATTERNS: Final = {"zh-TW": "y/MM/dd", "en": "d MMM y", "ja": "y年M月d日"}
_DAY_PATTERNS: Final = {"zh-TW": "M/d（EEEEE）", "en": "EEE, d MMM", "ja": "M月d日（EEEEE）"}


@dataclass(frozen=True)
class Texts:
    """The texts of one language. Call it with a zh-TW sentence to get the person's sentence."""

    language: str
    catalogue: Mapping[str, str] = field(repr=False, compare=False)

    def __call__(self, source: str, /, **fields: object) -> str:
        """Translate `source` and fill its named fields: `t("還差 {gap}", gap=t.money(80))`.

        A sentence the catalogue does not know stays in zh-TW: a shopper reads that rather than
        nothing. Raises KeyError when the sentence names a field that was not given.
        """
        return self.catalogue.get(source, source).format(**fields)

    def date(self, day: datetime.date) -> str:
        """Write a local day with its year: 2026/03/05, 5 Mar 2026, 2026年3月5日."""
        return self._format(day, _DATE_PATTERNS[self.language])

    def day(self, day: datetime.date) -> str:
        """Write a local day near today, without its year: 3/5（四）, Thu, 5 Mar, 3月5日（木）."""
        return self._format(day, _DAY_PATTERNS[self.language])

    def time(self, moment: datetime.datetime, *, seconds: bool = False) -> str:
        """Write an aware moment as the clock in Taipei shows it: 14:03, with `seconds` 14:03:25."""
        return f"{_in_taipei(moment):{'%H:%M:%S' if seconds else '%H:%M'}}"

    def moment(self, moment: datetime.datetime) -> str:
        """Write an aware moment as day and time in Taipei: 2026/03/05 14:03."""
        return f"{self.date(_in_taipei(moment).date())} {self.time(moment)}"

    def money(self, amount_twd: int) -> str:
        """Write whole New Taiwan dollars: NT$1,234, below zero −NT$1,234."""
        return f"{MINUS if amount_twd < 0 else ''}NT${abs(amount_twd):,}"

    def number(self, count: int) -> str:
        """Write a whole number with its thousands apart: 12,345, below zero −12,345."""
        return f"{count:,}".replace("-", MINUS)

    def signed(self, difference: float, decimals: int = 0) -> str:
        """Write a difference with its sign: +1,234, −3.5; one that rounds to nothing is +0."""
        nearest = round(difference, decimals) + 0.0  # Minus nothing is nothing.
        return f"{nearest:+,.{decimals}f}".replace("-", MINUS)

    def _format(self, day: datetime.date, pattern: str) -> str:
        # A datetime is a date to Python but not a local day: only its day in Taipei is meant.
        local = _in_taipei(day).date() if isinstance(day, datetime.datetime) else day
        return _written(local, pattern, _BABEL_LOCALES[self.language])


@cache
def texts_for(language: str) -> Texts:
    """Return the texts of one of `LANGUAGES`; any other language gets the default one's."""
    if language not in LANGUAGES:
        return texts_for(DEFAULT_LANGUAGE)
    return Texts(language, _read_catalogue(language))


def language_from_line(code: str | None) -> str:
    """Map the language of a LINE profile (BCP 47: zh-Hant, ja, ko…) to one of `LANGUAGES`.

    LINE leaves it out for people who have not agreed to share it: they get the default.
    """
    if not code:
        return DEFAULT_LANGUAGE
    primary = code.replace("_", "-").split("-")[0].lower()
    return {"zh": "zh-TW", "ja": "ja"}.get(primary, "en")


def _read_catalogue(language: str) -> dict[str, str]:
    """Return msgid to translation, without what a translator left empty or marked fuzzy."""
    if language == DEFAULT_LANGUAGE:
        return {}
    with (LOCALES_FOLDER / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    return {
        str(entry.id): str(entry.string)
        for entry in catalogue
        if entry.id and entry.string and not entry.fuzzy
    }


@lru_cache(maxsize=_DAYS_KEPT)
def _written(day: datetime.date, pattern: str, locale: str) -> str:
    # Kept, because Babel looks at its files for every day it writes, and cards repeat their days.
    return format_date(day, pattern, locale=locale)


def _in_taipei(moment: datetime.datetime) -> datetime.datetime:
    """Return the same moment on Taipei's clock; raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(TAIPEI)
