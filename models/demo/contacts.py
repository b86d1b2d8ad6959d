"""The demo's members who ask to be called, and the birthday cards its staff are to write."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.birthday_card import make_birthday_cards
from models.contact import ContactRequest, ask_for_contact, say_about
from models.member import Member
from models.programme import get_programme
from models.tier import Tier

WISHES = (
    ("gold", timedelta(minutes=50), "想訂下週六 20 杯外送，可以開統編嗎？"),
    ("basic", timedelta(hours=3), "上次的集點好像少了一格"),
    ("silver", timedelta(hours=2), None),
)
CARDS_AT_ONCE = 1_000


def add_contacts(session: Session, now: datetime) -> None:
    """Let some members wait for a call, and list the coming birthdays of the highest tier."""
    if session.scalar(select(ContactRequest.id).limit(1)) is not None:
        return
    programme = get_programme(session)
    for tier_code, ago, about in WISHES:
        member = session.scalars(
            select(Member)
            .join(Tier, Tier.id == Member.tier_id)
            .where(Tier.code == tier_code, Member.line_user_id.is_not(None))
            .order_by(Member.id.desc())
            .limit(1)
        ).one_or_none()
        if member is None:
            continue
        ask_for_contact(session, member, programme, now - ago)
        if about is not None:
            say_about(session, member.id, about)
    make_birthday_cards(session, programme, now, after_id=0, limit=CARDS_AT_ONCE)
    session.flush()
