"""The rules a new shop starts with: its ladder, its coupons, and the notice of Article 8.

Texts and numbers only; `models/setup.py` writes them. Once written they are the shop's own, and
nothing here changes them. A tier promises only what the program itself keeps.
"""

from collections.abc import Sequence
from typing import Any, TypedDict

WHOLE_PERCENT = 100

TIERS: tuple[dict[str, Any], ...] = (
    {
        "code": "basic",
        "rank": 0,
        "name": {"zh-TW": "一般會員", "en": "Basic", "ja": "一般会員"},
        "colour": "#2F7D5B",
        "points_percent": 100,
    },
    {
        "code": "silver",
        "rank": 1,
        "name": {"zh-TW": "銀卡會員", "en": "Silver", "ja": "シルバー会員"},
        "colour": "#8D9AA5",
        "points_percent": 120,
    },
    {
        "code": "gold",
        "rank": 2,
        "name": {"zh-TW": "金卡會員", "en": "Gold", "ja": "ゴールド会員"},
        "colour": "#B8892F",
        "points_percent": 150,
    },
    {
        "code": "black",
        "rank": 3,
        "name": {"zh-TW": "黑卡會員", "en": "Black", "ja": "ブラック会員"},
        "colour": "#1E1E22",
        "points_percent": 200,
    },
)

THRESHOLDS_TWD = {"silver": 5_000, "gold": 15_000, "black": 30_000}
"""What one must spend for each step, by code; the lowest is everybody's."""

WELCOME_PACK: tuple[dict[str, Any], ...] = (
    {
        "code": "welcome",
        "kind": "amount",
        "value": 30,
        "name": {"zh-TW": "入會禮折價券", "en": "Welcome coupon", "ja": "入会特典クーポン"},
        "headline": {"zh-TW": "折 NT$30", "en": "NT$30 off", "ja": "NT$30 引き"},
        "description": {
            "zh-TW": "歡迎加入！任何消費都能使用，直接折抵 NT$30。",
            "en": "Welcome! NT$30 off any order.",
            "ja": "ご入会ありがとうございます。どのお会計からも NT$30 引きます。",
        },
        "min_spend_twd": 0,
        "valid_days": 30,
        "pack_code": "welcome",
        "pack_place": 1,
    },
    {
        "code": "welcome_2",
        "kind": "amount",
        "value": 40,
        "name": {
            "zh-TW": "入會禮第二張折價券",
            "en": "Second welcome coupon",
            "ja": "入会特典クーポン（2 枚目）",
        },
        "headline": {"zh-TW": "折 NT$40", "en": "NT$40 off", "ja": "NT$40 引き"},
        "description": {
            "zh-TW": "第二次來，消費滿 NT$80 折抵 NT$40。",
            "en": "For your second visit: NT$40 off orders of NT$80 or more.",
            "ja": "2 回目のご来店に。NT$80 以上のお会計から NT$40 引きます。",
        },
        "min_spend_twd": 80,
        "valid_days": 30,
        "pack_code": "welcome",
        "pack_place": 2,
    },
    {
        "code": "welcome_3",
        "kind": "amount",
        "value": 50,
        "name": {
            "zh-TW": "入會禮第三張折價券",
            "en": "Third welcome coupon",
            "ja": "入会特典クーポン（3 枚目）",
        },
        "headline": {"zh-TW": "折 NT$50", "en": "NT$50 off", "ja": "NT$50 引き"},
        "description": {
            "zh-TW": "第三次來，消費滿 NT$100 折抵 NT$50。",
            "en": "For your third visit: NT$50 off orders of NT$100 or more.",
            "ja": "3 回目のご来店に。NT$100 以上のお会計から NT$50 引きます。",
        },
        "min_spend_twd": 100,
        "valid_days": 30,
        "pack_code": "welcome",
        "pack_place": 3,
    },
)
"""Three coupons that must be used one at a time: a newcomer's way to the third order."""

