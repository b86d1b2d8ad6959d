"""After a purchase: care, the day the next one is likely, and how it was."""

from models.base import said
from models.journey.templates.template import (
    SHOW_COUPONS,
    Survey,
    Template,
    asks,
    button,
    card,
    coupon,
    given,
    journey,
    send,
    wait,
    wait_hours,
    wait_until,
)

NEAR_TWD = 1_000
"""So little missing to the next tier is named in a reminder (B-13)."""
AFTER_PURCHASE, RECOMMEND = "after_purchase", "recommend"
REPURCHASE = {
    "code": "repurchase",
    "kind": "amount",
    "value": 15,
    "name": said("回購折價券", "Come-again coupon", "リピートクーポン"),
    "headline": said("折 NT$15", "NT$15 off", "NT$15 引き"),
    "description": said(
        "這幾天再來一杯，消費滿 NT$60 折抵 NT$15。",
        "NT$15 off orders of NT$60 or more, these days.",
        "期間中、NT$60 以上のお会計から NT$15 引きます。",
    ),
    "min_spend_twd": 60,
    "valid_days": 7,
}
_NEAR = {"field": "tier_gap", "is": "between", "value": [1, NEAR_TWD]}

CARE = Template(
    "care-and-offer",
    said(
        "購後關懷與預測回購日優惠", "Care, then an offer on the likely day", "ご購入後のケアと特典"
    ),
    said(
        "購買後第 7 天關懷，預測回購日再送券；退貨或再消費立刻停止。每人 90 天一次。",
        "Care seven days after a purchase, an offer on the day the next is likely. A refund or a"
        " purchase ends it; once in 90 days.",
        "購入 7 日後にごあいさつ、次の購入予測日に特典。返品や購入で終了、90 日に一度。",
    ),
    journey(
        {"on": "purchase"},
        wait("a_week", 7, "11:00"),
        send(
            "care",
            card(
                "announcement",
                title=said("上次還喜歡嗎？", "How was it?", "前回はいかがでしたか？"),
                body=said(
                    "{name}，謝謝您上次的光臨。有任何不滿意，直接回覆這裡，我們會處理到好。",
                    "{name}, thank you for coming. If anything was not right, just reply here.",
                    "{name} 様、先日はありがとうございました。お気づきの点はこちらへどうぞ。",
                ),
                button=button("show_purchases", "評分這次消費", "Rate it", "評価する"),
            ),
        ),
        wait_until("likely_day", "repurchase_on", 0, "11:00", when_past="go"),
        coupon("gift", "repurchase", otherwise=None),
        send(
            "offer",
            given(
                "coupon",
                title=said("差不多想喝了吧？", "About time for another?", "そろそろいかがですか？"),
                body=said(
                    "{name}，「{favourite|您的老樣子}」隨時為您準備。",
                    "{name}, {favourite|your usual} is ready whenever you are.",
                    "{name} 様、「{favourite|いつもの}」をご用意しております。",
                ),
            ),
        ),
        exit_when=["purchase", "refund"],
        reentry={"after_days": 90},
        priority=40,
        hold_minutes=720,
    ),
    coupons=(REPURCHASE,),
)

CYCLE = Template(
    "repurchase-cycle",
    said("回購週期提醒", "Repurchase reminder", "リピート時期のお知らせ"),
    said(
        "到了平常該再來的日子提醒一次；離下一等級不遠時，順便說還差多少。",
        "A reminder on the day one usually comes again; names the gap to the next tier when small.",
        "いつものご来店日にお知らせ。次のランクが近ければ不足額もお伝えします。",
    ),
    journey(
        {"on": "purchase"},
        wait_until("usual_day", "repurchase_on", 2, "14:00"),
        asks("is_near", _NEAR, yes="with_gap", no="plain"),
        {
            **send(
                "with_gap",
                card(
                    "points",
                    title=said("再一點就升等", "Almost there", "あと少しでランクアップ"),
                    body=said(
                        "{name}，再消費 {gap} 就升上{next_tier}，這次順路帶一杯？",
                        "{name}, {gap} more brings you to {next_tier}. On your way today?",
                        "{name} 様、あと {gap} で{next_tier}です。今日の一杯にいかがですか。",
                    ),
                    button=button("show_tier", "看我的等級", "My tier", "ランクを見る"),
                ),
            ),
            "next": None,
        },
        send(
            "plain",
            card(
                "announcement",
                title=said("好一陣子沒來一杯了", "Time for a cup", "そろそろ一杯"),
                body=said(
                    "{name}，距離上次已經 {days} 天，「{favourite|您的老樣子}」今天也是現做的。",
                    "{name}, it has been {days} days. {favourite|Your usual} is fresh today.",
                    "{name} 様、前回から {days} 日。「{favourite|いつもの}」をお作りします。",
                ),
                button=SHOW_COUPONS,
            ),
        ),
        exit_when=["purchase", "refund"],
        reentry={"after_days": 30},
        priority=38,
        hold_minutes=720,
    ),
)

