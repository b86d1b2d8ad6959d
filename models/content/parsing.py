"""Content as typed JSON: `{"schema": 1, "messages": [PART, …]}`, read or refused with the place.

PART is `{"type": "text", "text": {lang: …}}`, `{"type": "image", "url", "preview_url"}`,
`{"type": "card", "template", "fields"}`, `{"type": "coupon", "template"}` or
`{"type": "survey", "survey"}`. Texts must be there in zh-TW; other languages fall back to it.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

from models.content.content import GIVEN, SCHEMA, SHOW_COUPON, Content
from models.content.gallery import (
    BUTTON,
    COLOUR,
    COUPON,
    GALLERY,
    IMAGE,
    ITEMS,
    LONGEST_LABEL,
    MOST_ITEMS,
    TAPS,
    Slot,
)
from models.content.refusals import (
    AddressRefused,
    ContentCount,
    ContentKeyUnknown,
    ContentTextRefused,
    ContentTooLarge,
    NotContent,
    SurveyNotLast,
    UnknownTemplate,
)
from models.content.variable import OF_COUPON, Blank, longest_of, read_text
from models.link import TAP
from models.segment.refusals import nearest

MOST_MESSAGES = 5
"""LINE, Messaging API reference: so many message objects one call takes."""
LONGEST_TEXT = 5_000
LONGEST_ADDRESS = 1_000
LONGEST_IMAGE_ADDRESS = 2_000
LONGEST_CODE = 60
LONGEST_TRACKED = 100
"""So many characters an address in a text takes once its clicks are counted."""
LARGEST_BYTES = 64 * 1024
LANGUAGES = ("zh-TW", "en", "ja")
FORM = ('{"schema": 1, "messages": […]}',)
TYPES: Mapping[str, tuple[str, ...]] = {
    "text": ("text",),
    "image": ("url", "preview_url"),
    "card": ("template", "fields"),
    "coupon": ("template",),
    "survey": ("survey",),
}
ADDRESS_IN_TEXT = re.compile(r"https://[\w.~:/?#\[\]@!$&()*+,;=%-]*[\w/#&=%~-]", re.ASCII)
"""An address as it stands among Chinese words: it ends before them, and before a full stop."""
_UNFIT_ADDRESS = re.compile(r"[\s\x00-\x1f\x7f\\{}]")
_HOST = re.compile(r"https://[^/?#@]*[^/?#@.:]\.[^/?#@]+(?:[/?#].*)?")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_BREAKS = "\n"
_UNFIT = ("Cc", "Cs", "Co")
"""Signs no text has; those of private use mark the blanks while a card is drawn."""


def parse_content(told: object, more_variables: Collection[str] = (), *, path: str = "") -> Content:
    """Read content from decoded JSON. Raises a ContentRefused that says where and why.

    `more_variables` are facts that the sender will tell of each member beside the known ones;
    `path` is where the content stands in what was told. Whether the coupons it names exist in the
    shop is for `check_content` to say.
    """
    if not isinstance(told, dict):
        raise NotContent(path, type(told).__name__, FORM)
    _check_keys(told, ("schema", "messages"), (), path)
    within = f"{path}." if path else ""
    if type(told["schema"]) is not int or told["schema"] != SCHEMA:
        raise NotContent(f"{within}schema", told["schema"], (SCHEMA,))
    reader = _Reader(more_variables)
    messages = reader.messages(told["messages"], f"{within}messages")
    content = reader.content(messages, f"{within}messages")
    size = len(json.dumps(content.as_json(), ensure_ascii=False).encode())
    if size > LARGEST_BYTES:
        raise ContentTooLarge(path, size, limit=LARGEST_BYTES)
    return content


def _check_keys(
    words: Mapping[str, Any], needed: tuple[str, ...], possible: tuple[str, ...], path: str
) -> None:
    known = (*needed, *possible)
    for key in [*(key for key in words if key not in known), *needed]:
        if key not in words or key not in known:
            raise ContentKeyUnknown(path, key, known)


class _Reader:
    """Reads messages and gathers what they name."""

    def __init__(self, more: Collection[str]) -> None:
        self.more = more
        self.variables: set[str] = set()
        self.urls: dict[str, None] = {}
        self.coupons: dict[str, str] = {}
        self.surveys: dict[str, str] = {}

    def content(self, messages: list[dict[str, Any]], path: str) -> Content:
        """Return what was read; a coupon's facts may be told only where there is a coupon."""
        needless = sorted(self.variables & OF_COUPON) if not self.coupons else []
        if needless:
            raise ContentKeyUnknown(path, needless[0], ('{"type": "coupon", …}',))
        return Content(
            messages=tuple(messages),
            variables=frozenset(self.variables),
            urls=tuple(self.urls),
            coupons=tuple(self.coupons),
            surveys=tuple(self.surveys),
            places=self.surveys | self.coupons,
        )

    def messages(self, told: object, path: str) -> list[dict[str, Any]]:
        """Read one to five parts."""
        if not isinstance(told, list):
            raise NotContent(path, type(told).__name__, FORM)
        if not 1 <= len(told) <= MOST_MESSAGES:
            raise ContentCount(path, len(told), (f"1–{MOST_MESSAGES}",))
        parts = [self._part(each, f"{path}[{place}]") for place, each in enumerate(told)]
        for place, part in enumerate(parts[:-1]):
            if part["type"] == "survey":
                raise SurveyNotLast(f"{path}[{place}]", part["survey"])
        return parts

    def _part(self, told: object, path: str) -> dict[str, Any]:
        if not isinstance(told, dict):
            raise NotContent(path, type(told).__name__, tuple(TYPES))
        kind = told.get("type")
        if not isinstance(kind, str) or kind not in TYPES:
            raise NotContent(f"{path}.type", kind, tuple(TYPES))
        optional = ("preview_url",) if kind == "image" else ()
        needed = tuple(key for key in TYPES[kind] if key not in optional)
        _check_keys(told, ("type", *needed), optional, path)
        if kind == "text":
            texts = self._texts(told["text"], f"{path}.text", LONGEST_TEXT, tracks=True)
            return {"type": kind, "text": texts}
        if kind == "image":
            return self._image(told, path)
        if kind == "card":
            return self._card(told, path)
        if kind == "coupon":
            return {"type": kind, "template": self._coupon(told["template"], f"{path}.template")}
        code = _read_code(told["survey"], f"{path}.survey")
        self.surveys.setdefault(code, f"{path}.survey")
        return {"type": kind, "survey": code}

    def _image(self, told: Mapping[str, Any], path: str) -> dict[str, Any]:
        url = read_address(told["url"], f"{path}.url", LONGEST_IMAGE_ADDRESS)
        preview = told.get("preview_url", url)
        return {
            "type": "image",
            "url": url,
            "preview_url": read_address(preview, f"{path}.preview_url", LONGEST_IMAGE_ADDRESS),
        }

    def _card(self, told: Mapping[str, Any], path: str) -> dict[str, Any]:
        code = told["template"]
        kind = GALLERY.get(code) if isinstance(code, str) else None
        if kind is None:
            raise UnknownTemplate(f"{path}.template", code, nearest(code, list(GALLERY)))
        self.variables |= kind.variables
        fields = self._fields(told["fields"], kind.slots, f"{path}.fields")
        return {"type": "card", "template": kind.code, "fields": fields}

    def _fields(self, told: object, slots: tuple[Slot, ...], path: str) -> dict[str, Any]:
        if not isinstance(told, dict):
            raise NotContent(path, type(told).__name__, tuple(slot.name for slot in slots))
        needed = tuple(slot.name for slot in slots if slot.is_required)
        optional = tuple(slot.name for slot in slots if not slot.is_required)
        _check_keys(told, needed, optional, path)
        return {
            slot.name: self._field(told[slot.name], slot, f"{path}.{slot.name}")
            for slot in slots
            if told.get(slot.name) is not None or slot.is_required
        }

    def _field(self, told: object, slot: Slot, path: str) -> Any:
        if slot.kind == IMAGE:
            return read_address(told, path, LONGEST_IMAGE_ADDRESS)
        if slot.kind == BUTTON:
            return self._button(told, path)
        if slot.kind == COUPON:
            return self._coupon(told, path)
        if slot.kind == COLOUR:
            return _read_colour(told, path)
        if slot.kind == ITEMS:
            return self._items(told, slot, path)
        return self._texts(told, path, slot.longest)

    def _items(self, told: object, slot: Slot, path: str) -> list[dict[str, Any]]:
        if not isinstance(told, list):
            raise NotContent(path, type(told).__name__, ("[…]",))
        if not 1 <= len(told) <= MOST_ITEMS:
            raise ContentCount(path, len(told), (f"1–{MOST_ITEMS}",))
        return [
            self._fields(each, slot.slots, f"{path}[{place}]") for place, each in enumerate(told)
        ]

    def _button(self, told: object, path: str) -> dict[str, Any]:
        if not isinstance(told, dict):
            raise NotContent(path, type(told).__name__, ('{"label": …, "url": …}',))
        target = "tap" if "tap" in told else "url"
        _check_keys(told, ("label", target), (), path)
        label = self._texts(told["label"], f"{path}.label", LONGEST_LABEL)
        if target == "tap":
            if told["tap"] not in TAPS:
                known = nearest(told["tap"], TAPS)
                raise ContentKeyUnknown(f"{path}.tap", told["tap"], tuple(known))
            self.urls.setdefault(TAP + told["tap"])
            return {"label": label, "tap": told["tap"]}
        url = read_address(told["url"], f"{path}.url", LONGEST_ADDRESS)
        self.urls.setdefault(url)
        return {"label": label, "url": url}

    def _texts(
        self, told: object, path: str, longest: int, *, tracks: bool = False
    ) -> dict[str, str]:
        if not isinstance(told, dict):
            raise NotContent(path, type(told).__name__, LANGUAGES)
        _check_keys(told, LANGUAGES[:1], LANGUAGES[1:], path)
        return {
            language: self._text(told[language], f"{path}.{language}", longest, tracks=tracks)
            for language in LANGUAGES
            if language in told
        }

    def _text(self, told: object, path: str, longest: int, *, tracks: bool) -> str:
        if not isinstance(told, str):
            raise NotContent(path, type(told).__name__, ("text",))
        unfit = any(unicodedata.category(c) in _UNFIT and c not in _BREAKS for c in told)
        if not told.strip() or unfit or len(told) > LARGEST_BYTES:
            raise ContentTextRefused(path, len(told), limit=longest)
        room = 0
        for piece in read_text(told, path, self.more):
            if isinstance(piece, Blank):
                self.variables.add(piece.name)
                room += longest_of(piece)
            else:
                room += _width(piece) + (self._track(piece, path) if tracks else 0)
        if room > longest:
            raise ContentTextRefused(path, room, limit=longest)
        return told

    def _track(self, piece: str, path: str) -> int:
        """Note the addresses in a text; return how many characters counting clicks may add."""
        more = 0
        for found in ADDRESS_IN_TEXT.finditer(piece):
            self.urls.setdefault(read_address(found.group(), path, LONGEST_ADDRESS))
            more += max(LONGEST_TRACKED - len(found.group()), 0)
        return more

    def _coupon(self, told: object, path: str) -> str:
        code = _read_code(told, path)
        if code == GIVEN and GIVEN not in self.more:
            raise NotContent(path, code, ("code",))
        self.coupons.setdefault(code, path)
        self.urls.setdefault(SHOW_COUPON)
        return code


def _read_code(told: object, path: str) -> str:
    if not isinstance(told, str) or not 0 < len(told) <= LONGEST_CODE:
        raise NotContent(path, told, ("code",))
    return told


def _width(text: str) -> int:
    """Return a text's length in UTF-16 code units, as LINE counts."""
    return len(text.encode("utf-16-le")) // 2


def read_address(told: object, path: str, longest: int) -> str:
    """Return an address that LINE opens. Raises AddressRefused."""
    is_fit = (
        isinstance(told, str)
        and len(told) <= longest
        and _HOST.fullmatch(told)
        and not _UNFIT_ADDRESS.search(told)
    )
    if not is_fit:
        raise AddressRefused(path, told, limit=longest)
    return str(told)


def _read_colour(told: object, path: str) -> str:
    if not isinstance(told, str) or not _COLOUR.fullmatch(told):
        raise NotContent(path, told, ("#2F6B4A",))
    return told
