"""Typed words and what they ask for, in three languages and their common variants."""

import re
import unicodedata

from bot.postback import Action

WORDS: dict[Action, str] = {
    Action.JOIN: """
        加入會員 加入 入會 註冊 我要加入 我要入會 申請會員 辦會員 會員註冊 成為會員
        join register signup joinus becomeamember membership 会員登録 入会 登録 会員になる""",
    Action.SHOW_CARD: """
        會員卡 會員 卡片 我的卡 條碼 會員條碼 qr qrcode 掃碼 出示會員卡 更新 更新條碼 會員碼
        card mycard membercard membershipcard barcode member 会員証 会員カード カード バーコード
        会员卡""",
    Action.SHOW_POINTS: """
        點數 我的點數 查點數 查詢點數 紅利 紅利點數 剩餘點數 幾點 多少點 積分 点数
        points point mypoints balance ポイント ポイント残高 ポイント確認""",
    Action.SHOW_STAMPS: """
        集點卡 集點 蓋章 印章 我的集點卡 集章 集点卡 stamp stamps stampcard mystamps
        スタンプ スタンプカード""",
    Action.SHOW_COUPONS: """
        優惠券 優惠 折價券 我的優惠券 票券 兌換券 優惠卷 折價卷 禮券 优惠券 折扣
        coupon coupons mycoupons voucher vouchers クーポン クーポン券 割引""",
    Action.SHOW_TIER: """
        等級 會員等級 我的等級 升等 升級 級別 等级 tier tiers mytier level rank status
        ランク 会員ランク レベル ステータス""",
    Action.SHOW_PROFILE: """
        我的資料 個人資料 會員資料 資料 修改資料 設定 我的资料 profile mydata mydetails
        myprofile account settings details マイデータ 登録情報 会員情報 個人情報 設定変更""",
    Action.SHOW_HELP: """
        說明 幫助 使用說明 怎麼用 功能 選單 你好 您好 哈囉 嗨 说明 help menu hello hi hey
        start ヘルプ 使い方 メニュー こんにちは はじめる""",
    Action.CONTACT_STAFF: """
        客服 聯絡客服 真人客服 聯絡門市 門市 電話 營業時間 人工 找店員 contact staff human
        agent support phone 問い合わせ お問い合わせ 連絡先 電話番号 営業時間""",
    Action.STOP_MARKETING: """
        停止行銷 拒收 退訂 取消訂閱 不要再傳 停止推播 不要廣告 拒收行銷 unsubscribe stop
        optout stopmarketing 配信停止 停止""",
    Action.ALLOW_MARKETING: """
        開啟行銷 訂閱 接收優惠 subscribe optin 配信再開 配信希望""",
    Action.CHOOSE_LANGUAGE: """
        語言 切換語言 换语言 language languages english 日本語 中文 繁體中文 言語 言語設定""",
    Action.DELETE_ME: """
        刪除會員 刪除我的資料 退會 刪除資料 取消會員 刪除帳號 deleteme deleteaccount
        deletemydata 退会 アカウント削除""",
    Action.CANCEL: """
        取消 算了 不用了 離開 cancel quit exit nevermind キャンセル やめる 中止""",
}

JOIN_WITH_SOURCE = re.compile(
    r"(?:加入會員|加入|入會|join|会員登録)\s*[#:]\s*([A-Za-z0-9][A-Za-z0-9_-]{0,31})",
    re.IGNORECASE,
)
LONGEST_COMMAND = 40


def normal_word(text: str) -> str:
    """Fold width, case, blanks, punctuation and emoji away, so that variants meet."""
    folded = unicodedata.normalize("NFKC", text[: LONGEST_COMMAND * 4]).casefold()
    return "".join(c for c in folded if unicodedata.category(c)[0] in "LN" or c == "ー")


_ACTIONS = {normal_word(word): action for action, words in WORDS.items() for word in words.split()}


def find_action(text: str) -> Action | None:
    """Return what a short text asks for, or None where it is no command."""
    if len(text) > LONGEST_COMMAND:
        return None
    return _ACTIONS.get(normal_word(text))


def find_join_source(text: str) -> str | None:
    """Return the source code in a text such as `加入會員 #TP01`, in capitals, or None."""
    found = JOIN_WITH_SOURCE.fullmatch(unicodedata.normalize("NFKC", text.strip()))
    return found.group(1).upper() if found else None
