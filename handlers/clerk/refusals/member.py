"""Joining, changing and merging members, and their paid plans."""

from collections.abc import Mapping

from bot.texts import Texts
from handlers.notice import Facts, Notice, NoticeFor


def _no_such_binding_request(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("綁定碼不對或已過期"),
        t("綁定碼十分鐘內有效。請客人在 LINE 重新點「我以前是會員」→「請店員協助」，再掃一次。"),
    )


def _already_member(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這個 LINE 已有另一張會員卡"),
        t("一個 LINE 只能有一張卡。若兩張都是這位客人的，請店長合併會員。"),
    )


def _no_such_renewal_request(t: Texts, facts: Facts) -> Notice:
    if facts.get("state") == "paid":
        return Notice(t("這個繳費碼已經付過了"), t("沒有重複收款。可在會員服務查看會籍。"))
    return Notice(t("繳費碼不對或已過期"), t("請客人在 LINE 重新打開付費會籍，再掃一次。"))


def _plan_not_sold(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這個會籍已停售"), t("請改選其他會籍；已付費的會員不受影響。"))


def _plan_held(t: Texts, facts: Facts) -> Notice:
    until = facts.get("until")
    return Notice(
        t("會員已有其他會籍"),
        t("到 {day} 為止，之後才能換。", day=t.date(until)) if until else t("到期後才能換。"),
    )


def _plan_barred(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這位會員的會籍曾被終止"), t("須由店長重新核准後才能付費。沒有收款。"))


def _payment_reference_used(t: Texts, facts: Facts) -> Notice:
    if facts.get("reference") is None:
        return Notice(t("請填寫轉帳單號"), t("轉帳須有銀行的單號或末五碼。"))
    return Notice(t("這個單號已經用過"), t("沒有重複收款。請核對單號，或查看先前的紀錄。"))


def _needs_manager(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("只有店長可以這樣做"), t("請店長登入後操作。沒有記錄任何變動。"))


def _method_missing(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請選擇付款方式"), t("選好後再按一次。"))


def _not_a_mobile_number(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("手機號碼不對"), t("請輸入十位數的手機號碼，例如 0912 345 678。"))


def _phone_taken(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這支手機已經是會員"), t("不必重新加入：回到掃描頁，輸入手機號碼即可。"))


def _name_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("姓名不能這樣寫"),
        t("最多 {longest} 個字，也可不填。", longest=facts.get("longest", 40)),
    )


def _consent_missing(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請先告知並取得同意"), t("唸出告知內容，客人同意後勾選，再按一次。"))


def _no_such_person(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("找不到這個人"), t("請從「人員」或「異常檢視」重新選擇。"))


def _no_such_birthday_card(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("沒有這張生日卡"), t("會員可能已退出。請重新整理清單。"))


def _no_such_care_task(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這位會員不在關懷名單上"), t("會員可能已退出。請重新整理名單。"))


def _outcome_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("還沒有選擇聯絡結果"),
        t("請選一個結果再記錄；備註最多 {count} 個字。", count=facts["longest"]),
    )


def _line_taken(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這個 LINE 帳號剛剛綁定了別張卡"),
        t("請重新查詢會員，核對後再試一次。"),
    )


def _merge_refused(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這兩張卡不能合併"),
        t("可能已合併、已退出、凍結中或點數為負。請店長確認。"),
    )


def _merge_over(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這次合併不能復原"),
        t("已經復原過，或超過 30 天了。"),
    )


NOTICES: Mapping[str, NoticeFor] = {
    "not_a_mobile_number": _not_a_mobile_number,
    "no_such_binding_request": _no_such_binding_request,
    "already_member": _already_member,
    "no_such_renewal_request": _no_such_renewal_request,
    "no_such_plan": _plan_not_sold,
    "plan_not_sold": _plan_not_sold,
    "plan_held": _plan_held,
    "plan_barred": _plan_barred,
    "payment_reference_used": _payment_reference_used,
    "needs_manager": _needs_manager,
    "method_missing": _method_missing,
    "phone_taken": _phone_taken,
    "name_refused": _name_refused,
    "consent_missing": _consent_missing,
    "no_such_birthday_card": _no_such_birthday_card,
    "no_such_care_task": _no_such_care_task,
    "outcome_refused": _outcome_refused,
    "no_such_person": _no_such_person,
    "line_taken": _line_taken,
    "merge_refused": _merge_refused,
    "merge_over": _merge_over,
}
