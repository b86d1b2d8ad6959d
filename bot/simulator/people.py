"""People: the account's friends, and those who are not (yet, or any more)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from .ids import new_user_id

LANGUAGES = ("zh-TW", "en", "ja")
WROTE_RECENTLY_MS = 7 * 24 * 60 * 60 * 1000
_NAMES = {
    "zh-TW": ("林小晴", "陳柏宇", "王怡君", "張家豪", "李欣怡", "黃冠霖", "吳佩珊", "周子瑜"),
    "en": ("Emma Clark", "Liam Brown", "Olivia Smith", "Noah Wilson", "Ava Taylor"),
    "ja": ("佐藤 葵", "鈴木 蓮", "高橋 陽菜", "田中 湊", "伊藤 結衣"),
}


@dataclass(slots=True)
class Person:
    """Somebody with LINE on a phone, as this account's provider knows them."""

    id: str
    name: str
    language: str = "zh-TW"
    friend: bool = False
    blocked: bool = False
    wrote_at: int = 0

    def listed(self) -> dict[str, Any]:
        """Return what a list of people shows."""
        return {
            "id": self.id,
            "name": self.name,
            "language": self.language,
            "friend": self.friend,
        }

    def shown(self) -> dict[str, Any]:
        """Return what the phone page shows."""
        return {**self.listed(), "blocked": self.blocked}

    def kept(self) -> dict[str, Any]:
        """Return what survives a restart."""
        return asdict(self)

    def can_be_pushed(self, now: int) -> bool:
        """Tell whether a push arrives: a friend, or somebody who wrote in the last seven days."""
        if self.blocked:
            return False
        return self.friend or (self.wrote_at > 0 and now - self.wrote_at <= WROTE_RECENTLY_MS)

    def has_profile(self) -> bool:
        """Tell whether the account may read the profile: a friend or a writer, and no block."""
        return not self.blocked and (self.friend or self.wrote_at > 0)


class People:
    """Everybody, by user id, in the order they came."""

    def __init__(self) -> None:
        self._by_id: dict[str, Person] = {}
        self._names = {language: itertools.cycle(names) for language, names in _NAMES.items()}

    def __iter__(self) -> Iterator[Person]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, user_id: str) -> Person | None:
        """Return the person, or None."""
        return self._by_id.get(user_id)

    def add(self, person: Person) -> None:
        """Keep `person`, in the place of one with the same id."""
        self._by_id[person.id] = person

    def create(self, name: str | None, language: str | None) -> Person:
        """Add somebody new who is no friend yet, with a pleasant name where none is given."""
        spoken = language or LANGUAGES[0]
        person = Person(new_user_id(), name or next(self._names[spoken]), spoken)
        self.add(person)
        return person

    def friends(self) -> list[Person]:
        """Return all friends, in the order they came."""
        return [person for person in self if person.friend]

    def search(self, words: str, limit: int) -> list[Person]:
        """Return up to `limit` people whose name or id contains `words`."""
        wanted = words.strip().lower()
        hits = (p for p in self if wanted in p.name.lower() or wanted in p.id.lower())
        return list(itertools.islice(hits, limit))
