"""Paid membership: what a plan costs, what it brings, and who renews."""

from collections.abc import Mapping
from typing import Any

from bot.texts import Texts
from handlers.console.programme import fields
from handlers.console.programme.desk import Desk
from handlers.console.programme.fields import Field
from handlers.console.programme.topic import Fact, Title, Topic, WhereToBegin
from models.offering import Row, Values
from models.offering.kinds import PLAN
from models.plan import PERIOD_MONTHS
from models.plan.steps import LARGEST_FEE_TWD

MONTHS_A_YEAR = 12
USUAL_COLOUR = "#7A4B9A"


def _words(t: Texts) -> Title:
    return Title(
        t("付費會員"),
        t("在免費等級之外的付費方案；改價格只影響之後的付款。"),
        t("付費方案"),
        t("做一個月繳或年繳的方案，會員可以在櫃台付款加入。"),
    )


def _fields(desk: Desk, row: Row | None) -> list[Field]:
    t = desk.t
    periods = [("monthly", t("每月")), ("yearly", t("每年"))]
    has_members = row is not None and PLAN.is_used(desk.session, row)
    return [
        Field("name", t("名稱"), fields.TEXTS, is_needed=True),
        Field(
            "period",
            t("多久付一次"),
            fields.CHOICE,
            options=periods,
            is_needed=True,
            is_fixed=has_members,
        ),
        Field(
            "fee_twd",
            t("會費"),
            fields.WHOLE,
            least=1,
            most=LARGEST_FEE_TWD,
            unit="NT$",
            is_needed=True,
            hint=t("已送出的付款申請仍用會員看到的金額。"),
        ),
        Field(
            "points_percent",
            t("點數倍率"),
            fields.WHOLE,
            least=100,
            most=1000,
            unit="%",
            is_needed=True,
            hint=t("與等級倍率依「點數設定」合併。"),
        ),
        Field(
            "colour",
            t("卡片顏色"),
            fields.COLOUR,
            is_needed=True,
        ),
        Field("is_active", t("開放購買"), fields.FLAG, hint=t("關掉後已付費的會員用到到期。")),
    ]


def _told(desk: Desk, row: Row) -> str:
    t = desk.t
    fee = t.money(row.fee_twd)
    each = t("每月 {fee}", fee=fee) if row.months == 1 else t("每年 {fee}", fee=fee)
    times = t("點數 {times} 倍", times=f"{row.points_percent / 100:g}")
    return f"{each} · {times}"


def _stats(desk: Desk, row: Row, figures: Mapping[str, Any]) -> list[Fact]:
    t, held = desk.t, figures.get("held", 0)
    yearly = held * row.fee_twd * MONTHS_A_YEAR // row.months
    return [
        Fact(t("付費會員"), t.number(held)),
        Fact(t("年化會費"), t.money(yearly)),
        Fact(t("近 30 天收"), t.money(figures.get("recent_twd", 0))),
        Fact(t("30 天內到期"), t.number(figures.get("ending", 0))),
        Fact(t("說不續"), t.number(figures.get("leaving", 0))),
    ]


def _effect(desk: Desk, values: Values, row: Row | None) -> list[Fact]:
    t = desk.t
    if row is None:
        months = PERIOD_MONTHS[values["period"]]
        yearly = values["fee_twd"] * MONTHS_A_YEAR // months
        return [Fact(t("每 100 位付費會員一年收"), t.money(yearly * 100))]
    held = desk.figures("plan", row.code).get("held", 0)
    facts = [Fact(t("現在的付費會員"), t.number(held), t("到期前不受影響；續約時用新的金額"))]
    if values["fee_twd"] != row.fee_twd:
        each = (values["fee_twd"] - row.fee_twd) * MONTHS_A_YEAR // row.months
        most = t.money(each * held)
        facts.append(Fact(t("全部續約的話，一年多收"), most, t("調價通常會降低續約率")))
    return facts


def _presets(desk: Desk) -> list[WhereToBegin]:
    t = desk.t
    usual: Values = {"points_percent": 150, "colour": USUAL_COLOUR, "is_active": True}
    return [
        ("monthly", t("月繳方案"), usual | {"period": "monthly", "fee_twd": 99}),
        ("yearly", t("年繳方案"), usual | {"period": "yearly", "fee_twd": 999}),
    ]


PLANS = Topic(
    "plans",
    PLAN,
    "credit-card",
    _words,
    _fields,
    _told,
    effect=_effect,
    stats=_stats,
    presets=_presets,
    extra="plan",
)
