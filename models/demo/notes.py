"""The demo's notes: what its people told each other about their regulars."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.member import Member
from models.member_note import write_note
from models.staff import Staff

NOTES = (
    "喝半糖去冰，週末常帶女兒一起來。",
    "公司每月訂一次下午茶，窗口是本人，記得給收據。",
    "上次反應珍珠太硬，已補一杯，請多留意。",
)
"""Of the best regulars one each, a week apart."""


def add_notes(session: Session, now: datetime) -> None:
    """Write a note about each of the shop's best regulars."""
    writer = session.scalars(
        select(Staff).where(Staff.role == "manager").order_by(Staff.id).limit(1)
    ).one()
    regulars = session.scalars(
        select(Member)
        .where(Member.erased_at.is_(None))
        .order_by(Member.lifetime_twd.desc(), Member.id)
        .limit(len(NOTES))
    )
    for place, (member, words) in enumerate(zip(regulars, NOTES, strict=True)):
        at = now - timedelta(weeks=place, hours=2)
        write_note(session, member, words, staff=writer, key=f"demo:{place}", now=at)
