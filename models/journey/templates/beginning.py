"""The way of a new member: welcome, first purchase, what to know, and what one looked at."""

from models.base import said
from models.journey.templates.template import (
    SHOW_COUPONS,
    Template,
    asks,
    button,
    card,
    coupon,
    given,
    journey,
    send,
    text,
    wait,
    wait_hours,
)

FIRST_PURCHASE = {
    "code": "first_purchase",
    "kind": "amount",
    "value": 25,
    "name": said("首購折價券", "First-order coupon", "初回購入クーポン"),
    "headline": said("折 NT$25", "NT$25 off", "NT$25 引き"),
    "description": said(
        "第一次消費就能用，直接折抵 NT$25。",
        "NT$25 off your first order.",
        "初めてのお会計から NT$25 引きます。",
    ),
    "min_spend_twd": 0,
    "valid_days": 14,
}


def _bought(times: int) -> dict[str, object]:
    return {"field": "purchases", "is": "is", "value": times}


WELCOME = Template(
    "welcome",
    said("歡迎新會員（三張券）", "Welcome with three coupons", "ようこそ（クーポン 3 枚）"),
    said(
        "入會隔天介紹人氣商品，之後提醒三張入會券：一次用一張，用了才有下一張。",
        "The day after joining, what sells best; later the three welcome coupons, one a visit.",
        "入会翌日に人気商品をご案内。その後、1 回に 1 枚の入会クーポン 3 枚をお知らせします。",
    ),
    journey(
        {"on": "joined"},
        wait("a_day_on", 1, "11:00"),
        send(
            "hello",
            text(
                "{name}，歡迎加入！最近 30 天大家最愛的是：\n{bestsellers|招牌飲品}\n"
                "您的三張入會禮已在錢包裡：一次用一張，用完一張，下一張就會解鎖。",
                "Welcome, {name}! Everybody's favourites of the last 30 days:\n"
                "{bestsellers|our classics}\n"
                "Your three welcome coupons are in your wallet: one a visit, and each unlocks"
                " the next.",
                "{name} 様、ようこそ！ここ 30 日の人気はこちらです。\n"
                "{bestsellers|定番ドリンク}\n"
                "入会特典のクーポン 3 枚をお届けしました。1 回に 1 枚、使うと次の 1 枚が開きます。",
            ),
            card(
                "announcement",
                title=said("入會禮三張券", "Three welcome coupons", "入会特典 3 枚"),
                body=said(
                    "第一張現在就能用，到店出示優惠券即可。",
                    "The first is good now: just show it at the counter.",
                    "1 枚目は今すぐ使えます。レジでご提示ください。",
                ),
                button=SHOW_COUPONS,
            ),
        ),
        wait("two_weeks", 13, "11:00"),
        asks("came_once", _bought(1), yes="second", no="three_weeks"),
        send(
            "second",
            card(
                "announcement",
                title=said(
                    "第二張入會券解鎖了", "Your second coupon is open", "2 枚目が開きました"
                ),
                body=said(
                    "{name}，第二張比第一張更划算，趁還沒到期再來一杯吧！",
                    "{name}, the second one is worth more than the first. Come before it ends!",
                    "{name} 様、2 枚目は 1 枚目よりお得です。期限までにぜひどうぞ。",
                ),
                button=SHOW_COUPONS,
            ),
        ),
        wait("three_weeks", 8, "11:00"),
        asks("came_twice", _bought(2), yes="third", no=None),
        send(
            "third",
            card(
                "announcement",
                title=said("最後一張入會券", "The last welcome coupon", "最後の入会クーポン"),
                body=said(
                    "{name}，最大的一張留在最後：別讓它過期了。",
                    "{name}, the best one comes last. Do not let it expire.",
                    "{name} 様、いちばんお得な 1 枚が残っています。お忘れなく。",
                ),
                button=SHOW_COUPONS,
            ),
        ),
        priority=65,
        hold_minutes=120,
    ),
)