_REASONS = {
    "taste": said("味道", "Taste", "味"),
    "service": said("服務", "Service", "接客"),
    "speed": said("等候時間", "Waiting time", "待ち時間"),
    "price": said("價格", "Price", "価格"),
    "other": said("其他", "Something else", "その他"),
}
SATISFACTION = Template(
    "satisfaction",
    said("購後滿意度（CSAT）", "Satisfaction (CSAT)", "満足度（CSAT）"),
    said(
        "購買隔天問一題；2 分以下開待辦，請店員主動聯絡。每人 60 天一次。",
        "One question the day after; two or less leaves a task to call. Once in 60 days.",
        "購入翌日に 1 問。2 点以下はスタッフのタスクに。60 日に一度。",
    ),
    journey(
        {"on": "purchase"},
        wait("next_day", 1, "12:00"),
        {"id": "ask", "do": "survey", "survey": AFTER_PURCHASE},
        wait("two_days", 2, "12:00"),
        asks(
            "unhappy",
            {"field": "csat", "is": "at_most", "value": 2, "within_days": 7},
            yes="call",
            no=None,
        ),
        {
            "id": "call",
            "do": "task",
            "what": said(
                "滿意度 2 分以下：主動關心並記錄原因",
                "Rated 2 or less: ask what went wrong",
                "満足度 2 以下：ご連絡して理由を記録",
            ),
            "days": 2,
        },
        exit_when=["refund"],
        reentry={"after_days": 60},
        priority=25,
        hold_minutes=1_440,
    ),
    surveys={
        AFTER_PURCHASE: Survey(
            "csat",
            said("購後滿意度", "Satisfaction after a purchase", "購入後の満足度"),
            said(
                "上次的消費，您滿意嗎？",
                "How satisfied were you last time?",
                "前回のご利用はいかがでしたか？",
            ),
            _REASONS,
        )
    },
)

LIKELY_FRIENDS = Template(
    "recommend",
    said("活躍客推薦度（NPS）", "Would you recommend us? (NPS)", "推奨度（NPS）"),
    said(
        "成為活躍客時問一次會不會推薦；9 分以上邀請好友。半年一次。",
        "Who becomes active is asked once; nine or more are invited to bring friends. Half-yearly.",
        "アクティブになった方に一度。9 点以上の方にご紹介をお願い。半年に一度。",
    ),
    journey(
        {"on": "class_entered", "class": "nasld:active", "from_time": "12:00"},
        {"id": "ask", "do": "survey", "survey": RECOMMEND},
        wait_hours("a_day", 24),
        asks(
            "promoter",
            {"field": "nps", "is": "at_least", "value": 9, "within_days": 7},
            yes="invite",
            no=None,
        ),
        send(
            "invite",
            card(
                "announcement",
                title=said("把喜歡的分享給朋友", "Share what you like", "お友だちにもどうぞ"),
                body=said(
                    "謝謝您願意推薦！朋友用您的推薦碼入會，雙方都有禮。",
                    "Thank you! A friend who joins with your code brings a gift to both of you.",
                    "ありがとうございます。紹介コードで入会されると、お二人に特典があります。",
                ),
                button=button("show_referral", "我的推薦碼", "My code", "紹介コード"),
            ),
        ),
        reentry={"after_days": 180},
        priority=22,
        hold_minutes=1_440,
    ),
    surveys={
        RECOMMEND: Survey(
            "nps",
            said("推薦度", "Recommendation", "推奨度"),
            said(
                "您會把我們推薦給朋友嗎？0 是完全不會，10 是一定會。",
                "Would you recommend us to a friend? 0 is not at all, 10 is certainly.",
                "お友だちに勧めたいと思いますか？0 はまったく、10 はぜひ。",
            ),
            _REASONS,
        )
    },
)

RETURNING = (CARE, CYCLE, SATISFACTION, LIKELY_FRIENDS)
