"""Variables in texts: `{name}`, or `{name|朋友}` with a fallback; `{{` is a brace that is meant."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from models.base import Texts, said
from models.content.refusals import BracesRefused, UnknownVariable
from models.segment.refusals import nearest

TEXT, NUMBER, MONEY, DAY = ("text", "number", "money", "day")
LONGEST_VALUE = 60
LONGEST_LIST = 220
LONGEST_FALLBACK = 40
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,29}")


@dataclass(frozen=True)
class Variable:
    """One fact of a member that a text may say, and what it says where there is none."""

    name: str
    labels: Texts
    missing: Texts
    """What stands there where the member has no such fact and the text tells no fallback."""
    kind: str = TEXT
    """How the value is written: as `text`, a `number`, NT$ (`money`) or a `day`."""
    longest: int = 20
    """So many characters it fills at most."""
    example: str | int = ""


_NOTHING = said("－", "–", "–")

VARIABLES: Mapping[str, Variable] = {
    variable.name: variable
    for variable in (
        Variable(
            "name",
            said("會員姓名", "Name", "お名前"),
            said("您", "there", "お客様"),
            longest=40,
            example="王小明",
        ),
        Variable(
            "number",
            said("會員編號", "Member number", "会員番号"),
            _NOTHING,
            example="820104417",
        ),
        Variable("points", said("可用點數", "Points", "ポイント"), _NOTHING, NUMBER, example=1_280),
        Variable(
            "tier",
            said("會員等級", "Tier", "会員ランク"),
            _NOTHING,
            longest=LONGEST_VALUE,
            example="金葉會員",
        ),
        Variable(
            "next_tier",
            said("下一等級", "Next tier", "次のランク"),
            said("最高等級", "the highest tier", "最高ランク"),
            longest=LONGEST_VALUE,
            example="琥珀會員",
        ),
        Variable(
            "gap",
            said("距離下一等級的金額", "Missing to the next tier", "次のランクまでの金額"),
            said("NT$0", "NT$0", "NT$0"),
            MONEY,
            example=720,
        ),
        Variable(
            "favourite",
            said("最常點的品項", "Usual item", "いつもの品"),
            said("喜歡的飲料", "favourite drink", "お好きなドリンク"),
            longest=LONGEST_VALUE,
            example="招牌奶茶",
        ),
        Variable(
            "days",
            said("距離上次消費天數", "Days since the last purchase", "前回購入からの日数"),
            _NOTHING,
            NUMBER,
            example=42,
        ),
        Variable(
            "last_visit",
            said("上次消費日", "Day of the last purchase", "前回購入日"),
            _NOTHING,
            DAY,
            example="2026-10-11",
        ),
        Variable(
            "bestsellers",
            said("近 30 天熱賣品項", "Bestsellers of 30 days", "30 日間の人気商品"),
            said("人氣飲品", "our favourites", "人気ドリンク"),
            longest=LONGEST_LIST,
            example="1. 招牌奶茶\n2. 冬瓜檸檬",
        ),
        Variable(
            "coupon",
            said("這則訊息的優惠券", "This message's coupon", "このメッセージのクーポン"),
            said("優惠券", "coupon", "クーポン"),
            longest=LONGEST_VALUE,
            example="招牌奶茶買一送一",
        ),
        Variable(
            "coupon_code",
            said("優惠券序號", "Coupon code", "クーポンコード"),
            _NOTHING,
            example="K7QX 29MD 4RWT",
        ),
        Variable(
            "coupon_ends",
            said("優惠券最後一天", "Last day of the coupon", "クーポンの最終日"),
            _NOTHING,
            DAY,
            example="2026-12-31",
        ),
    )
}
"""What every text may say. Journeys add facts of their trigger, which are text."""

OF_COUPON = frozenset({"coupon", "coupon_code", "coupon_ends"})


@dataclass(frozen=True)
class Blank:
    """A place in a text that a member's fact fills, or its `fallback`."""

    name: str
    fallback: str | None = None


def read_text(text: str, path: str, more: Collection[str] = ()) -> tuple[str | Blank, ...]:
    """Return a text's pieces in order. Raises BracesRefused or UnknownVariable with the place."""
    pieces: list[str | Blank] = []
    for piece in _scan(text, path, more):
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return tuple(pieces)


def _scan(text: str, path: str, more: Collection[str]) -> Iterator[str | Blank]:
    end = 0
    for found in _TOKEN.finditer(text):
        if found.start() > end:
            yield text[end : found.start()]
        end = found.end()
        token = found.group()
        if found.group(1) is not None:
            yield _blank(found.group(1), path, more)
        elif token in ("{{", "}}"):
            yield token[0]
        else:
            around = text[max(found.start() - 5, 0) : found.start() + 6]
            raise BracesRefused(path, around, ("{{", "}}"))
    if end < len(text):
        yield text[end:]


def _blank(inner: str, path: str, more: Collection[str]) -> Blank:
    name, bar, fallback = inner.partition("|")
    name = name.strip()
    if name not in VARIABLES and (name not in more or not _WORD.fullmatch(name)):
        raise UnknownVariable(path, name, nearest(name, [*VARIABLES, *more]))
    if len(fallback) > LONGEST_FALLBACK:
        raise BracesRefused(path, fallback, (f"{{{name}|1–{LONGEST_FALLBACK}}}",))
    return Blank(name, fallback if bar else None)


def longest_of(blank: Blank) -> int:
    """Return how many characters a blank takes at most."""
    known = VARIABLES.get(blank.name)
    own = LONGEST_VALUE if known is None else known.longest
    missing = max(map(len, known.missing.values())) if known is not None else 1
    return max(own, missing, len(blank.fallback or ""))
