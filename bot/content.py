"""Draw content: once for a language, and then for each person in microseconds.

The cards are built by ordinary code from ordinary values, among which each blank (a fact of the
member, a counted address, the number of their coupon) is one sign of Unicode's private use, or a
number nobody has. What comes out is compiled: a message for one person copies only the parts on
the way to a blank and shares all others, so a drawn message must not be changed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Final

from bot import Message
from bot.cards.coupons import grouped
from bot.cards.parts import (
    clip,
    member_replies,
    postback,
    quick_reply,
    text_message,
    with_quick_replies,
)
from bot.cards.surveys import SurveyView, survey_question
from bot.compiling import FIRST_NUMBER, FIRST_SIGN, NOTHING, Node, compile_part
from bot.gallery import Filled, draw_card
from bot.postback import Action
from bot.texts import Texts, texts_for
from bot.views import CouponView
from models.base import in_language
from models.content import GALLERY, NO_FACTS, VARIABLES, Blank, Content, Facts, Slot, parse_content
from models.content.content import SHOW_COUPON
from models.content.gallery import BUTTON, COUPON, ITEMS, TEXT, WAY
from models.content.parsing import ADDRESS_IN_TEXT
from models.content.variable import DAY, LONGEST_VALUE, MONEY, NUMBER, Variable, read_text
from models.link import TAP

Link = Callable[[str], str]
"""Turns an address of the shop into the counted one, a person's own where they are told."""

Address = Callable[[int, int | None], str]
"""Writes the address of a counted link, by its id and, where it is told, the member's."""

_MOST_SHAPES: Final = 64
"""Coupons given at other times differ in their days; so many layouts are kept."""
_MOST_PREPARED: Final = 256
_OWN_OF_COUPON: Final = frozenset({"id", "code"})

_Fill = Callable[[Facts, Link], str]


def prepare(
    told: Mapping[str, Any],
    language: str,
    *,
    links: Mapping[str, int] | None = None,
    is_marketing: bool = True,
) -> "Drawing":
    """Make stored content ready to be drawn in one language.

    `links` are the counted links by address, for taps on buttons that answer in the chat. A
    marketing message ends with a way to stop them. Raises ContentRefused where it is no content.
    """
    content = parse_content(told, AnyVariable())
    return Drawing(content, texts_for(language), links or {}, is_marketing=is_marketing)


def draw_content(
    words: Mapping[str, Any], language: str, address: Address | None = None
) -> list[Message]:
    """Draw an outbox row: `{"content", "facts", "links"?, "member_id"?, "is_marketing"?}`.

    `links` are the counted links' ids by address; without `address` nothing is counted.
    """
    links: Mapping[str, int] = words.get("links") or {}
    drawing = _prepared(
        json.dumps(words["content"], sort_keys=True),
        language,
        tuple(sorted(links.items())),
        bool(words.get("is_marketing", True)),
    )

    def link(url: str) -> str:
        if address is None or url not in links:
            return url
        return address(links[url], words.get("member_id"))

    return drawing.draw(Facts.from_json(words["facts"]), link)


@lru_cache(maxsize=_MOST_PREPARED)
def _prepared(
    content: str, language: str, links: tuple[tuple[str, int], ...], is_marketing: bool
) -> "Drawing":
    return prepare(json.loads(content), language, links=dict(links), is_marketing=is_marketing)


class AnyVariable(frozenset[str]):
    """What is stored was checked when it was written: facts of any journey may stand in it."""

    def __contains__(self, name: object) -> bool:
        return True


class Drawing:
    """Content of one language, ready; its first drawing of a layout compiles it."""

    def __init__(
        self, content: Content, t: Texts, links: Mapping[str, int], *, is_marketing: bool
    ) -> None:
        self._content, self._t, self._links, self._markets = content, t, links, is_marketing
        self._compiled: dict[tuple[object, ...], _Compiled] = {}

    def draw(self, facts: Facts = NO_FACTS, link: Link | None = None) -> list[Message]:
        """Return the messages for one person; `link` is asked for each address they name.

        Parts are shared between drawings: the result is to be sent, not changed. Raises KeyError
        where the facts lack a coupon or a survey that the content has.
        """
        shape = _shape_of(self._content, facts)
        compiled = self._compiled.get(shape)
        if compiled is None:
            if len(self._compiled) >= _MOST_SHAPES:
                self._compiled.clear()
            compiled = self._compiled[shape] = self._compile(facts)
        return compiled.draw(facts, link or _as_it_is)

    def _compile(self, facts: Facts) -> "_Compiled":
        blanks = _Blanks(self._t)
        builder = _Builder(self._content, facts, blanks, self._t, self._links)
        messages = builder.messages(is_marketing=self._markets)
        return _Compiled(blanks.fills, compile_part(messages))