TEMPLATES: tuple[dict[str, Any], ...] = (
    {
        "code": "birthday",
        "kind": "amount",
        "value": 60,
        "name": {"zh-TW": "生日禮折價券", "en": "Birthday coupon", "ja": "お誕生日クーポン"},
        "headline": {"zh-TW": "折 NT$60", "en": "NT$60 off", "ja": "NT$60 引き"},
        "description": {
            "zh-TW": "生日快樂！這杯我們請客，直接折抵 NT$60。",
            "en": "Happy birthday! This one is on us: NT$60 off.",
            "ja": "お誕生日おめでとうございます。NT$60 引きでお楽しみください。",
        },
        "min_spend_twd": 0,
        "valid_days": 30,
    },
    {
        "code": "stamp_reward",
        "kind": "item",
        "value": 0,
        "name": {
            "zh-TW": "任選中杯飲品一杯",
            "en": "Any medium drink",
            "ja": "お好きなドリンク（M）1 杯",
        },
        "headline": {"zh-TW": "免費一杯", "en": "Free drink", "ja": "1 杯無料"},
        "description": {
            "zh-TW": "集點卡集滿了！任選一杯中杯飲品，加料另計。",
            "en": "Your stamp card is full! Any medium drink; toppings extra.",
            "ja": "スタンプが貯まりました！お好きな M サイズを 1 杯（トッピング別料金）。",
        },
        "min_spend_twd": 0,
        "valid_days": 60,
    },
    {
        "code": "win_back",
        "kind": "amount",
        "value": 50,
        "name": {"zh-TW": "好久不見折價券", "en": "We-miss-you coupon", "ja": "お久しぶりクーポン"},
        "headline": {"zh-TW": "折 NT$50", "en": "NT$50 off", "ja": "NT$50 引き"},
        "description": {
            "zh-TW": "好久不見！消費滿 NT$100 折抵 NT$50。",
            "en": "It has been a while! NT$50 off orders of NT$100 or more.",
            "ja": "お久しぶりです。NT$100 以上のお会計から NT$50 引きます。",
        },
        "min_spend_twd": 100,
        "valid_days": 14,
    },
    {
        "code": "birthday_silver",
        "kind": "amount",
        "value": 80,
        "name": {
            "zh-TW": "銀卡生日禮折價券",
            "en": "Silver birthday coupon",
            "ja": "シルバーお誕生日クーポン",
        },
        "headline": {"zh-TW": "折 NT$80", "en": "NT$80 off", "ja": "NT$80 引き"},
        "description": {
            "zh-TW": "生日快樂！銀卡會員專屬，直接折抵 NT$80。",
            "en": "Happy birthday! For Silver members: NT$80 off.",
            "ja": "お誕生日おめでとうございます。シルバー会員限定、NT$80 引きます。",
        },
        "min_spend_twd": 0,
        "valid_days": 30,
    },
    {
        "code": "birthday_gold",
        "kind": "amount",
        "value": 120,
        "name": {
            "zh-TW": "金卡生日禮折價券",
            "en": "Gold birthday coupon",
            "ja": "ゴールドお誕生日クーポン",
        },
        "headline": {"zh-TW": "折 NT$120", "en": "NT$120 off", "ja": "NT$120 引き"},
        "description": {
            "zh-TW": "生日快樂！金卡會員專屬，直接折抵 NT$120。",
            "en": "Happy birthday! For Gold members: NT$120 off.",
            "ja": "お誕生日おめでとうございます。ゴールド会員限定、NT$120 引きます。",
        },
        "min_spend_twd": 0,
        "valid_days": 30,
    },
    {
        "code": "birthday_black",
        "kind": "amount",
        "value": 200,
        "name": {
            "zh-TW": "黑卡生日禮折價券",
            "en": "Black birthday coupon",
            "ja": "ブラックお誕生日クーポン",
        },
        "headline": {"zh-TW": "折 NT$200", "en": "NT$200 off", "ja": "NT$200 引き"},
        "description": {
            "zh-TW": "生日快樂！黑卡會員專屬，直接折抵 NT$200。",
            "en": "Happy birthday! For Black members: NT$200 off.",
            "ja": "お誕生日おめでとうございます。ブラック会員限定、NT$200 引きます。",
        },
        "min_spend_twd": 0,
        "valid_days": 30,
    },
    {
        "code": "monthly_offer",
        "kind": "amount",
        "value": 10,
        "name": {"zh-TW": "當月優惠券", "en": "Monthly coupon", "ja": "今月のクーポン"},
        "headline": {"zh-TW": "折 NT$10", "en": "NT$10 off", "ja": "NT$10 引き"},
        "description": {
            "zh-TW": "會員每月一張，消費滿 NT$100 折抵 NT$10。",
            "en": "One a month for members: NT$10 off orders of NT$100 or more.",
            "ja": "会員様に毎月 1 枚。NT$100 以上のお会計から NT$10 引きます。",
        },
        "min_spend_twd": 100,
        "valid_days": 30,
    },
    {
        "code": "free_shipping",
        "kind": "free_shipping",
        "value": 0,
        "name": {"zh-TW": "免運券", "en": "Free delivery", "ja": "送料無料クーポン"},
        "headline": {"zh-TW": "免運費", "en": "Free delivery", "ja": "送料無料"},
        "description": {
            "zh-TW": "外送或宅配訂單的運費由我們負擔。",
            "en": "We pay the delivery of one order.",
            "ja": "ご注文 1 回分の送料が無料になります。",
        },
        "min_spend_twd": 0,
        "valid_days": 30,
    },
)

