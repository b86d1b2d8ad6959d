"""The demo's second stamp card: fresh-milk tea by money spent, and a few members on their way."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.local_day import local_day
from models.member import Member
from models.setup import STAMP_CARD_CODE
from models.stamp_card import (
    EarnedStamps,
    StampBonus,
    add_stamp_programme,
    get_stamp_programme,
    list_stamp_programmes,
    post_stamps,
)

CARD_CODE = "milk-tea"
CARD_NAME = {"zh-TW": "鮮奶茶控集點卡", "en": "Milk Tea Lover Card", "ja": "ミルクティーカード"}
SIZE = 8
PER_TWD = 150
CARD_DAYS = 60
BEGUN_DAYS_AGO = ((55, 5), (57, 7), (30, 3), (20, 6), (12, 4), (6, 2), (3, 1), (1, 2))
"""When each of a few members began the card, and with how many stamps: two are near their end."""
CAMPAIGN_DAYS = 40


def add_stamps(session: Session, now: datetime) -> None:
    """Make the shop use several stamp cards, once: a second card, and bonuses on both."""
    if any(card.code == CARD_CODE for card in list_stamp_programmes(session)):
        return
    today = local_day(now)
    main = get_stamp_programme(session, STAMP_CARD_CODE)
    main.bonuses = [StampBonus("weekday", 1, weekdays=(3,)).to_words()]
    card = add_stamp_programme(
        session,
        code=CARD_CODE,
        name=CARD_NAME,
        size=SIZE,
        reward_code="stamp_reward",
        per_twd=PER_TWD,
        card_days=CARD_DAYS,
        bonuses=(
            StampBonus("category", 1, category="鮮奶茶"),
            StampBonus(
                "window",
                1,
                starts_on=today - timedelta(days=2),
                ends_on=today + timedelta(days=CAMPAIGN_DAYS),
            ),
        ),
    )
    regulars = session.scalars(
        select(Member.id)
        .where(Member.line_user_id.is_not(None))
        .order_by(Member.purchase_count.desc(), Member.id)
        .limit(len(BEGUN_DAYS_AGO))
    )
    for member_id, (days, stamps) in zip(regulars, BEGUN_DAYS_AGO, strict=False):
        post_stamps(
            session,
            member_id,
            (EarnedStamps(card, stamps),),
            reason="import",
            idempotency_key=f"demo:stamps:{member_id}",
            now=now - timedelta(days=days),
        )
