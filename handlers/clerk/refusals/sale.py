"""What is scanned and rung up: member codes, amounts, items, points as payment, approvals."""

from collections.abc import Mapping, Sequence

from bot.texts import Texts
from handlers.notice import Facts, Notice, NoticeFor


def pace_words(t: Texts, codes: Sequence[str]) -> list[str]:
    """Return what the limits of pace say, each in a clerk's words."""
    known = {
        "card_frozen": t("這張卡已凍結：可以累點，不能使用優惠券與點數。"),
        "member_day": t("這位會員今天消費次數偏多。"),
        "member_points_day": t("這位會員今天累積的點數偏多。"),
        "member_redemptions_day": t("這位會員今天使用優惠的次數偏多。"),
        "staff_10_minutes": t("您十分鐘內記錄的筆數偏多。"),
        "staff_points_sale": t("這一筆給的點數超過店員的上限。"),
        "staff_points_day": t("您今天給的點數超過店員的上限。"),
        "staff_coupon_sale": t("這一筆的優惠券折抵超過店員的上限。"),
        "device_hour": t("這台裝置一小時內記錄的筆數偏多。"),
        "store_hour": t("本店一小時內記錄的筆數偏多。"),
        "staff_adjustments_day": t("您今天手動調整點數的次數偏多。"),
    }
    return [known.get(code, t("短時間內的次數偏多。")) for code in codes]


def _nothing_asked(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("還沒有會員資料"), t("請掃描會員條碼，或輸入會員編號、手機號碼。"))


def _not_a_member_code(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這不是我們的會員條碼"),
        t("請客人打開 LINE，在選單點「會員卡」，再掃描卡片上的條碼。"),
    )


def _member_code_forged(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("條碼無法驗證"),
        t("這個條碼不是本店發出的。請客人當場在 LINE 重新打開會員卡；若仍不行，改輸入會員編號。"),
    )


def _member_code_expired(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("條碼已過期"),
        t("條碼每分鐘更新，截圖不能使用。請客人在 LINE 重新打開會員卡，再掃一次。"),
    )


def _code_already_used(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這個條碼已經用過"),
        t("一個條碼只能記錄一次消費。請客人更新會員卡，再掃新的條碼。"),
    )


def _no_such_member(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("找不到這位會員"),
        t("請核對號碼，或改掃條碼。會員退出後資料會刪除；客人可以在 LINE 重新加入。"),
    )


def _name_unchecked(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("請先核對姓名"),
        t("號碼是手動輸入的。請問客人姓名，符合後勾選「已核對姓名」，再按一次確認。"),
    )


def _amount_missing(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請輸入金額"), t("用數字鍵輸入消費金額，再按確認。"))


def _amount_unreadable(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("看不懂這個金額"), t("請只輸入整數，例如 120、65+80 或 65×2。"))


def _amount_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("金額超出範圍"),
        t(
            "金額須介於 NT$1 與 {largest} 之間。請修改後再按確認。",
            largest=t.money(facts["largest_twd"]),
        ),
    )


def _points_not_usable(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("點數折抵太多"),
        t("這筆最多可折 {points} 點。請修改後再按確認。", points=t.number(facts.get("most", 0))),
    )


def _points_unreadable(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("看不懂點數"), t("點數請輸入整數；不折抵就留白。"))


def _insufficient_points(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("點數不足"),
        t("會員目前有 {points} 點。請修改點數再試一次。", points=t.number(facts.get("balance", 0))),
    )


def _card_frozen(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這張卡已凍結"),
        t("可以累點，不能使用優惠券與點數。請取消優惠後再確認；店長可在「會員服務」解除凍結。"),
    )


def _approval_needed(t: Texts, facts: Facts) -> Notice:
    return Notice(t("需要店長核准"), " ".join(pace_words(t, facts.get("reasons", ()))))


def _approval_not_usable(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("店長還沒有核准，或核准已失效"),
        t("核准只適用同一位會員、同一個金額，15 分鐘內有效。請店長核准後再按一次確認。"),
    )


def _second_person_needed(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("須由另一位店長處理"), t("自己提出的不能自己核准。請另一位店長或老闆處理。"))


def _idempotency_key_reused(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這一頁已經記錄過一筆消費"),
        t("沒有重複入帳。可到「今日」核對；若還有另一筆，請按「取消」重新掃描。"),
    )


def _visit_over(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("距離掃描已超過 15 分鐘"),
        t("為了安全，請重新掃描同一位會員；已輸入的金額會保留。"),
    )


def _visit_not_ours(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這一頁已失效"),
        t("頁面可能由其他店員打開。請重新掃描會員；已輸入的金額會保留。"),
    )


def _item_unreadable(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("第 {row} 項品項看不懂", row=facts.get("row", 1)),
        t("請填寫品名，單價與數量請填整數；不需要就刪除這一項。"),
    )


def _item_unknown(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("商品目錄沒有這個條碼"), t("可在「品項」手動輸入品名與單價，或直接輸入金額。"))


def _items_do_not_add_up(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("金額和品項合計不同"),
        t(
            "品項合計 {sum}，金額輸入 {amount}。請修改其中一個。",
            sum=t.money(facts["sum_twd"]),
            amount=t.money(facts["amount_twd"]),
        ),
    )


NOTICES: Mapping[str, NoticeFor] = {
    "nothing_asked": _nothing_asked,
    "not_a_member_code": _not_a_member_code,
    "member_code_forged": _member_code_forged,
    "member_code_expired": _member_code_expired,
    "code_already_used": _code_already_used,
    "no_such_member": _no_such_member,
    "name_unchecked": _name_unchecked,
    "amount_missing": _amount_missing,
    "amount_unreadable": _amount_unreadable,
    "amount_refused": _amount_refused,
    "points_not_usable": _points_not_usable,
    "points_unreadable": _points_unreadable,
    "insufficient_points": _insufficient_points,
    "card_frozen": _card_frozen,
    "approval_needed": _approval_needed,
    "approval_not_usable": _approval_not_usable,
    "second_person_needed": _second_person_needed,
    "idempotency_key_reused": _idempotency_key_reused,
    "visit_over": _visit_over,
    "visit_not_ours": _visit_not_ours,
    "item_unreadable": _item_unreadable,
    "item_unknown": _item_unknown,
    "items_do_not_add_up": _items_do_not_add_up,
}
