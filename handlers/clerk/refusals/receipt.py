"""Sales that come later: codes of receipts, invoices, what was rung up without a network."""

from collections.abc import Mapping

from bot.texts import Texts
from handlers.notice import Facts, Notice, NoticeFor


def _receipt_code_limit(t: Texts, facts: Facts) -> Notice:
    why = {
        "many": t("您今天已開立 {most} 組收據碼。", most=facts.get("most", 0)),
        "large": t("這筆金額較大。"),
    }
    told = "".join(why[one] for one in facts.get("why", ()))
    return Notice(t("這組收據碼需要店長同意"), told + t("請店長輸入後再按一次。"))


def _receipt_code_claimed(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這組收據碼已被補登"), t("不能再取消；需要的話，請從消費明細辦理退款。"))


def _receipt_code_unknown(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("找不到這組收據碼"), t("它可能是其他分店開立的。請重新整理清單。"))


def _invoice_number_refused(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("發票號碼不對"), t("兩個英文字母加八個數字，例如 AB-12345678；也可以不填。"))


def _invoice_known(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這張發票已經開過收據碼"),
        t("一張發票只能補登一次。要重開，請先取消前一組。"),
    )


def _offline_settled(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這筆已有人處理"), t("請重新整理「待上傳」。"))


def _offline_member_missing(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("還不知道是哪位會員"), t("請輸入會員編號或手機號碼，再按一次補登。"))


def _sold_too_long_ago(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("消費時間超出範圍"),
        t("只能補登 {days} 天內、而且已經發生的消費。", days=facts.get("most_days", 7)),
    )


NOTICES: Mapping[str, NoticeFor] = {
    "offline_settled": _offline_settled,
    "offline_member_missing": _offline_member_missing,
    "sold_too_long_ago": _sold_too_long_ago,
    "receipt_code_limit": _receipt_code_limit,
    "receipt_code_claimed": _receipt_code_claimed,
    "receipt_code_unknown": _receipt_code_unknown,
    "invoice_number_refused": _invoice_number_refused,
    "invoice_known": _invoice_known,
}
