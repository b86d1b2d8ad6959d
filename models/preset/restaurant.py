"""Restaurants and tea shops: people come often and spend little, so visits are what adds up."""

from models.base import said
from models.preset.preset import Preset, Row, StampShape, TierShape
from models.starting_rules import MEMBER_DAYS

FREE_DISH: Row = {
    "code": "preset_free_dish",
    "kind": "item",
    "value": 0,
    "name": said("招牌品項一份", "One signature item", "看板メニュー 1 品"),
    "headline": said("免費一份", "One free", "1 品無料"),
    "description": said(
        "集點卡集滿，招牌品項任選一份。",
        "Your stamp card is full: one signature item of your choice.",
        "スタンプが貯まりました。看板メニューからお好きな 1 品をどうぞ。",
    ),
    "min_spend_twd": 0,
    "valid_days": 60,
}

RESTAURANT = Preset(
    code="restaurant",
    names=said("餐飲", "Restaurants and cafés", "飲食店"),
    idea=said(
        "來得勤、客單低：重點是累積與再來。集點卡讓下一次近在眼前，門檻低，幾個月就能升等。",
        "People come often and spend little: let visits add up. A stamp card keeps the next reward"
        " in sight, and low thresholds lift a regular within months.",
        "来店が多く客単価は低い業種です。積み重ねと再来店が鍵。スタンプカードで次の特典を近くに見せ、"
        "数か月でランクアップできる基準にします。",
    ),
    tiers=(
        TierShape("basic", said("一般會員", "Member", "一般会員"), "#2F7D5B", 0),
        TierShape(
            "silver",
            said("常客", "Regular", "常連"),
            "#8D9AA5",
            3_000,
            120,
            (
                ("birthday_gift", {"template": "birthday_silver"}),
                ("monthly_coupon", {"template": "monthly_offer"}),
            ),
        ),
        TierShape(
            "gold",
            said("老饕", "Connoisseur", "食通"),
            "#B8892F",
            10_000,
            150,
            (
                ("points_multiplier", {"percent": 200, "month_days": MEMBER_DAYS}),
                ("birthday_gift", {"template": "birthday_gold"}),
                ("monthly_coupon", {"template": "monthly_offer"}),
                ("early_access", {"hours": 24}),
            ),
        ),
    ),
    stamp=StampShape(
        "restaurant",
        said("集點卡", "Stamp card", "スタンプカード"),
        size=10,
        reward_code=FREE_DISH["code"],
        min_spend_twd=100,
        card_days=180,
    ),
    coupons=(FREE_DISH,),
    journeys=("welcome", "first-purchase", "birthday", "stamps-ending", "dormant-90-days"),
)
