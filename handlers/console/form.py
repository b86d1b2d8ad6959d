"""What the console's forms bring, read once and the same way on every page.

Each reader returns None for an empty field and raises FieldRefused for one it cannot read, naming
the field, so that the page can say it beside it.
"""

import json
import re
import uuid
from collections.abc import Container
from datetime import date, datetime
from typing import Any, NoReturn

from flask import g, request

from handlers.address import LARGEST_WHOLE
from models.base import BusinessError, one_at_a_time
from models.fingerprint import fingerprint
from models.local_day import TAIPEI

LONGEST_DIGITS = 15
KEY_DIGITS = 10
EARLIEST_YEAR, LATEST_YEAR = 1900, 2200
NUL = "\x00"
WRITTEN_NUL = rb"\u0000"
LONGEST_TEXT = 2_000
YES = ("1", "on", "yes", "true")
_WHOLE = re.compile(rf"[+-]?\d{{1,{LONGEST_DIGITS}}}")


class FieldRefused(BusinessError):
    """A field holds what it cannot; `field` names it, `why` is `whole`, `day`, `moment`, …"""

    code = "field_refused"


class PageTooOld(BusinessError):
    """The form came without the key that was drawn with its page."""

    code = "page_too_old"


class Stale(BusinessError):
    """Somebody else saved the same thing since this form was opened: `name`, `at`."""

    code = "stale"


def wait_for_twin() -> None:
    """Wait until the same form, sent twice at once, is done, and so find what it did.

    The same is what brings one page's key, and of what has none what holds the same, form or JSON.
    """
    held = (
        request.form.get("key")
        or list(request.form.items(multi=True))
        or request.get_data(as_text=True)
    )
    one_at_a_time(g.session, fingerprint({"path": request.path, "held": held}))


def refuse_unreadable() -> None:
    """Refuse a request that holds a NUL anywhere: no keyboard types one, no database keeps one.

    Raises FieldRefused that names the field, or the part of the address.
    """
    named = (*request.args.items(multi=True), *request.form.items(multi=True))
    for name, value in (*named, *(request.view_args or {}).items()):
        if NUL in name or (isinstance(value, str) and NUL in value):
            raise FieldRefused(field=name.replace(NUL, ""), why="letters")


def decoded(typed: str, field: str, longest: int) -> Any:
    """Return what a text of JSON says. Raises FieldRefused where it is none we can keep.

    Python reads more than the database keeps: NaN, a NUL, half of a letter.
    """
    if len(typed) > longest:
        raise FieldRefused(field=field, why="too_long", longest=longest)
    try:
        told = json.loads(typed, parse_constant=_refuse_constant)
        written = json.dumps(told, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise FieldRefused(field=field, why="content") from error
    if WRITTEN_NUL in written.replace(rb"\\", b""):
        raise FieldRefused(field=field, why="letters")
    return told


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def text(name: str, longest: int = LONGEST_TEXT) -> str | None:
    """Return a text without blanks around it. Raises FieldRefused for one too long."""
    typed = request.form.get(name, "").replace("\r\n", "\n").strip()
    if len(typed) > longest:
        raise FieldRefused(field=name, why="too_long", longest=longest)
    return typed or None


def needed(name: str, longest: int = LONGEST_TEXT) -> str:
    """Return a text that has to be there. Raises FieldRefused."""
    typed = text(name, longest)
    if typed is None:
        raise FieldRefused(field=name, why="missing")
    return typed


def whole(name: str, *, least: int | None = None, most: int | None = None) -> int | None:
    """Return a whole number, written with or without commas. Raises FieldRefused."""
    typed = "".join(request.form.get(name, "").split()).replace(",", "")
    if not typed:
        return None
    if not _WHOLE.fullmatch(typed):
        raise FieldRefused(field=name, why="whole")
    lowest = -LARGEST_WHOLE if least is None else least
    highest = LARGEST_WHOLE if most is None else most
    found = int(typed)
    if not lowest <= found <= highest:
        raise FieldRefused(field=name, why="range", least=lowest, most=highest)
    return found


def needed_whole(name: str, *, least: int | None = None, most: int | None = None) -> int:
    """Return a whole number that has to be there. Raises FieldRefused."""
    found = whole(name, least=least, most=most)
    if found is None:
        raise FieldRefused(field=name, why="missing")
    return found


def day(name: str) -> date | None:
    """Return a local day. Raises FieldRefused."""
    typed = request.form.get(name, "").strip()
    try:
        return read_day(typed) if typed else None
    except ValueError as error:
        raise FieldRefused(field=name, why="day") from error


def read_day(typed: str) -> date:
    """Return a local day of years that a shop can mean. Raises ValueError."""
    found = date.fromisoformat(typed)
    _check_year(found)
    return found


def _check_year(found: date) -> None:
    if not EARLIEST_YEAR < found.year < LATEST_YEAR:
        raise ValueError(found.year)


def moment(name: str) -> datetime | None:
    """Return a moment, typed as Taipei's clock shows it. Raises FieldRefused."""
    typed = request.form.get(name, "").strip()
    if not typed:
        return None
    try:
        found = datetime.fromisoformat(typed)
        _check_year(found)
    except ValueError as error:
        raise FieldRefused(field=name, why="moment") from error
    return found.replace(tzinfo=TAIPEI)


def parts_of(typed: str, also: str = "") -> list[str]:
    """Return the parts of a typed list, no blanks around them and none empty.

    Commas of three kinds part them, and each letter of `also`.
    """
    parts = re.split(f"[,、，{also}]", typed)
    return [part.strip() for part in parts if part.strip()]


def choice(name: str, allowed: Container[str]) -> str | None:
    """Return one of the allowed words. Raises FieldRefused."""
    typed = request.form.get(name, "").strip()
    if typed and typed not in allowed:
        raise FieldRefused(field=name, why="choice")
    return typed or None


def needed_choice(name: str, allowed: Container[str]) -> str:
    """Return one of the allowed words; one has to be there. Raises FieldRefused."""
    found = choice(name, allowed)
    if found is None:
        raise FieldRefused(field=name, why="missing")
    return found


def flag(name: str) -> bool:
    """Tell whether a box is ticked."""
    return request.form.get(name, "") in YES


def page_key() -> str:
    """Return the key drawn with the page, under which its form does its work once."""
    try:
        return str(uuid.UUID(request.form.get("key", "")))
    except ValueError as error:
        raise PageTooOld from error


def page_code(prefix: str) -> str:
    """Return the code of what nobody gave one: the same for a page that is sent twice."""
    return f"{prefix}-{page_key().replace('-', '')[:KEY_DIGITS]}"
