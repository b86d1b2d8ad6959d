"""What the console's forms bring, read once and the same way on every page.

Each reader returns None for an empty field and raises FieldRefused for one it cannot read, naming
the field, so that the page can say it beside it.
"""

import re
import uuid
from collections.abc import Container
from datetime import date, datetime

from flask import request

from models.base import BusinessError
from models.local_day import TAIPEI

LONGEST_DIGITS = 15
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
    found = int(typed)
    if (least is not None and found < least) or (most is not None and found > most):
        raise FieldRefused(field=name, why="range", least=least, most=most)
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
        return date.fromisoformat(typed) if typed else None
    except ValueError as error:
        raise FieldRefused(field=name, why="day") from error


def moment(name: str) -> datetime | None:
    """Return a moment, typed as Taipei's clock shows it. Raises FieldRefused."""
    typed = request.form.get(name, "").strip()
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=TAIPEI) if typed else None
    except ValueError as error:
        raise FieldRefused(field=name, why="moment") from error


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
