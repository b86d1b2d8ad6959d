"""Why a member seems about to be lost (E-10): what is seen of them, beside the model's risk.

The risk is a probability that the model gives and the back-test holds against what came. The
reasons are facts as they stand now, for the person who calls: how long the silence is against the
member's own rhythm, the last purchase, looks in the web shop, taps and answers in LINE, points
that are about to end. They name codes and figures; their words are here in three languages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.orm import Session

from models.base import in_language
from models.browse_event import BrowseEvent
from models.engagement import Engagement
from models.friend import Friend
from models.local_day import local_day
from models.member import Member
from models.points import PointsLot

LOOK_DAYS = 30
LOOKED_BEFORE_DAYS = 120
TAP_DAYS = 60
ENDING_DAYS = 30
MANY_UNANSWERED = 3
SLOWER_PERCENT = 150
"""A pause so much longer than the member's usual one is a reason."""
FEWEST_DAYS = 3
"""With fewer days of purchases nothing is usual."""

REASONS: Mapping[str, dict[str, str]] = {
    "silent": {
        "zh-TW": "{silent_days} 天沒有來，平常約 {usual_days} 天來一次",
        "en": "Not seen for {silent_days} days; usually comes every {usual_days} days",
        "ja": "{silent_days} 日間来店なし（普段は約 {usual_days} 日ごと）",
    },
    "slowing": {
        "zh-TW": "最近一次隔了 {gap_days} 天才來，平常約 {usual_days} 天",
        "en": "The last pause was {gap_days} days; usually {usual_days}",
        "ja": "前回の間隔は {gap_days} 日（普段は約 {usual_days} 日）",
    },
    "once": {
        "zh-TW": "只有一天消費過，之後 {silent_days} 天沒有再來",
        "en": "Bought on one day only, {silent_days} days ago",
        "ja": "購入は一日だけで、{silent_days} 日間来店なし",
    },
    "blocked": {
        "zh-TW": "已封鎖官方帳號",
        "en": "Blocked the official account",
        "ja": "公式アカウントをブロック中",
    },
    "stopped_looking": {
        "zh-TW": "先前看過網路商店 {looks} 次，最近 {look_days} 天都沒有看",
        "en": "Looked at the web shop {looks} times before, not once in {look_days} days",
        "ja": "以前はネットショップを {looks} 回閲覧、直近 {look_days} 日は 0 回",
    },
    "stopped_tapping": {
        "zh-TW": "{tap_days} 天沒有在 LINE 點選或留言",
        "en": "No tap or message in LINE for {tap_days} days",
        "ja": "LINE で {tap_days} 日間反応なし",
    },
    "unanswered": {
        "zh-TW": "最近 {messages} 則行銷訊息都沒有回應",
        "en": "The last {messages} marketing messages got no response",
        "ja": "直近 {messages} 件のメッセージに反応なし",
    },
    "points_ending": {
        "zh-TW": "{points} 點將在 {ending_days} 天內到期",
        "en": "{points} points end within {ending_days} days",
        "ja": "{points} ポイントが {ending_days} 日以内に失効",
    },
    "looked": {
        "zh-TW": "好消息：最近 {look_days} 天看過網路商店 {looks} 次",
        "en": "A good sign: looked at the web shop {looks} times in {look_days} days",
        "ja": "良い兆候：直近 {look_days} 日にネットショップを {looks} 回閲覧",
    },
}
"""What each code says, in the order in which they are told."""


@dataclass(frozen=True)
class Reason:
    """One thing seen of a member: its code and its figures."""

    code: str
    figures: Mapping[str, int]

    def text(self, language: str) -> str:
        """Return it in words."""
        return in_language(REASONS[self.code], language).format(**self.figures)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {"code": self.code, "figures": dict(self.figures)}


def read_reasons(kept: Sequence[Mapping[str, Any]]) -> tuple[Reason, ...]:
    """Return reasons as `as_json` wrote them."""
    return tuple(Reason(one["code"], one["figures"]) for one in kept)


