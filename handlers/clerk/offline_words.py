"""What the queue says of a sale made without a network: how it stands, why, and what to do."""

from collections.abc import Callable
from typing import Any

from bot.texts import Texts
from handlers.clerk.refusals import explain_code
from handlers.clerk.refusals.sale import pace_words
from handlers.notice import Notice
from models.offline_sale import DISMISSED, UNCOVERED, OfflineSale

Facts = dict[str, Any]


def problem_words(t: Texts, code: str, facts: Facts) -> Notice:
    """Return what stands in the way of an item, and what to do about it."""
    own = _WORDS.get(code)
    if own is not None:
        return own(t, facts)
    return Notice(explain_code(t, code, facts).title, _ask_manager(t), code=code)


def recorded_words(t: Texts, *, is_repeat: bool) -> Notice:
    """Return what is said of an item that is recorded."""
    if is_repeat:
        return Notice(t("先前已經入帳"), t("沒有重複入帳。"))
    return Notice(t("已入帳"), "")


def sale_words(t: Texts, sale: OfflineSale, *, is_repeat: bool) -> Notice:
    """Return what is said of an item as it stands now."""
    if sale.settlement == DISMISSED:
        return Notice(t("店長已處理：不入帳"), sale.settled_reason or "")
    if sale.problem is None or sale.settlement is not None:
        return recorded_words(t, is_repeat=is_repeat)
    return problem_words(t, sale.problem, sale.facts)


def retry_words(t: Texts) -> Notice:
    """Return what is said of an item that did not get through this time."""
    return Notice(t("還沒上傳"), t("系統忙碌，稍後會自動再試。"))


def _ask_manager(t: Texts) -> str:
    return t("資料已保留。請店長到「待上傳」處理。")


def _code_used(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這個條碼已經用過"),
        t("可能是重複掃描，也可能是截圖。請店長核對後補登或不入帳。"),
    )


def _expired(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("掃描時條碼已過期"),
        t("以校正後的時間判斷。請店長核對後補登或不入帳。"),
    )


def _no_such_member(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("找不到這位會員"), t("號碼可能打錯。請店長輸入正確號碼補登，或不入帳。"))


def _too_old(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("超過 {days} 天才上傳", days=facts.get("most_days", 3)),
        _ask_manager(t),
    )


def _in_future(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("消費時間還沒到"), t("裝置的時鐘不對。請開啟自動時間，並請店長核對這筆。"))


def _pass_over(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("離線通行證已過期"),
        t(
            "登入後可離線 {days} 天。請連線登入一次，這筆由店長處理。",
            days=facts.get("most_days", 3),
        ),
    )


def _pass_not_ours(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("無法確認是哪位店員"),
        t("這筆沒有收下，只留在這台裝置。請抄下會員與金額，由店長補登。"),
    )


def _device_revoked(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這台裝置已停用"), _ask_manager(t))


def _staff_gone(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("記錄的店員已停用"), _ask_manager(t))


def _key_reused(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("同一頁記錄過另一筆消費"),
        t("沒有重複入帳。請到「今日」核對；若是兩筆，請店長補登。"),
    )


def _approval_needed(t: Texts, facts: Facts) -> Notice:
    why = " ".join(pace_words(t, facts.get("reasons", ())))
    return Notice(t("需要店長核准"), f"{why} {_ask_manager(t)}")


def _own_card(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這是店員自己的會員卡"), t("自己的卡由同事操作。請店長核對。"))


def _uncovered(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("已入帳，但折抵無效"),
        t(
            "點數或優惠券當時已不能用，少收 {loss}。請店長確認。",
            loss=t.money(facts.get("loss_twd", 0)),
        ),
    )


def _misshapen(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這筆資料讀不出來"),
        t("這筆沒有收下，只留在這台裝置。請抄下會員與金額，由店長補登。"),
    )


_WORDS: dict[str, Callable[[Texts, Facts], Notice]] = {
    "code_already_used": _code_used,
    "member_code_expired": _expired,
    "no_such_member": _no_such_member,
    "offline_too_old": _too_old,
    "sold_too_long_ago": _too_old,
    "offline_in_future": _in_future,
    "offline_pass_over": _pass_over,
    "pass_not_ours": _pass_not_ours,
    "visit_not_ours": _pass_not_ours,
    "offline_device_revoked": _device_revoked,
    "offline_staff_gone": _staff_gone,
    "idempotency_key_reused": _key_reused,
    "approval_needed": _approval_needed,
    "own_card": _own_card,
    "misshapen": _misshapen,
    UNCOVERED: _uncovered,
}
