"""Reading single values of a definition; each refuses with the place and what would do."""

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any

from models.journey.refusals import NotADefinition, ValueRefused, WordUnknown


def read_mapping(told: object, path: str, form: Sequence[str]) -> Mapping[str, Any]:
    """Return a JSON object. Raises NotADefinition."""
    if not isinstance(told, dict):
        raise NotADefinition(path, type(told).__name__, form)
    return told


def check_keys(
    words: Mapping[str, Any], needed: Sequence[str], known: Sequence[str], path: str
) -> None:
    """Refuse words that mean nothing there, and the lack of those that are needed."""
    for key in [*(key for key in words if key not in known), *needed]:
        if key not in words or key not in known:
            raise WordUnknown(path, key, known)


def read_integer(value: object, low: int, high: int, path: str) -> int:
    """Return a whole number within its range. Raises ValueRefused."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueRefused(path, value, (f"{low}–{high}",))
    return value


def read_choice(value: object, choices: Sequence[Any], path: str) -> Any:
    """Return one of a few values. Raises ValueRefused."""
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return choice
    raise ValueRefused(path, value, [str(each) for each in choices])


def read_text(value: object, longest: int, path: str) -> str:
    """Return a short, visible text. Raises ValueRefused."""
    is_text = isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()
    if not is_text:
        raise ValueRefused(path, value, (f"1–{longest}",))
    return str(value)


def read_time(value: object, path: str) -> time:
    """Return a time of the day, written 18:30. Raises ValueRefused."""
    try:
        told = time.fromisoformat(value) if isinstance(value, str) and len(value) == 5 else None
    except ValueError:
        told = None
    if told is None:
        raise ValueRefused(path, value, ("00:00–23:59",))
    return told
