"""What people and their programs write into cells: days, moments, phones, amounts, yes and no.

Each reader takes a cell as it came (text from CSV; number, date or text from Excel) and returns
the value, or raises Unreadable. Nothing is guessed: a date that could mean two days is refused.
"""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache

from models.base import BusinessError
from models.local_day import TAIPEI
from models.phone import normal_phone

Cell = str | int | float | bool | date | datetime | time | timedelta | None

ROC_FIRST_YEAR = 1911
EXCEL_DAY_ZERO = date(1899, 12, 30)
EXCEL_SERIALS = (10_000, 80_000)
"""Serials of 1927 to 2119: what a bare number in a date column can mean."""
NOON = time(12)
"""A sale of which only the day is known is put at noon, in the middle of its day."""
YES = {"y", "yes", "true", "t", "1", "是", "同意", "已同意", "訂閱", "已訂閱", "有", "v", "o"}
NO = {"", "n", "no", "false", "f", "0", "否", "不同意", "未同意", "未訂閱", "無", "x", "-"}
LONGEST_EMAIL = 254

_PLAIN_PHONE = re.compile(r"(?:\+?886)?0?(9[0-8]\d{7})")
_DAY = (
    r"(?P<roc>民國|中華民國)?\s*(?P<y>\d{1,4})\s*(?P<s>[-/.年])\s*(?P<m>\d{1,2})"
    r"\s*(?:[-/.]|月)\s*(?P<d>\d{1,2})\s*日?"
)
_DAY_LAST = r"(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<z>\d{4})"
_TIME = (
    r"(?:[T\s,]*(?P<half>上午|下午|凌晨|早上|中午|晚上)?\s*(?P<h>\d{1,2})[:時](?P<i>\d{1,2})"
    r"(?:[:分](?P<sec>\d{1,2})?(?:\.\d+)?)?秒?\s*(?P<ap>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?P<zone>Z|(?:UTC|GMT)?[+-]\d{1,2}:?(?:\d{2})?|UTC|GMT)?)?"
)
_MOMENT = re.compile(rf"(?:{_DAY}){_TIME}")
_MOMENT_YEAR_LAST = re.compile(rf"(?:{_DAY_LAST}){_TIME}")
_COMPACT = re.compile(r"(?:(?P<y>\d{4})|(?P<r>\d{3}))(?P<m>\d{2})(?P<d>\d{2})")
_ISO = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_ZONE = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?")
_MONEY_WORDS = re.compile(r"NT\$|NTD|TWD|\$|元|圓|,|\s")
_WHOLE = re.compile(r"[+-]?\d+(?:\.0*)?")
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")


class Unreadable(Exception):
    """The cell does not say what its column should."""


def as_text(cell: Cell) -> str:
    """Return a cell as one trimmed line of text; a whole float loses its `.0`."""
    if cell is None:
        return ""
    if isinstance(cell, str) and cell.isascii():  # Nearly all of them, and normal already.
        return cell.strip().removeprefix("'")
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    # A spreadsheet's apostrophe keeps text from being a number or a formula; it is not content.
    return unicodedata.normalize("NFKC", str(cell)).strip().removeprefix("'")


def read_phone(cell: Cell) -> str:
    """Return a mobile number as E.164; the zero that Excel ate is put back."""
    text = cell if isinstance(cell, str) else as_text(cell)
    plain = _PLAIN_PHONE.fullmatch(text)
    if plain is None:
        text = re.sub(r"[\s\-().]", "", as_text(text).removesuffix(".0"))
        plain = _PLAIN_PHONE.fullmatch(text)
    if plain is not None:
        return "+886" + plain[1]
    try:
        return normal_phone(text)
    except BusinessError as error:
        raise Unreadable from error


def read_email(cell: Cell) -> str:
    """Return an address in lower case."""
    text = as_text(cell).lower()
    if len(text) > LONGEST_EMAIL or not _EMAIL.fullmatch(text):
        raise Unreadable
    return text


def read_amount(cell: Cell) -> int:
    """Return whole NT$, below zero for `-300` and `(300)`; `.00` is fine, `.50` is not."""
    if isinstance(cell, bool):
        raise Unreadable
    if isinstance(cell, int):
        return cell
    if isinstance(cell, float):
        if not cell.is_integer():
            raise Unreadable
        return int(cell)
    text = cell if isinstance(cell, str) else as_text(cell)
    if text.isascii() and text.isdigit():
        return int(text)
    return _amount_in_words(as_text(text).upper())


