"""The form of a coupon: what it promises, until when, how many there are, whom it admits."""

from dataclasses import replace

from bot.texts import Texts
from handlers.console.programme import fields
from handlers.console.programme.desk import Desk
from handlers.console.programme.fields import Field
from models.coupon import ALONE, WITH_OTHERS, list_templates
from models.offering import Row
from models.offering.kinds import COUPON

DISCOUNTS = "discounts"
"""A group of coupons of which one sale takes one."""


def _kind_names(t: Texts) -> list[tuple[str, str]]:
    """Name the kinds of coupons."""
    return [
        ("amount", t("折抵金額")),
        ("percent", t("打折（百分比）")),
        ("item", t("兌換品項")),
        ("gift", t("贈品")),
        ("free_shipping", t("免運費")),
    ]


def coupon_fields(desk: Desk, row: Row | None) -> list[Field]:
    """Return what may be asked of a coupon; one that was given keeps what it promised."""
    fixed = COUPON.fixed if row is not None and COUPON.is_used(desk.session, row) else frozenset()
    found = [*_promise(desk), *_clock(desk), *_limits(desk), *_conditions(desk)]
    return [replace(each, is_fixed=True) if each.name in fixed else each for each in found]


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
        Field(
            "kind", t("種類"), fields.CHOICE, group=group, options=_kind_names(t), is_needed=True
        ),
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
