"""What happened to a member in words: a title, what is to be said beside it, and how it looks."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot.texts import Texts
from handlers.console.members.codes import (
    activity_name,
    change_name,
    coupon_name,
    message_name,
    message_state_name,
    person_name,
    points_name,
    reward_name,
    tag_name,
    voice_name,
)
from handlers.deed_words import deed_title, figure_words
from models.base import in_language
from models.insight.reason import reason_name
from models.journey.wording import reason_text
from models.member import shown_number
from models.timeline import Happening

GOOD, BAD, QUIET = "green", "red", "secondary"
MOST_LINES = 6


@dataclass(frozen=True)
class Line:
    """One thing on the line of time as a page shows it."""

    happening: Happening
    icon: str
    title: str
    details: tuple[str, ...] = ()
    tone: str = QUIET
    amount: str | None = None
    points: str | None = None


def in_words(t: Texts, happening: Happening) -> Line:
    """Return one thing that happened as a page shows it."""
    icon, speak = _SPEAKERS[happening.source]
    title, details, tone = speak(t, happening)
    return Line(
        happening,
        icon,
        title,
        tuple(each for each in details if each),
        tone,
        amount=t.money(happening.amount_twd) if happening.amount_twd is not None else None,
        points=_points(t, happening),
    )


_Said = tuple[str, tuple[str, ...], str]


def _points(t: Texts, happening: Happening) -> str | None:
    """Return how many points it moved, with their sign; none where it moved none."""
    points = happening.points or (happening.facts or {}).get("pending")
    if not points:
        return None
    return t("{points} 點", points=t.signed(points))


def _named(t: Texts, happening: Happening) -> str:
    return in_language(happening.name, t.language) if happening.name else ""


def _purchase(t: Texts, happening: Happening) -> _Said:
    facts = happening.facts or {}
    refunded = facts.get("refunded_twd") or 0
    taken_off = (facts.get("discount_twd") or 0) + (facts.get("points_twd") or 0)
    details = (
        _bought(facts.get("lines") or ()),
        t("折抵 {amount}", amount=t.money(taken_off)) if taken_off else "",
        t("已退款 {amount}", amount=t.money(refunded)) if refunded else "",
        t("集點 {stamps}", stamps=facts["stamps"]) if facts.get("stamps") else "",
    )
    return t("消費"), details, BAD if happening.what == "undone" else GOOD


def _bought(lines: Iterable[Mapping[str, Any]]) -> str:
    """Return what was bought, each thing once with how many of it."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts[line["name"]] += line["quantity"]
    told = [name if count == 1 else f"{name} ×{count}" for name, count in counts.items()]
    return " · ".join(told[:MOST_LINES]) + (" …" if len(told) > MOST_LINES else "")


def _refund(t: Texts, happening: Happening) -> _Said:
    title = t("整筆退款") if happening.what == "full" else t("部分退款")
    return title, (happening.words or "",), BAD


def _entry(t: Texts, happening: Happening) -> _Said:
    facts = happening.facts or {}
    ends = facts.get("expires_on")
    details = (
        happening.words or "",
        t("待生效") if facts.get("pending") else "",
        t("等級積分 {points}", points=t.signed(facts["tier_points"]))
        if facts.get("tier_points")
        else "",
        t("到期日 {day}", day=t.date(date.fromisoformat(ends))) if ends else "",
        t("餘額 {points} 點", points=t.number(happening.balance or 0)),
    )
    return t("點數：{reason}", reason=points_name(t, happening.what)), details, QUIET


def _adjustment(t: Texts, happening: Happening) -> _Said:
    title = t("等待核准的點數調整") if happening.what == "asked" else t("被退回的點數調整")
    return title, (happening.words or "",), QUIET


def _stamps(t: Texts, happening: Happening) -> _Said:
    count = (happening.facts or {}).get("stamps", 0)
    return (
        t("集點：{name}", name=_named(t, happening)),
        (t.signed(count), happening.words or ""),
        QUIET,
    )


def _coupon(t: Texts, happening: Happening) -> _Said:
    tone = {"redeemed": GOOD, "void": BAD}.get(happening.what, QUIET)
    code = (happening.facts or {}).get("code", "")
    title = coupon_name(t, happening.what, happening.words or "")
    return t("{title}：{name}", title=title, name=_named(t, happening)), (code,), tone


def _reward(t: Texts, happening: Happening) -> _Said:
    title = reward_name(t, happening.source, happening.what)
    number = (happening.facts or {}).get("number")
    return title, (_named(t, happening), shown_number(number) if number else ""), QUIET


def _tier(t: Texts, happening: Happening) -> _Said:
    before, tier = (happening.facts or {}).get("from"), _named(t, happening)
    by_hand = {"grant": t("店家調整"), "grant_undone": t("取消店家調整")}.get(
        happening.words or "", ""
    )
    if happening.what == "kept":
        return t("「{tier}」改了期限", tier=tier), (by_hand,), GOOD
    is_down = happening.what == "down"
    title = t("降為「{tier}」", tier=tier) if is_down else t("升為「{tier}」", tier=tier)
    was = t("原為 {tier}", tier=in_language(before, t.language)) if before else ""
    return title, (was, by_hand), BAD if is_down else GOOD


