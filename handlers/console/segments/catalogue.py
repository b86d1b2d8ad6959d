"""What the rule builder may ask of a member, as JSON in the person's language."""

from flask import Response, g, jsonify

from handlers.console.door import ConsoleDoor, console_texts
from models.segment import FRESHNESS
from models.segment.field import OPERATORS
from models.segment.rule import MOST_LEVELS
from models.segment.schema import field_catalogue, told_in

BLANK = "…"
"""What stands where a value will."""


def show_catalogue() -> Response:
    """Send the fields with their operators, options and choices, and the builder's own words."""
    told = told_in(
        {
            "fields": field_catalogue(g.session),
            "operators": {
                name: {"takes": operator.takes, "label": operator.labels}
                for name, operator in OPERATORS.items()
            },
            "freshness": FRESHNESS,
        },
        console_texts().language,
        blank=BLANK,
    )
    return jsonify(told | {"levels": MOST_LEVELS, "words": _words()})


def _words() -> dict[str, str]:
    """Return the words of the builder's own controls."""
    t = console_texts()
    return {
        "all": t("全部都要符合"),
        "any": t("符合任一個就算"),
        "not": t("排除（不符合的人）"),
        "add_condition": t("加條件"),
        "add_group": t("加群組"),
        "remove": t("刪除"),
        "up": t("上移"),
        "down": t("下移"),
        "field": t("問什麼"),
        "operator": t("怎麼比"),
        "value": t("值"),
        "low": t("從"),
        "high": t("到"),
        "yes": t("是"),
        "no": t("否"),
        "choose": t("請選擇"),
        "narrow": t("加限定…"),
        "separate": t("多個值用逗號分開"),
        "group": t("條件群組"),
        "joined": t("群組怎麼算"),
        "condition": t("條件"),
        "none": t("這裡還沒有可選的項目"),
        "gone": t("（已不存在）"),
        "slow": t("要查購買紀錄，大店的人數是估計值"),
        "filter": t("輸入文字篩選"),
        "unreadable": t("這段 JSON 看不懂，畫面沒有跟著改。"),
    }


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the builder's catalogue."""
    blueprint.get("/segments/catalogue", right="see")(show_catalogue)
