"""What a date brings: a birthday, a festival, and things that are about to end."""

from models.base import said
from models.festival import KNOWN
from models.journey.templates.template import (
    Template,
    button,
    card,
    coupon,
    given,
    journey,
    send,
)

GREETED = (
    "new_year",
    "spring_festival",
    "lantern",
    "valentine",
    "mothers_day",
    "dragon_boat",
    "fathers_day",
    "qixi",
    "mid_autumn",
    "winter_solstice",
    "christmas",
)
"""Festivals on which a cheerful greeting is right; 清明 and 中元 are not among them."""
assert set(GREETED) <= set(KNOWN)

BIRTHDAY = Template(
    "birthday",
    said("生日禮", "Birthday gift", "お誕生日ギフト"),
    said(
        "生日當天送依等級的生日券，每位會員都有；訊息只給同意行銷的人。2/29 在平年提前一天。",
        "On the day a coupon by tier for every member; the message only to who allows marketing.",
        "当日にランク別クーポンを全員へ。メッセージは販促に同意した方のみ。",
    ),
    journey(
        {"on": "birthday"},
        coupon("gift", {"fact": "template"}, key="cause", otherwise=None),
        send(
            "wish",
            given(
                "birthday",
                title=said("{name}，生日快樂！", "Happy birthday, {name}!", "{name} 様"),
                body=said(
                    "這杯我們請客，祝您天天都有好心情。",
                    "This one is on us. Have a wonderful day.",
                    "お誕生日おめでとうございます。ささやかですが、お受け取りください。",
                ),
            ),
            purpose="birthday_gift",
            key="cause",
        ),
        reentry="each",
        needs_consent=False,
        holdout_percent=0,
        grace_minutes=660,
        priority=90,
    ),
)

COUPON_EXPIRY = Template(
    "coupon-expiry",
    said("優惠券到期提醒", "Coupon about to end", "クーポン期限のお知らせ"),
    said(
        "到期前 3 天提醒，同一天到期的合成一則；用掉了就不提醒。",
        "Three days before, all of a day in one message; a used coupon is not told of.",
        "期限の 3 日前に、同じ日の分をまとめて。使用済みはお知らせしません。",
    ),
    journey(
        {"on": "coupon_ending", "days": 3, "from_time": "11:00"},
        send(
            "remind",
            given(
                "coupon",
                title=said("優惠券快到期了", "About to end", "まもなく期限です"),
                body=said(
                    "您有 {count} 張優惠券即將到期，最早 {ends_on}。",
                    "{count} of your coupons are about to end, the first on {ends_on}.",
                    "まもなく期限のクーポンが {count} 枚あります（最短 {ends_on}）。",
                ),
            ),
            purpose="coupon_expiry",
            useful_hours=9,
        ),
        exit_when=["coupon_used"],
        reentry="each",
        holdout_percent=0,
        grace_minutes=540,
        priority=70,
    ),
)

POINTS_EXPIRY = Template(
    "points-expiry",
    said("點數到期提醒", "Points about to end", "ポイント期限のお知らせ"),
    said(
        "點數到期前 14 天提醒，10 點以上才發；用完就不提醒。",
        "Fourteen days before, from ten points on; what was spent is not told of.",
        "期限の 14 日前、10 ポイント以上の方に。使用済みはお知らせしません。",
    ),
    journey(
        {"on": "points_ending", "days": 14, "at_least": 10, "from_time": "11:00"},
        send(
            "remind",
            card(
                "announcement",
                title=said("點數快到期了", "Your points are about to end", "ポイントの期限です"),
                body=said(
                    "您有 {points_ending} 點在 {ends_on} 到期，換個禮物吧！",
                    "{points_ending} of your points end on {ends_on}. Time for a reward!",
                    "{points_ending} ポイントが {ends_on} に失効します。特典と交換しませんか。",
                ),
                button=button("show_rewards", "看兌換禮", "Rewards", "特典を見る"),
            ),
        ),
        exit_when=["points_spent"],
        reentry="each",
        priority=55,
        hold_minutes=1_440,
    ),
)

STAMPS_ENDING = Template(
    "stamps-ending",
    said("集點卡到期提醒", "Stamps about to end", "スタンプ期限のお知らせ"),
    said(
        "集點卡到期前 7 天提醒還差幾點。",
        "Seven days before a stamp card lapses: how many stamps are missing.",
        "スタンプカードの期限 7 日前に、あと何個かをお知らせします。",
    ),
    journey(
        {"on": "stamps_ending", "days": 7, "from_time": "11:30"},
        send(
            "remind",
            card(
                "announcement",
                title=said(
                    "集點卡快到期了", "Your stamp card ends soon", "カードの期限が近づいています"
                ),
                body=said(
                    "「{programme_name}」已集 {stamps}／{size}，再 {missing} 點就換"
                    "「{reward_name}」，{ends_on} 前有效。",
                    "{programme_name}: {stamps} of {size}. {missing} more for {reward_name},"
                    " through {ends_on}.",
                    "「{programme_name}」{stamps}／{size}。あと {missing} 個で「{reward_name}」、"
                    "{ends_on} まで有効です。",
                ),
                button=button("show_stamps", "看集點卡", "My stamps", "スタンプを見る"),
            ),
            key="cause",
            useful_hours=9,
        ),
        reentry="each",
        holdout_percent=0,
        grace_minutes=540,
        priority=60,
    ),
)


