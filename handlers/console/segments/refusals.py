"""How the segments' pages say no; rules that cannot be asked bring their own advice."""

from bot.texts import Texts
from handlers.console.makers import maker_name
from handlers.console.refusals import register
from handlers.notice import Facts, Notice, NoticeFor
from models.lifecycle.setting import LONGEST_NOTE


def _segment_refused(t: Texts, facts: Facts) -> Notice:
    advice = {
        "code": t("代碼只能用小寫英文、數字、連字號與底線；也可以留白，由系統編。"),
        "name": t("中文名稱要填，每個名稱最多 60 個字。"),
        "note": t("修改原因最多 500 個字。"),
    }
    return Notice(t("這個分群還不能儲存"), advice.get(facts.get("what", ""), t("請檢查後再存。")))


def _rfm_setting_refused(t: Texts, facts: Facts) -> Notice:
    advice = {
        "note": t("請寫下原因，最多 {longest} 個字。", longest=facts.get("longest", "")),
        "values": t("自訂數字請填一個，或由小到大四個，用逗號隔開，例如 7,14,30,60。"),
    }
    return Notice(t("設定還不能儲存"), advice.get(facts.get("why", ""), t("請檢查後再存。")))


def _lifecycle_refused(t: Texts, facts: Facts) -> Notice:
    why = facts.get("why", {})
    if "note" in why:
        advice = t("請寫下原因，最多 {longest} 個字。", longest=LONGEST_NOTE)
    elif "far_cycles" in why:
        advice = t("沒買的週期數要比買過的大：請填 {range}。", range=why["far_cycles"])
    else:
        advice = t("請檢查每個數字的範圍。")
    return Notice(t("設定還不能儲存"), advice)


def _empty_list(t: Texts, facts: Facts) -> Notice:
    if facts["path"].endswith((".all", ".any")):
        return Notice(t("還沒有條件"), t("每一組至少加一個條件，再儲存。"))
    return Notice(t("有一個條件還沒選"), t("請在標出來的條件裡，至少選一項。"))


_NOTICES: dict[str, NoticeFor] = {
    "rule_empty_list": _empty_list,
    "not_a_rule": lambda t, _: Notice(
        t("這條規則看不懂"), t("請用畫面重新加條件；以 JSON 編寫時，請檢查括號、引號與逗號。")
    ),
    "rfm_setting_refused": _rfm_setting_refused,
    "lifecycle_refused": _lifecycle_refused,
    "cut_offs_out_of_order": lambda t, facts: Notice(
        t("數字沒有由小到大"),
        t("「{values}」請改成由小到大。", values=t("、").join(map(str, facts["values"]))),
    ),
    "model_settings_same": lambda t, _: Notice(
        t("沒有改任何設定"), t("表單裡的和目前的一樣，改了數字再看。")
    ),
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
            who=maker_name(facts["made_by"]),
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
