"""Stamp cards, and what points can be exchanged for."""

from collections.abc import Mapping
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
    reach_fact,
    tier_question,
)
from models.offering import Row, Values
from models.offering.kinds import REWARD, STAMP_CARD
from models.reward import USUAL_CANCEL_DAYS


def _card_words(t: Texts) -> Title:
    return Title(
        t("集點卡"),
        t("來店蓋章，滿一張換一份禮；格數發出後不能改，要改請做另一種卡。"),
        t("集點卡"),
        t("做一張集點卡，下一筆消費就開始蓋章。"),
    )


def _bonus_kinds(t: Texts) -> list[tuple[str, str]]:
    return [
        ("weekday", t("指定星期")),
        ("first_visit", t("第一次消費")),
        ("category", t("買某品類")),
        ("window", t("活動期間")),
    ]


def _card_fields(desk: Desk, row: Row | None) -> list[Field]:
    t = desk.t
    card, earns, when = t("卡片"), t("怎麼蓋章"), t("期間")
    has_members = row is not None and STAMP_CARD.is_used(desk.session, row)
    anywhere = [("", t("所有通路")), *desk.channels]
    return [
        Field("name", t("名稱"), fields.TEXTS, group=card, is_needed=True),
        Field(
            "size",
            t("一張幾格"),
            fields.WHOLE,
            group=card,
            least=2,
            most=50,
            is_needed=True,
            is_fixed=has_members,
        ),
        Field(
            "reward_template_id",
            t("集滿送"),
            fields.CHOICE,
            group=card,
            options=desk.coupon_ids,
            is_needed=True,
        ),
        Field(
            "min_spend_twd",
            t("最低消費"),
            fields.WHOLE,
            group=earns,
            least=0,
            unit="NT$",
            is_needed=True,
            hint=t("消費滿這個金額才蓋章；0 是每次都蓋。"),
        ),
        Field(
            "per_twd",
            t("每多少元一格"),
            fields.WHOLE,
            group=earns,
            least=1,
            unit="NT$",
            hint=t("不填是每次來店一格。"),
        ),
        Field(
            "bonuses",
            t("加碼"),
            fields.BONUSES,
            group=earns,
            more={"kind": [("", t("不加碼")), *_bonus_kinds(t)]},
        ),
        Field("channel", t("在哪裡蓋"), fields.CHOICE, group=earns, options=anywhere),
        Field(
            "card_days",
            t("一張卡幾天內集滿"),
            fields.WHOLE,
            group=when,
            least=1,
            most=3650,
            unit=t("天"),
            hint=t("從第一格算起，沒集滿就歸零；不填就不會過期。"),
        ),
        Field("starts_on", t("開始日"), fields.DAY, group=when),
        Field("ends_on", t("結束日"), fields.DAY, group=when, hint=t("這一天起不再蓋章。")),
        Field("is_active", t("啟用"), fields.FLAG, group=when),
    ]


def _card_told(desk: Desk, row: Row) -> str:
    t = desk.t
    earns = (
        t("每 {amount} 一格", amount=t.money(row.per_twd))
        if row.per_twd
        else t("滿 {amount} 一格", amount=t.money(row.min_spend_twd))
    )
    reward = desk.name(row.reward.name)
    return t("{size} 格換「{reward}」· {earns}", size=row.size, reward=reward, earns=earns)


def _card_stats(desk: Desk, _row: Row, figures: Mapping[str, Any]) -> list[Fact]:
    t = desk.t
    return [
        Fact(t("卡上有章的會員"), t.number(figures.get("members", 0))),
        Fact(t("已蓋"), t("{count} 格", count=t.number(figures.get("stamps", 0)))),
        Fact(t("集滿"), t("{count} 張", count=t.number(figures.get("full_cards", 0)))),
        Fact(t("只差一格"), t("{count} 人", count=t.number(figures.get("one_short", 0)))),
    ]


def _card_effect(desk: Desk, values: Values, row: Row | None) -> list[Fact]:
    t = desk.t
    bought = {"field": "purchases", "is": "at_least", "value": values["size"], "within_days": 365}
    label = t("照過去一年的來店次數，會集滿一張的會員")
    facts = [reach_fact(desk, bought, label, t("一年來店滿 {size} 次", size=values["size"]))]
    if row is not None and not values["is_active"]:
        held = desk.figures("stamp_card", row.code).get("members", 0)
        facts.append(Fact(t("卡上的章會留著"), t("{count} 人", count=t.number(held))))
    return facts


def _card_presets(desk: Desk) -> list[WhereToBegin]:
    t = desk.t
    return [
        (
            "ten",
            t("十格換一份"),
            {
                "name": {"zh-TW": t("十格集點卡")},
                "size": 10,
                "min_spend_twd": 60,
                "is_active": True,
            },
        ),
        (
            "double",
            t("平日雙倍蓋章"),
            {
                "name": {"zh-TW": t("平日雙倍集點卡")},
                "size": 10,
                "min_spend_twd": 60,
                "is_active": True,
                "bonuses": [{"kind": "weekday", "stamps": 1, "weekdays": [1, 2, 3]}],
            },
        ),
    ]


