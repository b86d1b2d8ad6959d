"""Content as a mail: the same words as in LINE, escaped, in three languages, with a way out."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from bot.mail import Mail
from bot.mail_blocks import LONGEST_SUBJECT, Sender
from bot.mail_drawing import draw_confirmation, draw_mail
from bot.texts import texts_for
from models.content import GALLERY, Facts, parse_content
from models.content.gallery import BUTTON, COLOUR, COUPON, IMAGE, ITEMS, Slot
from tests.conftest import NOON

SENDER = Sender("茶日子", "https://line.me/R/ti/p/@teadays", "https://shop.example/unsubscribe/x")
SHOP = "https://tea.example/new"
FACTS = Facts(
    values={
        "name": "<b>小晴</b>",
        "points": 1_280,
        "gap": 720,
        "tier": "金葉",
        "next_tier": "琥珀",
    },
    coupons={
        "welcome": {
            "name": "迎新券",
            "value_text": "折 NT$50",
            "code": "K7QX29MD4RWT",
            "valid_until": "2026-12-31",
        }
    },
    surveys={"csat": {"question": "這次滿意嗎？"}},
)


class Page(HTMLParser):
    """Reads a page: every tag must be closed, in order."""

    VOID = frozenset({"meta", "img", "br", "!doctype"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.words = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "a":
            self.links.append(told["href"] or "")
        if tag == "img":
            self.pictures.append(told["src"] or "")
            assert told["alt"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def drawn(*messages: dict[str, Any], language: str = "zh-TW") -> Mail:
    """Draw messages as they would be stored."""
    content = parse_content({"schema": 1, "messages": list(messages)}).as_json()
    facts = Facts(language, FACTS.values, FACTS.coupons, FACTS.surveys)
    return draw_mail(content, facts, SENDER, sent_at=NOON, link=lambda url: f"{url}#counted")


def text(words: str, **others: str) -> dict[str, Any]:
    return {"type": "text", "text": {"zh-TW": words} | others}


def filled(slot: Slot) -> Any:
    """Return something fit for a slot of the gallery."""
    if slot.kind == IMAGE:
        return "https://tea.example/a.png"
    if slot.kind == BUTTON:
        return {"label": {"zh-TW": "去看看"}, "url": SHOP}
    if slot.kind == COUPON:
        return "welcome"
    if slot.kind == COLOUR:
        return "#FFEE88"
    if slot.kind == ITEMS:
        return [{each.name: filled(each) for each in slot.slots}]
    return {"zh-TW": f"字:{slot.name}"}


@pytest.mark.parametrize("template", GALLERY)
def test_every_card_of_the_gallery_says_all_it_says_in_line(template: str) -> None:
    """A-23: one content, two channels."""
    kind = GALLERY[template]
    fields = {slot.name: filled(slot) for slot in kind.slots}

    mail = drawn({"type": "card", "template": template, "fields": fields})

    page = Page(mail.html)
    for slot in kind.slots:
        if slot.kind == "text":
            assert f"字:{slot.name}" in mail.text
            assert f"字:{slot.name}" in page.words
    buttons = [slot for slot in kind.slots if slot.kind == BUTTON]
    assert (f"{SHOP}#counted" in page.links) is bool(
        buttons or any(slot.kind == ITEMS for slot in kind.slots)
    )
    for slot in kind.slots:
        if slot.kind == COUPON:
            assert "K7QX 29MD 4RWT" in mail.text
            assert "K7QX 29MD 4RWT" in page.words
    assert mail.unsubscribe_url in page.links
    assert mail.unsubscribe_url in mail.text


def test_words_are_escaped_and_only_their_addresses_are_links() -> None:
    mail = drawn(text(f"{{name}}：<script>alert(1)</script>\n{SHOP}？"))

    page = Page(mail.html)
    assert "<script>" not in mail.html
    assert "<b>小晴</b>：<script>alert(1)</script>" in page.words
    assert page.links[0] == f"{SHOP}#counted"
    assert f"{SHOP}#counted？" in mail.text
    assert mail.subject == "<b>小晴</b>：<script>alert(1)</script>"


def test_numbers_and_fallbacks_are_written_as_in_line() -> None:
    mail = drawn(text("{points} 點，還差 {gap}，{favourite|飲料}"))

    assert "1,280 點，還差 NT$720，飲料" in mail.text


def test_a_picture_a_coupon_and_a_survey() -> None:
    image = {"type": "image", "url": "https://tea.example/p.png"}
    mail = drawn(
        image, {"type": "coupon", "template": "welcome"}, {"type": "survey", "survey": "csat"}
    )

    page = Page(mail.html)
    assert page.pictures == ["https://tea.example/p.png"]
    assert mail.subject == "這次滿意嗎？"
    assert "2026/12/31" in page.words
    assert SENDER.chat_url in page.links


def test_a_tap_leads_to_the_chat() -> None:
    button = {"label": {"zh-TW": "看點數"}, "tap": "show_points"}
    fields = {"title": {"zh-TW": "點數"}, "button": button}
    mail = drawn({"type": "card", "template": "points", "fields": fields})

    assert SENDER.chat_url in Page(mail.html).links
    assert "目前 1,280 點，金葉" in mail.text


@pytest.mark.parametrize(("language", "said"), [("zh-TW", "您好"), ("en", "Hello"), ("ja", "您好")])
def test_a_mail_speaks_its_members_language(language: str, said: str) -> None:
    mail = drawn(text("您好", en="Hello"), language=language)

    assert said in mail.text
    assert mail.language == language
    assert f'<html lang="{language}">' in mail.html


def test_a_subject_is_one_line_and_short() -> None:
    assert drawn(text("一\n二")).subject == "一"
    long = drawn(text("很長" * 100)).subject
    assert (len(long), long[-1]) == (LONGEST_SUBJECT, "…")
    only_a_picture = drawn({"type": "image", "url": "https://tea.example/p.png"})
    assert only_a_picture.subject == "茶日子"


def test_the_mail_that_asks_has_a_button_and_nothing_to_stop() -> None:
    sender = Sender("茶日子", SENDER.chat_url, None)
    mail = draw_confirmation(
        texts_for("zh-TW"), "https://shop.example/email/abc", sender, sent_at=NOON
    )

    assert Page(mail.html).links[0] == "https://shop.example/email/abc"
    assert mail.unsubscribe_url is None
    assert "取消訂閱" not in mail.html
    assert mail.subject == "確認您的信箱"