def _plan(t: Texts, happening: Happening) -> _Said:
    return reward_name(t, happening.source, happening.what), (_named(t, happening),), QUIET


def _message(t: Texts, happening: Happening) -> _Said:
    facts = happening.facts or {}
    name = _named(t, happening) or message_name(t, happening.words or "")
    why = facts.get("reason")
    details = (
        message_state_name(t, happening.what),
        in_language(reason_name(why), t.language) if why and happening.what != "accepted" else "",
        t("電子郵件") if facts.get("channel") == "email" else "",
    )
    is_bad = happening.what in ("refused", "unknown")
    return t("訊息：{name}", name=name), details, BAD if is_bad else QUIET


def _campaign(t: Texts, happening: Happening) -> _Said:
    facts = happening.facts or {}
    why = facts.get("reason")
    details = (
        message_state_name(t, happening.what),
        in_language(reason_name(why), t.language) if why and happening.what != "accepted" else "",
        t("版本 {variant}", variant=facts["variant"]) if facts.get("variant") else "",
    )
    is_bad = happening.what in ("refused", "unknown")
    return t("活動：{name}", name=_named(t, happening)), details, BAD if is_bad else QUIET


def _action(t: Texts, happening: Happening) -> _Said:
    return activity_name(t, happening.source, happening.what), (happening.words or "",), QUIET


def _voice(t: Texts, happening: Happening) -> _Said:
    facts = happening.facts or {}
    reason = facts.get("reason")
    details = (
        _named(t, happening),
        t("{stars} 顆星", stars=facts["stars"]) if facts.get("stars") else "",
        t("{score} 分", score=facts["score"]) if facts.get("score") is not None else "",
        in_language(reason, t.language) if isinstance(reason, dict) else "",
        happening.words or "",
    )
    return voice_name(t, happening.source, happening.what), details, QUIET


def _journey(t: Texts, happening: Happening) -> _Said:
    if happening.source == "journey_in":
        return t("進入旅程：{name}", name=_named(t, happening)), (), QUIET
    why = reason_text(happening.words, t.language) if happening.words else ""
    name = _named(t, happening)
    is_done = happening.what == "done"
    title = t("走完旅程：{name}", name=name) if is_done else t("離開旅程：{name}", name=name)
    return title, (why,), QUIET


def _task(t: Texts, happening: Happening) -> _Said:
    title = t("完成待辦") if happening.source == "task" else t("關懷聯絡")
    return title, (_named(t, happening), happening.words or ""), QUIET


def _tag(t: Texts, happening: Happening) -> _Said:
    title, why = tag_name(t, happening.what, happening.words or "", _named(t, happening))
    return title, (why,), QUIET


def _person(t: Texts, happening: Happening) -> _Said:
    title = person_name(t, happening.source, happening.what, happening.words)
    return title, (), QUIET


def _note(t: Texts, happening: Happening) -> _Said:
    return t("備註"), (happening.words or "",), QUIET


def _audit(t: Texts, happening: Happening) -> _Said:
    facts = happening.facts or {}
    figures = figure_words(t, change_name(facts.get("after") or {}))
    return deed_title(t, happening.what), (happening.words or "", figures), QUIET


_SPEAKERS: Mapping[str, tuple[str, Callable[[Texts, Happening], _Said]]] = {
    "purchase": ("bag", _purchase),
    "refund": ("arrow-counterclockwise", _refund),
    "points": ("coin", _entry),
    "adjustment": ("hourglass", _adjustment),
    "stamps": ("patch-check", _stamps),
    "coupon": ("ticket-perforated", _coupon),
    "exchange": ("gift", _reward),
    "draw": ("dice-5", _reward),
    "mission": ("trophy", _reward),
    "badge": ("stars", _reward),
    "gathering": ("calendar3", _reward),
    "invited": ("person-plus", _reward),
    "invited_by": ("person-plus", _reward),
    "plan": ("award", _plan),
    "plan_payment": ("award", _plan),
    "tier": ("award", _tier),
    "message": ("chat-dots", _message),
    "campaign": ("megaphone", _campaign),
    "sent": ("chat-dots", _message),
    "click": ("hand-index", _action),
    "look": ("eye", _action),
    "activity": ("lightning", _action),
    "contact": ("phone", _voice),
    "answer": ("chat-square-text", _voice),
    "review": ("star", _voice),
    "journey_in": ("signpost-split", _journey),
    "journey_out": ("signpost-split", _journey),
    "task": ("check-lg", _task),
    "care": ("phone", _task),
    "joined": ("person-check", _person),
    "consent": ("shield-check", _person),
    "bound": ("link-45deg", _person),
    "unbound": ("link-45deg", _person),
    "alert": ("exclamation-triangle", _person),
    "tag": ("tag", _tag),
    "note": ("sticky", _note),
    "audit": ("clock-history", _audit),
}
"""How each source looks, and who puts it into words."""
