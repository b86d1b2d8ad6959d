"""How the console says no about journeys, the calendar, surveys and festivals."""

from bot.texts import Texts
from handlers.console.refusals import register
from handlers.notice import Facts, Notice


def _edit_refused(t: Texts, facts: Facts) -> Notice:
    advice = {
        "ends_the_way": t("「離開旅程」後面不能再有步驟。請先移走後面的步驟，或放在最後。"),
        "into_itself": t("步驟不能移到它自己後面的分支裡。請放到分支外。"),
        "no_such_step": t("這個步驟已不在草稿裡。請重新整理頁面。"),
    }
    return Notice(t("步驟沒有移動"), advice[facts["why"]])


def _wrong_state(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這個旅程目前不能這樣做"),
        t("草稿要先啟用才能暫停；已封存的旅程不能再更改，可以用現成範本再建一個。"),
    )


def _journey_refused(t: Texts, facts: Facts) -> Notice:
    advice = {
        "code": t("代碼用小寫英文、數字、- 或 _，最多 40 個字。"),
        "name": t("請填中文名稱，最多 60 個字。"),
        "note": t("說明最多 500 個字。"),
    }
    return Notice(t("旅程沒有儲存"), advice.get(facts.get("what", ""), t("請檢查欄位後再試。")))


def _steps_missing(t: Texts, facts: Facts) -> Notice:
    advice = t("請替每個步驟選擇新版的去處，再搬一次。")
    if "steps" in facts:
        steps = t("、").join(facts["steps"])
        advice = t("請替這些步驟選擇新版的去處：{steps}。", steps=steps)
    return Notice(t("有人停在新版沒有的步驟"), advice)


def _survey_refused(t: Texts, facts: Facts) -> Notice:
    advice = {
        "code": t("代碼用小寫英文、數字、- 或 _，最多 40 個字。"),
        "kind": t("已經有回答的問卷不能換類型。請另建一份。"),
        "name": t("請填中文名稱，最多 200 個字。"),
        "question": t("請填中文問題，最多 200 個字。"),
        "reasons": t("每個原因最多 20 個字，最多 8 個；離開原因問卷至少要一個。"),
    }
    return Notice(t("問卷沒有儲存"), advice[facts["what"]])


def _festival_refused(t: Texts, facts: Facts) -> Notice:
    advice = {
        "code": t("代碼用小寫英文、數字、- 或 _，而且不能和內建節日相同。"),
        "name": t("請填中文名稱。"),
        "year": t("年份要在 2000 到 2098 之間。"),
        "days": t("天數是 1 到 31。"),
        "day": t("沒有這一天。請檢查月份與日期。"),
    }
    return Notice(t("節日沒有儲存"), advice[facts["what"]])


register(
    {
        "journey_edit_refused": _edit_refused,
        "journey_wrong_state": _wrong_state,
        "journey_refused": _journey_refused,
        "journey_steps_missing": _steps_missing,
        "survey_refused": _survey_refused,
        "festival_refused": _festival_refused,
        "no_such_journey": lambda t, _: Notice(
            t("找不到這個旅程"), t("它可能被改名或封存。請回旅程清單重新選一個。")
        ),
        "no_such_journey_visit": lambda t, _: Notice(
            t("找不到這位會員的這一趟"), t("請回名單重新選一位。")
        ),
        "journey_exists": lambda t, _: Notice(
            t("這個代碼已有旅程"), t("請換一個代碼，或打開原來的旅程修改。")
        ),
        "too_many_journeys": lambda t, facts: Notice(
            t("旅程太多了"), t("最多 {most} 個。請先封存用不到的旅程。", most=facts["most"])
        ),
        "no_such_journey_template": lambda t, _: Notice(
            t("沒有這個範本"), t("請從範本清單重新選一個。")
        ),
        "no_such_journey_task": lambda t, _: Notice(
            t("這件待辦已經完成或取消"), t("清單重新整理後就是最新的。")
        ),
        "no_such_survey": lambda t, _: Notice(
            t("找不到這份問卷"), t("它可能已封存。請回問卷清單。")
        ),
        "no_such_festival": lambda t, _: Notice(
            t("找不到這個節日"), t("它可能剛被刪除。請重新整理。")
        ),
        "campaign_not_movable": lambda t, _: Notice(
            t("這個活動不能換日子"),
            t("只有「指定一個時間、還沒開始」的活動能移動。重複發送的請到活動頁修改時間。"),
        ),
    }
)
