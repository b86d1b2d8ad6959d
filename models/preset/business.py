"""Business customers: volume decides, and each grade is looked after by people."""

from models.base import said
from models.preset.preset import Preset, Row, StampShape, TierShape

REBATE: Row = {
    "code": "preset_rebate",
    "kind": "amount",
    "value": 2_000,
    "name": said("採購回饋券", "Purchase rebate", "ご購入リベート券"),
    "headline": said("折 NT$2,000", "NT$2,000 off", "NT$2,000 引き"),
    "description": said(
        "採購集點卡集滿，下一張滿 NT$20,000 的訂單折抵 NT$2,000。",
        "Your purchase card is full: NT$2,000 off the next order of NT$20,000 or more.",
        "購入カードが貯まりました。NT$20,000 以上の次回ご注文から NT$2,000 引きます。",
    ),
    "min_spend_twd": 20_000,
    "valid_days": 90,
}

BUSINESS = Preset(
    code="business",
    names=said("企業客戶（B2B）", "Business customers (B2B)", "法人（B2B）"),
    idea=said(
        "量決定一切，靠人維繫：分級關懷。級別越高，回覆越快、新品越早、有專人邀約；回饋看採購量。",
        "Volume decides and people keep it: graded care. The higher the grade, the faster the"
        " answer and the earlier the news; rebates follow the volume.",
        "取引量が決め手で、人が関係を支えます。等級別のケアが鍵。等級が上がるほど対応が早く、"
        "新商品のご案内も早くなり、リベートは購入量に応じます。",
    ),
    tiers=(
        TierShape("basic", said("一般客戶", "Customer", "一般のお客様"), "#2F7D5B", 0),
        TierShape(
            "silver",
            said("合作客戶", "Partner", "提携のお客様"),
            "#8D9AA5",
            100_000,
            100,
            (("early_access", {"hours": 24}), ("gated_content", {})),
        ),
        TierShape(
            "gold",
            said("重要客戶", "Key account", "重要なお客様"),
            "#B8892F",
            500_000,
            110,
            (
                ("service_queue", {"level": 1}),
                ("early_access", {"hours": 72}),
                ("gated_content", {}),
                ("invitation", {}),
            ),
        ),
        TierShape(
            "black",
            said("策略夥伴", "Strategic partner", "戦略パートナー"),
            "#1E1E22",
            2_000_000,
            120,
            (
                ("service_queue", {"level": 2}),
                ("early_access", {"hours": 168}),
                ("gated_content", {}),
                ("invitation", {}),
                ("birthday_card", {}),
            ),
        ),
    ),
    stamp=StampShape(
        "business",
        said("採購集點卡", "Purchase card", "購入カード"),
        size=10,
        reward_code=REBATE["code"],
        min_spend_twd=10_000,
        per_twd=10_000,
    ),
    coupons=(REBATE,),
    journeys=("care-and-offer", "satisfaction", "near-upgrade", "downgrade-warning"),
)
