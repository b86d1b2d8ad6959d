"""Names that several of the settings' pages use."""

from bot.texts import Texts
from models.api_key import SCOPES


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
