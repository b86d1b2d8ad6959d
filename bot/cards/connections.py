"""What a manager is told of the shop's connections to other systems."""

from bot import Message
from bot.cards.parts import text_message
from bot.texts import Texts


def endpoint_disabled(t: Texts, *, host: str, because: str) -> list[Message]:
    """Tell that events go to an address no more, why, and where to see to it."""
    reason = (
        t("對方系統表示這個網址已停用（410）。")
        if because == "gone"
        else t("連續三天都送不到，對方系統沒有正常回應。")
    )
    lines = (
        t("【店務通知】事件通知已停用：{host}", host=host),
        reason,
        t("請到櫃台網頁「連線」查看。修好後重新啟用，並補送失敗的通知。"),
    )
    return [text_message("\n".join(lines))]
