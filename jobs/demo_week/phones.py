"""The shoppers' phones: what the simulator lets a person see and do."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import aiohttp

TAPPABLE = frozenset({"postback", "datetimepicker", "uri"})
QUIET_ACTIONS = frozenset({"stop_marketing", "not_me", "delete_me"})
"""What nobody taps for fun."""

Json = dict[str, Any]


class Phones:
    """All phones of the simulated LINE at `url`; make it inside the event loop, close it there."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def plant(self, people: Iterable[Mapping[str, Any]]) -> None:
        """Make these people known, where they are not."""
        await self._call("POST", "/_sim/seed", {"people": list(people)})

    async def act(self, user_id: str, kind: str, **doing: Any) -> None:
        """Let a person do something, such as `text`, `action` or `unfollow`."""
        await self._call("POST", "/_sim/act", {"user": user_id, "act": {"kind": kind, **doing}})

    async def buttons(self, user_id: str, since_ms: int) -> list[Json]:
        """Return what the person could tap in the messages they got since a moment."""
        chat = await self._call("GET", f"/_sim/chat?user={user_id}")
        return [
            action
            for entry in chat["entries"]
            if entry["from"] == "account" and entry["at"] >= since_ms
            for action in _actions(entry["message"])
        ]

    async def _call(self, method: str, path: str, body: Any = None) -> Json:
        async with self._session.request(method, self._url + path, json=body) as answer:
            answer.raise_for_status()
            told: Json = await answer.json()
            return told


def _actions(value: Any) -> Iterator[Json]:
    """Yield the taps and links anywhere in a message, but for those nobody taps for fun."""
    if isinstance(value, dict):
        if value.get("type") in TAPPABLE and not _is_quiet(str(value.get("data", ""))):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _actions(part)


def _is_quiet(data: str) -> bool:
    return any(f"action={action}" in data for action in QUIET_ACTIONS)
