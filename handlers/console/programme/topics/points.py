"""Earning points: the rules of double days and campaigns, and the policy that joins them (T12)."""

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
    conditions,
)
from models.earn_rule import EarnRule
from models.local_day import day_start, local_day
from models.offering import Row, Values
from models.offering.kinds import EARN_RULE, POINTS
from models.offering.replay import DAYS, Replayed, Rules, replay, with_policy, with_rule

CAMPAIGN_DAYS = 14


def _rule_words(t: Texts) -> Title:
    return Title(
        t("集點規則"),
        t("會員日加倍、滿額加點、品類加倍；同時符合幾條時，依「點數設定」的方式合併。"),
        t("集點規則"),
        t("沒有額外規則時，每筆消費依基本比例與等級倍數給點。"),
    )


def _rule_fields(desk: Desk, _row: Row | None) -> list[Field]:
    t = desk.t
    gives, when, who = t("給多少"), t("什麼時候"), t("哪些消費")
    return [
        Field(
            "name",
            t("名稱"),
            fields.TEXTS,
            group=gives,
            is_needed=True,
            hint=t("印在收據上，例如：會員日雙倍。"),
        ),
        Field(
            "percent",
            t("點數倍率"),
            fields.WHOLE,
            group=gives,
            least=100,
            most=1000,
            unit="%",
            is_needed=True,
            hint=t("200 是兩倍；要送固定點數時填 100。"),
        ),
        Field(
            "points",
            t("固定加點"),
            fields.WHOLE,
            group=gives,
            least=0,
            most=10_000,
            is_needed=True,
            hint=t("每次消費另加的點數；用倍率時填 0。"),
        ),
        Field("starts_at", t("開始"), fields.MOMENT, group=when, hint=t("不填就是馬上。")),
        Field("ends_at", t("結束"), fields.MOMENT, group=when, hint=t("不填就一直有效。")),
        Field(
            "weekdays",
            t("只在星期幾"),
            fields.NUMBERS,
            group=when,
            least=1,
            most=7,
            hint=t("星期一是 1，星期日是 7；例如：3, 6。不填就每天。"),
        ),
        Field(
            "month_days",
            t("只在每月幾日"),
            fields.NUMBERS,
            group=when,
            least=1,
            most=31,
            hint=t("例如會員日：8, 18, 28。"),
        ),
        Field(
            "min_spend_twd", t("最低消費"), fields.WHOLE, empty=0, group=who, least=0, unit="NT$"
        ),
        Field("tier_codes", t("限這些等級"), fields.MANY, group=who, options=desk.tiers),
        Field("store_codes", t("限這些門市"), fields.MANY, group=who, options=desk.stores),
        Field("channels", t("限這些通路"), fields.MANY, group=who, options=desk.channels),
        Field(
            "categories",
            t("限這些品類"),
            fields.WORDS,
            group=who,
            hint=t("用逗號分開；只有倍率可以限品類，依金額比例計算。"),
            more={"known": [(each, each) for each in desk.categories]},
        ),
        Field("is_active", t("啟用"), fields.FLAG, group=when),
    ]


def _rule_told(desk: Desk, row: Row) -> str:
    t = desk.t
    gives = (
        t("{times} 倍", times=f"{row.percent / 100:g}")
        if row.percent > 100
        else t("加 {points} 點", points=row.points)
    )
    days = ""
    if row.ends_at is not None:
        days = t("到 {moment}", moment=t.moment(row.ends_at))
    return " · ".join(part for part in (gives, conditions(desk, row), days) if part)


def _rule_effect(desk: Desk, values: Values, row: Row | None) -> list[Fact]:
    rule = EarnRule(code=row.code if row is not None else "", **values)
    return replay_facts(desk, with_rule(desk.programme, rule), desk.programme.shop.point_value_twd)


def _rule_stats(desk: Desk, _row: Row, figures: Mapping[str, Any]) -> list[Fact]:
    t = desk.t
    return [
        Fact(t("近 30 天用到"), t("{count} 筆", count=t.number(figures.get("sales", 0)))),
        Fact(t("這些消費給了"), t("{points} 點", points=t.number(figures.get("points", 0)))),
        Fact(t("這些消費"), t.money(figures.get("sales_twd", 0))),
    ]


def _rule_presets(desk: Desk) -> list[WhereToBegin]:
    t, today = desk.t, day_start(local_day(desk.now))
    plain: Values = {"percent": 100, "points": 0, "min_spend_twd": 0, "is_active": True}
    above = [code for code, _ in desk.tiers[1:]]
    return [
        (
            "member_day",
            t("會員日雙倍"),
            plain | {"name": {"zh-TW": t("會員日雙倍")}, "percent": 200, "month_days": [8, 18, 28]},
        ),
        (
            "upgrade_week",
            t("升等週加倍"),
            plain
            | {
                "name": {"zh-TW": t("升等週加倍")},
                "percent": 200,
                "starts_at": today,
                "ends_at": today + timedelta(days=CAMPAIGN_DAYS),
                "tier_codes": above,
            },
        ),
        (
            "spend_and_get",
            t("滿額加點"),
            plain | {"name": {"zh-TW": t("滿額加點")}, "points": 5, "min_spend_twd": 300},
        ),
    ]


