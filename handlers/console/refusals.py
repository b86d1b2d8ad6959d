"""Every way the console can say no: what happened, and how to go on. Each topic adds its own."""

from collections.abc import Mapping
from dataclasses import replace

from bot.texts import Texts
from handlers.notice import Facts, Notice, NoticeFor
from models.base import BusinessError, in_language

FIELD_REFUSED = "field_refused"

_NOTICES: dict[str, NoticeFor] = {}


def register(notices: Mapping[str, NoticeFor]) -> None:
    """Add the words for refusals, by their code; a code has one set of words."""
    known = {code for code in notices if _NOTICES.get(code, notices[code]) is not notices[code]}
    assert not known, f"refusals said twice: {known}"
    _NOTICES.update(notices)


def explain(t: Texts, error: BusinessError) -> Notice:
    """Return the notice for a refusal, in its own advice or in general words where we have none."""
    return explain_code(t, error.code, error.facts)


def explain_code(t: Texts, code: str, facts: Facts) -> Notice:
    """Return the notice for a refusal's code and facts."""
    if code in _NOTICES:
        field = facts.get("field", "") if code == FIELD_REFUSED else ""
        return replace(_NOTICES[code](t, facts), code=code, field=str(field))
    advice = facts.get("advice")
    if isinstance(advice, dict):
        return Notice(t("這樣不行"), in_language(advice, t.language), code)
    return Notice(
        t("這樣不行"),
        t("沒有任何變更。請檢查輸入後再試；若仍不行，把代碼 {code} 告訴管理者。", code=code),
        code,
    )


def _field_refused(t: Texts, facts: Facts) -> Notice:
    advice = {
        "missing": t("這一欄要填。"),
        "too_long": t("太長了，最多 {longest} 個字。", longest=facts.get("longest", "")),
        "whole": t("請填整數，例如 1200。"),
        "range": t(
            "數字超出範圍（{least} 到 {most}）。",
            least=_end(facts.get("least")),
            most=_end(facts.get("most")),
        ),
        "day": t("請填日期，例如 2026-12-31。"),
        "moment": t("請填日期與時間。"),
        "choice": t("請從選項中選一個。"),
        "letters": t("裡面有看不見、也存不下的字元。請清空這一欄，重新輸入。"),
        "content": t("內容讀不出來。請重新整理頁面再試；您的內容還在草稿裡。"),
    }
    return Notice(
        t("有一欄填得不對"),
        advice.get(facts.get("why", ""), t("請修改這一欄再儲存。")),
    )


def _end(value: int | None) -> str:
    return "…" if value is None else f"{value:,}"


register(
    {
        FIELD_REFUSED: _field_refused,
        "page_too_old": lambda t, _: Notice(t("頁面閒置太久"), t("內容都還在，請再按一次。")),
        "not_allowed": lambda t, _: Notice(
            t("您的角色不能做這件事"), t("請找老闆或店長；人員與角色在「設定」裡調整。")
        ),
        "not_for_console": lambda t, _: Notice(
            t("這個帳號不能使用後台"), t("店員請用櫃台頁面；需要後台權限，請老闆調整角色。")
        ),
        "wrong_login": lambda t, _: Notice(
            t("帳號或密碼不對"), t("請再輸入一次。忘記密碼，請老闆在「設定」重新發一組。")
        ),
        "wrong_totp": lambda t, facts: Notice(
            t("驗證碼不對，或已用過"),
            t("請輸入手機上的下一組六位數。")
            if facts.get("left") is None
            else t("請輸入手機上的下一組六位數；還可以試 {left} 次。", left=facts["left"]),
        ),
        "totp_locked": lambda t, facts: Notice(
            t("試太多次，暫時鎖定"),
            t("請 {minutes} 分鐘後再試，或使用備用碼、請老闆重設。", minutes=facts["minutes"]),
        ),
        "totp_not_begun": lambda t, _: Notice(
            t("還沒設定驗證"), t("請重新整理頁面，再掃一次條碼。")
        ),
        "draft_too_large": lambda t, _: Notice(
            t("內容太長，草稿沒有存"), t("請先儲存，或刪掉一些內容。")
        ),
        "stale": lambda t, facts: Notice(
            t("有人剛改過這一份"),
            t(
                "{name} 在 {at} 存了新的版本。您的內容還在草稿裡：先看新的版本，再決定要不要覆蓋。",
                name=facts.get("name", t("其他人")),
                at=facts.get("at", ""),
            ),
        ),
        "second_person_needed": lambda t, _: Notice(
            t("這件事要由另一個人處理"),
            t("是您提出的、與您有關，或您的角色不能決定；請另一位店長或老闆處理。"),
        ),
        "no_such_figure": lambda t, _: Notice(t("沒有這個報表"), t("請從報表清單重新選一個。")),
    }
)