def _as_it_is(url: str) -> str:
    return url


def _shape_of(content: Content, facts: Facts) -> tuple[object, ...]:
    """Return what makes one layout differ from another: all but what a blank holds."""
    shape: list[object] = [WAY in facts.values] if WAY in content.variables else []
    for code in content.coupons:
        words = facts.coupons[code]
        shape.append(tuple([word for name, word in words.items() if name not in _OWN_OF_COUPON]))
    for code in content.surveys:
        words = facts.surveys[code]
        shape.append((words["question"], str(words["reasons"])))
    return tuple(shape)


class _Compiled:
    """One layout: how its blanks are filled, and how messages are made of them."""

    def __init__(self, fills: Sequence[_Fill], made: Node) -> None:
        self._fills, self._made = tuple(fills), made

    def draw(self, facts: Facts, link: Link) -> list[Message]:
        if self._made.make is None:
            messages: list[Message] = self._made.fixed
            return messages
        drawn: list[Message] = self._made.make([fill(facts, link) for fill in self._fills])
        return drawn


# --- blanks


class _Blanks:
    """Gives each blank its sign, and remembers how it is filled."""

    def __init__(self, t: Texts) -> None:
        self._t = t
        self._places: dict[object, int] = {}
        self.fills: list[_Fill] = []

    def sign(self, key: object, fill: _Fill) -> str:
        """Return the sign of a blank; the same key has the same."""
        return chr(FIRST_SIGN + self._place(key, fill))

    def number(self, key: object, fill: _Fill) -> int:
        """Return a number that stands for a blank where only a number can."""
        return FIRST_NUMBER + self._place(key, fill)

    def _place(self, key: object, fill: _Fill) -> int:
        if key not in self._places:
            self._places[key] = len(self.fills)
            self.fills.append(fill)
        return self._places[key]

    def address(self, url: str) -> str:
        """Return the sign of an address."""
        return self.sign(("url", url), lambda _facts, link: link(url))

    def variable(self, blank: Blank) -> str:
        """Return the sign of a variable with its fallback."""
        return self.sign(blank, fill_of(blank, self._t))

    def text(self, words: str, *, tracks: bool = False) -> str:
        """Return a text with signs for its variables, and for its addresses where it `tracks`."""
        parts = [
            self.variable(piece)
            if isinstance(piece, Blank)
            else ADDRESS_IN_TEXT.sub(lambda found: self.address(found.group()), piece)
            if tracks
            else piece
            for piece in read_text(words, "", AnyVariable())
        ]
        return "".join(parts)


def fill_of(blank: Blank, t: Texts) -> _Fill:
    name, known = blank.name, VARIABLES.get(blank.name)
    missing = NOTHING if known is None else in_language(known.missing, t.language)
    if blank.fallback is not None:
        missing = blank.fallback
    longest = LONGEST_VALUE if known is None else known.longest
    write = _WRITERS.get(_kind_of(name, known))

    def fill(facts: Facts, _link: Link) -> str:
        value = facts.values.get(name)
        if value is None or value == "":
            return missing
        written = str(value) if write is None else write(t, value)
        return written if len(written) <= longest else clip(written, longest)

    return fill


def _kind_of(name: str, known: Variable | None) -> str:
    """Tell how a value is written; a journey's own fact shows by its name that it is a day."""
    if name == "coupon_code":
        return "code"
    if known is not None:
        return known.kind
    return DAY if name.endswith("_on") else ""


_WRITERS: Final[Mapping[str, Callable[[Texts, Any], str]]] = {
    NUMBER: lambda t, value: t.number(value),
    MONEY: lambda t, value: t.money(value),
    DAY: lambda t, value: t.date(date.fromisoformat(value)),
    "code": lambda _t, value: grouped(value),
}


