"""Who stands at the counter: passwords, PINs, devices, the people themselves."""

from collections.abc import Mapping

from bot.texts import Texts
from handlers.notice import Facts, Notice, NoticeFor


def _wrong_login(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("帳號或密碼不對"), t("請再輸入一次。忘記密碼請找店長重設。"))


def _not_for_counter(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這個帳號不能使用櫃台"), t("請改用店員或店長的帳號登入。"))


def _pin_asked(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("店員請用 PIN 登入"), t("點選自己的名字，輸入 PIN。密碼只給店長與老闆使用。"))


def _wrong_pin(t: Texts, facts: Facts) -> Notice:
    left = facts.get("left")
    advice = t("還可以再試 {count} 次。", count=left) if left else t("請再輸入一次。")
    return Notice(t("PIN 不對"), " ".join((advice, t("忘記了請店長重設。"))))


def _pin_locked(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("PIN 已鎖定"),
        t(
            "錯了太多次。請等 {minutes} 分鐘，或請店長在「人員」解除鎖定。",
            minutes=facts.get("minutes", 0),
        ),
    )


def _pin_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("這個 PIN 不能用"),
        t(
            "須 {shortest} 到 {longest} 位數字，不能是 1234、0000 這類容易猜的，也不能和舊的相同。",
            shortest=facts.get("shortest", 4),
            longest=facts.get("longest", 8),
        ),
    )


def _pins_differ(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("兩次輸入的不一樣"), t("請把新的 PIN 再輸入兩次。"))


def _pin_to_choose(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請先設定自己的 PIN"), t("臨時 PIN 只能用來設定新的 PIN。請重新整理這一頁。"))


def _code_refused(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("啟用碼不對或已失效"),
        t("啟用碼 15 分鐘內有效，只能用一次。請店長在「裝置」再產生一個。"),
    )


def _device_name_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("請替這台裝置取個名字"),
        t("例如「櫃台平板」，最多 {longest} 個字。", longest=facts.get("longest", 30)),
    )


def _no_such_device(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這台裝置已經停用"), t("請重新整理清單。"))


def _store_missing(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請選擇門市"), t("選好後再按一次。"))


def _not_theirs_to_manage(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這一位不歸您管理"),
        t("店長管理店員；店長的 PIN 與職務由老闆管理。沒有任何變動。"),
    )


def _staff_name_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("請輸入姓名"),
        t("同事看得懂的名字，最多 {longest} 個字。", longest=facts.get("longest", 30)),
    )


def _no_such_staff(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("找不到這位同事"), t("請重新整理「人員」。"))


NOTICES: Mapping[str, NoticeFor] = {
    "wrong_login": _wrong_login,
    "not_for_counter": _not_for_counter,
    "pin_asked": _pin_asked,
    "wrong_pin": _wrong_pin,
    "pin_locked": _pin_locked,
    "pin_refused": _pin_refused,
    "pins_differ": _pins_differ,
    "pin_to_choose": _pin_to_choose,
    "enrolment_code_refused": _code_refused,
    "device_name_refused": _device_name_refused,
    "no_such_device": _no_such_device,
    "store_missing": _store_missing,
    "role_missing": _not_theirs_to_manage,
    "not_theirs_to_manage": _not_theirs_to_manage,
    "no_such_staff": _no_such_staff,
    "staff_name_refused": _staff_name_refused,
}