STAMP_SIZE = 10
STAMP_MIN_SPEND_TWD = 50
STAMP_REWARD = "stamp_reward"
NOTICE_VERSION = "1"


_FOR_ALL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("monthly_coupon", {"template": "monthly_offer"}),
)
_SILVER_AND_UP = (
    ("monthly_coupon", {"template": "free_shipping"}),
    ("early_access", {"hours": 24}),
)
MEMBER_DAYS = [8, 18, 28]
BENEFITS: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "basic": _FOR_ALL,
    "silver": (
        ("birthday_gift", {"template": "birthday_silver"}),
        *_FOR_ALL,
        *_SILVER_AND_UP,
    ),
    "gold": (
        ("points_multiplier", {"percent": 200, "month_days": MEMBER_DAYS}),
        ("birthday_gift", {"template": "birthday_gold"}),
        *_FOR_ALL,
        *_SILVER_AND_UP,
        ("gated_content", {}),
        ("service_queue", {"level": 1}),
    ),
    "black": (
        ("points_multiplier", {"percent": 300, "month_days": MEMBER_DAYS}),
        ("birthday_gift", {"template": "birthday_black"}),
        ("birthday_card", {}),
        *_FOR_ALL,
        *_SILVER_AND_UP,
        ("gated_content", {}),
        ("service_queue", {"level": 2}),
        ("invitation", {}),
    ),
}
"""Kind and terms of each tier's benefits, all of them: a tier does not inherit from those below.

A member-day rate stands for the tier's own rate on that day, because a new shop joins rates by
taking the highest.
"""


class Collector(TypedDict):
    """Who collects personal data and how to reach them, as the notice must say."""

    legal_name: str
    phone: str
    basic_id: str


def benefits(tier: dict[str, Any], earn_twd: int) -> dict[str, list[str]]:
    """Return what a tier of TIERS brings, a list of lines a language, at this earn rule.

    The lines of BENEFITS are made from its rows, so that a card says what the program keeps.
    """
    rows = [say_benefit(kind, terms, TEMPLATES) for kind, terms in BENEFITS[tier["code"]]]
    first, last = _everyones(earn_twd) if tier["rank"] == 0 else _risen(tier, earn_twd)
    return {
        language: [*first[language], *(row[language] for row in rows), *last[language]]
        for language in first
    }


Lines = dict[str, list[str]]


def _risen(tier: dict[str, Any], earn_twd: int) -> tuple[Lines, Lines]:
    """Return the first and the last lines of a tier above the lowest."""
    points = say_points(tier["points_percent"], earn_twd)
    return {language: [line] for language, line in points.items()}, {
        "zh-TW": [f"等級保留一年，集滿 {STAMP_SIZE} 點換飲品一杯"],
        "en": [f"Your tier is kept for a year; a free drink for every {STAMP_SIZE} stamps"],
        "ja": [f"会員ランクを 1 年間キープ、スタンプ {STAMP_SIZE} 個でドリンク 1 杯"],
    }


def say_points(percent: int, earn_twd: int) -> dict[str, str]:
    """Say in each language how many points a purchase brings at a tier's percentage."""
    if percent == WHOLE_PERCENT:
        return {
            "zh-TW": f"每筆消費每滿 NT${earn_twd} 得 1 點",
            "en": f"1 point for every full NT${earn_twd} of an order",
            "ja": f"お会計 NT${earn_twd} ごとに 1 ポイント",
        }
    times = f"{percent / WHOLE_PERCENT:g}"
    return {
        "zh-TW": f"點數 {times} 倍（每滿 NT${earn_twd} 得 {times} 點，每筆去尾數）",
        "en": f"{times}× points (per full NT${earn_twd}, rounded down per order)",
        "ja": f"ポイント {times} 倍（NT${earn_twd} ごと、お会計ごとに端数切り捨て）",
    }


