"""Lists page by page: an address names the last line seen, so that none is missed or doubled."""

from urllib.parse import urlencode

from flask import request

from handlers.address import read_id

AFTER = "after"
LONGEST_AFTER = 200


def after() -> str | None:
    """Return where the page before ended, as `next_url` wrote it; None for the first page."""
    return request.args.get(AFTER, "")[:LONGEST_AFTER] or None


def after_id() -> int | None:
    """Return the key of the line that the page before ended with; None for the first page."""
    return read_id(after())


def next_url(**changed: object) -> str:
    """Return this list's own address with other values: `next_url(after=last.id)`.

    None takes a value away; all else that was asked stays.
    """
    asked = {name: values for name, values in request.args.lists() if name != AFTER}
    asked |= {name: [str(value)] for name, value in changed.items() if value is not None}
    for name, value in changed.items():
        if value is None:
            asked.pop(name, None)
    query = urlencode(asked, doseq=True)
    return f"{request.path}?{query}" if query else request.path
