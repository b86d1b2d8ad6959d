"""How the pages of tiers name things: bases, benefits, sources of a score, obstacles."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.texts import Texts
from models.benefit import (
    EarlyAccess,
    FreeShipping,
    MonthlyCoupon,
    OrderDiscount,
    PointsMultiplier,
    ServiceQueue,
    UpgradeGift,
    read_terms,
)
from models.tier import (
    CALENDAR,
    LIFETIME,
    METRIC,
    MONEY_BASES,
    ROLLING,
    SCORE,
    TIER_POINTS,
    Rules,
)


def basis_names(t: Texts) -> dict[str, str]:
    """Return what each basis counts."""
    return {
        ROLLING: t("近 365 天消費"),
        CALENDAR: t("今年消費"),
        LIFETIME: t("累積消費"),
        TIER_POINTS: t("等級點數"),
        METRIC: t("自訂指標"),
        SCORE: t("綜合分數"),
    }


def threshold_words(t: Texts, basis: str, threshold: int) -> str:
    """Return what one must reach, as people say it."""
    if basis in MONEY_BASES:
        return t.money(threshold)
    return t("{number} 分", number=t.number(threshold))


def rules_words(t: Texts, rules: Rules) -> str:
    """Return rules in a line: what is counted, and for how long a tier holds."""
    grace = t("寬限 {days} 天", days=rules.grace_days) if rules.grace_days else t("沒有寬限期")
    return t("依{basis}，{grace}", basis=basis_names(t)[rules.basis], grace=grace)


def kind_names(t: Texts) -> dict[str, str]:
    """Return the kinds of benefits by name."""
    return {
        "points_multiplier": t("點數加倍"),
        "early_access": t("優先購"),
        "birthday_gift": t("生日禮"),
        "upgrade_gift": t("升級禮"),
        "monthly_coupon": t("每月優惠券"),
        "free_shipping": t("免運"),
        "service_queue": t("優先服務"),
        "order_discount": t("會員折扣"),
        "invitation": t("活動邀請"),
        "gated_content": t("專屬內容"),
        "birthday_card": t("手寫生日卡"),
    }


def benefit_words(
    t: Texts, kind: str, parameters: Mapping[str, Any], coupons: Mapping[str, str] | None = None
) -> str:
    """Return a benefit in a line; `coupons` are the templates' names by code."""
    terms, name = read_terms(kind, dict(parameters)), kind_names(t)[kind]
    detail = _detail(t, terms)
    template = getattr(terms, "template", None)
    if template is not None:
        told = (coupons or {}).get(template, template)
        detail = t("「{coupon}」", coupon=told) + detail
    return f"{name}{detail}" if detail else name


def _detail(t: Texts, terms: object) -> str:
    if isinstance(terms, PointsMultiplier):
        times = f" ×{terms.percent / 100:g}"
        return times + (_days(t, terms) or t("（每天）"))
    if isinstance(terms, EarlyAccess):
        return t("：早 {hours} 小時", hours=terms.hours)
    if isinstance(terms, FreeShipping):
        return _shipping(t, terms)
    if isinstance(terms, ServiceQueue):
        return t("（第 {level} 級）", level=terms.level)
    if isinstance(terms, OrderDiscount):
        most = t("，最多 {money}", money=t.money(terms.most_twd)) if terms.most_twd else ""
        return t("：每筆折 {percent}%", percent=terms.percent) + most
    if isinstance(terms, UpgradeGift) and terms.from_lifetime_twd:
        return t("（累積滿 {money}）", money=t.money(terms.from_lifetime_twd))
    return t("：每月一張") if isinstance(terms, MonthlyCoupon) else ""


def _days(t: Texts, terms: PointsMultiplier) -> str:
    if terms.month_days:
        return t("（每月 {days} 日）", days=_listed(t, terms.month_days))
    names = weekday_names(t)
    return (
        t("（每週{days}）", days=_listed(t, [names[day - 1] for day in terms.weekdays]))
        if terms.weekdays
        else ""
    )


def _shipping(t: Texts, terms: FreeShipping) -> str:
    times = t("，每月 {times} 次", times=terms.times_a_month) if terms.times_a_month else ""
    start = t("：滿 {money}", money=t.money(terms.from_twd)) if terms.from_twd else ""
    return start + times


def _listed(t: Texts, values: Sequence[object]) -> str:
    return t("、").join(str(value) for value in values)


def weekday_names(t: Texts) -> tuple[str, ...]:
    """Return the weekdays' short names, Monday first."""
    return (t("一"), t("二"), t("三"), t("四"), t("五"), t("六"), t("日"))


def source_names(t: Texts) -> dict[str, str]:
    """Return what a factor of a score may weigh."""
    return {
        "spend_twd": t("消費金額（元）"),
        "purchases": t("消費次數"),
        "basket_twd": t("平均客單價（元）"),
        "attendances": t("參加活動次數"),
        "tenure_days": t("入會天數"),
        "tier_points": t("等級點數"),
    }


def problem_words(t: Texts) -> dict[str, str]:
    """Return how to mend what keeps a draft from being rules."""
    return {
        "basis": t("請選一種計算方式。"),
        "thresholds": t("門檻至少要有一級，而且由低到高、每級不同、都大於 0。"),
        "unknown_tier": t("有門檻的等級不存在；請重新開啟這一頁。"),
        "in_the_past": t("生效日已經過去，請改成今天以後。"),
        "rights_before_start": t("權益保留日要在生效日當天或之後。"),
        "metric": t("依指標計算時，要選一個指標；其他計算方式不用。"),
        "factors": t("依綜合分數計算時，至少要有一個評分項目；其他計算方式不用。"),
        "factor": t("評分項目的權重、單位、上限與天數都要大於 0。"),
        "days": t("寬限天數與提醒天數不能是負的。"),
        "note": t("請寫修改原因，讓之後的人看得懂。"),
        "effective_on": t("這一天已經有另一版規則生效，請改一天。"),
        "new_tiers": t("新等級的代碼要用小寫英文，不能和現有的重複；名稱與顏色都要填。"),
    }


def advice_words(t: Texts) -> dict[str, str]:
    """Return what is odd about the way up from a tier (E-04)."""
    return {
        "few_above": t("往上的人很少，門檻可能太高"),
        "many_above": t("超過一半的人都在上面，門檻可能太低"),
        "far": t("照目前的消費要一年以上，會員看不到希望"),
    }


def cost_names(t: Texts) -> dict[str, str]:
    """Return the kinds of costs of a simulation."""
    return {
        "points": t("點數"),
        "upgrade_gift": t("升級禮"),
        "birthday_gift": t("生日禮"),
        "monthly_coupon": t("每月優惠券"),
        "order_discount": t("會員折扣"),
        "messages": t("等級通知訊息"),
    }


def budget_names(t: Texts) -> dict[str, str]:
    """Return the kinds of costs of a budget sheet."""
    return {
        "rebate": t("點數回饋"),
        "coupon": t("優惠券"),
        "gift": t("禮物（升級禮、生日禮）"),
        "event": t("活動"),
        "message": t("訊息"),
    }
