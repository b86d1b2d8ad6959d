"""The segments a new shop starts with. Once written they are the shop's own to change.

Each is one question of the articles, answered with fields that every shop has; `for_demo` adds
one that only means something where its category is sold.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.base import Texts, said
from models.segment.rule import SCHEMA, asks
from models.segment.table import Segment, SegmentVersion

MADE_BY = "set-up"
EXPIRING_DAYS = 7
SILENT_DAYS = 90
WAITED_DAYS = 7
CART_DAYS = 3
FEW_ORDERS = 3
CLOSE_PERCENT = 80
LIKELIEST_PERCENT = 10
TOP_SCORE = 5

Ready = tuple[str, Texts, dict[str, Any], str]


STARTING: tuple[Ready, ...] = (
    (
        "birthday-month",
        said("本月壽星", "Birthday this month", "今月誕生日"),
        asks("birthday_this_month", "is", True),
        "生日在本月的會員",
    ),
    (
        "coupon-expiring",
        said("券快到期", "Coupon about to expire", "クーポン期限間近"),
        asks("coupons_usable", "at_least", 1, expiring_within_days=EXPIRING_DAYS),
        "手上有可用的券即將到期",
    ),
    (
        "promotion-only",
        said("只買促銷", "Buys only on promotion", "割引時のみ購入"),
        asks("buys_only_on_promotion", "is", True, min_orders=FEW_ORDERS),
        "每一筆都用了券或折扣（A-05）",
    ),
    (
        "seed-members",
        said("種子會員", "Seed members", "シード会員"),
        {
            "all": [
                asks("rfm_monetary_score", "at_least", TOP_SCORE),
                asks("purchases", "at_least", 2),
                {
                    "any": [
                        asks("friends_invited", "at_least", 1),
                        asks("reviews", "at_least", 1),
                    ]
                },
            ]
        },
        "消費金額前 20%、會回購，而且推薦過好友或寫過評論（B-11）",
    ),
    (
        "likely-14-days",
        said("14 天內可能回購", "Likely to buy in 14 days", "14 日以内に購入しそう"),
        asks("likely_to_buy_top", "at_most", LIKELIEST_PERCENT),
        "預測最可能在兩週內購買的前 10%（B-18）",
    ),
    (
        "near-upgrade",
        said("快升等", "Close to the next tier", "もうすぐランクアップ"),
        asks("tier_way_percent", "at_least", CLOSE_PERCENT),
        "已達下一等級門檻的八成",
    ),
    (
        "silent-90-days",
        said("沉睡 90 天", "Silent for 90 days", "90 日間購入なし"),
        asks("days_since_purchase", "more_than", SILENT_DAYS),
        "買過，但超過 90 天沒有購買",
    ),
    (
        "one-order",
        said("首購未回購", "Bought once", "初回購入のみ"),
        asks("purchases", "is", 1),
        "只買過一次",
    ),
    (
        "no-order",
        said("註冊未購買", "Registered, not bought", "登録のみ・未購入"),
        {
            "all": [
                asks("purchases", "is", 0),
                asks("joined_days_ago", "at_least", WAITED_DAYS),
            ]
        },
        "加入滿 7 天還沒有購買（B-02）",
    ),
    (
        "unpaid-cart",
        said("購物車未結帳", "Unpaid cart", "カート未購入"),
        asks("browsed", "at_least", 1, within_days=CART_DAYS, kind="cart", not_bought_since=True),
        "近 3 天放進購物車，之後沒有購買（B-08）",
    ),
)
FOR_DEMO: tuple[Ready, ...] = (
    (
        "bought-milk-tea",
        said("買過奶茶", "Bought milk tea", "ミルクティー購入者"),
        asks("purchases", "at_least", 1, category=["奶茶", "鮮奶茶"], within_days=SILENT_DAYS),
        "近 90 天買過奶茶類，新口味上市可先通知（B-14）",
    ),
)


def add_starting_segments(session: Session, now: datetime, ready: tuple[Ready, ...]) -> None:
    """Keep ready-made segments whose codes are still free; others are left as they are."""
    for code, name, where, note in ready:
        made = session.scalar(
            insert(Segment)
            .values(code=code, name=name, version=1, created_at=now)
            .on_conflict_do_nothing()
            .returning(Segment.code)
        )
        if made is not None:
            session.add(
                SegmentVersion(
                    segment_code=code,
                    version=1,
                    rule={"schema": SCHEMA, "where": where},
                    note=note,
                    made_by=MADE_BY,
                    made_at=now,
                )
            )
    session.flush()
