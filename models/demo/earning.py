"""The demo's earn rules: a member day, a campaign, a category, and the caps above them."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.earn_rule import EarnRule
from models.local_day import day_start, local_day
from models.shop import get_shop

CAMPAIGN_DAYS = 45
DAILY_CAP = 300
MOST_PERCENT = 300


def add_earning(session: Session, now: datetime) -> None:
    """Add three rules that hold from today on, so that the made-up past stays as it was."""
    if session.scalar(select(EarnRule.id).limit(1)) is not None:
        return
    today = day_start(local_day(now))
    session.add_all(
        (
            EarnRule(
                code="member_day",
                name={
                    "zh-TW": "會員日點數雙倍",
                    "en": "Member day: double points",
                    "ja": "会員デー ポイント 2 倍",
                },
                percent=200,
                month_days=[8, 18, 28],
                starts_at=today,
            ),
            EarnRule(
                code="warm_season",
                name={
                    "zh-TW": "暖飲季每次多 2 點",
                    "en": "Warm drinks season: 2 points more a visit",
                    "ja": "ホットドリンク期間 1 回 2 ポイント追加",
                },
                points=2,
                min_spend_twd=120,
                starts_at=today,
                ends_at=today + timedelta(days=CAMPAIGN_DAYS),
            ),
            EarnRule(
                code="fresh_milk",
                name={
                    "zh-TW": "鮮奶茶點數 1.5 倍",
                    "en": "Fresh milk tea: 1.5 times the points",
                    "ja": "フレッシュミルクティー ポイント 1.5 倍",
                },
                percent=150,
                categories=["鮮奶茶"],
                starts_at=today,
            ),
        )
    )
    shop = get_shop(session)
    shop.earn_daily_cap, shop.earn_cap_percent = DAILY_CAP, MOST_PERCENT
    shop.programme_version += 1
    session.flush()
