"""Every way the counter can say no, in the clerk's language: what happened, and how to go on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.texts import Texts
from models.base import BusinessError

Facts = dict[str, Any]


@dataclass(frozen=True)
class Notice:
    """What went wrong in a few words, and what to do next."""

    title: str
    advice: str


def explain(t: Texts, error: BusinessError) -> Notice:
    """Return the notice for a refusal; one we have no words for is shown in general ones."""
    words = _NOTICES.get(error.code, _unknown)
    return words(t, error.facts)


def _unknown(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這樣不行"), t("沒有記錄任何消費。請再試一次，或請店長協助。"))


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


def _coupon_not_usable(t: Texts, facts: Facts) -> Notice:
    titles = {
        "redeemed": t("這張優惠券剛剛用掉了"),
        "expired": t("這張優惠券已過期"),
        "void": t("這張優惠券已作廢"),
    }
    return Notice(
        titles.get(facts.get("state", ""), t("這張優惠券不能使用")),
        t("沒有記錄消費。請改選其他優惠券或「不使用優惠券」，再按一次確認。"),
    )


def _coupon_needs_more(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("金額未達優惠券門檻"),
        t(
            "這張優惠券須消費滿 {least}。請修改金額，或改選「不使用優惠券」。",
            least=t.money(facts["min_spend_twd"]),
        ),
    )


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


def _wrong_login(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("帳號或密碼不對"), t("請再輸入一次。忘記密碼請找店長重設。"))


def _not_for_counter(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這個帳號不能使用櫃台"), t("請改用店員或店長的帳號登入。"))


def session_over(t: Texts) -> Notice:
    """Return the notice for a request whose login has ended."""
    return Notice(t("登入已過期"), t("請重新登入；登入後再按一次即可，已輸入的內容會保留。"))


def page_too_old(t: Texts) -> Notice:
    """Return the notice for a form whose CSRF token no longer holds."""
    return Notice(t("頁面閒置太久"), t("內容都還在，請再按一次。"))


def too_many_tries(t: Texts) -> Notice:
    """Return the notice for a request beyond a rate limit."""
    return Notice(t("操作太頻繁"), t("請等一分鐘再試。"))


_NOTICES: dict[str, Callable[[Texts, Facts], Notice]] = {
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
    "coupon_not_usable": _coupon_not_usable,
    "coupon_needs_more": _coupon_needs_more,
    "idempotency_key_reused": _idempotency_key_reused,
    "visit_over": _visit_over,
    "visit_not_ours": _visit_not_ours,
    "wrong_login": _wrong_login,
    "not_for_counter": _not_for_counter,
}
