"""What an address may name: numbers that the database could have given to something."""

import re

from werkzeug.exceptions import NotFound
from werkzeug.routing import IntegerConverter

LARGEST_ID = 2**63 - 1
"""The largest number that the database's keys hold."""
LARGEST_WHOLE = 2**31 - 1
"""The largest number that its other columns hold."""
_ID = re.compile(r"[0-9]{1,18}")
_WHOLE = re.compile(r"[0-9]{1,9}")


class IdConverter(IntegerConverter):
    """Reads `<int:…>`: a number no key could have names nothing, and is not looked for."""

    def to_python(self, value: str) -> int:
        """Return the number. Raises NotFound: no match would be told as a method not allowed."""
        number: int = super().to_python(value)
        if number > LARGEST_ID:
            raise NotFound
        return number


def read_id(typed: str | None) -> int | None:
    """Return the key that a text tells, or None: it tells none, or one that nothing could have."""
    return int(typed) if typed is not None and _ID.fullmatch(typed) else None


def read_whole(typed: str | None) -> int | None:
    """Return the number, 0 or above, that a text tells, or None where it tells none we keep."""
    return int(typed) if typed is not None and _WHOLE.fullmatch(typed) else None