def _plan_renewal(code: str, days: int, about: dict[str, str]) -> Template:
    return Template(
        code,
        said(
            f"付費方案續約提醒（{days} 天前）",
            f"Paid plan renewal ({days} days before)",
            f"有料プラン更新のお知らせ（{days} 日前）",
        ),
        about,
        journey(
            {"on": "plan_ending", "days": days, "from_time": "10:45"},
            send(
                "remind",
                card(
                    "announcement",
                    title=said(
                        "會員方案快到期了", "Your plan ends soon", "プランの期限が近づいています"
                    ),
                    body=said(
                        "「{plan_name}」到 {ends_on} 為止，會費 NT${fee_twd}。在這裡就能續約，"
                        "權益不中斷。",
                        "{plan_name} is good through {ends_on}; the fee is NT${fee_twd}. Renew here"
                        " and keep your benefits.",
                        "「{plan_name}」は {ends_on} まで、会費 NT${fee_twd}。"
                        "こちらから更新できます。",
                    ),
                    button=button("show_plans", "續約", "Renew", "更新する"),
                ),
                key="cause",
                useful_hours=72,
            ),
            kind="service",
            exit_when=["plan_renewed"],
            reentry="each",
            holdout_percent=0,
        ),
    )


PLAN_RENEWAL = _plan_renewal(
    "plan-renewal",
    14,
    said(
        "到期前 14 天提醒續約（服務通知）；已續約或取消就不發。",
        "A service notice 14 days before; not where it was renewed or cancelled.",
        "期限の 14 日前に更新のご案内（サービス通知）。更新・解約済みには送りません。",
    ),
)
PLAN_RENEWAL_LAST = _plan_renewal(
    "plan-renewal-last",
    3,
    said(
        "到期前 3 天最後提醒續約（服務通知）；已續約或取消就不發。",
        "The last service notice, 3 days before; not where it was renewed or cancelled.",
        "期限の 3 日前に最後のご案内（サービス通知）。更新・解約済みには送りません。",
    ),
)

FESTIVAL_COUPON = {
    "code": "festival",
    "kind": "amount",
    "value": 20,
    "name": said("佳節折價券", "Festival coupon", "季節のクーポン"),
    "headline": said("折 NT$20", "NT$20 off", "NT$20 引き"),
    "description": said(
        "佳節限定，消費滿 NT$100 折抵 NT$20。",
        "For the season: NT$20 off orders of NT$100 or more.",
        "季節限定。NT$100 以上のお会計から NT$20 引きます。",
    ),
    "min_spend_twd": 100,
    "valid_days": 10,
}
FESTIVALS = Template(
    "festivals",
    said("節慶問候", "Festival greetings", "季節のごあいさつ"),
    said(
        "春節、端午、中秋等 11 個節日前 3 天，祝賀並送佳節券；農曆日期自動計算。",
        "Three days before eleven festivals, a greeting with a coupon; lunar days are computed.",
        "旧正月・端午・中秋など 11 の行事の 3 日前に、ごあいさつとクーポンを。",
    ),
    journey(
        {"on": "festival", "festivals": list(GREETED), "days_before": 3},
        send(
            "greet",
            card(
                "festival",
                title=said("佳節愉快", "Season's greetings", "季節のごあいさつ"),
                body=said(
                    "{name}，{festival_name|佳節}快到了，祝您與家人平安喜樂。",
                    "{name}, {festival_name|the season} is near. Our best wishes to you and yours.",
                    "{name} 様、{festival_name|季節の行事}が近づきました。よき日となりますように。",
                ),
                symbol=said("🍵", "🍵", "🍵"),
                coupon="festival",
            ),
        ),
        reentry="each",
        priority=30,
        hold_minutes=720,
        grace_minutes=1_440,
    ),
    coupons=(FESTIVAL_COUPON,),
)

DATES = (
    BIRTHDAY,
    COUPON_EXPIRY,
    POINTS_EXPIRY,
    STAMPS_ENDING,
    PLAN_RENEWAL,
    PLAN_RENEWAL_LAST,
    FESTIVALS,
)
