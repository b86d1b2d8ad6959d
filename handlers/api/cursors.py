"""Pages of long lists: a cursor names the last item seen, so that new ones shift nothing."""

from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from handlers import settings
from handlers.api.problems import Refused

_PURPOSE = "api-cursor-v1"


def write_cursor(of: str, *last: Any) -> str:
    """Return the cursor behind an item of list `of`: the values by which it is sorted."""
    return str(_serializer(of).dumps(last))


def read_cursor(of: str, cursor: str | None) -> list[Any] | None:
    """Return what a cursor of list `of` says, None without one. Raises Refused: bad_cursor."""
    if cursor is None:
        return None
    try:
        last: list[Any] = _serializer(of).loads(cursor)
    except BadSignature as error:
        raise Refused("bad_cursor") from error
    return last


def _serializer(of: str) -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key, salt=f"{_PURPOSE}:{of}")
