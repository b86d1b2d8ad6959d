"""How the members' pages say no: what happened, and how to go on."""

from bot.texts import Texts
from handlers.console.refusals import register
from handlers.notice import Facts, Notice, NoticeFor
from models.base import in_language


def _merge_refused(t: Texts, facts: Facts) -> Notice:
    advice = {
        "same_card": t("這是同一張卡，請選另一張。"),
        "erased": t("其中一位已經退出，沒有資料可以合併。"),
        "merged_before": t("其中一張已經併入別的卡。"),
        "debt": t("被併入的卡點數是負的，請先調整到零以上。"),
        "frozen": t("其中一張正在凍結，請先解除凍結。"),
        "two_plans": t("兩張卡都有付費方案，請先結束其中一個。"),
        "kept_is_closed": t("保留的那張卡後來也關閉了，不能復原。"),
        "key_reused": t("這一頁已經用過了，請重新整理。"),
    }
    return Notice(
        t("這兩張卡不能合併"), advice.get(facts.get("why", ""), t("請重新整理後再看一次。"))
    )


def _adjustment_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("請填寫原因與點數"),
        t(
            "原因會員看得到，最多 {longest} 個字；一次最多 {largest} 點，不能是零。",
            longest=facts.get("longest", ""),
            largest=t.number(facts.get("largest", 0)),
        ),
    )


def _insufficient_points(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("點數不夠"),
        t("這張卡目前只有 {balance} 點，請改小一點。", balance=t.number(facts.get("balance", 0))),
    )


def _tag_is_by_rule(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("這個標籤跟著分群走"),
        t(
            "拿掉之後，明天又會因為分群「{segment}」回來。請改分群的條件。",
            segment=facts.get("segment", ""),
        ),
    )


def _tier_grant_refused(t: Texts, facts: Facts) -> Notice:
    advice = {
        "unknown": t("請從清單選一個等級。"),
        "not_in_force": t("這個等級不在目前的規則裡，請選別的。"),
        "earned": t(
            "他的消費已經達到「{tier}」，調低之後今晚又會升回來。",
            tier=in_language(facts.get("tier", {}), t.language) if facts.get("tier") else "",
        ),
        "until": t("最後一天請選今天以後、{days} 天以內。", days=facts.get("most_days", "")),
        "same": t("他已經是這個等級，期限也一樣。"),
        "moved": t("看預覽之後，他的等級又變了。請再看一次現在的等級。"),
    }
    return Notice(
        t("等級還不能這樣調"), advice.get(facts.get("why", ""), t("請重新整理後再看一次。"))
    )


_NOTICES: dict[str, NoticeFor] = {
    "no_such_member": lambda t, _: Notice(
        t("找不到這位會員"), t("請檢查會員編號，或回會員清單用姓名、手機找。")
    ),
    "already_left": lambda t, _: Notice(
        t("這張卡已經沒有人使用"), t("會員已退出，或卡片已併入別張；不能再變更。")
    ),
    "wrong_number": lambda t, _: Notice(
        t("會員編號不一樣"), t("請照著頁面上的九位數會員編號再輸入一次。資料都還在。")
    ),
    "reason_missing": lambda t, _: Notice(
        t("請寫下原因"), t("至少兩個字，讓之後查看的同事知道為什麼。")
    ),
    "own_card": lambda t, _: Notice(
        t("這是您自己的會員卡"), t("自己的卡請由同事操作。沒有任何變動。")
    ),
    "merge_refused": _merge_refused,
    "merge_over": lambda t, _: Notice(t("這次合併不能復原"), t("已經復原過，或超過 30 天了。")),
    "adjustment_refused": _adjustment_refused,
    "adjustment_settled": lambda t, _: Notice(
        t("已經有人處理過了"), t("請重新整理，看目前的點數。")
    ),
    "insufficient_points": _insufficient_points,
    "no_such_binding_request": lambda t, _: Notice(
        t("找不到這個綁定碼"), t("可能打錯、過期或用過了。請會員在 LINE 重新取得綁定碼。")
    ),
    "already_member": lambda t, _: Notice(
        t("這個 LINE 已經有會員卡"), t("請用「合併會員卡」把兩張卡合在一起。")
    ),
    "tier_grant_refused": _tier_grant_refused,
    "tier_grant_over": lambda t, _: Notice(
        t("這次調整不能取消"), t("已經取消過、等級後來又變動，或超過 30 天了。")
    ),
    "note_refused": lambda t, facts: Notice(
        t("備註還不能儲存"), t("請寫 1 到 {longest} 個字。", longest=facts.get("longest", ""))
    ),
    "too_many_notes": lambda t, facts: Notice(
        t("備註太多了"),
        t("最多 {most} 則，請先移除不需要的。", most=facts.get("most", "")),
    ),
    "no_such_note": lambda t, _: Notice(t("這則備註已經不在了"), t("請重新整理會員頁。")),
    "no_such_tag": lambda t, _: Notice(t("沒有這個標籤"), t("請從清單選一個現有的標籤。")),
    "tag_refused": lambda t, _: Notice(t("標籤還不能加上"), t("到期日請選今天或之後。")),
    "tag_is_by_rule": _tag_is_by_rule,
    "too_many_tags": lambda t, facts: Notice(
        t("標籤太多了"),
        t("一位會員最多 {most} 個標籤，請先移除不需要的。", most=facts.get("most", "")),
    ),
}

register(_NOTICES)
