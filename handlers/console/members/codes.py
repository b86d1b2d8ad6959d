"""The codes on a member's line of time in words: reasons, states, kinds of messages and changes."""

from collections.abc import Mapping
from typing import Any

from bot.texts import Texts
from models.timeline import KINDS


def kind_names(t: Texts) -> dict[str, str]:
    """Return what the line can be narrowed to, in the order of its buttons."""
    names = {
        "purchases": t("消費"),
        "points": t("點數與集點"),
        "coupons": t("優惠券"),
        "rewards": t("兌換與活動"),
        "messages": t("訊息"),
        "actions": t("點擊與瀏覽"),
        "tiers": t("等級與方案"),
        "tags": t("標籤"),
        "journeys": t("旅程"),
        "voice": t("意見"),
        "changes": t("資料變更"),
    }
    return {kind: names[kind] for kind in KINDS}


def points_name(t: Texts, reason: str) -> str:
    """Return why points moved."""
    names = {
        "purchase": t("消費"),
        "welcome": t("入會禮"),
        "birthday": t("生日禮"),
        "adjustment": t("人工調整"),
        "expiry": t("到期"),
        "refund": t("退款"),
        "redemption": t("折抵"),
        "reward": t("兌換"),
        "activation": t("生效"),
        "referral": t("推薦"),
        "mission": t("任務"),
        "review": t("評論"),
        "lottery": t("抽獎"),
        "merge": t("合併會員卡"),
        "import": t("匯入"),
        "reversal": t("更正"),
        "survey": t("問卷"),
    }
    return names.get(reason, reason)


def coupon_name(t: Texts, state: str, cause: str) -> str:
    """Return what became of a coupon: given, used, given back, taken back."""
    if state == "issued" and cause in ("refund", "cancel"):
        return t("退還優惠券")
    names = {
        "locked": t("收到優惠券（尚未開放）"),
        "issued": t("收到優惠券"),
        "redeemed": t("使用優惠券"),
        "void": t("收回優惠券"),
    }
    return names.get(state, t("優惠券"))


def reward_name(t: Texts, source: str, what: str) -> str:
    """Return what a member got or did in the programme."""
    names = {
        ("exchange", "given"): t("兌換獎勵"),
        ("exchange", "cancelled"): t("兌換獎勵（已取消）"),
        ("draw", "prize"): t("抽中獎項"),
        ("draw", "consolation"): t("抽獎（安慰獎）"),
        ("draw", "none"): t("抽獎（沒有抽中）"),
        ("mission", "done"): t("完成任務"),
        ("mission", "taken_back"): t("完成任務（已收回）"),
        ("badge", ""): t("獲得徽章"),
        ("gathering", "going"): t("報名聚會"),
        ("gathering", "waiting"): t("候補聚會"),
        ("gathering", "left"): t("取消聚會報名"),
        ("gathering", "attended"): t("出席聚會"),
        ("plan", "active"): t("加入付費方案"),
        ("plan", "expired"): t("付費方案到期"),
        ("plan", "cancelled"): t("取消付費方案"),
        ("plan", "revoked"): t("停止付費方案"),
        ("plan", "reapplied"): t("重新申請付費方案"),
        ("plan", "readmitted"): t("恢復付費方案"),
        ("plan_payment", "paid"): t("繳交會費"),
        ("plan_payment", "returned"): t("退還會費"),
        ("invited", "rewarded"): t("推薦好友成功"),
        ("invited_by", "rewarded"): t("受好友推薦，已獲獎勵"),
    }
    usual = {"invited": t("推薦好友"), "invited_by": t("受好友推薦")}
    return names.get((source, what)) or usual.get(source) or what


def message_name(t: Texts, kind: str) -> str:
    """Return what a message was about, by its kind."""
    names = {
        "receipt": t("消費收據"),
        "refund": t("退款通知"),
        "birthday_gift": t("生日禮"),
        "coupon_expiry": t("優惠券到期提醒"),
        "coupon_redeemed": t("優惠券使用通知"),
        "win_back": t("好久不見"),
        "tier_up_notice": t("升級通知"),
        "tier_down_notice": t("降級通知"),
        "tier_warning": t("保級提醒"),
        "points_adjusted": t("點數調整通知"),
        "points_reversed": t("點數更正通知"),
        "referral_rewarded": t("推薦獎勵通知"),
        "gathering_moved_up": t("聚會遞補通知"),
        "welcome_back": t("歡迎回來"),
        "plan_started": t("方案開始通知"),
        "plan_renewed": t("方案續約通知"),
        "plan_ending": t("方案到期提醒"),
        "plan_ended": t("方案結束通知"),
        "stamps_ending": t("集點到期提醒"),
        "line_moved": t("更換 LINE 通知"),
        "member_merged": t("合併會員卡通知"),
        "card_unfrozen": t("解除凍結通知"),
        "content": t("行銷訊息"),
        "email_confirm": t("確認電子郵件"),
    }
    return names.get(kind, t("其他通知"))


