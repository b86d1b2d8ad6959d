"""Chats: what stands in each person's chat, and the phones that watch it live."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .ids import new_message_id
from .people import Person
from .storage import Storage

MAX_ENTRIES_A_CHAT = 200
MAX_WAITING_FRAMES = 1_000
QUOTA_FRAME_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a chat, kept as the JSON that pages and the file get.

    A string weighs a tenth of the objects it was written from, and many chats may share one entry.
    """

    id: str
    written: str


def make_entry(written: str, *, at: int, sender: str, via: str | None = None) -> Entry:
    """Return one line of a chat around a message that is JSON already."""
    entry_id = new_message_id()
    head = f'"id":"{entry_id}","at":{at},"from":"{sender}","via":{json.dumps(via)}'
    return Entry(entry_id, f'{{{head},"message":{written}}}')


class Chats:
    """The last entries of every chat, oldest first."""

    def __init__(self, storage: Storage, phones: Phones) -> None:
        self._storage = storage
        self._phones = phones
        self._by_person: dict[str, deque[Entry]] = {}

    def restore(self, user_id: str, entry_id: str, written: str) -> None:
        """Put back an entry that was kept over a restart."""
        self._chat(user_id).append(Entry(entry_id, written))

    def append(self, people: Iterable[Person], entries: list[Entry]) -> None:
        """Add `entries` to the chats of all `people`, and show them on watching phones."""
        user_ids = [person.id for person in people]
        for user_id in user_ids:
            self._chat(user_id).extend(entries)
            if self._phones.is_watched(user_id):
                for entry in entries:
                    self._phones.send(user_id, f'{{"type":"entry","entry":{entry.written}}}')
        self._storage.keep_entries(user_ids, [(entry.id, entry.written) for entry in entries])

    def last(self, user_id: str, count: int) -> list[dict[str, Any]]:
        """Return the last `count` entries of a chat, oldest first, as JSON objects."""
        entries = list(self._by_person.get(user_id, ()))[-count:]
        return [json.loads(entry.written) for entry in entries]

    def _chat(self, user_id: str) -> deque[Entry]:
        chat = self._by_person.get(user_id)
        if chat is None:
            chat = self._by_person[user_id] = deque(maxlen=MAX_ENTRIES_A_CHAT)
        return chat


class Phones:
    """The open phone pages: each has a queue of frames that its websocket sends.

    A page that does not keep up loses frames rather than holding the simulator's memory.
    """

    def __init__(self) -> None:
        self._queues: dict[str, set[asyncio.Queue[str]]] = {}
        self._quota_frame_is_due = False

    def open(self, user_id: str) -> asyncio.Queue[str]:
        """Return the queue of frames for one more page of this person."""
        queue: asyncio.Queue[str] = asyncio.Queue(MAX_WAITING_FRAMES)
        self._queues.setdefault(user_id, set()).add(queue)
        return queue

    def close(self, user_id: str, queue: asyncio.Queue[str]) -> None:
        """Forget a page."""
        queues = self._queues.get(user_id, set())
        queues.discard(queue)
        if not queues:
            self._queues.pop(user_id, None)

    def is_watched(self, user_id: str) -> bool:
        """Tell whether any page shows this person's chat."""
        return user_id in self._queues

    def watched(self) -> list[str]:
        """Return the people whose chats are open."""
        return list(self._queues)

    def show(self, user_id: str, frame: dict[str, Any]) -> None:
        """Send a frame to every page of this person."""
        if self.is_watched(user_id):
            self.send(user_id, json.dumps(frame))

    def send(self, user_id: str, written: str) -> None:
        """Send a frame that is JSON already."""
        for queue in self._queues.get(user_id, ()):
            if not queue.full():
                queue.put_nowait(written)

    def show_quota_soon(self, read: Callable[[], dict[str, Any]]) -> None:
        """Send the quota to every page, at most five times a second."""
        if self._quota_frame_is_due or not self._queues:
            return
        self._quota_frame_is_due = True
        asyncio.get_running_loop().call_later(QUOTA_FRAME_SECONDS, self._show_quota, read)

    def _show_quota(self, read: Callable[[], dict[str, Any]]) -> None:
        self._quota_frame_is_due = False
        for user_id in self.watched():
            self.show(user_id, {"type": "quota", "quota": read()})
