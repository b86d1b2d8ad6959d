"""Lotteries with published odds (E-07), and invitations with rewards for both sides (B-20)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.texts import Texts
from handlers.console.programme import fields
from handlers.console.programme.desk import Desk
from handlers.console.programme.fields import Field
from handlers.console.programme.topic import (
    Fact,
    Title,
    Topic,
    WhereToBegin,
    brings_twd,
    brings_words,
    reach_fact,
)
from models.local_day import day_start, local_day
from models.offering import Row, Values
from models.offering.kinds import LOTTERY, REFERRAL

USUAL_DAYS = 14
RECENT_DAYS = 30


def _lottery_words(t: Texts) -> Title:
    return Title(
        t("抽獎"),
        t("機率公開、數量固定、每次抽獎都有紀錄可查；有人抽過之後，獎項不再改變。"),
        t("抽獎活動"),
        t("先定期間與抽獎券怎麼來，存好後再加獎項。"),
    )


def _lottery_fields(desk: Desk, row: Row | None) -> list[Field]:
    t = desk.t
    what, tickets = t("活動"), t("抽獎券怎麼來")
    has_draws = row is not None and LOTTERY.is_used(desk.session, row)
    return [
        Field("name", t("名稱"), fields.TEXTS, group=what, is_needed=True),
        Field("starts_at", t("開始"), fields.MOMENT, group=what, is_needed=True),
        Field("ends_at", t("結束"), fields.MOMENT, group=what, is_needed=True),
        Field(
            "is_open", t("開放"), fields.FLAG, group=what, hint=t("關閉後不再給券，也不能再抽。")
        ),
        Field(
            "purchase_twd",
            t("消費滿多少送一張"),
            fields.WHOLE,
            group=tickets,
            least=1,
            unit="NT$",
            hint=t("不填就不送；任務的獎勵也能給抽獎券。"),
        ),
        Field(
            "ticket_points",
            t("幾點買一張"),
            fields.WHOLE,
            group=tickets,
            least=1,
            unit=t("點"),
            hint=t("不填就不賣。"),
        ),
        Field(
            "ticket_day_cap",
            t("一天最多買幾張"),
            fields.WHOLE,
            group=tickets,
            least=1,
            most=100,
            is_needed=True,
        ),
        Field(
            "consolation",
            t("抽中已送完的獎時，改送"),
            fields.BRINGS,
            group=tickets,
            more=desk.brings(),
            is_fixed=has_draws,
        ),
    ]


def _lottery_told(desk: Desk, row: Row) -> str:
    t = desk.t
    parts = [t("{start} 到 {end}", start=t.moment(row.starts_at), end=t.moment(row.ends_at))]
    if row.purchase_twd:
        parts.append(t("滿 {amount} 一張", amount=t.money(row.purchase_twd)))
    if row.ticket_points:
        parts.append(t("{points} 點一張", points=row.ticket_points))
    return " · ".join(parts)


def _lottery_stats(desk: Desk, _row: Row, figures: Mapping[str, Any]) -> list[Fact]:
    t = desk.t
    return [
        Fact(t("抽獎券"), t.number(figures.get("tickets", 0))),
        Fact(t("參加的會員"), t.number(figures.get("members", 0))),
        Fact(t("已抽"), t.number(figures.get("draws", 0))),
        Fact(t("中獎"), t.number(figures.get("won", 0))),
        Fact(t("改送安慰獎"), t.number(figures.get("consoled", 0))),
    ]


def _lottery_effect(desk: Desk, values: Values, row: Row | None) -> list[Fact]:
    t = desk.t
    facts = []
    if values["purchase_twd"]:
        days = (values["ends_at"] - values["starts_at"]).days or 1
        bought = {"field": "purchases", "is": "at_least", "value": 1, "within_days": RECENT_DAYS}
        label = t("近 30 天有消費的會員")
        facts.append(reach_fact(desk, bought, label, t("活動 {days} 天", days=days)))
    if values["ticket_points"]:
        able = {"field": "points", "is": "at_least", "value": values["ticket_points"]}
        facts.append(reach_fact(desk, able, t("現在買得起一張的會員")))
    if row is not None and not values["is_open"] and row.is_open:
        figures = desk.figures("lottery", row.code)
        left = figures.get("tickets", 0) - figures.get("draws", 0)
        facts.append(Fact(t("還沒抽的券"), t.number(left), t("關閉後就不能抽"), tone="danger"))
    return facts


def _lottery_presets(desk: Desk) -> list[WhereToBegin]:
    t, today = desk.t, day_start(local_day(desk.now))
    usual: Values = {
        "starts_at": today,
        "ends_at": today + timedelta(days=USUAL_DAYS),
        "is_open": True,
        "ticket_day_cap": 3,
        "consolation": {"points": 5},
    }
    return [
        (
            "festival",
            t("節慶抽獎"),
            usual | {"name": {"zh-TW": t("節慶抽獎")}, "purchase_twd": 200},
        ),
        ("upgrade", t("升等抽獎"), usual | {"name": {"zh-TW": t("升等抽獎")}, "ticket_points": 20}),
    ]


def _referral_words(t: Texts) -> Title:
    return Title(
        t("推薦好友"),
        t("好友第一次（或第二次）消費、過了鑑賞期，兩邊才一起拿獎；退貨會自動收回。"),
        t("推薦規則"),
        "",
    )


def _referral_fields(desk: Desk, _row: Row | None) -> list[Field]:
    t = desk.t
    when, guard, gift = t("什麼時候給獎"), t("防濫用"), t("獎勵")
    orders = [("1", t("第一次消費")), ("2", t("第二次消費"))]
    return [
        Field("is_open", t("開放推薦"), fields.FLAG, group=when),
        Field("on_order", t("好友的"), fields.CHOICE, group=when, options=orders, is_needed=True),
        Field(
            "min_spend_twd",
            t("最低消費"),
            fields.WHOLE,
            group=when,
            least=0,
            unit="NT$",
            is_needed=True,
        ),
        Field(
            "wait_days",
            t("等幾天才給"),
            fields.WHOLE,
            group=when,
            least=0,
            most=90,
            unit=t("天"),
            is_needed=True,
            hint=t("等鑑賞期過。"),
        ),
        Field(
            "claim_days",
            t("加入後幾天內可填推薦碼"),
            fields.WHOLE,
            group=guard,
            least=0,
            most=90,
            unit=t("天"),
            is_needed=True,
        ),
        Field(
            "monthly_cap",
            t("每人每月最多算幾位"),
            fields.WHOLE,
            group=guard,
            least=1,
            most=1000,
            is_needed=True,
        ),
        Field("referrer_reward", t("推薦人得到"), fields.BRINGS, group=gift, more=desk.brings()),
        Field("friend_reward", t("好友得到"), fields.BRINGS, group=gift, more=desk.brings()),
    ]


def _referral_settle(values: Values) -> Values:
    return values | {"on_order": int(values["on_order"])}


def _referral_told(desk: Desk, row: Row) -> str:
    t = desk.t
    both = (brings_words(desk, row.referrer_reward), brings_words(desk, row.friend_reward))
    return t("推薦人 {one}；好友 {other}", one=both[0], other=both[1])


def _referral_stats(desk: Desk, _row: Row, _figures: Mapping[str, Any]) -> list[Fact]:
    t = desk.t
    names = {
        "claimed": t("填了推薦碼"),
        "qualified": t("已消費，等鑑賞期"),
        "rewarded": t("已給獎"),
        "refused": t("不符合"),
        "clawed_back": t("退貨收回"),
    }
    facts = []
    for state, label in names.items():
        found = desk.figures("referral_rule", state)
        recent = t("近 30 天 {count}", count=t.number(found.get("recent", 0)))
        facts.append(Fact(label, t.number(found.get("friends", 0)), recent))
    return facts


def _referral_effect(desk: Desk, values: Values, row: Row | None) -> list[Fact]:
    t = desk.t
    each = brings_twd(desk, values["referrer_reward"]) + brings_twd(desk, values["friend_reward"])
    both = [brings_words(desk, values[side]) for side in ("referrer_reward", "friend_reward")]
    facts = [
        Fact(t("帶來一位好友的點數成本"), t.money(each), t("；").join(both)),
        Fact(
            t("每人每月最多"),
            t.money(brings_twd(desk, values["referrer_reward"]) * values["monthly_cap"]),
        ),
    ]
    if row is not None:
        waiting = desk.figures("referral_rule", "qualified").get("friends", 0)
        facts.append(Fact(t("正在等給獎的好友"), t.number(waiting), t("到期時依那時的規則給獎")))
    return facts


LOTTERIES = Topic(
    "lotteries",
    LOTTERY,
    "dice-5",
    _lottery_words,
    _lottery_fields,
    _lottery_told,
    effect=_lottery_effect,
    stats=_lottery_stats,
    presets=_lottery_presets,
    extra="lottery",
)
REFERRALS = Topic(
    "referral",
    REFERRAL,
    "person-plus",
    _referral_words,
    _referral_fields,
    _referral_told,
    effect=_referral_effect,
    stats=_referral_stats,
    settle=_referral_settle,
    extra="referral",
    is_closed=True,
)
