"""The demo shop 「茶日子 Tea Days」: hand-shaken tea, three stores, and those who work there."""

from models.setup import ShopPlan

TEA_SHOP = ShopPlan(
    name={"zh-TW": "茶日子", "en": "Tea Days", "ja": "茶日子 Tea Days"},
    legal_name="茶日子有限公司",
    phone="02-2345-6789",
    hours={
        "zh-TW": "每日 10:00–22:00",
        "en": "Daily 10:00–22:00",
        "ja": "毎日 10:00–22:00",
    },
    basic_id="@teadays",
    stores={
        "TP01": {"zh-TW": "信義店", "en": "Xinyi Store", "ja": "信義店"},
        "TP02": {"zh-TW": "師大店", "en": "Shida Store", "ja": "師大店"},
        "TC01": {"zh-TW": "台中公益店", "en": "Taichung Gongyi Store", "ja": "台中公益店"},
    },
    stamp_card_name={
        "zh-TW": "茶香集點卡",
        "en": "Tea Aroma Stamp Card",
        "ja": "茶の香りスタンプカード",
    },
)

DEMO_STAFF = (
    ("owner", "tea-owner-1", "owner", "陳老闆", "TP01", "8317"),
    ("manager", "tea-manager-1", "manager", "林店長", "TP02", "6294"),
    ("marketer", "tea-marketer-1", "marketer", "吳小編", "TP01", None),
    ("clerk", "tea-clerk-1", "clerk", "小安", "TP01", "4826"),
    ("clerk2", "tea-clerk-2", "clerk", "阿哲", "TC01", "5073"),
    ("auditor", "tea-auditor-1", "auditor", "許會計師", "TP01", None),
)
"""Username, password, role, name, store code and PIN of each; for a demo, so no secret."""
