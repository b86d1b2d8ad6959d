"""A topic of the programme: one kind of offer, with its words, its form, and what it shows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot.texts import Texts
from handlers.console.programme.desk import Desk
from handlers.console.programme.fields import Field
from models.local_day import local_day
from models.offering import Kind, Row, Values
from models.segment.sizing import Size

PUBLISH = "loyalty.publish"
"""For rules that concern everybody: a marketer drafts, the owner publishes."""
MARKET = "campaigns.change"
"""For single offers, which whoever markets may publish."""

WhereToBegin = tuple[str, str, Values]
"""A preset: its name in the address, how it is called, and the values it fills in."""


@dataclass(frozen=True)
class Fact:
    """One figure to show: what it is, how much, and the members behind it where a rule says so."""

    label: str
    value: str
    hint: str = ""
    where: Mapping[str, Any] | None = None
    tone: str = ""


@dataclass(frozen=True)
class Title:
    """How a topic is called in a person's language."""

    title: str
    lead: str
    one: str
    """What one of them is called: 優惠券."""
    empty: str
    """What to do where there is none yet."""


def no_facts(_desk: Desk, _values: Values, _row: Row | None) -> list[Fact]:
    """Show no effect beyond what changes."""
    return []


def no_stats(_desk: Desk, _row: Row, _figures: Mapping[str, Any]) -> list[Fact]:
    """Show no results."""
    return []


def no_presets(_desk: Desk) -> list[WhereToBegin]:
    """Begin with an empty form."""
    return []


def as_read(values: Values) -> Values:
    """Take what the form brought as it is."""
    return values


@dataclass(frozen=True)
class Topic:
    """What the pages of one kind ask for."""

    slug: str
    """Its part of the address."""
    kind: Kind
    icon: str
    words: Callable[[Texts], Title]
    fields: Callable[[Desk, Row | None], Sequence[Field]]
    told: Callable[[Desk, Row], str]
    """One line: what it gives, and under which condition."""
    right: str = PUBLISH
    effect: Callable[[Desk, Values, Row | None], list[Fact]] = no_facts
    stats: Callable[[Desk, Row, Mapping[str, Any]], list[Fact]] = no_stats
    presets: Callable[[Desk], list[WhereToBegin]] = no_presets
    settle: Callable[[Values], Values] = as_read
    """Make of what the form brought the values of the columns."""
    extra: str = ""
    """A template of its own below the facts of one, by its name."""
    is_closed: bool = False
    """Whether nobody adds another: there is one, or a known few."""
    known: Callable[[Texts], Mapping[str, str]] | None = None
    """What the known few are called, by their codes."""

    @property
    def has_stock(self) -> bool:
        """Tell whether pieces of it are counted down."""
        return "stock_left" in self.kind.columns

    def code_of(self, row: Row) -> str:
        """Return the code by which addresses name a row."""
        return self.kind.ONLY if self.kind.is_single else str(getattr(row, self.kind.key))

    def name_of(self, desk: Desk, row: Row) -> str:
        """Return what a row is called."""
        if self.known is not None:
            return self.known(desk.t)[self.code_of(row)]
        texts = getattr(row, "name", None) or getattr(row, "title", None)
        is_own = isinstance(texts, dict) and not self.is_closed
        return desk.name(texts) if is_own and texts else self.words(desk.t).one


def state_of(topic: Topic, t: Texts, row: Row, now: datetime) -> tuple[str, str]:
    """Return in which state a row is, in words, with the tone of its badge."""
    switch = topic.kind.switch
    if switch is not None and not getattr(row, switch):
        return t("已停止"), "secondary"
    begins = _first(row, "starts_at", "starts_on", "public_at")
    ends = _first(row, "ends_at", "ends_on")
    if begins is not None and _is_after(begins, now):
        return t("尚未開始"), "azure"
    if ends is not None and not _is_after(ends, now):
        return t("已結束"), "secondary"
    return t("進行中"), "green"


