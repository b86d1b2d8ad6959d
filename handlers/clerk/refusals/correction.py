"""What is taken back or put right: refunds, adjustments, stamps."""

from collections.abc import Mapping

from bot.texts import Texts
from handlers.notice import Facts, Notice, NoticeFor


def _no_such_purchase(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("找不到這筆消費"), t("請回到「今日」，或查詢會員後從最近消費打開。"))


def _nothing_left(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這筆已經全部退完"), t("沒有再退款。可在消費明細查看退款紀錄。"))


def _refund_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("退款超出可退範圍"),
        t("這筆最多還能退 {left}。請修改金額或數量。", left=t.money(facts.get("left_twd", 0))),
    )


def _nothing_picked(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("還沒有選品項"), t("請選擇要退的品項與數量，再試算一次。"))


def _reason_missing(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請填寫原因"), t("選一個原因；選「其他」時請用幾個字說明。"))


def _manager_needed(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這一步需要店長同意"), t("請店長選自己的名字、輸入 PIN，再按一次確認。"))


def _manager_login_wrong(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("店長的 PIN 或密碼不對"),
        t("須由店長或老闆本人輸入，不能用您自己的。請再試一次。"),
    )


def _own_card(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這是您自己的會員卡"), t("自己的卡請由同事操作。沒有記錄任何變動。"))


def _binding_code_scanned(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這是綁定 LINE 的條碼"),
        t("請先輸入會員的手機號碼，打開「會員服務」的「綁定 LINE」，再掃一次。"),
    )


def _count_unreadable(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請輸入數量"), t("請輸入大於零的整數，再按一次。"))


def _adjustment_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("請填寫原因與點數"),
        t(
            "原因客人看得到，最多 {longest} 個字；一次最多 {largest} 點。",
            longest=facts.get("longest", 200),
            largest=t.number(facts.get("largest", 0)),
        ),
    )


def _adjustment_settled(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這筆調整已有人處理"), t("請重新整理「待處理」。"))


def _stamps_refused(t: Texts, facts: Facts) -> Notice:
    if "held" in facts:
        return Notice(t("章數不足"), t("會員目前只有 {stamps} 章。", stamps=facts["held"]))
    return Notice(
        t("請填寫原因與章數"),
        t("一次最多 {largest} 章，並請寫下原因。", largest=facts.get("largest", 20)),
    )


def _no_such_stamp_programme(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("找不到這張集點卡"), t("它可能剛剛停辦。請重新打開「會員服務」。"))


def _nothing_to_refund(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這筆會費沒有可退的"), t("會籍已到期，或這筆已經退過。"))


def _managers_only(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這一頁給店長使用"), t("請店長登入後打開。"))


def _alert_settled(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這件事已有人處理"), t("請重新整理「待處理」。"))


def _no_such_figure(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這段期間沒有這個數字"), t("請回到「異常檢視」，換一段期間再看。"))


def _nothing_said(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("還沒有寫結果"), t("請用幾個字寫下您看過的結果，再按一次。"))


NOTICES: Mapping[str, NoticeFor] = {
    "no_such_purchase": _no_such_purchase,
    "nothing_left_to_refund": _nothing_left,
    "refund_refused": _refund_refused,
    "nothing_picked": _nothing_picked,
    "reason_missing": _reason_missing,
    "manager_needed": _manager_needed,
    "manager_login_wrong": _manager_login_wrong,
    "own_card": _own_card,
    "nothing_to_refund": _nothing_to_refund,
    "binding_code_scanned": _binding_code_scanned,
    "count_unreadable": _count_unreadable,
    "adjustment_refused": _adjustment_refused,
    "adjustment_settled": _adjustment_settled,
    "stamps_refused": _stamps_refused,
    "no_such_stamp_programme": _no_such_stamp_programme,
    "managers_only": _managers_only,
    "alert_settled": _alert_settled,
    "contact_settled": _alert_settled,
    "no_such_figure": _no_such_figure,
    "nothing_said": _nothing_said,
}
