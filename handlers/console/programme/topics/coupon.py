"""Coupons: what they promise, whom they admit, how many there are, and how they did (C-01)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from bot.texts import Texts
from handlers.console.programme.desk import Desk
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
from handlers.console.programme.topics.coupon_fields import coupon_fields
from models.coupon import ALONE, WITH_OTHERS
from models.local_day import day_start, local_day
from models.member import Member
from models.offering import Row, Values
from models.offering.kinds import COUPON
from models.offering.use import uses_of_coupon

PERCENT_WHOLE = 100


def _words(t: Texts) -> Title:
    return Title(
        t("優惠券"),
        t("折抵、打折、兌換與贈品；發出後內容不再改變，要改請複製一張新的。"),
        t("優惠券"),
        t("先做一張券，再到分群、行銷活動或旅程把它發出去。"),
    )


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
    coupon_fields,
    _told,
    right=MARKET,
    effect=_effect,
    stats=_stats,
    presets=_presets,
    extra="coupon",
)