def _first(row: Row, *names: str) -> Any:
    return next((found for name in names if (found := getattr(row, name, None))), None)


def _is_after(end: date, now: datetime) -> bool:
    return end > now if isinstance(end, datetime) else end > local_day(now)


def size_words(t: Texts, size: Size) -> str:
    """Write how many members there are, with the interval where it is an estimate."""
    if not size.is_estimate:
        return t("{count} 人", count=t.number(size.members))
    return t(
        "約 {count} 人（{low}–{high}）",
        count=t.number(size.members),
        low=t.number(size.low),
        high=t.number(size.high),
    )


def reach_fact(desk: Desk, where: Mapping[str, Any] | None, label: str, hint: str = "") -> Fact:
    """Return how many members a rule's question holds for, with the way to them.

    Everybody, where there is no question, is not counted: that takes long in a large shop.
    """
    if where is None:
        return Fact(label, desk.t("全部會員"), hint)
    return Fact(label, size_words(desk.t, desk.size(where)), hint, where)


def tier_question(codes: Sequence[str]) -> dict[str, Any] | None:
    """Return the rule's question for some tiers; None for everybody."""
    return {"field": "tier", "is": "any_of", "value": list(codes)} if codes else None


def conditions(desk: Desk, row: Row) -> str:
    """Write the conditions that rules have in common: spend, tiers, stores, channels, days."""
    t = desk.t
    told = [
        t("滿 {amount}", amount=t.money(row.min_spend_twd)) if _of(row, "min_spend_twd") else "",
        _names(t, desk.tiers, _of(row, "tier_codes")),
        _names(t, desk.stores, _of(row, "store_codes")),
        _names(t, desk.channels, _of(row, "channels")),
        _list(t, _of(row, "categories")),
        t("每週 {days}", days=weekday_words(t, row.weekdays)) if _of(row, "weekdays") else "",
        t("每月 {days} 日", days=_list(t, row.month_days)) if _of(row, "month_days") else "",
    ]
    return " · ".join(part for part in told if part)


def weekday_words(t: Texts, weekdays: Sequence[int]) -> str:
    """Write ISO weekdays, 1 for Monday."""
    names = (t("一"), t("二"), t("三"), t("四"), t("五"), t("六"), t("日"))
    return t("、").join(names[day - 1] for day in weekdays)


def brings_words(desk: Desk, reward: Mapping[str, Any] | None) -> str:
    """Write what a reward brings."""
    t, words = desk.t, reward or {}
    told = [
        t("{points} 點", points=t.number(words["points"])) if words.get("points") else "",
        t("{points} 等級點數", points=t.number(words["tier_points"]))
        if words.get("tier_points")
        else "",
        dict(desk.coupons).get(words.get("coupon", ""), words.get("coupon") or ""),
        t(
            "抽獎券 {count} 張（{name}）",
            count=words.get("tickets", 1),
            name=dict(desk.lotteries).get(words["lottery"], words["lottery"]),
        )
        if words.get("lottery")
        else "",
        dict(desk.badges).get(words.get("badge", ""), words.get("badge") or ""),
    ]
    return t("、").join(part for part in told if part) or t("沒有獎勵")


def brings_twd(desk: Desk, reward: Mapping[str, Any] | None) -> int:
    """Return what the points of a reward are worth, in NT$; coupons are told apart."""
    return int((reward or {}).get("points", 0)) * desk.programme.shop.point_value_twd


def _of(row: Row, name: str) -> Any:
    return getattr(row, name, None)


def _names(t: Texts, options: Sequence[tuple[str, str]], codes: Sequence[str] | None) -> str:
    known = dict(options)
    return t("、").join(known.get(code, code) for code in codes or ())


def _list(t: Texts, values: Sequence[object] | None) -> str:
    return t("、").join(str(value) for value in values or ())
