"""Draw content as a mail: the same parts as in LINE. What is a tap there leads to the chat."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from bot.cards.colour import TEA
from bot.cards.coupons import grouped
from bot.content import AnyVariable, Link, fill_of
from bot.mail import Mail
from bot.mail_blocks import (
    Block,
    Button,
    Heading,
    Paragraph,
    Picture,
    Rule,
    Sender,
    Voucher,
    compose,
)
from bot.texts import Texts, texts_for
from models.base import in_language
from models.content import GALLERY, Blank, Facts, read_text
from models.content.parsing import ADDRESS_IN_TEXT

POINTS: Final = "points"
"""The card of the gallery that shows facts its texts do not name."""
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")


def draw_mail(
    content: Mapping[str, Any], facts: Facts, sender: Sender, *, sent_at: datetime, link: Link
) -> Mail:
    """Draw content (as `Content.as_json`) for one member, in the language of their facts."""
    t = texts_for(facts.language)
    drawer = _Drawer(t, facts, sender, link)
    blocks: list[Block] = []
    for part in content["messages"]:
        blocks += [Rule()] if blocks else []
        blocks += drawer.blocks(part)
    return compose(t, blocks, sender, sent_at=sent_at)


def draw_confirmation(t: Texts, url: str, sender: Sender, *, sent_at: datetime) -> Mail:
    """Draw the mail that asks whether an address is the member's."""
    blocks: list[Block] = [
        Heading(t("確認您的信箱")),
        Paragraph(
            t(
                "您在 {shop} 的 LINE 會員資料填了這個信箱。請在 24 小時內確認：",
                shop=sender.shop_name,
            ),
            {},
        ),
        Button(t("確認信箱"), url),
        Paragraph(t("不是您填的嗎？不必理會這封信，我們不會再寄。"), {}, is_quiet=True),
    ]
    return compose(t, blocks, sender, sent_at=sent_at)


class _Drawer:
    """Makes blocks of the parts of one content for one member."""

    def __init__(self, t: Texts, facts: Facts, sender: Sender, link: Link) -> None:
        self.t, self.facts, self.sender, self.link = t, facts, sender, link

    def blocks(self, part: Mapping[str, Any]) -> Iterator[Block]:
        kind = part["type"]
        if kind == "text":
            yield self.paragraph(self.say(part["text"]))
        elif kind == "image":
            yield Picture(part["url"], self.sender.shop_name)
        elif kind == "coupon":
            yield self.voucher(part["template"])
        elif kind == "survey":
            yield Heading(str(self.facts.surveys[part["survey"]]["question"]))
            yield Button(self.t("到 LINE 回覆"), self.sender.chat_url)
        else:
            yield from self.card(part["template"], part["fields"])

    def card(self, template: str, fields: Mapping[str, Any]) -> Iterator[Block]:
        """Draw any card of the gallery by its slots, in the order in which one reads them."""
        yield from self.head(fields)
        if template == POINTS:
            yield Paragraph(self.standing(), {})
        for name in ("price", "when", "where", "seats"):
            if name in fields:
                yield Paragraph(self.labelled(template, name, self.say(fields[name])), {})
        if "body" in fields:
            yield self.paragraph(self.say(fields["body"]))
        for item in fields.get("items", ()):
            yield from self.item(item)
        if "coupon" in fields:
            yield self.voucher(fields["coupon"])
        if "button" in fields:
            yield self.button(fields["button"], fields.get("colour", TEA))

    def head(self, fields: Mapping[str, Any]) -> Iterator[Block]:
        """Draw what stands above a card's text: picture, small label, title."""
        title = " ".join(self.say(fields[name]) for name in ("symbol", "title") if name in fields)
        if "image" in fields:
            yield Picture(fields["image"], title or self.sender.shop_name)
        if "label" in fields:
            yield Paragraph(self.say(fields["label"]), {}, is_quiet=True)
        if title:
            yield Heading(title)

    def standing(self) -> str:
        """Say what a card of points shows beside its texts."""
        points, tier = (self.fill(Blank(name)) for name in ("points", "tier"))
        return self.t("目前 {points} 點，{tier}", points=points, tier=tier)

    def labelled(self, template: str, name: str, words: str) -> str:
        slot = GALLERY[template].slot(name)
        label = in_language(dict(slot.labels), self.t.language) if slot is not None else name
        return self.t("{label}：{words}", label=label, words=words)

    def item(self, fields: Mapping[str, Any]) -> Iterator[Block]:
        name = self.say(fields["name"])
        yield Picture(fields["image"], name, is_inset=True)
        told = [self.say(fields[slot]) for slot in ("price", "note") if slot in fields]
        yield Paragraph("　".join((name, *told)), {})
        if "button" in fields:
            yield self.button(fields["button"], TEA)

    def button(self, told: Mapping[str, Any], colour: str) -> Button:
        label = self.say(told["label"])
        ground = colour if _COLOUR.fullmatch(colour) else TEA
        if "tap" in told:
            return Button(label, self.sender.chat_url, ground)
        return Button(label, self.link(told["url"]), ground)

    def voucher(self, code: str) -> Voucher:
        words = self.facts.coupons[code]
        until = self.t.date(date.fromisoformat(words["valid_until"]))
        return Voucher(words["name"], words["value_text"], grouped(words["code"]), until)

    def paragraph(self, words: str) -> Paragraph:
        found = ADDRESS_IN_TEXT.findall(words)
        return Paragraph(words, {url: self.link(url) for url in found})

    def say(self, texts: dict[str, str]) -> str:
        """Return a text in the member's language with its blanks filled."""
        words = in_language(texts, self.t.language)
        return "".join(
            self.fill(piece) if isinstance(piece, Blank) else piece
            for piece in read_text(words, "", AnyVariable())
        )

    def fill(self, blank: Blank) -> str:
        """Return what stands in a blank: the member's fact, or what is said without it."""
        return fill_of(blank, self.t)(self.facts, self.link)
