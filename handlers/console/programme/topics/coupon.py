"""Coupons: what they promise, whom they admit, how many there are, and how they did (C-01)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from bot.texts import Texts
from handlers.console.programme import fields
from handlers.console.programme.desk import Desk
from handlers.console.programme.fields import Field
from handlers.console.programme.topic import (
    MARKET,
    Fact,
    Title,
    Topic,
    WhereToBegin,
    conditions,
    reach_fact,
    tier_question,
)
from models.coupon import ALONE, WITH_OTHERS, list_templates
from models.local_day import day_start, local_day
from models.member import Member
from models.offering import Row, Values
from models.offering.kinds import COUPON
from models.offering.use import uses_of_coupon

PERCENT_WHOLE = 100
DISCOUNTS = "discounts"
"""A group of coupons of which one sale takes one."""


def _words(t: Texts) -> Title:
    return Title(
        t("優惠券"),
        t("折抵、打折、兌換與贈品；發出後內容不再改變，要改請複製一張新的。"),
        t("優惠券"),
        t("先做一張券，再到分群、行銷活動或旅程把它發出去。"),
    )


def kind_names(t: Texts) -> list[tuple[str, str]]:
    """Name the kinds of coupons."""
    return [
        ("amount", t("折抵金額")),
        ("percent", t("打折（百分比）")),
        ("item", t("兌換品項")),
        ("gift", t("贈品")),
        ("free_shipping", t("免運費")),
    ]


def _fields(desk: Desk, row: Row | None) -> list[Field]:
    fixed = COUPON.fixed if row is not None and COUPON.is_used(desk.session, row) else frozenset()
    found = [*_promise(desk), *_clock(desk), *_limits(desk), *_conditions(desk)]
    return [
        Field(**{**vars(each), "is_fixed": True}) if each.name in fixed else each for each in found
    ]


def _promise(desk: Desk) -> list[Field]:
    t = desk.t
    group = t("優惠內容")
    return [
        Field(
            "name", t("名稱"), fields.TEXTS, group=group, is_needed=True, hint=t("會員看到的名稱。")
        ),
        Field(
            "headline",
            t("大字優惠"),
            fields.TEXTS,
            group=group,
            is_needed=True,
            longest=20,
            hint=t("兩三個大字，例如：折 NT$50、8 折、買一送一。"),
        ),
        Field("description", t("說明"), fields.TEXTS, group=group, longest=300),
        Field("kind", t("種類"), fields.CHOICE, group=group, options=kind_names(t), is_needed=True),
        Field(
            "value",
            t("折多少"),
            fields.WHOLE,
            empty=0,
            group=group,
            least=0,
            most=100_000,
            hint=t("折抵金額填 NT$；打折填減少的百分比（8 折填 20）；其他種類填 0。"),
        ),
        Field(
            "cap_twd",
            t("最多折"),
            fields.WHOLE,
            group=group,
            least=1,
            unit="NT$",
            hint=t("只用於打折；不填就沒有上限。"),
        ),
        Field(
            "item_sku",
            t("品項貨號"),
            fields.TEXT,
            group=group,
            hint=t("兌換或贈送的商品貨號；不填由店員判斷。"),
        ),
        Field(
            "min_spend_twd", t("最低消費"), fields.WHOLE, empty=0, group=group, least=0, unit="NT$"
        ),
    ]


def _clock(desk: Desk) -> list[Field]:
    t = desk.t
    group = t("有效期間")
    clocks = [
        ("receipt", t("收到後起算幾天")),
        ("window", t("固定的一段時間")),
        ("opening", t("打開後起算幾天")),
    ]
    return [
        Field("clock", t("怎麼算"), fields.CHOICE, group=group, options=clocks, is_needed=True),
        Field(
            "valid_days",
            t("有效天數"),
            fields.WHOLE,
            group=group,
            least=1,
            most=3650,
            hint=t("收到或打開那天起，用到第幾天的晚上。"),
        ),
        Field(
            "open_within_days",
            t("幾天內要打開"),
            fields.WHOLE,
            group=group,
            least=1,
            most=3650,
            hint=t("只用於「打開後起算」。"),
        ),
        Field(
            "starts_at", t("開始"), fields.MOMENT, group=group, hint=t("只用於「固定的一段時間」。")
        ),
        Field(
            "ends_at",
            t("結束"),
            fields.MOMENT,
            group=group,
            hint=t("這個時間起就不能用；之後也不再發出。"),
        ),
    ]


def _limits(desk: Desk) -> list[Field]:
    t = desk.t
    group = t("數量")
    return [
        Field(
            "stock_left",
            t("總張數"),
            fields.WHOLE,
            group=group,
            least=0,
            hint=t("不填就沒有上限；之後在券的頁面加減。"),
        ),
        Field("per_member_limit", t("每人最多"), fields.WHOLE, group=group, least=1),
        Field("per_day_limit", t("每天最多發"), fields.WHOLE, group=group, least=1),
        Field(
            "is_active",
            t("繼續發出"),
            fields.FLAG,
            group=group,
            hint=t("關掉後不再發出，已發的仍可使用。"),
        ),
    ]


def _conditions(desk: Desk) -> list[Field]:
    t = desk.t
    group = t("使用條件")
    refunds = [("restore", t("退還這張券")), ("keep", t("算已使用"))]
    return [
        Field("tier_codes", t("限這些等級"), fields.MANY, group=group, options=desk.tiers),
        Field("store_codes", t("限這些門市"), fields.MANY, group=group, options=desk.stores),
        Field("channels", t("限這些通路"), fields.MANY, group=group, options=desk.channels),
        Field(
            "combines",
            t("與其他券"),
            fields.CHOICE,
            group=group,
            options=_groups(desk),
            is_needed=True,
        ),
        Field(
            "on_refund",
            t("整筆退款時"),
            fields.CHOICE,
            group=group,
            options=refunds,
            is_needed=True,
        ),
        Field(
            "priority",
            t("折抵順序"),
            fields.WHOLE,
            empty=100,
            group=group,
            least=0,
            most=1000,
            hint=t("數字小的先折；平常用 100。"),
        ),
        Field(
            "pack_code",
            t("套組代碼"),
            fields.CODE,
            group=t("套組（分次使用）"),
            hint=t("同一套組的券分次使用：前一張用掉，下一張才開放。"),
        ),
        Field(
            "pack_place",
            t("套組裡第幾張"),
            fields.WHOLE,
            group=t("套組（分次使用）"),
            least=1,
            most=12,
        ),
    ]


def _groups(desk: Desk) -> list[tuple[str, str]]:
    """Return how a coupon goes with others: alone, with all, or one of a group a sale."""
    t = desk.t
    known = [
        (ALONE, t("單獨使用")),
        (WITH_OTHERS, t("可以和別張一起用")),
        (DISCOUNTS, t("折扣群組：同群組一次一張")),
    ]
    kept = {each.combines for each in list_templates(desk.session)} - {code for code, _ in known}
    return [*known, *((code, t("群組「{name}」", name=code)) for code in sorted(kept))]


def _told(desk: Desk, row: Row) -> str:
    parts = [desk.name(row.headline), conditions(desk, row), _days(desk.t, row)]
    return " · ".join(part for part in parts if part)


def _days(t: Texts, row: Row) -> str:
    if row.clock == "window":
        return t("用到 {moment}", moment=t.moment(row.ends_at))
    if row.clock == "opening":
        return t("打開後 {days} 天", days=row.valid_days)
    return t("收到後 {days} 天", days=row.valid_days)


def _stats(desk: Desk, row: Row, figures: Mapping[str, Any]) -> list[Fact]:
    t, given = desk.t, figures.get("given", 0)
    rate = f"{figures.get('used', 0) * PERCENT_WHOLE / given:.0f}%" if given else "–"
    was_given = {"field": "coupon_given", "is": "any_of", "value": [row.code]}
    used = {"field": "coupon_used", "is": "any_of", "value": [row.code]}
    usable = {"field": "coupon_usable", "is": "any_of", "value": [row.code]}
    return [
        Fact(t("已發"), t.number(given), where=was_given),
        Fact(t("已用"), t.number(figures.get("used", 0)), t("使用率 {rate}", rate=rate), used),
        Fact(t("還能用"), t.number(figures.get("held", 0)), where=usable),
        Fact(t("過期"), t.number(figures.get("expired", 0))),
        Fact(t("折掉"), t.money(figures.get("discount_twd", 0))),
        Fact(t("帶來的消費"), t.money(figures.get("sales_twd", 0)), t("用券的訂單，扣退款")),
    ]


def _effect(desk: Desk, values: Values, row: Row | None) -> list[Fact]:
    t = desk.t
    asked = tier_question(values["tier_codes"])
    facts = [reach_fact(desk, asked, t("符合等級的會員"))]
    worth = _worth(desk, values)
    if worth:
        stock = values["stock_left"] if row is None else row.stock_left
        if stock is not None:
            most = t.money(worth * stock)
            facts.append(Fact(t("最多折掉"), most, t("{stock} 張全部用完", stock=t.number(stock))))
        else:
            facts.append(
                Fact(
                    t("每用一張折掉"),
                    t.money(worth),
                    t("沒有總張數上限，費用會隨發出的張數增加"),
                    tone="warning",
                )
            )
    if row is not None:
        facts += _of_those_held(desk, values, row)
    return facts


def _worth(desk: Desk, values: Values) -> int:
    """Return what one of them takes off at a usual sale, in NT$."""
    if values["kind"] == "amount":
        return int(values["value"])
    if values["kind"] != "percent":
        return 0
    orders, spend = desk.session.execute(
        select(func.sum(Member.purchase_count), func.sum(Member.lifetime_twd)).where(
            Member.id > (select(func.max(Member.id)).scalar_subquery() - 20_000)
        )
    ).one()
    basket: int = max(int(spend or 0) // max(int(orders or 0), 1), values["min_spend_twd"])
    off = basket * int(values["value"]) // PERCENT_WHOLE
    cap_twd: int | None = values["cap_twd"]
    return off if cap_twd is None else min(off, cap_twd)


def _of_those_held(desk: Desk, values: Values, row: Row) -> list[Fact]:
    t = desk.t
    held = desk.figures("coupon", row.code).get("held", 0)
    facts = [Fact(t("會員手上還有"), t("{count} 張", count=t.number(held)), t("已發的不受影響"))]
    if not values["is_active"] and row.is_active:
        uses = uses_of_coupon(desk.session, row)
        if uses:
            names = t("、").join(desk.name(use.name) if use.name else use.kind for use in uses[:6])
            facts.append(
                Fact(t("停止後會發不出去"), t("{count} 處", count=len(uses)), names, tone="danger")
            )
    return facts


def _presets(desk: Desk) -> list[WhereToBegin]:
    t = desk.t
    until = day_start(local_day(desk.now) + timedelta(days=31))
    usual: Values = {
        "clock": "receipt",
        "valid_days": 30,
        "value": 0,
        "min_spend_twd": 0,
        "is_active": True,
        "combines": ALONE,
        "on_refund": "restore",
        "priority": 100,
    }
    return [
        (
            "amount",
            t("折抵 NT$50"),
            usual
            | {
                "kind": "amount",
                "value": 50,
                "min_spend_twd": 200,
                "name": {"zh-TW": t("折抵券")},
                "headline": {"zh-TW": "折 NT$50"},
            },
        ),
        (
            "upgrade",
            t("升等好禮"),
            usual
            | {
                "kind": "gift",
                "valid_days": 60,
                "per_member_limit": 1,
                "stock_left": 300,
                "name": {"zh-TW": t("升等好禮")},
                "headline": {"zh-TW": t("新品試用")},
                "description": {"zh-TW": t("新一季商品或延伸用品，升等時送一份。")},
            },
        ),
        (
            "festival",
            t("節慶限時券"),
            usual
            | {
                "kind": "percent",
                "value": 15,
                "clock": "window",
                "valid_days": None,
                "ends_at": until,
                "combines": WITH_OTHERS,
                "stock_left": 500,
                "per_member_limit": 1,
                "name": {"zh-TW": t("節慶限時券")},
                "headline": {"zh-TW": "85 折"},
            },
        ),
        (
            "opening",
            t("打開有驚喜"),
            usual
            | {
                "kind": "amount",
                "value": 30,
                "clock": "opening",
                "valid_days": 3,
                "open_within_days": 30,
                "name": {"zh-TW": t("打開有驚喜")},
                "headline": {"zh-TW": "折 NT$30"},
            },
        ),
    ]


COUPONS = Topic(
    "coupons",
    COUPON,
    "ticket-perforated",
    _words,
    _fields,
    _told,
    right=MARKET,
    effect=_effect,
    stats=_stats,
    presets=_presets,
    extra="coupon",
)