FIRST_ORDER = Template(
    "first-purchase",
    said("註冊未購買：首購優惠", "Registered, not bought: a first offer", "登録のみ：初回特典"),
    said(
        "入會滿 7 天還沒消費，送首購券；到期前再提醒一次。一有訂單立刻停止。",
        "Seven days without an order bring a coupon and one reminder; an order ends it at once.",
        "入会 7 日間ご購入がなければ初回特典。期限前に一度お知らせし、購入後は止まります。",
    ),
    journey(
        {"on": "no_order", "days": 7, "from_time": "11:00"},
        coupon("gift", FIRST_PURCHASE["code"], otherwise=None),  # type: ignore[arg-type]
        send(
            "offer",
            given(
                "coupon",
                title=said("第一杯，我們請一點", "Your first one, a little on us", "最初の一杯に"),
                body=said(
                    "{name}，還沒想到喝什麼？人氣推薦：\n{bestsellers|招牌飲品}",
                    "{name}, what shall it be? Everybody's favourites:\n{bestsellers|our classics}",
                    "{name} 様、お迷いでしたらこちらを。\n{bestsellers|定番ドリンク}",
                ),
            ),
        ),
        wait("a_week", 7, "11:00"),
        send(
            "last_call",
            given(
                "coupon",
                title=said("首購券快到期了", "Your coupon is about to end", "まもなく期限です"),
            ),
        ),
        exit_when=["purchase", "coupon_used"],
        priority=50,
        hold_minutes=240,
    ),
    coupons=(FIRST_PURCHASE,),
)

BROWSED = Template(
    "browsed-not-bought",
    said("瀏覽未購買", "Looked, did not buy", "閲覧のみ"),
    said(
        "從未購買的會員在網店看了商品，3 小時後提醒一次；一有訂單立刻停止。",
        "Who never bought and looked at something is reminded once; an order ends it at once.",
        "未購入の会員が商品を閲覧した 3 時間後に一度お知らせ。購入後は止まります。",
    ),
    journey(
        {"on": "browsed", "never_bought": True},
        wait_hours("a_while", 3),
        send(
            "still_thinking",
            card(
                "announcement",
                title=said("還在考慮嗎？", "Still thinking about it?", "お迷いですか？"),
                body=said(
                    "您看過的「{item_name|商品}」還在等您。有問題歡迎直接在這裡問我們。",
                    "{item_name|What you looked at} is still there. Ask us anything, right here.",
                    "ご覧の「{item_name|商品}」をご用意しています。ご質問はこちらへどうぞ。",
                ),
                button=SHOW_COUPONS,
            ),
        ),
        exit_when=["purchase"],
        reentry={"after_days": 14},
        priority=45,
        hold_minutes=60,
    ),
)

KNOWLEDGE = Template(
    "new-member-series",
    said("首購後的知識系列", "What to know after a first purchase", "初回購入後の読みもの"),
    said(
        "首購後第 2、6、10 天各一則：怎麼喝最好喝、怎麼累積、推薦試試看。",
        "Three short letters after a first purchase: how to enjoy it, how to collect, what next.",
        "初回購入の 2・6・10 日後に一通ずつ。楽しみ方、ためかた、次のおすすめ。",
    ),
    journey(
        {"on": "purchase", "first_only": True},
        wait("day_2", 2, "15:00"),
        send(
            "how_to_enjoy",
            card(
                "announcement",
                title=said("甜度冰塊怎麼選？", "How sweet, how much ice?", "甘さと氷の選び方"),
                body=said(
                    "純茶微糖少冰最能喝出茶香；奶茶半糖剛好；水果茶建議正常甜，冰塊融化後也不會淡。",
                    "Plain tea: little sugar, little ice. Milk tea: half sugar. Fruit tea: regular,"
                    " so that melting ice does not thin it.",
                    "ストレートは微糖・氷少なめ、ミルクティーは半糖、フルーツティーは"
                    "通常の甘さがおすすめです。",
                ),
                button=button("show_card", "出示會員卡", "My card", "会員カード"),
            ),
        ),
        wait("day_6", 4, "15:00"),
        send(
            "how_to_collect",
            card(
                "points",
                title=said("點數這樣累積最快", "How to collect faster", "ポイントのためかた"),
                body=said(
                    "每次結帳前出示會員卡就會累積；完成任務、邀請好友也有點數。",
                    "Show your card before you pay. Missions and friends bring points too.",
                    "お会計前に会員カードをご提示ください。ミッションやご紹介でもたまります。",
                ),
                button=button("show_missions", "看任務", "Missions", "ミッション"),
            ),
        ),
        wait("day_10", 4, "15:00"),
        send(
            "what_next",
            text(
                "{name}，喜歡「{favourite|您點的那一杯}」的人，也常點：\n{bestsellers|招牌飲品}\n"
                "下次試試看吧！",
                "{name}, those who like {favourite|what you had} often take:\n"
                "{bestsellers|our classics}\nTry one next time!",
                "{name} 様、「{favourite|あの一杯}」がお好きな方には\n{bestsellers|定番ドリンク}\n"
                "も人気です。次回ぜひ。",
            ),
        ),
        exit_when=["refund"],
        priority=20,
        hold_minutes=1_440,
    ),
)

BEGINNING = (WELCOME, FIRST_ORDER, BROWSED, KNOWLEDGE)