def _amount_in_words(text: str) -> int:
    bare = _MONEY_WORDS.sub("", text.replace("−", "-"))
    is_negative = bare.startswith("(") and bare.endswith(")")
    if is_negative:
        bare = bare[1:-1]
    if bare.endswith("-"):
        bare = "-" + bare[:-1]
    if not _WHOLE.fullmatch(bare):
        raise Unreadable
    amount = int(bare.partition(".")[0])
    return -amount if is_negative else amount


def read_yes(cell: Cell) -> bool:
    """Return a yes or no; an empty cell is a no."""
    text = as_text(cell).lower()
    if text in YES:
        return True
    if text in NO:
        return False
    raise Unreadable


def read_day(cell: Cell) -> date:
    """Return a local day."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    return read_moment(cell).astimezone(TAIPEI).date()


def read_moment(cell: Cell) -> datetime:
    """Return a moment in UTC. Without a zone it is Taipei's; without a time it is noon."""
    if isinstance(cell, datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=TAIPEI)).astimezone(UTC)
    if isinstance(cell, date):
        return _at(cell, NOON)
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _of_serial(float(cell)) if cell < EXCEL_SERIALS[1] else _of_text(as_text(cell))
    if not isinstance(cell, str):
        raise Unreadable
    if _ISO.fullmatch(cell):
        try:
            naive = datetime.fromisoformat(cell)
        except ValueError as error:
            raise Unreadable from error
        return naive.replace(tzinfo=TAIPEI).astimezone(UTC)
    return _of_text(as_text(cell))


@lru_cache(maxsize=4096)
def _of_text(text: str) -> datetime:
    found = _MOMENT.fullmatch(text) or _MOMENT_YEAR_LAST.fullmatch(text)
    try:
        if found is not None:
            return _with_time(_day_of(found), found)
        compact = _COMPACT.fullmatch(text)
        if compact is not None:
            year = int(compact["y"] or 0) or int(compact["r"]) + ROC_FIRST_YEAR
            return _at(date(year, int(compact["m"]), int(compact["d"])), NOON)
        return _of_serial(float(text))
    except ValueError as error:
        raise Unreadable from error


def _day_of(found: re.Match[str]) -> date:
    parts = found.groupdict()
    if parts.get("z"):
        first, second = int(parts["a"]), int(parts["b"])
        if first != second and max(first, second) <= 12:
            raise Unreadable  # 5/6/2026 is two days.
        month, day = (second, first) if first > 12 else (first, second)
        return date(int(parts["z"]), month, day)
    year = int(parts["y"])
    is_roc = bool(parts["roc"]) or len(parts["y"]) < 4
    return date(year + ROC_FIRST_YEAR if is_roc else year, int(parts["m"]), int(parts["d"]))


def _with_time(day: date, found: re.Match[str]) -> datetime:
    if found["h"] is None:
        return _at(day, NOON)
    hour = int(found["h"])
    half = found["half"] or (found["ap"] or "").replace(".", "").upper()
    if half in ("下午", "晚上", "中午", "PM") and hour < 12:
        hour += 12
    elif half in ("上午", "凌晨", "早上", "AM") and hour == 12:
        hour = 0
    clock = time(hour, int(found["i"]), int(found["sec"] or 0))
    return _at(day, clock, found["zone"])


def _at(day: date, clock: time, zone: str | None = None) -> datetime:
    return datetime.combine(day, clock, _zone(zone) if zone else TAIPEI).astimezone(UTC)


def _zone(name: str) -> timezone:
    shift = _ZONE.fullmatch(name)
    if shift is None:
        return UTC
    minutes = int(shift[2]) * 60 + int(shift[3] or 0)
    return timezone(timedelta(minutes=minutes if shift[1] == "+" else -minutes))


def _of_serial(serial: float) -> datetime:
    """Return the moment of Excel's day count, to the second."""
    if not EXCEL_SERIALS[0] <= serial < EXCEL_SERIALS[1]:
        raise Unreadable
    day = EXCEL_DAY_ZERO + timedelta(days=int(serial))
    seconds = round((serial % 1) * 86_400)
    if not seconds:
        return _at(day, NOON)
    return _at(day, time()) + timedelta(seconds=seconds)
