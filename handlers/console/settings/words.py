"""Names that several of the settings' pages use."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.texts import Texts
from models.api_key import SCOPES

Said = Callable[[Any], str]
"""Words that are said in a language."""

EVENT_WORDS: Mapping[str, Said] = {
    "member.joined": lambda t: t("新會員加入"),
    "tier.changed": lambda t: t("會員等級變動"),
    "points.changed": lambda t: t("點數變動"),
    "coupon.redeemed": lambda t: t("優惠券使用"),
    "coupon.redemption_cancelled": lambda t: t("優惠券使用取消"),
    "webhook.test": lambda t: t("測試通知"),
}


def scope_words(t: Texts) -> dict[str, str]:
    """Return what each scope of an API key allows."""
    nouns = {
        "members": t("會員"),
        "purchases": t("消費"),
        "coupons": t("優惠券"),
        "catalogue": t("商品"),
        "events": t("瀏覽紀錄"),
        "webhooks": t("事件通知"),
        "segments": t("分群"),
        "campaigns": t("行銷活動"),
        "journeys": t("旅程"),
    }
    verbs = {"read": t("讀取"), "write": t("寫入"), "send": t("發送")}
    words = {}
    for scope in SCOPES:
        noun, _, verb = scope.partition(":")
        words[scope] = t("{verb}{noun}", verb=verbs[verb], noun=nouns[noun])
    return words