def reasons_of(
    session: Session, member_ids: Sequence[int], now: datetime
) -> dict[int, tuple[Reason, ...]]:
    """Return what speaks for each of these members' being lost, or against; one statement."""
    today = local_day(now)
    rows = session.execute(_seen(now, today).where(Member.id.in_(member_ids)))
    return {row.id: tuple(_reasons(row, today, now)) for row in rows}


def _seen(now: datetime, today: date) -> Select[*tuple[Any, ...]]:
    lately, before = (now - timedelta(days=days) for days in (LOOK_DAYS, LOOKED_BEFORE_DAYS))
    points = (
        select(func.coalesce(func.sum(PointsLot.remaining), 0))
        .where(
            PointsLot.member_id == Member.id,
            PointsLot.remaining > 0,
            PointsLot.pending_until.is_(None),
            PointsLot.expires_on <= today + timedelta(days=ENDING_DAYS),
        )
        .scalar_subquery()
    )
    return (
        select(
            Member.id,
            Member.purchase_days.label("days"),
            Member.first_purchase_on.label("first_on"),
            Member.previous_purchase_on.label("previous_on"),
            Member.last_purchase_on.label("last_on"),
            _looks(lately, now).label("looks"),
            _looks(before, lately).label("looks_before"),
            Engagement.tapped_at,
            func.coalesce(Engagement.unanswered, 0).label("unanswered"),
            Friend.is_following,
            points.label("points"),
        )
        .join(Engagement, Engagement.member_id == Member.id, isouter=True)
        .join(Friend, Friend.line_user_id == Member.line_user_id, isouter=True)
    )


def _looks(since: datetime, until: datetime) -> ColumnElement[int]:
    return (
        select(func.count())
        .select_from(BrowseEvent)
        .where(
            BrowseEvent.member_id == Member.id,
            BrowseEvent.occurred_at > since,
            BrowseEvent.occurred_at <= until,
        )
        .scalar_subquery()
    )


def _reasons(seen: Row[Any], today: date, now: datetime) -> list[Reason]:
    tap_days = (now - seen.tapped_at).days if seen.tapped_at is not None else 0
    looks, looks_before = int(seen.looks), int(seen.looks_before)
    told = {
        "blocked": ({}, seen.is_following is False),
        "stopped_looking": (
            {"looks": looks_before, "look_days": LOOK_DAYS},
            looks_before > 0 and looks == 0,
        ),
        "stopped_tapping": ({"tap_days": tap_days}, tap_days >= TAP_DAYS),
        "unanswered": ({"messages": seen.unanswered}, seen.unanswered >= MANY_UNANSWERED),
        "points_ending": (
            {"points": int(seen.points), "ending_days": ENDING_DAYS},
            seen.points > 0,
        ),
        "looked": ({"looks": looks, "look_days": LOOK_DAYS}, looks > 0),
    }
    found = [Reason(code, figures) for code, (figures, holds) in told.items() if holds]
    return _rhythm(seen, today) + found


def _rhythm(seen: Row[Any], today: date) -> list[Reason]:
    """Return what the days of the purchases say, against the member's own rhythm."""
    if seen.last_on is None or seen.first_on is None:
        return []
    silent_days = max((today - seen.last_on).days, 0)
    if seen.days == 1:
        return [Reason("once", {"silent_days": silent_days})]
    if seen.days < FEWEST_DAYS:
        return []
    usual_days = max(round((seen.last_on - seen.first_on).days / (seen.days - 1)), 1)
    gap_days = (seen.last_on - seen.previous_on).days if seen.previous_on is not None else 0
    found = []
    if silent_days * 100 >= usual_days * SLOWER_PERCENT:
        found.append(Reason("silent", {"silent_days": silent_days, "usual_days": usual_days}))
    if gap_days * 100 >= usual_days * SLOWER_PERCENT:
        found.append(Reason("slowing", {"gap_days": gap_days, "usual_days": usual_days}))
    return found
