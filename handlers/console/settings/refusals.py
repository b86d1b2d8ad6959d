"""How the settings say no: what happened, and how to go on."""

from bot.texts import Texts
from handlers.console.refusals import register
from handlers.notice import Facts, Notice
from models.base import in_language


def _username(t: Texts, facts: Facts) -> Notice:
    if facts.get("why") == "taken":
        return Notice(t("這個帳號已經有人用"), t("請換一個帳號名稱，例如加上店名。"))
    return Notice(
        t("帳號名稱不能這樣寫"),
        t("請用 2 到 30 個小寫英數字，可以加「.」「-」「_」，以英數字開頭。"),
    )


def _store_code(t: Texts, facts: Facts) -> Notice:
    if facts.get("why") == "taken":
        return Notice(t("已經有這個門市代碼"), t("請換一個代碼，例如 TP02。"))
    return Notice(t("門市代碼不能這樣寫"), t("請用 2 到 12 個英文字母或數字，例如 TP01。"))


def _shop(t: Texts, facts: Facts) -> Notice:
    if facts.get("what") == "basic_id":
        return Notice(t("官方帳號 ID 不能這樣寫"), t("請填 @ 開頭的 ID，例如 @teadays。"))
    return Notice(
        t("商店資料有一欄不對"),
        t("每一欄最多 {longest} 個字，繁體中文要填。", longest=facts.get("longest", "")),
    )


def _plan(t: Texts, facts: Facts) -> Notice:
    advice = {
        "from_month": t("方案只能從本月或下個月開始。"),
        "service_reserve": t("保留給服務訊息的則數，不能多於一個月能發的則數。"),
        "steps": t("加購級距要由少到多，最後一級不填上限；單價不能是負的。"),
        "note": t("請寫下為什麼要改，最多 200 個字。"),
    }
    what = str(facts.get("what"))
    return Notice(t("方案沒有儲存"), advice.get(what, t("請檢查數字後再儲存。")))


def _endpoint(t: Texts, facts: Facts) -> Notice:
    advice = {
        "scheme": t("網址須以 https:// 開頭，內容才不會被偷看。"),
        "private_address": t("不能是內部網路的位址。請填對方系統在網際網路上的網址。"),
        "events": t("請至少勾選一種事件。"),
    }
    why = str(facts.get("why"))
    return Notice(t("這個網址不能用"), advice.get(why, t("請檢查網址後再試。")))


def _file(t: Texts, facts: Facts) -> Notice:
    reason = facts.get("reason") or t("請存成 CSV 或 .xlsx 再上傳。")
    if isinstance(reason, dict):  # A file's row may hold one of before, in Chinese only.
        reason = in_language(reason, t.language)
    return Notice(t("讀不懂這個檔案"), reason)


def _options(t: Texts, facts: Facts) -> Notice:
    if facts.get("what") == "twice":
        return Notice(t("同一欄選了兩次"), t("檔案的每一欄只能對應一個項目，請改選。"))
    return Notice(
        t("還有必要的欄位沒有對應"),
        t("會員檔要有手機；消費檔要有日期、金額，以及手機、電子郵件或會員編號其中一項。"),
    )


def _outreach(t: Texts, facts: Facts) -> Notice:
    wrong = facts.get("why")
    ranges = t("、").join(map(str, wrong.values())) if isinstance(wrong, dict) else ""
    return Notice(t("規則沒有儲存"), t("有數字超出範圍（{ranges}）。", ranges=ranges))


register(
    {
        "username_refused": _username,
        "store_code_refused": _store_code,
        "shop_refused": _shop,
        "shop_changed": lambda t, _: Notice(
            t("有人剛改過商店或會員制度的設定"),
            t("您輸入的內容留在草稿裡。請重新打開這一頁，看過新的內容再儲存。"),
        ),
        "staff_name_refused": lambda t, facts: Notice(
            t("請輸入姓名"),
            t("同事看得懂的名字，最多 {longest} 個字。", longest=facts.get("longest", 30)),
        ),
        "no_such_staff": lambda t, _: Notice(t("找不到這位同事"), t("請重新整理「人員」。")),
        "not_theirs_to_manage": lambda t, _: Notice(
            t("這一位不歸您管理"), t("人員的角色與權限由老闆管理。沒有任何變動。")
        ),
        "role_refused": lambda t, _: Notice(t("不能給這個角色"), t("請選店長、行銷、稽核或店員。")),
        "invitation_over": lambda t, _: Notice(
            t("這個連結不能用了"), t("連結三天內有效、只能用一次。請老闆再發一個新的連結給您。")
        ),
        "password_too_short": lambda t, facts: Notice(
            t("密碼太短"), t("至少要 {shortest} 個字。", shortest=facts.get("shortest", 8))
        ),
        "pins_differ": lambda t, _: Notice(t("兩次輸入的不一樣"), t("請再輸入一次。")),
        "wrong_password": lambda t, _: Notice(
            t("目前的密碼不對"), t("請再輸入一次。忘記密碼，請老闆發一個新的連結。")
        ),
        "scope_unknown": lambda t, _: Notice(t("還沒勾選權限"), t("請至少勾選一項金鑰能做的事。")),
        "no_such_api_key": lambda t, _: Notice(
            t("這把金鑰已經停用"), t("請重新整理清單；需要時另外新增一把。")
        ),
        "secret_shown": lambda t, facts: Notice(
            t("「{name}」的密鑰已經顯示過", name=facts.get("name", "")),
            t("同一頁送出了兩次，只做了一次；密鑰只顯示一次。沒有抄下來的話，請按「換新」。"),
        ),
        "endpoint_refused": _endpoint,
        "too_many_endpoints": lambda t, _: Notice(t("網址已達上限"), t("請先刪除不需要的。")),
        "no_such_endpoint": lambda t, _: Notice(t("找不到這個網址"), t("可能剛剛被刪除了。")),
        "endpoint_disabled": lambda t, _: Notice(
            t("這個網址已停用"), t("請先重新啟用，再送測試或重送。")
        ),
        "no_such_device": lambda t, _: Notice(t("這台裝置已經停用"), t("請重新整理清單。")),
        "plan_refused": _plan,
        "outreach_refused": _outreach,
        "suppression_refused": lambda t, _: Notice(t("沒有儲存"), t("請填數字與原因。")),
        "notice_refused": lambda t, _: Notice(
            t("六項都要填"), t("三種語言的六項都要有標題與內容，每項最多 1,000 個字。")
        ),
        "notice_outdated": lambda t, _: Notice(t("沒有這個版本"), t("請回到個資告知頁。")),
        "setup_refused": lambda t, _: Notice(t("沒有儲存"), t("每個回答最多 500 個字。")),
        "no_such_transfer": lambda t, _: Notice(
            t("找不到這個檔案"), t("檔案保留幾天後會刪除，請重新上傳或匯出。")
        ),
        "transfer_busy": lambda t, _: Notice(
            t("這個檔案正在處理"), t("請等它做完，或按「停止」；進度會自動更新。")
        ),
        "upload_too_large": lambda t, _: Notice(
            t("檔案太大或是空的"), t("一個檔案最多 200 MB。請分成幾個檔案，或用指令匯入。")
        ),
        "file_refused": _file,
        "import_options_refused": _options,
        "batch_not_undoable": lambda t, _: Notice(t("這一批已經復原過"), t("不必再做一次。")),
        "preset_refused": lambda t, _: Notice(
            t("不能套用這個範本"), t("請選一個範本，並選明天以後、還沒有別的規則的日期。")
        ),
    }
)
