"""What reports say when they say no, and the words of what may be asked of them."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.texts import Texts
from handlers.console.refusals import register
from handlers.notice import Notice
from models.analysis import MARK_NAMES
from models.base import in_language
from models.report.metric import BY_CODE

CHOICES: Mapping[str, Callable[[Texts], str]] = {
    "all": lambda t: t("所有買過的會員"),
    "repeat": lambda t: t("買過兩次以上的會員"),
    "7": lambda t: t("7 天"),
    "28": lambda t: t("28 天（四週）"),
    "91": lambda t: t("91 天（一季）"),
    "364": lambda t: t("364 天（一年）"),
}


def choice_words(t: Texts, name: str, choice: str) -> str:
    """Return what a choice of a report's parameter is called."""
    if name == "by":
        return in_language(MARK_NAMES[choice], t.language)
    if name == "metric":
        return in_language(BY_CODE[choice].name, t.language)
    return CHOICES[choice](t) if choice in CHOICES else choice


def _letter_refused(t: Texts, facts: Mapping[str, Any]) -> Notice:
    advice = {
        "email": t("請填一個電子信箱，例如 you@example.com。"),
        "report": t("這份報表含店員資料，只能在後台看。"),
        "every": t("請選多久寄一次、幾點寄。"),
        "weekday": t("每週寄送要選星期幾。"),
    }
    return Notice(t("還不能寄送"), advice.get(facts.get("what", ""), t("請檢查每一欄。")))


register(
    {
        "no_such_report": lambda t, _: Notice(t("沒有這份報表"), t("請從報表清單重新選一份。")),
        "no_such_report_letter": lambda t, _: Notice(
            t("這份報表已經不寄了"), t("需要的話，到報表頁重新設定寄送。")
        ),
        "report_letter_refused": _letter_refused,
        "too_many_report_letters": lambda t, facts: Notice(
            t("寄送的報表太多"), t("最多 {most} 份；請先停掉用不到的。", most=facts["most"])
        ),
        "kpi_refused": lambda t, facts: Notice(
            t("這個指標還不能計算"),
            t("請檢查「{path}」：{why}", path=facts.get("path", ""), why=facts.get("why", "")),
        ),
        "no_such_kpi": lambda t, _: Notice(
            t("沒有這個指標"), t("它可能已停用；請回自訂指標的清單。")
        ),
        "too_many_kpis": lambda t, facts: Notice(
            t("自訂指標已達上限"), t("最多 {most} 個；請先停用不再看的。", most=facts["most"])
        ),
        "nothing_said": lambda t, _: Notice(
            t("請寫下看過的結果"), t("例如：已問過店員，是補登的單。")
        ),
    }
)
