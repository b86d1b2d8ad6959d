"""How the API says no where segments, models of members and their rules are asked for."""

from handlers.api.kind import Kind

_RULE_SAID = (
    "`detail` says what stands at `facts.path`, and what might.",
    "detail 說明 facts.path 該處的問題與可用的寫法。",
)


def _of_rule(title: str, title_zh: str) -> Kind:
    """Return the kind of a refusal that brings its own words, path and possibilities."""
    return Kind(422, title, _RULE_SAID[0], title_zh, _RULE_SAID[1])


SEGMENT_KINDS: dict[str, Kind] = {
    # --- rules
    "not_a_rule": _of_rule("This is no rule", "看不懂的規則"),
    "rule_schema_unknown": _of_rule("The rule language has no such version", "不支援的規則版本"),
    "rule_too_large": _of_rule("The rule is too long", "規則太長"),
    "rule_too_deep": _of_rule("The groups are nested too deep", "條件群組層數太多"),
    "rule_too_many_conditions": _of_rule("The rule has too many conditions", "條件太多"),
    "rule_too_many_values": _of_rule("A list has too many values", "清單的值太多"),
    "rule_empty_list": _of_rule("A list is empty", "清單是空的"),
    "rule_unknown_key": _of_rule("A word is unknown or missing", "有不認得或缺少的項目"),
    "rule_unknown_field": _of_rule("There is no such field", "沒有這個欄位"),
    "rule_unknown_operator": _of_rule("The field cannot be compared so", "欄位不能這樣比較"),
    "rule_unknown_option": _of_rule("The option is unknown or missing", "選項不存在或缺少"),
    "rule_options_conflict": _of_rule("Two options contradict each other", "選項互相衝突"),
    "rule_wrong_type": _of_rule("A value is of another type", "值的型別不對"),
    "rule_out_of_range": _of_rule("A value is out of range", "值超出範圍"),
    "rule_no_such_day": _of_rule("There is no such day", "沒有這一天"),
    "rule_text_refused": _of_rule("A text will not do", "文字不符"),
    "rule_unknown_code": _of_rule("The shop has nothing of this code", "店內沒有此代碼"),
    # --- kept segments
    "no_such_segment": Kind(
        404,
        "There is no such segment",
        "List them with `GET /segments`.",
        "找不到此分群",
        "請以 GET /segments 查詢。",
    ),
    "segment_exists": Kind(
        409,
        "The code is taken",
        "Give the segment a new version, or choose another code.",
        "此代碼已有分群",
        "請新增版本，或改用其他代碼。",
    ),
    "segment_refused": Kind(
        422,
        "The segment cannot be kept so",
        "`facts.what` names the part, `facts.wanted` what would do.",
        "分群資料不符",
        "問題欄位見 facts.what，可用的寫法見 facts.wanted。",
    ),
    "segment_changed": Kind(
        409,
        "Somebody has changed the segment since",
        "Read it again: `facts.version` is the newest, by `facts.made_by`. Apply your change to "
        "that one, and send it with its version.",
        "分群已被其他人修改",
        "請重新讀取最新版本（facts.version，由 facts.made_by 修改），套用您的變更後再送出。",
    ),
    "segment_archived": Kind(
        409,
        "The segment is archived",
        "The shop brings it back by `flask --app app segment archive CODE --back`.",
        "此分群已封存",
        "請先由店家恢復（segment archive 代碼 --back）。",
    ),
    "too_many_segments": Kind(
        409,
        "The shop has as many segments as it may",
        "Change one that is no longer needed.",
        "分群數已達上限",
        "請修改不再使用的分群。",
    ),
    # --- models
    "unknown_model": Kind(
        404,
        "There is no such model",
        "`facts.known` lists them.",
        "沒有這個模型",
        "可用的模型見 facts.known。",
    ),
    "unknown_class": Kind(
        404,
        "The model has no such class",
        "`facts.known` lists them.",
        "模型沒有這一類",
        "可用的類別見 facts.known。",
    ),
    "day_not_yet": Kind(
        422,
        "The day has not come",
        "Ask about `facts.today` or a day before.",
        "這一天還沒到",
        "請選 facts.today 或更早的日子。",
    ),
    "before_the_shop_opened": Kind(
        422,
        "Nobody was a member on that day",
        "The first member joined on `facts.opened_on`.",
        "當天還沒有任何會員",
        "第一位會員於 facts.opened_on 加入，請選之後的日子。",
    ),
    "days_out_of_order": Kind(
        422,
        "The first day lies after the last",
        "Swap `from_day` and `to_day`.",
        "起訖日期顛倒",
        "請對調 from_day 與 to_day。",
    ),
    "not_a_member_then": Kind(
        422,
        "Nobody was this member on that day",
        "They joined later, have left, or became another card.",
        "當時不是會員",
        "會員當時尚未加入、已離開或已併入其他卡。",
    ),
    # --- analyses and predictions
    "no_such_analysis": Kind(
        404,
        "There is no such analysis",
        "`facts.known` lists them.",
        "沒有這項分析",
        "可用的分析見 facts.known。",
    ),
    "analysis_parameter_refused": Kind(
        422,
        "The analysis does not take this",
        "`facts.name` is the parameter, `facts.why` what it may be.",
        "分析參數不符",
        "參數見 facts.name，可用的值見 facts.why。",
    ),
    "edges_refused": Kind(
        422,
        "The bands' edges will not do",
        "Whole NT$ above zero, rising, such as 1000,2000,3000.",
        "級距不符",
        "請由小到大填入大於 0 的整數，例如 1000,2000,3000。",
    ),
    "margin_unknown": Kind(
        422,
        "The margin is not known",
        "Tell it as the parameter named in the list of analyses, or import costs.",
        "毛利未知",
        "請填入毛利率參數，或匯入商品成本。",
    ),
    "no_such_tier": Kind(
        422,
        "The ladder has no such tier",
        "Use the code of a tier of the shop.",
        "沒有這個等級",
        "請使用店家的等級代碼。",
    ),
    "no_forecast_yet": Kind(
        409,
        "Nothing is foretold yet",
        "Forecasts are made at night: ask again tomorrow.",
        "尚無預測",
        "預測於每晚計算，請明天再查。",
    ),
    "not_enough_to_predict": Kind(
        409,
        "There is too little to predict from",
        "`facts` say what is there and what is needed.",
        "資料不足，無法預測",
        "目前與所需的資料量見 facts。",
    ),
}
