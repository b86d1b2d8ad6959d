"""Lists page by page: an address names a day, or the last line seen, so that none is missed."""

import re
from datetime import UTC, date, datetime, timedelta

from flask import request

from models.deed import Place

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
"""Before any shop of ours began, and after any that reads this."""
_PLACE = re.compile(r"([0-9]{1,16})\.([a-z_]{1,20})\.([0-9]{1,18})")
"""Microseconds since the epoch, up to the year 2286; the source; the id."""


def written_place(at: datetime, source: str, row_id: int) -> str:
    """Write where a page ended, for the address of the next."""
    return f"{(at - EPOCH) // timedelta(microseconds=1)}.{source}.{row_id}"


def asked_place() -> Place | None:
    """Return where the page before ended; None where the address names nothing readable."""
    found = _PLACE.fullmatch(request.args.get("after", ""))
    if found is None:
        return None
    moment, source, row_id = found.groups()
    return Place(EPOCH + timedelta(microseconds=int(moment)), source, int(row_id))


def asked_day(name: str) -> date | None:
    """Return the day that a field of the address names; None where it names none of our time."""
    try:
        day = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None
