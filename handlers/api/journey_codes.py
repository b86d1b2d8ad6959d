"""How the API says no where journeys are asked for."""

from handlers.api.kind import Kind

_SAID = (
    "`detail` says what stands at `facts.path`, and what might.",
    "detail 說明 facts.path 該處的問題與可用的寫法。",
)


def _of_definition(title: str, title_zh: str) -> Kind:
    """Return the kind of a refusal that brings its own words, path and possibilities."""
    return Kind(422, title, _SAID[0], title_zh, _SAID[1])


JOURNEY_KINDS: dict[str, Kind] = {
    # --- what it says
    "journey_not_a_definition": _of_definition("This is no definition", "看不懂的旅程內容"),
    "journey_unknown_word": _of_definition("A word is unknown or missing", "有不認得或缺少的項目"),
    "journey_wrong_value": _of_definition("A value will not do", "值不符"),
    "journey_missing_next": _of_definition("A step leads nowhere", "步驟沒有寫下一步"),
    "journey_unknown_step": _of_definition("There is no such step", "沒有這個步驟"),
    "journey_duplicate_step": _of_definition("Two steps have one id", "步驟代碼重複"),
    "journey_unreachable_step": _of_definition("No way leads to a step", "有走不到的步驟"),
    "journey_loop_without_wait": _of_definition("A circle has no wait", "迴圈裡沒有等待"),
    "journey_wait_too_long": _of_definition("The wait is too long", "等待太久"),
    "journey_too_many_steps": _of_definition("There are too many steps", "步驟太多"),
    "journey_unknown_code": _of_definition("The shop has nothing of this code", "店內沒有此代碼"),
    # --- what is done with it
    "no_such_journey": Kind(
        404,
        "There is no such journey",
        "List them with `GET /journeys`; `facts.version` is set where the version is missing.",
        "找不到此旅程",
        "請以 GET /journeys 查詢；facts.version 有值時表示沒有這一版。",
    ),
    "journey_exists": Kind(
        409,
        "The code is taken",
        "Give the journey a new version, or choose another code.",
        "此代碼已有旅程",
        "請新增版本，或改用其他代碼。",
    ),
    "journey_refused": Kind(
        422,
        "The journey cannot be kept so",
        "`facts.what` names the part, `facts.wanted` what would do.",
        "旅程資料不符",
        "問題欄位見 facts.what，可用的寫法見 facts.wanted。",
    ),
    "journey_changed": Kind(
        409,
        "Somebody has changed the journey since",
        "Read it again: `facts.version` is the newest, by `facts.made_by`. Apply your change to "
        "that one, and send it with its version.",
        "旅程已被其他人修改",
        "請重新讀取最新版本（facts.version，由 facts.made_by 修改），套用您的變更後再送出。",
    ),
    "journey_wrong_state": Kind(
        409,
        "The journey cannot do that now",
        "`facts.state` says how it stands, `facts.possible` from where it could.",
        "旅程目前不能這樣做",
        "目前狀態見 facts.state，可行的狀態見 facts.possible。",
    ),
    "too_many_journeys": Kind(
        409,
        "The shop has as many journeys as it may",
        "Archive one that is no longer needed.",
        "旅程數已達上限",
        "請封存不再使用的旅程。",
    ),
}
