"""A mail's blocks, written as plain text and as an escaped page.

One column of tables with their style in each tag, as mail programs want it; nothing is fetched but
the shop's own pictures, and the mail says everything without them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final

from bot.cards.colour import EDGE, INK, LEAF, PAPER, QUIET, READABLE, TEA, contrast
from bot.mail import Mail
from bot.texts import Texts
from models.content.parsing import ADDRESS_IN_TEXT

LONGEST_SUBJECT: Final = 60
_FONT: Final = "-apple-system,'PingFang TC','Noto Sans TC','Microsoft JhengHei',Arial,sans-serif"
_GROUND: Final = "#F4F1EC"


@dataclass(frozen=True)
class Sender:
    """Who writes, and where the reader answers or ends it."""

    shop_name: str
    chat_url: str
    """Opens the shop's chat in LINE."""
    stop_url: str | None
    """Ends the mails; None in a mail that nobody is subscribed to."""


@dataclass(frozen=True)
class Heading:
    """A title."""

    words: str


@dataclass(frozen=True)
class Paragraph:
    """A text; addresses in it are links already."""

    words: str
    links: Mapping[str, str]
    """What each address in the words leads to."""
    is_quiet: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture as wide as the mail."""

    url: str
    words: str
    """What is read where pictures are not shown."""
    is_inset: bool = False
    """Whether it is one of several, and stands within the text."""


@dataclass(frozen=True)
class Rule:
    """A line between one message and the next."""


@dataclass(frozen=True)
class Button:
    """Something to do."""

    label: str
    url: str
    colour: str = TEA


@dataclass(frozen=True)
class Voucher:
    """A coupon: what it is worth, its number, its last day."""

    name: str
    value: str
    code: str
    until: str


@dataclass(frozen=True)
class Grid:
    """A table: its headings and its rows, the first column words and the others numbers."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Picture | Button | Voucher | Rule | Grid


def compose(t: Texts, blocks: list[Block], sender: Sender, *, sent_at: datetime) -> Mail:
    """Make a mail of its blocks, with the shop's name above and the way out below."""
    return Mail(
        subject=_subject(blocks, sender.shop_name),
        text=_as_text(t, blocks, sender),
        html=_as_html(t, blocks, sender),
        language=t.language,
        sent_at=sent_at,
        unsubscribe_url=sender.stop_url,
    )


def _subject(blocks: list[Block], otherwise: str) -> str:
    """Return the first title, else the first words or coupon, in one line."""
    titles = [block.words for block in blocks if isinstance(block, Heading)]
    words = [block.words for block in blocks if isinstance(block, Paragraph)]
    names = [block.name for block in blocks if isinstance(block, Voucher)]
    found = next(iter((*titles, *words, *names)), otherwise)
    line = " ".join((found.strip().splitlines() or [otherwise])[0].split())
    return line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1] + "…"


def _as_text(t: Texts, blocks: list[Block], sender: Sender) -> str:
    """Write a mail for who reads no HTML."""
    lines = [_text_of(t, block) for block in blocks]
    ways = [t("在 LINE 找我們：{url}", url=sender.chat_url)]
    if sender.stop_url is not None:
        ways.append(t("不想再收到電子郵件：{url}", url=sender.stop_url))
    told = [line for line in lines if line]
    return "\n\n".join([sender.shop_name, *told, "－－", "\n".join(ways)]) + "\n"


def _text_of(t: Texts, block: Block) -> str:
    match block:
        case Heading(words):
            return words
        case Paragraph(words, links):
            return ADDRESS_IN_TEXT.sub(lambda found: links.get(found.group(), found.group()), words)
        case Button(label, url):
            return f"{label}\n{url}"
        case Voucher(name, value, code, until):
            number, last = t("優惠券序號：{code}", code=code), t("有效至 {day}", day=until)
            return "\n".join((name, value, number, last))
        case Grid(heads, rows):
            return "\n".join("　".join(row) for row in (heads, *rows))
        case Rule():
            return "－－"
        case Picture():
            return ""


def _as_html(t: Texts, blocks: list[Block], sender: Sender) -> str:
    """Write a mail as a page: a white sheet on the house's ground."""
    rows = "".join(_html_of(t, block) for block in blocks)
    ends = [(t("在 LINE 找我們"), sender.chat_url)]
    if sender.stop_url is not None:
        ends.append((t("取消訂閱"), sender.stop_url))
    feet = " · ".join(_anchor(words, url, QUIET) for words, url in ends)
    return (
        f'<!doctype html><html lang="{t.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(sender.shop_name)}</title></head>"
        f'<body style="margin:0;padding:0;background:{_GROUND};">'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
        f' style="background:{_GROUND};"><tr><td align="center" style="padding:24px 12px;">'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
        f' style="max-width:600px;background:{PAPER};border-radius:16px;overflow:hidden;'
        f'font-family:{_FONT};color:{INK};">'
        f'<tr><td style="padding:18px 28px;background:{TEA};color:{PAPER};font-size:17px;'
        f'font-weight:700;letter-spacing:.04em;">{escape(sender.shop_name)}</td></tr>'
        f'{rows}<tr><td style="padding:14px 28px 26px;"></td></tr></table>'
        f'<p style="font-family:{_FONT};font-size:12px;line-height:1.7;color:{QUIET};'
        f'margin:16px 12px 0;">{feet}</p>'
        "</td></tr></table></body></html>"
    )


