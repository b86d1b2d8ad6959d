"""The demo's ledger: points spent and waiting, a wish for a second person, codes, a first seal."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.local_day import local_day
from models.member import Member
from models.points import (
    PointsEntry,
    ask_adjustment,
    find_entry,
    give_back,
    make_bonus_codes,
    post_points,
    seal_entries,
    undo,
)
from models.shop import list_stores
from models.staff import Staff

PEOPLE = 9
CHEAPEST_DRINK = 20
RETURN_DAYS = 7
ORDER_POINTS = 30
CODES = 5
CODE_POINTS = 20
CODE_DAYS = 60
LARGE_WISH = 800
"""Above what one person may adjust alone: it waits for the owner or another manager."""


def add_ledger(session: Session, now: datetime) -> None:
    """Let some members have spent, been given back, ordered on the web; seal it all.

    Drinks are points at once, so the shop's return window stays at 0 days; the web shop's tea
    boxes wait out the seven days in which they may be sent back. Nobody is owed a message.
    """
    people = session.scalars(
        select(Member)
        .where(Member.points >= 2 * CHEAPEST_DRINK, Member.line_user_id.is_not(None))
        .order_by(Member.id)
        .limit(PEOPLE)
    ).all()
    store_ids = [store.id for store in list_stores(session)]
    for number, member in enumerate(people):
        _spend(session, member, store_ids[number % len(store_ids)], now - timedelta(days=3))
    for member in people[: PEOPLE // 3]:
        _order(session, member, now - timedelta(days=1))
    _correct(session, people[:2], now)
    _ask(session, people, now)
    make_bonus_codes(
        session,
        CODES,
        CODE_POINTS,
        expires_at=now + timedelta(days=CODE_DAYS),
        now=now,
        note="問卷小禮",
    )
    newest = session.scalar(select(PointsEntry.id).order_by(PointsEntry.id.desc()).limit(1))
    seal_entries(session, local_day(now) - timedelta(days=1), newest or 0, now)


def _spend(session: Session, member: Member, store_id: int, now: datetime) -> None:
    post_points(
        session,
        member,
        -CHEAPEST_DRINK,
        reason="redemption",
        idempotency_key=f"demo:drink:{member.id}",
        now=now,
        store_id=store_id,
        note="換一杯紅茶",
    )


def _order(session: Session, member: Member, now: datetime) -> None:
    post_points(
        session,
        member,
        ORDER_POINTS,
        reason="reward",
        idempotency_key=f"demo:order:{member.id}",
        now=now,
        pending_until=local_day(now) + timedelta(days=RETURN_DAYS),
        note="線上訂購茶葉禮盒",
    )


def _correct(session: Session, people: Sequence[Member], now: datetime) -> None:
    """Give one drink back, and take points given twice to another away again."""
    for member in people[:1]:
        drink = find_entry(session, f"demo:drink:{member.id}")
        assert drink is not None, "they had one"
        give_back(
            session,
            member,
            drink,
            CHEAPEST_DRINK,
            idempotency_key=f"demo:back:{member.id}",
            now=now,
            note="機器故障，補還點數",
        )
    for member in people[1:]:
        twice = post_points(
            session,
            member,
            CODE_POINTS,
            reason="reward",
            idempotency_key=f"demo:twice:{member.id}",
            now=now - timedelta(hours=2),
            note="開幕活動",
        )
        undo(
            session,
            member,
            twice,
            idempotency_key=f"demo:undo:{member.id}",
            now=now,
            note="同一活動重複贈點",
        )


def _ask(session: Session, people: Sequence[Member], now: datetime) -> None:
    manager = session.scalars(
        select(Staff).where(Staff.role == "manager").order_by(Staff.id).limit(1)
    ).one_or_none()
    if manager is not None and people:
        ask_adjustment(
            session,
            people[-1],
            LARGE_WISH,
            reason="舊集點卡換新，補登點數",
            asked_by=manager,
            idempotency_key="demo:wish",
            now=now - timedelta(hours=1),
        )
