"""How the programme's pages say no: what is wrong, and how to go on."""

from typing import Any

from bot.texts import Texts
from handlers.console import refusals
from handlers.notice import Facts, Notice

RULES: dict[str, Any] = {
    "ck_coupon_template_only_discounts_have_a_value": lambda t: t(
        "折抵金額與打折要填「折多少」；兌換、贈品與免運請填 0。"
    ),
    "ck_coupon_template_percent_in_range": lambda t: t("打折請填 1 到 100 的百分比。"),
    "ck_coupon_template_cap_is_of_a_percent": lambda t: t("「最多折」只用於打折的券。"),
    "ck_coupon_template_window_has_end": lambda t: t(
        "「固定的一段時間」要填結束時間；其他算法請不要填。"
    ),
    "ck_coupon_template_days_are_told": lambda t: t(
        "「收到後」與「打開後」起算要填有效天數，而且不填開始時間。"
    ),
    "ck_coupon_template_window_opens_first": lambda t: t("結束要比開始晚。"),
    "ck_coupon_template_opening_has_last_day": lambda t: t(
        "「打開後起算」要填幾天內要打開；其他算法請不要填。"
    ),
    "ck_coupon_template_pack_has_places": lambda t: t("套組代碼與第幾張要一起填，或都不填。"),
    "uq_coupon_template_pack_code_pack_place": lambda t: t("這個套組已經有同一張次的券。"),
    "ck_earn_rule_gives_one_thing": lambda t: t(
        "倍率與固定加點只能擇一：用倍率時加點填 0，用加點時倍率填 100。"
    ),
    "ck_earn_rule_categories_multiply": lambda t: t("限品類的規則只能用倍率。"),
    "ck_earn_rule_lives": lambda t: t("結束要比開始晚。"),
    "ck_reward_lives": lambda t: t("結束要比開始晚。"),
    "ck_mission_lasts": lambda t: t("結束要比開始晚。"),
    "ck_mission_streak_has_period": lambda t: t("「連續」要選每天或每週；其他種類請選不適用。"),
    "ck_mission_set_of": lambda t: t("「收集一組」只能是到店消費或買某品類。"),
    "ck_lottery_lasts": lambda t: t("結束要比開始晚。"),
    "ck_sale_event_lives": lambda t: t("結束要比公開時間晚。"),
    "ck_stamp_programme_runs": lambda t: t("結束日要比開始日晚。"),
    "seats_taken": lambda t: t("名額不能少於已報名的人數。"),
    "stock_below_none": lambda t: t("剩下的不能少於 0；請減少要扣的數量。"),
    "ends_too_early": lambda t: t("結束日不能在今天以前，也要比開始日晚。"),
}


def _refused(t: Texts, facts: Facts) -> Notice:
    words = RULES.get(facts.get("rule", ""))
    advice = words(t) if words is not None else t("請檢查各欄彼此是否矛盾，再預覽一次。")
    return Notice(t("這樣設定行不通"), advice)


def _fixed(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("已經有會員在用，這些內容不能改"),
        t("請停止這一個，再複製一個新的來改；會員手上的照原本的約定。"),
    )


refusals.register(
    {
        "offering_refused": _refused,
        "offering_fixed": _fixed,
        "offering_changed": lambda t, _: Notice(
            t("有人剛改過這一份"),
            t("下面列出兩邊不同的地方。要用您的內容就再預覽一次，不要就離開這一頁。"),
        ),
        "offering_exists": lambda t, _: Notice(
            t("這個代碼已經用過"), t("請換一個代碼，或回清單打開那一個來改。")
        ),
        "no_such_offering": lambda t, _: Notice(
            t("找不到這一個"), t("可能已改名或不存在；請從清單重新選。")
        ),
        "no_such_offering_change": lambda t, _: Notice(
            t("這個變更已經處理過"), t("請回「制度總覽」看現在的狀態。")
        ),
        "no_such_coupon_handout": lambda t, _: Notice(
            t("這次發券已經結束"), t("發出的券仍然有效；要再發請重新選一個分群。")
        ),
        "coupon_not_offered": lambda t, _: Notice(
            t("這張券已停止發出"), t("請先恢復它，或換一張券。")
        ),
        "reward_refused": lambda t, _: Notice(
            t("獎勵填得不對"), t("請確認券、抽獎、徽章都存在，點數在範圍內。")
        ),
        "stamp_rule_refused": lambda t, _: Notice(
            t("集點加碼填得不對"), t("指定星期要填星期幾，買某品類要填品類，活動期間要填日期。")
        ),
        "plan_rule_refused": lambda t, _: Notice(
            t("會費超出範圍"), t("會費請填 1 到 100,000 元。")
        ),
        "odds_refused": lambda t, facts: Notice(
            t("獎項加不上去"),
            t("已經有人抽過，獎項與機率不能再改；要改請另辦一次抽獎。")
            if facts.get("has_draws")
            else t(
                "所有獎項的機率加起來不能超過 100%；還剩百萬分之 {left}。",
                left=t.number(facts.get("left_ppm", 0)),
            ),
        ),
        "lottery_closed": lambda t, _: Notice(t("找不到這個抽獎"), t("請從抽獎清單重新選。")),
        "benefit_refused": lambda t, _: Notice(
            t("權益的內容不完整"), t("請填完這種權益需要的欄位，券要選現有的一張。")
        ),
        "no_such_birthday_card": lambda t, _: Notice(
            t("找不到這張生日卡"), t("清單每天更新；請重新整理頁面。")
        ),
    }
)