def _html_of(t: Texts, block: Block) -> str:
    match block:
        case Heading(words):
            return _row(
                f'<h1 style="margin:0;font-size:22px;line-height:1.4;color:{INK};">'
                f"{_lines(words)}</h1>"
            )
        case Paragraph(words, links, is_quiet):
            size, colour = ("13px", QUIET) if is_quiet else ("16px", INK)
            return _row(
                f'<p style="margin:0;font-size:{size};line-height:1.75;color:{colour};">'
                f"{_linked(words, links)}</p>"
            )
        case Rule():
            style = f"border-top:1px solid {EDGE};margin-top:12px;font-size:0;"
            return _row(f'<div style="{style}">&nbsp;</div>')
        case Picture(url, words, is_inset) if is_inset:
            return _row(
                f'<img src="{escape(url)}" alt="{escape(words)}" width="280" style="display:block;'
                'width:100%;max-width:280px;height:auto;border:0;border-radius:12px;">'
            )
        case Picture(url, words):
            return (
                f'<tr><td style="padding:0 0 4px;"><img src="{escape(url)}" alt="{escape(words)}"'
                ' width="600" style="display:block;width:100%;height:auto;border:0;"></td></tr>'
            )
        case Button(label, url, colour):
            return _row(
                f'<a href="{escape(url)}" style="display:inline-block;padding:13px 30px;'
                f"border-radius:999px;background:{colour};color:{_ink_on(colour)};font-size:16px;"
                f'font-weight:700;text-decoration:none;">{escape(label)}</a>'
            )
        case Voucher():
            return _row(_voucher(t, block))
        case Grid():
            return _row(_grid(block))


def _grid(block: Grid) -> str:
    head = "".join(_cell("th", words, at) for at, words in enumerate(block.heads))
    rows = "".join(
        f"<tr>{''.join(_cell('td', words, at) for at, words in enumerate(row))}</tr>"
        for row in block.rows
    )
    return (
        '<table width="100%" cellpadding="0" cellspacing="0" border="0"'
        f' style="border-collapse:collapse;font-size:14px;line-height:1.5;color:{INK};">'
        f"<tr>{head}</tr>{rows}</table>"
    )


def _cell(tag: str, words: str, at: int) -> str:
    side, colour = ("left" if at == 0 else "right"), (QUIET if tag == "th" else INK)
    return (
        f'<{tag} align="{side}" style="padding:7px 6px;border-bottom:1px solid {EDGE};'
        f'color:{colour};font-weight:{"400" if tag == "td" else "700"};">{escape(words)}</{tag}>'
    )


def _voucher(t: Texts, block: Voucher) -> str:
    return (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
        f' style="border:1px dashed {TEA};border-radius:12px;background:{LEAF};">'
        '<tr><td style="padding:18px 20px;">'
        f'<div style="font-size:13px;color:{QUIET};">{escape(block.name)}</div>'
        f'<div style="font-size:24px;font-weight:700;color:{TEA};line-height:1.4;">'
        f"{escape(block.value)}</div>"
        f'<div style="margin-top:10px;padding-top:10px;border-top:1px solid {EDGE};'
        f'font-size:14px;line-height:1.8;color:{INK};">'
        f"{escape(t('優惠券序號：{code}', code=block.code))}<br>"
        f"{escape(t('有效至 {day}', day=block.until))}</div></td></tr></table>"
    )


def _row(inner: str) -> str:
    return f'<tr><td style="padding:18px 28px 0;">{inner}</td></tr>'


def _lines(words: str) -> str:
    return escape(words).replace("\n", "<br>")


def _linked(words: str, links: Mapping[str, str]) -> str:
    """Write a text with its addresses as links; the words around them are escaped."""
    written, end = [], 0
    for found in ADDRESS_IN_TEXT.finditer(words):
        written.append(_lines(words[end : found.start()]))
        url = found.group()
        written.append(_anchor(url, links.get(url, url), TEA))
        end = found.end()
    return "".join((*written, _lines(words[end:])))


def _anchor(words: str, url: str, colour: str) -> str:
    return f'<a href="{escape(url)}" style="color:{colour};">{escape(words)}</a>'


def _ink_on(ground: str) -> str:
    return PAPER if contrast(PAPER, ground) >= READABLE else INK
