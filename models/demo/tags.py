"""The demo's tags, one of each kind, and a KPI; with what its members did already taken over."""

from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.base import said
from models.engagement import CLICKS, FACTS, LINE_EVENTS, note_facts
from models.kpi import days_to_measure, keep_kpi, measure_kpi
from models.member import Member
from models.segment import parse_rule
from models.segment.keeping import add_segment
from models.tag import BY_OPERATOR, add_trigger, apply_events, give_tag, keep_tag
from models.tag.ruling import apply_rule, follow_segment, note_applied

NEW_DAYS = 30
CART_DAYS = 7
LOOKED_AT_DAYS = 60
"""So far back the demo's carts count."""
EVERY = 23
"""One member of so many likes what designers make."""
NEW_MEMBERS = "joined-lately"


def add_tags(session: Session, now: datetime) -> None:
    """Add a tag by hand, one by a rule and one by an event, each on whom it belongs to."""
    member_ids = session.scalars(
        select(Member.id).where(Member.erased_at.is_(None)).order_by(Member.id)
    ).all()
    fans = keep_tag(
        session,
        "designer-collab",
        said("喜歡設計師聯名", "Likes designer collabs", "デザイナーコラボ好き"),
        description={"zh-TW": "店員聊到聯名杯款時很有興趣"},
        now=now,
    )
    for member_id in member_ids[::EVERY]:
        give_tag(session, member_id, fans, source=BY_OPERATOR, now=now)
    _add_new(session, now)
    _add_carts(session, now)
    _add_kpi(session, now)


def _add_new(session: Session, now: datetime) -> None:
    where = {"field": "joined_days_ago", "is": "at_most", "value": NEW_DAYS}
    rule = parse_rule({"schema": 1, "where": where})
    name = said("近 30 天註冊", "Joined in 30 days", "30 日以内の入会")
    add_segment(session, NEW_MEMBERS, name, rule, by="demo", now=now)
    new = keep_tag(
        session,
        "new-this-month",
        said("本月新註冊", "New this month", "今月の新規会員"),
        description={"zh-TW": "註冊 30 天以內，每晚自動更新"},
        now=now,
    )
    follow_segment(session, new, NEW_MEMBERS)
    apply_rule(session, new, 0, session.scalar(select(func.max(Member.id))) or 0, now)
    note_applied(session, new, now)


def _add_carts(session: Session, now: datetime) -> None:
    """Add the tag of unpaid carts, and take over all that members did, as the round does it."""
    cart = keep_tag(
        session,
        "unpaid-cart",
        said("購物車未結帳", "Unpaid cart", "カート未購入"),
        description={"zh-TW": "放進購物車後 7 天內沒有購買"},
        now=now,
    )
    since = now - timedelta(days=LOOKED_AT_DAYS)
    add_trigger(session, cart, "cart", CART_DAYS, ends_with_purchase=True, now=since)
    for fact in FACTS:
        newest = text(f"SELECT coalesce(max(id), 0) FROM {fact}")  # noqa: S608  # Our own names.
        last_id, is_last = session.scalars(newest).one(), False
        while not is_last:
            part = note_facts(session, fact, last_id)
            is_last = part.is_last
        if fact not in (LINE_EVENTS, CLICKS):
            apply_events(session, fact, 0, last_id, now)


def _add_kpi(session: Session, now: datetime) -> None:
    query = {"schema": 1, "count": "quantity", "category": "鮮奶茶", "window_days": 7}
    name = said("七日鮮奶茶杯數", "Milk teas in 7 days", "7 日間のミルクティー杯数")
    kpi = keep_kpi(session, "milk_teas_7d", name, query, by="demo", now=now)
    for day in days_to_measure(now):
        measure_kpi(session, kpi, day, now)
