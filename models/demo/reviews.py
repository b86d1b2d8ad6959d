"""The demo's reviews: a wall worth reading, some that wait for the owner, and the community."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.activity import ActivityRule, Community
from models.local_day import local_day
from models.member import Member
from models.purchase import Purchase
from models.review import APPROVED, PENDING, Review, set_activity_rule, set_community

WORDS = (
    (5, "茶香很濃，微糖剛剛好，會再來！", APPROVED),
    (5, "店員很親切，下雨天還幫我套兩層袋子。", APPROVED),
    (4, "烏龍奶茶好喝，午餐時間要等一下。", APPROVED),
    (5, "四季春加珍珠是我的固定班底。", APPROVED),
    (3, "冰塊有點多，下次點少冰試試。", APPROVED),
    (5, "Best oolong near the office.", APPROVED),
    (4, "新品桂花很香。", PENDING),
    (2, "今天的珍珠偏硬。", PENDING),
)
RULES = (("review", 3, 2), ("event", 10, 1), ("feedback", 5, 1))
"""Kind of engagement, points, and how often a day."""


def add_reviews(session: Session, now: datetime) -> None:
    """Set what engagement brings and the community, and let members have written."""
    for what, points, day_cap in RULES:
        set_activity_rule(session, ActivityRule(code=what, points=points, day_cap=day_cap))
    set_community(
        session,
        Community(
            id=1,
            name={"zh-TW": "茶日子茶友聊天室", "en": "Tea Days circle", "ja": "茶日子 お茶会"},
            url="https://line.me/ti/g2/teadays-demo",
            min_rank=1,
        ),
    )
    purchases = session.scalars(
        select(Purchase)
        .join(Member, Member.id == Purchase.member_id)
        .where(
            Member.erased_at.is_(None),
            Purchase.purchased_on >= local_day(now) - timedelta(days=14),
        )
        .order_by(Purchase.purchased_at.desc(), Purchase.id)
        .limit(len(WORDS) * 4)
    ).all()
    for (stars, words, state), purchase in zip(WORDS, purchases[3::4], strict=False):
        at = min(purchase.purchased_at + timedelta(hours=2), now)
        session.add(
            Review(
                purchase_id=purchase.id,
                member_id=purchase.member_id,
                store_id=purchase.store_id,
                stars=stars,
                words=words,
                state=state,
                written_at=at,
                changed_at=at,
                moderated_at=None if state == PENDING else at,
            )
        )
    session.flush()