def _read_card(values: Values) -> Values:
    return values | {
        "reward_template_id": int(values["reward_template_id"]),
        "channel": values["channel"] or None,
    }


def _reward_words(t: Texts) -> Title:
    return Title(
        t("點數兌換"),
        t("會員用點數換券；點數、庫存與券一起變動，不會只扣其中一樣。"),
        t("兌換品"),
        t("先做一張兌換或贈品券，再訂要幾點換。"),
    )


def _reward_fields(desk: Desk, _row: Row | None) -> list[Field]:
    t = desk.t
    what, limit = t("兌換內容"), t("條件與數量")
    return [
        Field("name", t("名稱"), fields.TEXTS, group=what, is_needed=True),
        Field("description", t("說明"), fields.TEXTS, group=what, longest=300),
        Field(
            "template_id",
            t("換到的券"),
            fields.CHOICE,
            group=what,
            options=desk.coupon_ids,
            is_needed=True,
        ),
        Field(
            "cost_points",
            t("幾點"),
            fields.WHOLE,
            group=what,
            least=1,
            most=100_000,
            unit=t("點"),
            is_needed=True,
        ),
        Field(
            "stock_left",
            t("數量"),
            fields.WHOLE,
            group=limit,
            least=0,
            hint=t("不填就沒有上限；之後在頁面加減。"),
        ),
        Field("per_member_limit", t("每人最多"), fields.WHOLE, group=limit, least=1),
        Field("tier_codes", t("限這些等級"), fields.MANY, group=limit, options=desk.tiers),
        Field("starts_at", t("開始"), fields.MOMENT, group=limit),
        Field("ends_at", t("結束"), fields.MOMENT, group=limit),
        Field(
            "cancel_days",
            t("幾天內可取消"),
            fields.WHOLE,
            group=limit,
            least=0,
            most=365,
            unit=t("天"),
            is_needed=True,
            hint=t("還沒用的才能取消；0 是不能取消。"),
        ),
        Field("is_active", t("開放兌換"), fields.FLAG, group=limit),
    ]


def _reward_told(desk: Desk, row: Row) -> str:
    t = desk.t
    parts = [t("{points} 點", points=t.number(row.cost_points)), conditions(desk, row)]
    if row.stock_left is not None:
        parts.append(t("剩 {count}", count=t.number(row.stock_left)))
    return " · ".join(part for part in parts if part)


def _reward_stats(desk: Desk, _row: Row, figures: Mapping[str, Any]) -> list[Fact]:
    t = desk.t
    return [
        Fact(t("已兌換"), t.number(figures.get("exchanged", 0))),
        Fact(t("已使用"), t.number(figures.get("used", 0))),
        Fact(t("用掉點數"), t.number(figures.get("points", 0))),
        Fact(t("取消"), t.number(figures.get("cancelled", 0))),
    ]


def _reward_effect(desk: Desk, values: Values, row: Row | None) -> list[Fact]:
    t = desk.t
    able = _able(values["cost_points"], values["tier_codes"])
    facts = [reach_fact(desk, able, t("現在就換得起的會員"))]
    if row is not None and row.cost_points != values["cost_points"]:
        before = _able(row.cost_points, row.tier_codes)
        facts.append(reach_fact(desk, before, t("原本換得起的會員")))
    stock = values["stock_left"] if row is None else row.stock_left
    value = values["cost_points"] * desk.programme.shop.point_value_twd
    if stock is not None:
        facts.append(
            Fact(
                t("換完會用掉"),
                t("{points} 點", points=t.number(stock * values["cost_points"])),
                t("相當於負債減少 {amount}", amount=t.money(stock * value)),
            )
        )
    return facts


def _able(points: int, tiers: list[str]) -> dict[str, Any]:
    able: dict[str, Any] = {"field": "points", "is": "at_least", "value": points}
    asked = tier_question(tiers)
    return {"all": [able, asked]} if asked else able


def _reward_presets(desk: Desk) -> list[WhereToBegin]:
    usual: Values = {"cancel_days": USUAL_CANCEL_DAYS, "is_active": True}
    return [("usual", desk.t("點數兌換"), usual)]


def _read_reward(values: Values) -> Values:
    return values | {"template_id": int(values["template_id"])}


STAMP_CARDS = Topic(
    "stamp-cards",
    STAMP_CARD,
    "grid-3x3-gap",
    _card_words,
    _card_fields,
    _card_told,
    effect=_card_effect,
    stats=_card_stats,
    presets=_card_presets,
    settle=_read_card,
)
REWARDS = Topic(
    "rewards",
    REWARD,
    "bag-heart",
    _reward_words,
    _reward_fields,
    _reward_told,
    effect=_reward_effect,
    stats=_reward_stats,
    presets=_reward_presets,
    settle=_read_reward,
)
