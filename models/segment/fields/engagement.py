"""Engagement: who taps, clicks, is silent, leaves messages unanswered, or is left in peace.

Ages are whole Taipei days. Whoever has blocked us is `friendship` is `blocked`.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute

from models.base import Texts, said
from models.engagement import Engagement
from models.local_day import day_of, day_start
from models.member import Member
from models.segment.field import LOOKUP, MINUTES, NIGHTLY, Context, Field, Leaf, compare
from models.segment.fields.asking import DAYS, WITHIN_DAYS, days_back
from models.suppression import get_threshold, is_suppressed

SHEETS = said("{} 則", "{} messages", "{} 通")
LONGEST_SILENCE = 36_600
_Moment = InstrumentedAttribute[datetime | None]


def _of_member(value: Any) -> ColumnElement[Any]:
    """Return one value of a member's row of engagement; NULL where there is none."""
    rows = select(value).where(Engagement.member_id == Member.id)
    return rows.correlate(Member).scalar_subquery()


def _where(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Engagement.member_id == Member.id, *conditions).correlate(Member)


def _did(name: str, moment: _Moment, labels: Texts, *, freshness: str = MINUTES) -> Field:
    """Make a field that asks whether something was done at all, or within so many days."""

    def condition(leaf: Leaf, context: Context) -> ColumnElement[bool]:
        days = leaf.option("within_days")
        if days is None:
            done = _where(moment.is_not(None))
        else:
            done = _where(moment >= day_start(days_back(context, days)))
        return done if leaf.value else ~done

    return Field(
        name,
        "boolean",
        "engagement",
        labels,
        lambda _leaf, _context: _of_member(day_of(moment)),
        condition,
        options=(WITHIN_DAYS,),
        freshness=freshness,
        cost=LOOKUP,
    )


def _silent_days(_leaf: Leaf, context: Context) -> ColumnElement[Any]:
    """Return the whole days since a member last tapped, clicked, bought or joined."""
    last = func.greatest(Engagement.tapped_at, Engagement.clicked_at)
    last_on = func.greatest(
        day_of(Member.joined_at), Member.last_purchase_on, _of_member(day_of(last))
    )
    return cast(literal(context.today, Date) - last_on, Integer)


def _is_silent(leaf: Leaf, context: Context) -> ColumnElement[bool]:
    if leaf.operator != "at_least":
        return compare(_silent_days(leaf, context), leaf.operator, leaf.value)
    assert isinstance(leaf.value, int)
    silent_since = context.today - timedelta(days=leaf.value)
    heard = day_start(silent_since + timedelta(days=1))
    return and_(
        Member.joined_at < heard,
        or_(Member.last_purchase_on.is_(None), Member.last_purchase_on <= silent_since),
        ~_where(or_(Engagement.tapped_at >= heard, Engagement.clicked_at >= heard)),
    )


def _unanswered(leaf: Leaf, _context: Context) -> ColumnElement[bool]:
    if leaf.operator == "at_least" and leaf.value != 0:
        return _where(Engagement.unanswered >= leaf.value)
    count = func.coalesce(_of_member(Engagement.unanswered), 0)
    return compare(count, leaf.operator, leaf.value)


def _suppressed(_leaf: Leaf, context: Context) -> ColumnElement[bool]:
    return is_suppressed(context.once("suppression", lambda session, _: get_threshold(session)))


ENGAGEMENT: tuple[Field, ...] = (
    _did(
        "clicked",
        Engagement.clicked_at,
        said("點擊過（網店）", "Has clicked (web shop)", "クリックした（ウェブショップ）"),
    ),
    _did(
        "tapped",
        Engagement.tapped_at,
        said("在 LINE 互動過", "Has tapped or written in LINE", "LINE で反応した"),
    ),
    _did(
        "messaged",
        Engagement.sent_at,
        said("收過行銷訊息", "Was sent a marketing message", "販促メッセージを受け取った"),
    ),
    Field(
        "silent_days",
        "integer",
        "engagement",
        said(
            "沉默天數（沒有點擊、互動、購買）",
            "Days without tap, click or purchase",
            "反応のない日数（タップ・クリック・購入なし）",
        ),
        _silent_days,
        _is_silent,
        unit=DAYS,
        maximum=LONGEST_SILENCE,
        freshness=MINUTES,
        cost=LOOKUP,
    ),
    Field(
        "unanswered",
        "integer",
        "engagement",
        said(
            "連續未回應的行銷訊息", "Marketing messages left unanswered", "未反応の販促メッセージ"
        ),
        lambda _leaf, _context: func.coalesce(_of_member(Engagement.unanswered), 0),
        _unanswered,
        unit=SHEETS,
        freshness=MINUTES,
        cost=LOOKUP,
    ),
    Field(
        "suppressed",
        "boolean",
        "engagement",
        said(
            "暫停付費推播（沉睡且多次未回應）",
            "Left in peace (asleep, and never answered)",
            "有料配信を停止中（休眠・未反応）",
        ),
        _suppressed,
        freshness=NIGHTLY,
        cost=LOOKUP,
    ),
)
