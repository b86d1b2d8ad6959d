"""How the API says no where campaigns and what they send are asked for."""

from handlers.api.kind import Kind

_SAID = (
    "`detail` says what stands at `facts.path`, and what might.",
    "detail 說明 facts.path 該處的問題與可用的寫法。",
)


def _of_content(title: str, title_zh: str) -> Kind:
    """Return the kind of a refusal that brings its own words, path and possibilities."""
    return Kind(422, title, _SAID[0], title_zh, _SAID[1])


CAMPAIGN_KINDS: dict[str, Kind] = {
    # --- what it says
    "campaign_refused": _of_content("The campaign will not do so", "活動內容不符"),
    "campaign_schedule_in_past": _of_content("The moment to send is over", "發送時間已過"),
    "not_content": _of_content("This is no content", "看不懂的訊息內容"),
    "content_unknown_key": _of_content("A word is unknown or missing", "有不認得或缺少的項目"),
    "content_count": _of_content("There are too many or too few", "數量不符"),
    "content_unknown_template": _of_content("The gallery has no such card", "版型庫沒有此卡片"),
    "content_text_refused": _of_content("A text will not do", "文字不符"),
    "content_unknown_variable": _of_content("There is no such variable", "沒有這個變數"),
    "content_braces": _of_content("A brace stands alone", "大括號沒有成對"),
    "content_address_refused": _of_content("The address will not do", "網址不符"),
    "content_unknown_code": _of_content("The shop has nothing of this code", "店內沒有此代碼"),
    "content_survey_not_last": _of_content("A survey must be the last", "問卷須放在最後一則"),
    # --- what is done with it
    "no_such_campaign": Kind(
        404,
        "There is no such campaign",
        "List them with `GET /campaigns`.",
        "找不到此活動",
        "請以 GET /campaigns 查詢。",
    ),
    "campaign_exists": Kind(
        409,
        "The code is taken",
        "Choose another code, or change the draft that has it.",
        "此代碼已有活動",
        "請改用其他代碼，或修改原有草稿。",
    ),
    "campaign_not_in_this_state": Kind(
        409,
        "The campaign is in another state",
        "`facts.state` is the one it is in, `facts.wanted` lists those that would do.",
        "活動目前的狀態不允許",
        "目前狀態見 facts.state，可行的狀態見 facts.wanted。",
    ),
    "campaign_not_allowed": Kind(
        403,
        "This takes a person of the shop",
        "Approving, and going on after the budget ended, is done by a second person by command.",
        "須由店家人員操作",
        "核准與超出預算後的繼續，須由第二位店家人員以指令操作。",
    ),
    "campaign_empty_audience": Kind(
        409,
        "Nobody would get it",
        "Preview it, and look at its segment.",
        "沒有可發送的對象",
        "請先預覽並檢查分群。",
    ),
    "campaign_cannot_test": Kind(
        409,
        "Some of them cannot get a test",
        "A test goes to members who are friends of the account; `facts` lists the others.",
        "部分會員無法接收測試",
        "測試僅能發給官方帳號好友，其餘見 facts。",
    ),
    "no_such_run": Kind(
        404,
        "The campaign has no such sending",
        "List them with `GET /campaigns/{code}/runs`.",
        "找不到此次發送",
        "請以 GET /campaigns/{code}/runs 查詢。",
    ),
}