# --- building


class _Builder:
    """Builds the messages of one layout with signs for what differs from person to person."""

    def __init__(
        self,
        content: Content,
        facts: Facts,
        blanks: _Blanks,
        t: Texts,
        links: Mapping[str, int],
    ) -> None:
        self._content, self._facts, self._blanks = content, facts, blanks
        self._t, self._links = t, links

    def messages(self, *, is_marketing: bool) -> list[Message]:
        """Return all messages, with quick replies on the last."""
        t = self._t
        stop = postback(t("停止行銷訊息"), Action.STOP_MARKETING) if is_marketing else None
        drawn = [message for part in self._content.messages for message in self._part(part, stop)]
        replies = drawn[-1].get("quickReply", {}).get("items") or member_replies(t)[:3]
        if stop is not None:
            replies = [*replies, quick_reply(stop | {"label": t("停止行銷")})]
        return with_quick_replies(drawn, replies)

    def _part(self, part: Mapping[str, Any], stop: Message | None) -> list[Message]:
        if part["type"] == "text":
            words = in_language(part["text"], self._t.language)
            return [text_message(self._blanks.text(words, tracks=True))]
        if part["type"] == "image":
            addresses = {"originalContentUrl": part["url"], "previewImageUrl": part["preview_url"]}
            return [{"type": "image"} | addresses]
        if part["type"] == "survey":
            return self._survey(part["survey"])
        template, fields = part["template"], part.get("fields", {"coupon": part["template"]})
        if part["type"] == "coupon":
            template = COUPON
        kind = GALLERY[template]
        signs = {name: self._blanks.variable(Blank(name)) for name in kind.variables - {WAY}}
        return [
            draw_card(
                self._t, template, self._filled(fields, kind.slots), signs | self._way(), stop
            )
        ]

    def _way(self) -> dict[str, str]:
        """Return the sign of the way to the next tier, in percent, where there is a next tier."""
        if WAY not in self._content.variables or WAY not in self._facts.values:
            return {}
        return {WAY: self._blanks.sign(WAY, lambda facts, _link: str(facts.values[WAY]))}

    def _filled(self, fields: Mapping[str, Any], slots: Sequence[Slot]) -> Filled:
        return {
            slot.name: self._field(fields[slot.name], slot) for slot in slots if slot.name in fields
        }

    def _field(self, told: Any, slot: Slot) -> Any:
        if slot.kind == TEXT:
            return self._blanks.text(in_language(told, self._t.language))
        if slot.kind == BUTTON:
            return self._button(told)
        if slot.kind == COUPON:
            return self._coupon(told)
        if slot.kind == ITEMS:
            return [self._filled(each, slot.slots) for each in told]
        return told

    def _button(self, told: Mapping[str, Any]) -> Message:
        label = self._blanks.text(in_language(told["label"], self._t.language))
        if "tap" in told:
            return postback(label, Action(told["tap"]), **self._via(TAP + told["tap"]))
        return {"type": "uri", "label": label, "uri": self._blanks.address(told["url"])}

    def _coupon(self, code: str) -> tuple[CouponView, Message]:
        """Return a coupon with signs for what is its owner's alone, and the tap that shows it."""
        blanks = self._blanks
        number = blanks.number(("coupon", code), lambda facts, _: str(facts.coupons[code]["id"]))
        own = {
            "id": str(number),
            "code": blanks.sign(
                ("code", code), lambda facts, _: grouped(facts.coupons[code]["code"])
            ),
        }
        show = postback(
            self._t("查看優惠券"), Action.SHOW_COUPON, coupon=number, **self._via(SHOW_COUPON)
        )
        return CouponView.from_words(self._facts.coupons[code] | own), show

    def _survey(self, code: str) -> list[Message]:
        answer = self._blanks.number(
            ("survey", code), lambda facts, _: str(facts.surveys[code]["answer"])
        )
        words = self._facts.surveys[code] | {"answer": answer}
        return survey_question(self._t, SurveyView.from_words(words))

    def _via(self, tap: str) -> dict[str, int]:
        return {"via": self._links[tap]} if tap in self._links else {}