def message_state_name(t: Texts, state: str) -> str:
    """Return what became of a message."""
    names = {
        "waiting": t("等待發送"),
        "accepted": t("已送達 LINE"),
        "refused": t("LINE 拒收"),
        "skipped": t("沒有發送"),
        "unknown": t("無法確認是否送達"),
        "holdout": t("對照組，不發送"),
    }
    return names.get(state, state)


def activity_name(t: Texts, source: str, what: str) -> str:
    """Return what a member tapped, looked at or did."""
    names = {
        ("click", "campaign"): t("點了活動訊息"),
        ("click", "journey"): t("點了旅程訊息"),
        ("look", "view"): t("瀏覽商品"),
        ("look", "cart"): t("放進購物車"),
        ("look", "checkout"): t("開始結帳"),
        ("look", "search"): t("搜尋商品"),
        ("activity", "review"): t("寫了評論"),
        ("activity", "event"): t("參加活動"),
        ("activity", "feedback"): t("給了意見"),
    }
    usual = {"click": t("點了訊息"), "look": t("瀏覽"), "activity": t("參與")}
    return names.get((source, what)) or usual[source]


def voice_name(t: Texts, source: str, what: str) -> str:
    """Return how a member told us something."""
    names = {
        ("contact", "open"): t("希望我們聯絡（還沒處理）"),
        ("contact", "settled"): t("希望我們聯絡（已處理）"),
        ("answer", "csat"): t("滿意度問卷"),
        ("answer", "nps"): t("推薦度問卷"),
        ("answer", "exit"): t("離開原因問卷"),
        ("review", "pending"): t("評論（待審）"),
        ("review", "approved"): t("評論"),
        ("review", "hidden"): t("評論（已隱藏）"),
    }
    return names.get((source, what), what)


def tag_name(t: Texts, what: str, why: str, name: str) -> tuple[str, str]:
    """Return the title of a change of tags, and why it happened."""
    titles = {
        "added": t("加上標籤「{name}」", name=name),
        "extended": t("延長標籤「{name}」", name=name),
        "removed": t("移除標籤「{name}」", name=name),
    }
    whys = {
        "asked": t("有人設定"),
        "event": t("事件觸發"),
        "rule": t("符合分眾"),
        "left_segment": t("不再符合分眾"),
        "unbound": t("分眾規則已解除"),
        "bought": t("已經購買"),
        "expired": t("到期"),
        "archived": t("標籤已封存"),
        "erased": t("會員資料已刪除"),
        "merged": t("會員卡合併"),
        "unmerged": t("會員卡合併已取消"),
    }
    return titles.get(what, name), whys.get(why, why)


def person_name(t: Texts, source: str, what: str, words: str | None) -> str:
    """Return what changed about who a member is to us."""
    names = {
        ("joined", ""): t("加入會員"),
        ("consent", "given"): t("同意接收行銷訊息"),
        ("consent", "taken_back"): t("不再接收行銷訊息"),
        ("bound", "joined"): t("綁定 LINE（加入時）"),
        ("bound", "otp"): t("綁定 LINE（手機驗證）"),
        ("bound", "clerk"): t("綁定 LINE（店員核對）"),
        ("bound", "merge"): t("綁定 LINE（合併會員卡）"),
        ("unbound", "moved"): t("解除舊的 LINE（換手機或帳號）"),
        ("unbound", "erased"): t("解除 LINE（刪除資料）"),
        ("unbound", "merged"): t("解除 LINE（合併會員卡）"),
        ("unbound", "unmerged"): t("解除 LINE（取消合併）"),
        ("alert", "open"): t("異常提醒，等待處理"),
        ("alert", "confirmed"): t("異常提醒，確認為盜用"),
        ("alert", "released"): t("異常提醒，確認沒問題"),
    }
    if source == "consent" and words == "membership":
        return t("同意成為會員") if what == "given" else t("撤回會員同意")
    return names.get((source, what), what)


def change_name(after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of an audit entry that say something to a person."""
    return {name: value for name, value in after.items() if name in _TELLING}


_TELLING = frozenset({"points", "state", "amount_twd", "stamps", "months", "is_full"})
