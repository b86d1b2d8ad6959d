"""Why a message did not go, in words: for reports, proofs and the calendar."""

from collections.abc import Mapping

from models.base import Texts, said

REASON_NAMES: Mapping[str, Texts] = {
    "holdout": said("對照組（不發送）", "Held out to compare", "対照群（配信しない）"),
    "erased": said("已退出會員", "No member any more", "退会済み"),
    "not_a_friend": said(
        "不是好友或已封鎖", "Not a friend, or blocked us", "友だちでない・ブロック中"
    ),
    "no_email": said("沒有可用的電子郵件", "No e-mail address", "メールアドレスなし"),
    "unreachable": said("沒有送得到的通路", "Nothing reaches them", "届く手段なし"),
    "no_line_account": said("沒有綁定 LINE", "No LINE account", "LINE 未連携"),
    "malformed_id": said("LINE 代碼不正確", "Malformed LINE id", "LINE ID が不正"),
    "marketing_stopped": said("不同意行銷", "Does not allow marketing", "販促に同意なし"),
    "frequency_cap": said("達到頻率上限", "Frequency cap", "配信頻度の上限"),
    "win_back_lock": said("剛收過喚回", "Won back lately", "呼び戻し直後"),
    "waiting_for_higher": said("讓給更重要的訊息", "Gave way to another", "他の配信を優先"),
    "suppressed": said("久未回應，暫不打擾", "Never answers: left in peace", "無反応のため停止"),
    "quiet_hours": said("靜音時段", "Quiet hours", "配信停止時間帯"),
    "quota": said("訊息額度不足", "Quota used up", "配信数の上限"),
    "budget": said("超過預算", "Over budget", "予算超過"),
    "no_coupon": said("優惠券已發完", "No coupon left", "クーポン終了"),
    "too_late": said("過了時效", "Too late", "時間切れ"),
    "reason_gone": said("原因已消失", "Its reason was gone", "理由が消滅"),
    "merged": said("已併入其他卡", "Merged into another card", "別カードに統合"),
    "cancelled": said("活動已取消", "Campaign cancelled", "キャンペーン中止"),
    "stopped": said("活動已停止", "Campaign stopped", "キャンペーン停止"),
    "said otherwise": said("已用別的方式告知", "Said otherwise", "別の方法で通知済み"),
}
_NOT_WRITTEN = said("依分類設定不發送", "Class gets no paid messages", "区分の設定により配信なし")


def reason_name(reason: str) -> Texts:
    """Return a reason's name; one that is a class stands for that class's setting.

    What LINE said itself, or we do not know, is shown as it is.
    """
    if reason in REASON_NAMES:
        return REASON_NAMES[reason]
    return _NOT_WRITTEN if reason.partition(":")[0] in _MODELS else said(reason, reason, reason)


_MODELS = frozenset({"nasld", "napl_article", "napl_91app", "rfm"})
