"""Beauty and wellness: few visits of high value, so what grows is being treated as somebody."""

from models.base import said
from models.preset.preset import Preset, Row, StampShape, TierShape

FREE_CARE: Row = {
    "code": "preset_free_care",
    "kind": "item",
    "value": 0,
    "name": said("進階護理體驗一次", "One advanced treatment", "アドバンスケア体験 1 回"),
    "headline": said("免費體驗一次", "One free treatment", "体験 1 回無料"),
    "description": said(
        "護理集點卡集滿，體驗一次進階護理，請先預約。",
        "Your treatment card is full: try one advanced treatment. Please book ahead.",
        "ケアカードが貯まりました。アドバンスケアを 1 回体験いただけます（要予約）。",
    ),
    "min_spend_twd": 0,
    "valid_days": 90,
}
_EXCLUSIVE: tuple[tuple[str, Row], ...] = (
    ("early_access", {"hours": 48}),
    ("gated_content", {}),
    ("invitation", {}),
)

BEAUTY = Preset(
    code="beauty",
    names=said("美業", "Beauty and wellness", "美容"),
    idea=said(
        "客單高、來得少：重點是專屬感。升等換來的是優先服務、活動邀請與手寫卡，不是更多折扣。",
        "Few visits of high value: make people feel known. A higher tier brings priority,"
        " invitations and handwritten cards rather than more discounts.",
        "客単価が高く来店は少ない業種です。特別感が鍵。ランクが上がるほど、割引ではなく優先対応・"
        "ご招待・手書きカードをお届けします。",
    ),
    tiers=(
        TierShape("basic", said("一般會員", "Member", "一般会員"), "#2F7D5B", 0),
        TierShape(
            "silver",
            said("銀卡會員", "Silver", "シルバー会員"),
            "#8D9AA5",
            15_000,
            110,
            (
                ("birthday_gift", {"template": "birthday_silver"}),
                ("early_access", {"hours": 24}),
                ("gated_content", {}),
            ),
        ),
        TierShape(
            "gold",
            said("金卡會員", "Gold", "ゴールド会員"),
            "#B8892F",
            45_000,
            130,
            (
                ("birthday_gift", {"template": "birthday_gold"}),
                ("service_queue", {"level": 1}),
                *_EXCLUSIVE,
            ),
        ),
        TierShape(
            "black",
            said("尊榮會員", "Prestige", "プレステージ会員"),
            "#1E1E22",
            100_000,
            150,
            (
                ("birthday_gift", {"template": "birthday_black"}),
                ("birthday_card", {}),
                ("service_queue", {"level": 2}),
                *_EXCLUSIVE,
            ),
        ),
    ),
    stamp=StampShape(
        "beauty",
        said("護理集點卡", "Treatment card", "ケアカード"),
        size=6,
        reward_code=FREE_CARE["code"],
        min_spend_twd=1_000,
        card_days=365,
    ),
    coupons=(FREE_CARE,),
    journeys=("welcome", "satisfaction", "birthday", "repurchase-cycle", "near-upgrade"),
)
