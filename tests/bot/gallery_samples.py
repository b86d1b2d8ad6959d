"""One filled card of each template in the gallery, as a tea shop would send it."""

from __future__ import annotations

from typing import Any

from models.content import Facts

Json = dict[str, Any]

PICTURE = "https://pictures.tea-days.example/{}.jpg"
SHOP = "https://tea-days.example/{}"


def said(zh: str, en: str | None = None, ja: str | None = None) -> dict[str, str]:
    """Return a text in the languages that are told."""
    return {"zh-TW": zh} | ({"en": en} if en else {}) | ({"ja": ja} if ja else {})


def button(label: str, page: str) -> Json:
    """Return a button that opens a page of the shop."""
    return {"label": said(label, "See more", "詳しく"), "url": SHOP.format(page)}


FIELDS: dict[str, Json] = {
    "announcement": {
        "label": said("門市公告", "News", "お知らせ"),
        "title": said("永康店搬新家囉", "Our Yongkang shop has moved", "永康店が移転しました"),
        "body": said(
            "{name|親愛的朋友}，12/1 起我們在永康街 31 號等您。開幕三天第二杯半價，記得帶會員碼！",
            "{name|Dear friend}, from 1 December you find us at 31 Yongkang Street.",
            "{name|お客様}、12 月 1 日から永康街 31 号でお待ちしています。",
        ),
        "image": PICTURE.format("shop"),
        "button": button("看地圖", "yongkang"),
    },
    "new_product": {
        "label": said("新品上市", "New", "新商品"),
        "title": said("蜜香紅玉鮮奶茶", "Honey Ruby milk tea", "蜜香紅玉ミルクティー"),
        "price": said("NT$75"),
        "body": said(
            "日月潭紅玉遇上小農鮮乳，尾韻是淡淡的肉桂與薄荷。{name}，您常點的{favourite|奶茶}，今天換這杯試試？",
            "Sun Moon Lake Ruby black tea with fresh milk, for you who like {favourite}.",
        ),
        "image": PICTURE.format("drink"),
        "button": button("馬上訂一杯", "order"),
    },
    "story": {
        "label": said("茶園日記", "From the garden", "茶園だより"),
        "title": said("清晨五點，阿里山的第一籃茶菁", "Five in the morning on Alishan"),
        "body": said("霧還沒散，採茶的手已經暖了。這一季的春茶，留了一份給{name|您}。"),
        "image": PICTURE.format("garden"),
        "button": button("讀茶園的故事", "garden"),
    },
    "coupon": {
        "title": said("{name}，這張送您", "{name}, this one is yours", "{name}様へ"),
        "body": said("謝謝您一路喝到現在。結帳時出示就能使用，{coupon_ends} 前都有效。"),
        "coupon": "welcome",
        "image": PICTURE.format("shop"),
    },
    "points": {
        "title": said("{name}的點數", "{name}'s points", "{name}様のポイント"),
        "body": said("年底前用點數換一杯，暖手也暖心。", "Swap them for a drink this winter."),
        "button": {"label": said("用點數換好禮", "Rewards", "特典を見る"), "tap": "show_rewards"},
    },
    "birthday": {
        "title": said(
            "{name}，生日快樂！", "Happy birthday, {name}!", "{name}様、お誕生日おめでとう"
        ),
        "body": said("新的一歲，先從一杯喜歡的茶開始。這份小禮物送給您，祝您天天都是好日子。"),
        "coupon": "welcome",
    },
    "festival": {
        "title": said("中秋快樂", "Happy Mid-Autumn", "中秋の名月"),
        "symbol": said("🥮"),
        "colour": "#8A4B1F",
        "body": said("月圓人團圓。柚香青茶今晚開賣，配月餅剛剛好；四杯以上外送免運，闔家共享。"),
        "button": button("訂一組團圓茶", "moon"),
    },
    "event": {
        "title": said("冬日手沖茶體驗課", "A winter tea class", "冬のお茶教室"),
        "when": said("12/14（日）14:00 – 16:00", "Sun, 14 Dec, 14:00"),
        "where": said("茶日子 永康店 2 樓"),
        "seats": said("會員限定 12 位，免費"),
        "body": said("三款高山茶、一把側把壺，跟著茶師學會在家泡出門市的味道。"),
        "image": PICTURE.format("garden"),
        "button": {"label": said("我要報名", "Join", "申し込む"), "tap": "show_events"},
    },
    "win_back": {
        "title": said("{name}，好久不見", "{name}, we miss you", "{name}様、お久しぶりです"),
        "body": said(
            "已經 {days} 天沒見到您了。{favourite|您喜歡的那杯}還在菜單上，這張券等您回來用。"
        ),
        "coupon": "welcome",
    },
    "products": {
        "title": said("本週熱賣", "This week's favourites", "今週の人気"),
        "items": [
            {
                "image": PICTURE.format("drink"),
                "name": said("招牌奶茶"),
                "price": said("NT$55"),
                "note": said("每天賣出 300 杯的那一杯"),
                "button": button("訂一杯", "a"),
            },
            {
                "image": PICTURE.format("garden"),
                "name": said("四季春青茶"),
                "price": said("NT$35"),
                "note": said("清爽回甘，微糖最好喝"),
                "button": button("訂一杯", "b"),
            },
            {
                "image": PICTURE.format("shop"),
                "name": said("黑糖珍珠鮮奶"),
                "price": said("NT$70"),
                "button": button("訂一杯", "c"),
            },
        ],
    },
}


def card(template: str) -> Json:
    """Return the card as a part of content."""
    return {"type": "card", "template": template, "fields": FIELDS[template]}


def content(*messages: Json) -> Json:
    """Return content of these parts."""
    return {"schema": 1, "messages": list(messages)}


COUPON: Json = {
    "id": "12",
    "name": "招牌奶茶買一送一",
    "description": "大杯招牌奶茶買一送一",
    "kind": "item",
    "value_text": "買一送一",
    "code": "K7QX29MD4RWT",
    "valid_until": "2026-12-31",
    "valid_from": None,
    "min_spend_twd": 100,
    "state": "usable",
    "cap_twd": None,
    "days_after_opening": None,
    "combines": False,
    "pack_place": None,
}
SURVEY: Json = {
    "answer": 7,
    "kind": "nps",
    "question": "您會向朋友推薦茶日子嗎？",
    "reasons": [],
}


def facts(language: str = "zh-TW", **values: str | int) -> Facts:
    """Return the facts of one member, with a coupon and a survey of their own."""
    known: dict[str, str | int] = {
        "name": "林雅婷",
        "number": "820104417",
        "points": 1_280,
        "tier": "金葉會員",
        "next_tier": "琥珀會員",
        "gap": 720,
        "way_percent": 64,
        "favourite": "招牌奶茶",
        "days": 42,
        "last_visit": "2026-10-11",
        "coupon": "招牌奶茶買一送一",
        "coupon_code": "K7QX29MD4RWT",
        "coupon_ends": "2026-12-31",
    }
    return Facts(language, known | values, {"welcome": COUPON}, {"visit": SURVEY})
