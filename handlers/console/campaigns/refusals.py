"""How the campaigns' pages say no: where in the campaign, and how to go on."""

import re

from bot.texts import Texts
from handlers.console.form import FieldRefused
from handlers.console.refusals import explain, register
from handlers.notice import Facts, Notice
from models.base import BusinessError, in_language
from models.segment.refusals import RuleRefused

_VARIANT = re.compile(r"variants\[(\d+)\]")
_MESSAGE = re.compile(r"messages\[(\d+)\]")
_FIRST_CODE = ord("A")


def explain_refusal(t: Texts, refusal: BusinessError) -> Notice:
    """Return the notice for what a form was refused with, its place in words."""
    if isinstance(refusal, FieldRefused):
        notice = explain(t, refusal)
        place = _place(t, str(refusal.facts["field"]))
        return Notice(t("這裡要改一下：{place}", place=place), notice.advice, refusal.code)
    if not isinstance(refusal, RuleRefused):
        return explain(t, refusal)
    path = str(refusal.facts["path"])
    advice = in_language(refusal.facts["advice"], t.language).removeprefix(path).lstrip("：: ")
    return Notice(t("這裡要改一下：{place}", place=_place(t, path)), advice, refusal.code)


def _place(t: Texts, path: str) -> str:
    variant, message = _VARIANT.search(path), _MESSAGE.search(path)
    if variant is not None and message is not None:
        return t(
            "{code} 版的第 {number} 則訊息",
            code=chr(_FIRST_CODE + int(variant[1])),
            number=int(message[1]) + 1,
        )
    if variant is not None:
        return t("{code} 版", code=chr(_FIRST_CODE + int(variant[1])))
    known = {
        "name": t("名稱"),
        "name_zh-TW": t("名稱"),
        "at": t("日期與時間"),
        "time": t("幾點"),
        "on_month": t("每月的哪幾日"),
        "from": t("從哪天開始"),
        "until": t("到哪天為止"),
        "size": t("每個版本至少幾人收到"),
        "wait_hours": t("收到後等幾小時"),
        "test_percent": t("先用多少比例的人測試（%）"),
        "priority": t("優先順序"),
        "segment": t("對象"),
        "schedule": t("時間"),
        "stop_rule": t("A/B 判定規則"),
        "variants": t("各版本的占比，合計要 100%"),
        "code": t("代碼"),
        "holdout_percent": t("對照組"),
        "grace_minutes": t("最晚可以遲多久"),
        "budget_twd": t("優惠預算"),
        "attribution_days": t("成效計算天數"),
        "members": t("試發對象"),
    }
    return known.get(path.partition(".")[0], path)


def _not_in_this_state(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("活動的狀態已經不同了"), t("可能有人剛處理過。請重新整理頁面，看看現在的狀態。")
    )


def _not_allowed(t: Texts, facts: Facts) -> Notice:
    if facts.get("why") == "same_person":
        return Notice(
            t("要由另一個人核准"), t("送出的人不能自己核准；請另一位老闆或店長來看過再核准。")
        )
    return Notice(t("您的角色不能做這件事"), t("請找老闆或店長。"))


def _cannot_test(t: Texts, facts: Facts) -> Notice:
    if facts.get("not_friends"):
        return Notice(t("有人不是官方帳號的好友"), t("請對方先加好友或解除封鎖，再試發一次。"))
    return Notice(t("找不到這位會員"), t("請輸入會員編號（九位數）或手機號碼。"))


register(
    {
        "campaign_not_in_this_state": _not_in_this_state,
        "campaign_not_allowed": _not_allowed,
        "campaign_cannot_test": _cannot_test,
        "no_such_campaign": lambda t, _: Notice(t("沒有這個活動"), t("請從活動清單重新選一個。")),
        "no_such_run": lambda t, _: Notice(t("沒有這次發送"), t("請從活動的頁面重新選一次。")),
        "campaign_exists": lambda t, _: Notice(
            t("這個代碼已經有人用了"), t("請換一個代碼，或留空讓系統取一個。")
        ),
        "campaign_empty_audience": lambda t, _: Notice(
            t("這個對象目前沒有人"), t("請換一個分群，或放寬條件再送出。")
        ),
        "campaign_changed_meanwhile": lambda t, facts: Notice(
            t("有人剛改過這一份"),
            t(
                "{name} 存了新的版本。您輸入的都還在；看過對方改了什麼，再按儲存就用您的蓋過去。",
                name=facts["by"],
            ),
        ),
    }
)