def _everyones(earn_twd: int) -> tuple[Lines, Lines]:
    """Return the first and the last lines of the lowest tier."""
    points = say_points(WHOLE_PERCENT, earn_twd)
    return {
        "zh-TW": [points["zh-TW"], "入會禮折價券 NT$30", "生日禮折價券 NT$60"],
        "en": [points["en"], "NT$30 welcome coupon", "NT$60 birthday coupon"],
        "ja": [points["ja"], "入会特典クーポン NT$30", "お誕生日クーポン NT$60"],
    }, {
        "zh-TW": [f"集滿 {STAMP_SIZE} 點換飲品一杯"],
        "en": [f"A free drink for every {STAMP_SIZE} stamps"],
        "ja": [f"スタンプ {STAMP_SIZE} 個でドリンク 1 杯"],
    }


def say_benefit(
    kind: str, terms: dict[str, Any], templates: Sequence[dict[str, Any]]
) -> dict[str, str]:
    """Say one benefit, such as those of BENEFITS, in each language.

    `templates` are the coupons it may name, as in TEMPLATES.
    """
    if kind == "points_multiplier":
        return _member_day(terms["percent"], terms["month_days"])
    if kind in ("birthday_gift", "monthly_coupon"):
        return _coupon(kind, terms["template"], templates)
    if kind == "early_access":
        hours = terms["hours"]
        return {
            "zh-TW": f"新品與特賣提早 {hours} 小時購買",
            "en": f"New products and sales {hours} hours early",
            "ja": f"新商品とセールを {hours} 時間早く購入",
        }
    if kind == "service_queue" and terms["level"] > 1:
        return {
            "zh-TW": "聯絡客服最優先服務",
            "en": "Served before all others when you contact us",
            "ja": "お問い合わせに最優先で対応",
        }
    return _SAID[kind]


_SAID: dict[str, dict[str, str]] = {
    "service_queue": {
        "zh-TW": "聯絡客服優先服務",
        "en": "Served first when you contact us",
        "ja": "お問い合わせに優先で対応",
    },
    "gated_content": {
        "zh-TW": "會員專屬內容",
        "en": "Pages kept for members",
        "ja": "会員限定コンテンツ",
    },
    "invitation": {
        "zh-TW": "會員專屬活動邀請",
        "en": "Invitations to members' events",
        "ja": "会員限定イベントへのご招待",
    },
    "birthday_card": {
        "zh-TW": "店員手寫的生日卡",
        "en": "A birthday card written by hand",
        "ja": "手書きのバースデーカード",
    },
}


def _member_day(percent: int, month_days: list[int]) -> dict[str, str]:
    times = f"{percent / 100:g}"
    return {
        "zh-TW": f"會員日（每月 {'、'.join(map(str, month_days))} 日）點數 {times} 倍",
        "en": f"{times}× points on member days ({', '.join(map(str, month_days))} of each month)",
        "ja": f"会員デー（毎月 {'・'.join(map(str, month_days))} 日）はポイント {times} 倍",
    }


