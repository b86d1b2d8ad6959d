"""What was done, in a clerk's words: the names of deeds, and of the figures that changed."""

from collections.abc import Mapping
from typing import Any

from bot.texts import Texts


def deed_title(t: Texts, what: str) -> str:
    """Return what a deed is called; one that has no words goes by its code."""
    return _counter(t).get(what) or _office(t).get(what, what)


def _counter(t: Texts) -> dict[str, str]:
    """Name what is done with customers."""
    return {
        "purchase": t("結帳"),
        "purchase.record": t("結帳"),
        "refund": t("退款"),
        "purchase.refund": t("退款"),
        "refund.allow": t("同意退款"),
        "redemption": t("使用優惠券"),
        "coupon.redeem": t("使用優惠券"),
        "coupon.cancel": t("取消使用優惠券"),
        "coupon.staff": t("作廢優惠券"),
        "asked": t("申請店長核准"),
        "approval.approved": t("核准結帳"),
        "approval.refused": t("退回結帳"),
        "points.adjustment_asked": t("申請調整點數"),
        "points.adjustment_posted": t("調整點數"),
        "points.adjustment_refused": t("退回點數調整"),
        "adjustment.allow": t("同意調整點數"),
        "points.reverse": t("點數更正"),
        "points.activate": t("提前開放點數"),
        "stamps.move": t("調整集點"),
        "plan.pay": t("收取會費"),
        "plan.refund": t("退還會費"),
        "plan.step": t("變更付費會員"),
        "receipt_code.issue": t("開立收據碼"),
        "receipt_code.cancel": t("取消收據碼"),
        "offline_sale.open": t("離線消費待處理"),
        "offline_sale.recorded": t("離線消費補入帳"),
        "offline_sale.accepted": t("離線消費：店長知悉"),
        "offline_sale.dismissed": t("離線消費：不入帳"),
    }


def _office(t: Texts) -> dict[str, str]:
    """Name what is done about members, people and devices."""
    return {
        "sign_in": t("登入"),
        "shift.start": t("登入"),
        "sign_out": t("登出"),
        "member.register": t("新增會員"),
        "member.freeze": t("凍結會員卡"),
        "member.unfreeze": t("解除凍結"),
        "member.merge": t("合併會員"),
        "member.unmerge": t("取消合併"),
        "binding.move": t("更換 LINE 綁定"),
        "tier.grant": t("給予等級"),
        "contact.settle": t("聯絡會員"),
        "birthday_card.done": t("寫好生日卡"),
        "birthday_card.reopen": t("生日卡改回未寫"),
        "care_task.done": t("聯絡關懷會員"),
        "care_task.reopen": t("關懷會員改回未聯絡"),
        "lens.look": t("查看異常"),
        "staff.role": t("變更職務"),
        "staff.admit": t("恢復登入"),
        "staff.shut_out": t("停止登入"),
        "staff.pin_choose": t("設定 PIN"),
        "staff.pin_change": t("更換 PIN"),
        "staff.pin_reset": t("重設 PIN"),
        "staff.pin_unlock": t("解除 PIN 鎖定"),
        "staff.pin_wrong": t("PIN 輸入錯誤"),
        "staff.pin_lock": t("PIN 已鎖定"),
        "device.enrol": t("啟用裝置"),
        "device.revoke": t("停用裝置"),
        "device.code": t("產生裝置啟用碼"),
        "webhook.disable": t("停用事件通知"),
    }


def figure_words(t: Texts, values: Mapping[str, Any] | None) -> str:
    """Write what an entry of the audit holds, one figure after the other."""
    names = {
        "amount_twd": t("金額"),
        "discount_twd": t("折抵"),
        "points_twd": t("點數折抵"),
        "paid_twd": t("實收"),
        "points_earned": t("獲得點數"),
        "points_taken": t("收回點數"),
        "points_given_back": t("退還點數"),
        "stamps_added": t("集點"),
        "stamps": t("集點"),
        "points": t("點數"),
        "state": t("狀態"),
        "role": t("職務"),
        "months": t("月數"),
        "is_full": t("整筆退款"),
        "device": t("裝置"),
    }
    told = {key: value for key, value in (values or {}).items() if value != 0}
    ordered = [key for key in names if key in told] + [key for key in told if key not in names]
    return " · ".join(f"{names.get(key, key)} {_value(t, told[key])}" for key in ordered)


def _value(t: Texts, value: Any) -> str:
    if isinstance(value, bool):
        return t("是") if value else t("否")
    return t.number(value) if isinstance(value, int) else str(value)