def replay_facts(desk: Desk, other: Rules, point_twd: int) -> list[Fact]:
    """Return what recent sales would have brought under other rules."""
    t = desk.t
    found = replay(desk.session, desk.programme, other, desk.now)
    about = t("用近 {days} 天的消費各算一次", days=DAYS)
    if found.is_estimate:
        about = t("用近 {days} 天抽樣會員的消費各算一次，推估全體", days=DAYS)
    return [
        Fact(t("現在的規則給"), t("{points} 點", points=t.number(found.before)), about),
        Fact(t("改後給"), t("{points} 點", points=t.number(found.after)), _share(t, found)),
        Fact(
            t("每月多付"),
            t.money(found.difference * point_twd),
            t(
                "95% 區間 {low} 到 {high}",
                low=t.money(found.low * point_twd),
                high=t.money(found.high * point_twd),
            )
            if found.is_estimate
            else t("一點 {value}", value=t.money(point_twd)),
            tone="warning" if found.difference > 0 else "",
        ),
        Fact(
            t("影響的消費"),
            t("{count} 筆", count=t.number(found.touched)),
            t("共 {sales} 筆", sales=t.number(found.sales)),
        ),
    ]


def _share(t: Texts, found: Replayed) -> str:
    if not found.before:
        return ""
    return t("{percent}%", percent=t.signed(found.difference * 100 / found.before, 1))


def _policy_words(t: Texts) -> Title:
    return Title(
        t("點數設定"),
        t("基本比例、倍率怎麼合併、上限、效期與退貨；從下一筆消費開始生效。"),
        t("點數設定"),
        "",
    )


def _policy_fields(desk: Desk, _row: Row | None) -> list[Field]:
    t = desk.t
    earn, life, hand = t("給點"), t("效期與退貨"), t("帳務")
    joins = [
        ("max", t("取最高的一個")),
        ("add", t("加成相加")),
        ("multiply", t("全部相乘")),
    ]
    negative = [("floor", t("不再追討")), ("debt", t("記成負點，之後抵扣"))]
    return [
        Field(
            "earn_twd",
            t("多少元一點"),
            fields.WHOLE,
            group=earn,
            least=1,
            most=100_000,
            unit="NT$",
            is_needed=True,
        ),
        Field(
            "earn_stacking",
            t("倍率怎麼合併"),
            fields.CHOICE,
            group=earn,
            options=joins,
            is_needed=True,
            hint=t("例如等級 1.5 倍遇上會員日 2 倍：取最高 2 倍、相加 2.5 倍、相乘 3 倍。"),
        ),
        Field(
            "earn_cap_percent",
            t("倍率上限"),
            fields.WHOLE,
            group=earn,
            least=100,
            most=10_000,
            unit="%",
            hint=t("不填就沒有上限。"),
        ),
        Field(
            "earn_daily_cap",
            t("每人每天最多"),
            fields.WHOLE,
            group=earn,
            least=1,
            most=100_000,
            unit=t("點"),
            hint=t("不填就沒有上限。"),
        ),
        Field(
            "points_valid_months",
            t("效期"),
            fields.WHOLE,
            group=life,
            least=1,
            most=120,
            unit=t("個月"),
            is_needed=True,
            hint=t("用到滿期那個月的月底；已給的點不變。"),
        ),
        Field(
            "return_days",
            t("幾天後才能用"),
            fields.WHOLE,
            group=life,
            least=0,
            most=365,
            unit=t("天"),
            is_needed=True,
            hint=t("等鑑賞期過；0 是馬上可用。"),
        ),
        Field(
            "negative_points",
            t("退貨時點數已用掉"),
            fields.CHOICE,
            group=life,
            options=negative,
            is_needed=True,
        ),
        Field(
            "point_value_twd",
            t("一點值多少"),
            fields.WHOLE,
            group=hand,
            least=1,
            most=1000,
            unit="NT$",
            is_needed=True,
            hint=t("折抵與負債都用這個值。"),
        ),
        Field(
            "adjust_limit_points",
            t("一人一天可手動調整"),
            fields.WHOLE,
            group=hand,
            least=0,
            most=1_000_000,
            unit=t("點"),
            is_needed=True,
            hint=t("超過要第二個人同意。"),
        ),
    ]


def _policy_told(desk: Desk, row: Row) -> str:
    t = desk.t
    return t(
        "每 {amount} 一點，{months} 個月有效",
        amount=t.money(row.earn_twd),
        months=row.points_valid_months,
    )


def _policy_effect(desk: Desk, values: Values, _row: Row | None) -> list[Fact]:
    other = with_policy(
        desk.programme,
        earn_twd=values["earn_twd"],
        stacking=values["earn_stacking"],
        cap_percent=values["earn_cap_percent"],
        daily_cap=values["earn_daily_cap"],
    )
    return replay_facts(desk, other, values["point_value_twd"])


EARN_RULES = Topic(
    "earn-rules",
    EARN_RULE,
    "stars",
    _rule_words,
    _rule_fields,
    _rule_told,
    effect=_rule_effect,
    stats=_rule_stats,
    presets=_rule_presets,
)
POINTS_RULE = Topic(
    "points",
    POINTS,
    "coin",
    _policy_words,
    _policy_fields,
    _policy_told,
    effect=_policy_effect,
    is_closed=True,
)
