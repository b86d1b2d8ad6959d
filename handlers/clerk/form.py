"""What the counter's forms bring, read once and the same way on every page."""

import re
import uuid

from flask import g, request

from handlers import settings
from handlers.clerk import door
from handlers.clerk.visit import Visit, VisitNotOurs, read_visit
from models.base import BusinessError

LONGEST_ID_DIGITS = 18
_ID = re.compile(rf"[0-9]{{1,{LONGEST_ID_DIGITS}}}")


class NameUnchecked(BusinessError):
    """The member was typed, and the clerk has not said that the name is right."""

    code = "name_unchecked"


def page_key() -> str:
    """Return the key drawn with the page, under which its form does its work once."""
    try:
        return str(uuid.UUID(request.form.get("key", "")))
    except ValueError as error:
        raise VisitNotOurs from error


def idempotency_key(what: str) -> str:
    """Return the page's key as the asker's key of one deed in this store."""
    return f"{what}:{door.current_store().id}:{page_key()}"


def visit() -> Visit:
    """Return whose page this is. Raises VisitNotOurs or VisitOver."""
    return read_visit(
        settings().secret_key,
        request.form.get("visit", ""),
        staff_id=door.current_staff().id,
        now=g.now,
    )


def checked_visit() -> Visit:
    """Return whose page this is, if the clerk knows who stands there. Raises NameUnchecked too."""
    found = visit()
    if not found.is_known:
        raise NameUnchecked
    return found


def read_id(typed: str) -> int | None:
    """Return the id a form's field holds, or None where it holds none."""
    return int(typed) if _ID.fullmatch(typed) else None


def read_whole(typed: str) -> int | None:
    """Return the whole number in a field, with its sign and whatever its width, or None."""
    text = "".join(typed.split()).replace(",", "")
    try:
        return int(text) if len(text) <= LONGEST_ID_DIGITS else None
    except ValueError:
        return None