def _coupon(kind: str, code: str, templates: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Say a coupon by its name, and by what it takes off where it is money."""
    template = next(each for each in templates if each["code"] == code)
    name, value, least = template["name"], template["value"], template["min_spend_twd"]
    off = dict.fromkeys(name, "")
    if value:
        off = dict.fromkeys(name, f" NT${value}")
    if least:
        off = {
            "zh-TW": f"（滿 NT${least} 折 NT${value}）",
            "en": f" (NT${value} off NT${least})",
            "ja": f"（NT${least} 以上で NT${value} 引き）",
        }
    lead = {"zh-TW": "", "en": "", "ja": ""}
    if kind == "monthly_coupon":
        lead = {"zh-TW": "每月一張：", "en": "Every month: ", "ja": "毎月 1 枚："}
    return {language: f"{lead[language]}{name[language]}{off[language]}" for language in name}


def notice_items(collector: Collector) -> dict[str, list[list[str]]]:
    """Return the six items of Article 8 (個資法第 8 條第 1 項), as `[title, text]` a language."""
    return {
        "zh-TW": _notice_zh(**collector),
        "en": _notice_en(**collector),
        "ja": _notice_ja(**collector),
    }


def _notice_zh(legal_name: str, phone: str, basic_id: str) -> list[list[str]]:
    return [
        ["一、蒐集者", f"{legal_name}（以下稱本公司）。"],
        [
            "二、蒐集目的",
            "會員管理與服務：辦理入會、辨識會員、累積點數與集點、計算會員等級、發放與核銷優惠券、"
            "回覆詢問。行銷為另一目的：您另行同意後才會寄送優惠訊息，隨時可以停止。",
        ],
        [
            "三、個人資料類別",
            "姓名、手機號碼、生日、LINE 使用者識別碼與語言；消費的日期、門市與金額；"
            "點數與優惠券紀錄。",
        ],
        [
            "四、利用期間、地區、對象及方式",
            "期間：會員資格存續期間；退出後即刪除或去識別化，依法須保存的交易紀錄除外。"
            "地區：台灣，及 LINE 與本公司所用主機的所在地。"
            "對象：本公司、受託處理資料的廠商，及傳送訊息的 LINE。"
            "方式：以電子方式自動處理，及於門市由店員查詢。",
        ],
        [
            "五、您的權利與行使方式",
            "您可以查詢或閱覽、製給複製本、補充或更正、要求停止蒐集、處理或利用，以及刪除您的資料。"
            f"請在聊天室點「我的資料」，或透過官方帳號 {basic_id}、電話 {phone} 告訴我們。"
            "查閱與複製於 15 日內、更正與刪除於 30 日內答覆。",
        ],
        [
            "六、不提供的影響",
            "您可以自由決定是否提供。不提供姓名、手機或生日時，將無法加入會員、累積點數及領取優惠券，"
            "但仍可照常消費。",
        ],
    ]


def _notice_en(legal_name: str, phone: str, basic_id: str) -> list[list[str]]:
    return [
        ["1. Who collects", f"{legal_name} (“we”)."],
        [
            "2. Purpose",
            "Running the membership: joining, recognising members, points and stamps, tiers, "
            "giving and redeeming coupons, answering you. Marketing is a purpose of its own: we "
            "send offers only after you separately agree, and you can stop them at any time.",
        ],
        [
            "3. Categories of data",
            "Name, mobile number, birthday, LINE user ID and language; date, store and amount of "
            "purchases; records of points and coupons.",
        ],
        [
            "4. Period, area, recipients, manner",
            "Period: while you are a member; after you leave, data is deleted or made anonymous, "
            "except sales records the law has us keep. Area: Taiwan, and where LINE's and our "
            "servers stand. Recipients: we, processors working for us, and LINE, which delivers "
            "messages. "
            "Manner: automated electronic processing, and look-up by our staff in the stores.",
        ],
        [
            "5. Your rights and how to use them",
            "You may inquire about, view and get a copy of your data, supplement or correct it, "
            "have us stop collecting, processing or using it, and have it deleted. Tap “My "
            "details” in the "
            f"chat, or tell us via {basic_id} or by phone {phone}. We answer within 15 days for "
            "viewing and copies, within 30 days for correction and deletion.",
        ],
        [
            "6. If you do not provide it",
            "You are free to decide. Without name, mobile number and birthday you cannot join, "
            "earn points or receive coupons; you can of course still shop with us.",
        ],
    ]


def _notice_ja(legal_name: str, phone: str, basic_id: str) -> list[list[str]]:
    return [
        ["1. 収集者", f"{legal_name}（以下「当社」）。"],
        [
            "2. 利用目的",
            "会員サービスの提供：入会手続き、会員の確認、ポイントとスタンプ、会員ランク、クーポンの"
            "発行と利用、お問い合わせへの対応。お得な情報の配信は別の目的であり、別途同意いただいた"
            "場合に限ってお送りし、いつでも停止できます。",
        ],
        [
            "3. 個人データの種類",
            "氏名、携帯電話番号、生年月日、LINE ユーザー ID と言語、購入日・店舗・金額、"
            "ポイントとクーポンの記録。",
        ],
        [
            "4. 期間・地域・対象・方法",
            "期間：会員である間。退会後は、法令で保存が必要な取引記録を除き、削除または匿名化します。"
            "地域：台湾、および LINE と当社のサーバーの所在地。"
            "対象：当社、当社の業務委託先、およびメッセージを配信する LINE。"
            "方法：電子的な自動処理、および店舗スタッフによる照会。",
        ],
        [
            "5. お客様の権利と行使方法",
            "照会・閲覧、複製の請求、補足・訂正、収集・処理・利用の停止、削除を請求できます。"
            f"トークの「登録情報」から、または公式アカウント {basic_id}、電話 {phone} まで"
            "ご連絡ください。閲覧と複製は 15 日以内、訂正と削除は 30 日以内に回答します。",
        ],
        [
            "6. 提供しない場合の影響",
            "提供は任意です。氏名・携帯電話番号・生年月日をご提供いただけない場合、入会、ポイント、"
            "クーポンをご利用いただけませんが、お買い物は通常どおりできます。",
        ],
    ]
