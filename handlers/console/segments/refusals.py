"""How the segments' pages say no; rules that cannot be asked bring their own advice."""

from bot.texts import Texts
from handlers.console.refusals import Facts, NoticeFor, register
from handlers.console.segments.words import maker_words
from handlers.notice import Notice


def _segment_refused(t: Texts, facts: Facts) -> Notice:
    advice = {
        "code": t("代碼只能用小寫英文、數字、連字號與底線；也可以留白，由系統編。"),
        "name": t("中文名稱要填，每個名稱最多 60 個字。"),
        "note": t("修改原因最多 500 個字。"),
    }
    return Notice(t("這個分群還不能儲存"), advice.get(facts.get("what", ""), t("請檢查後再存。")))


_NOTICES: dict[str, NoticeFor] = {
    "segment_refused": _segment_refused,
    "no_such_segment": lambda t, _: Notice(
        t("找不到這個分群"), t("它可能用了別的代碼；請回分群清單找一次。")
    ),
    "segment_exists": lambda t, facts: Notice(
        t("這個代碼已經有人用了"),
        t("「{code}」是另一個分群。請換一個代碼，或留白由系統編。", code=facts["segment"]),
    ),
    "segment_changed": lambda t, facts: Notice(
        t("有人剛改過這個分群"),
        t(
            "{who} 在 {moment} 存了第 {version} 版。您改的還在下面，先看對方的再決定。",
            who=maker_words(t, facts["made_by"]),
            moment=t.moment(facts["made_at"]),
            version=facts["version"],
        ),
    ),
    "segment_archived": lambda t, _: Notice(
        t("這個分群已封存"), t("請先在分群頁按「恢復」，再修改或發送。")
    ),
    "too_many_segments": lambda t, facts: Notice(
        t("分群太多了"),
        t("最多 {most} 個，封存的也算；請改既有的分群，或找工程人員調高上限。", most=facts["most"]),
    ),
    "unknown_model": lambda t, _: Notice(t("沒有這個模型"), t("請從模型頁重新選一個。")),
    "unknown_class": lambda t, _: Notice(t("沒有這個類別"), t("請從模型頁重新選一個。")),
    "no_such_alert": lambda t, _: Notice(t("找不到這則提醒"), t("請重新整理提醒清單。")),
    "alert_setting_refused": lambda t, _: Notice(t("百分點超出範圍"), t("請填 1 到 100 的整數。")),
    "action_refused": lambda t, _: Notice(
        t("這個行動還不能儲存"),
        t("標題最多 80 個字、建議最多 400 個字，中文要填；優惠券要選現有的。"),
    ),
    "not_a_member_then": lambda t, _: Notice(
        t("當時還不是會員"), t("請換一位會員，或選加入之後的日子。")
    ),
}

register(_NOTICES)
