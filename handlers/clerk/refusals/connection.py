"""Webhooks to other systems."""

from collections.abc import Mapping

from bot.texts import Texts
from handlers.notice import Facts, Notice, NoticeFor


def _endpoint_refused(t: Texts, facts: Facts) -> Notice:
    advice = {
        "scheme": t("網址須以 https:// 開頭，內容才不會被偷看。"),
        "private_address": t("不能是內部網路的位址。請填對方系統在網際網路上的網址。"),
        "events": t("請至少勾選一種事件。"),
        "description": t("說明最多 {longest} 個字。", longest=facts.get("longest", 100)),
    }
    return Notice(
        t("這個網址不能用"),
        advice.get(facts.get("why", ""), t("請核對網址，例如 https://pos.example/hooks。")),
    )


def _too_many_endpoints(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("網址已達上限"),
        t("最多 {most} 個。請先刪除不需要的。", most=facts.get("most", 20)),
    )


def _no_such_endpoint(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("找不到這筆"), t("可能剛剛被刪除。請回到「連線」重新打開。"))


def _endpoint_disabled(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這個網址已停用"), t("請先啟用，再補送。"))


def _delivery_under_way(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這筆還在傳送"), t("系統會自動重試，不必再按。"))


NOTICES: Mapping[str, NoticeFor] = {
    "endpoint_refused": _endpoint_refused,
    "too_many_endpoints": _too_many_endpoints,
    "no_such_endpoint": _no_such_endpoint,
    "no_such_delivery": _no_such_endpoint,
    "endpoint_disabled": _endpoint_disabled,
    "delivery_under_way": _delivery_under_way,
}
