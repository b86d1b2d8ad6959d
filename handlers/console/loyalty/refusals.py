"""How the pages of tiers say no; analyses bring their own advice."""

from bot.texts import Texts
from handlers.console.loyalty.words import problem_words
from handlers.console.refusals import register
from handlers.notice import Facts, Notice, NoticeFor


def _rules_refused(t: Texts, facts: Facts) -> Notice:
    known = problem_words(t)
    why = [known[name] for name in str(facts.get("why", "")).split(", ") if name in known]
    return Notice(t("這套規則還不能發布"), " ".join(why) or t("請檢查每一欄後再試。"))


def _changed(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("有人剛改過這一份"),
        t(
            "{name} 在 {at} 存了第 {edition} 版。您的內容還在草稿裡：請先看他的版本，再改。",
            name=facts.get("name", ""),
            at=t.moment(facts["at"]) if "at" in facts else "",
            edition=facts.get("edition", ""),
        ),
    )


def _refused(t: Texts, facts: Facts) -> Notice:
    advice = {
        "name": t("提案要有名稱，最多 {longest} 個字。", longest=facts.get("longest", "")),
        "benefits": t("有一項新權益的等級不在規則裡，請移除或把等級加回來。"),
        "ended": t("有一項權益在生效日還沒開始，不能在那天結束；請取消勾選。"),
    }
    return Notice(
        t("這份提案還不能儲存"), advice.get(facts.get("why", ""), t("請檢查每一欄後再試。"))
    )


_NOTICES: dict[str, NoticeFor] = {
    "tier_rules_refused": _rules_refused,
    "owner_must_confirm": lambda t, _: Notice(
        t("新增等級要由老闆確認"), t("請老闆看過預算後發布。")
    ),
    "proposal_refused": _refused,
    "proposal_changed": _changed,
    "proposal_closed": lambda t, _: Notice(
        t("這份提案已經結束"), t("它已發布或放棄，不能再改；請從清單另起一份。")
    ),
    "no_such_proposal": lambda t, _: Notice(
        t("找不到這份提案"), t("請回會員制度頁，從清單重新選一份。")
    ),
    "not_the_owner": lambda t, _: Notice(
        t("只有老闆可以發布"), t("提案與試算都已存好，請老闆到這一頁按發布。")
    ),
    "no_tier_here": lambda t, _: Notice(
        t("找不到這個等級"), t("請回會員制度頁，從現行等級重新選一個。")
    ),
    "effect_unknown": lambda t, _: Notice(
        t("還在計算誰會受影響"), t("名單算好就會出現在這一頁；看過之後再發布。")
    ),
    "not_simulated": lambda t, _: Notice(
        t("這一版還沒有試算"), t("請先按「開始試算」，完成後再看名單。")
    ),
}

register(_NOTICES)
