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
    Action.SHOW_REWARDS: """
        兌換好禮 兌換 點數兌換 換好禮 好禮 禮品 兌點 reward rewards redeem exchange gifts
        ポイント交換 交換""",
    Action.SHOW_TIER: """
        等級 會員等級 我的等級 升等 升級 級別 等级 tier tiers mytier level rank status
        ランク 会員ランク レベル ステータス""",
    Action.SHOW_BENEFITS: """
        權益 我的權益 會員權益 福利 benefits mybenefits perks 特典""",
    Action.SHOW_EVENTS: """
        活動 會員活動 報名 events event イベント""",
    Action.SHOW_SALES: """
        優先購 特賣 搶先購 sale sales earlysale セール 先行セール""",
    Action.SHOW_PAGES: """
        專屬內容 會員專屬內容 文章 content pages 限定コンテンツ""",
    Action.SHOW_PROFILE: """
        我的資料 個人資料 會員資料 資料 修改資料 設定 我的资料 profile mydata mydetails
        myprofile account settings details マイデータ 登録情報 会員情報 個人情報 設定変更""",
    Action.SHOW_PLANS: """
        付費會員 付費會籍 續約 續約會員 會員方案 方案 vip VIP方案 訂閱方案 paidmembership plan
        plans renew renewal 有料会員 プラン 更新手続き""",
    Action.SHOW_HELP: """
        說明 幫助 使用說明 怎麼用 功能 選單 你好 您好 哈囉 嗨 说明 help menu hello hi hey
        start ヘルプ 使い方 メニュー こんにちは はじめる""",
    Action.CONTACT_STAFF: """
        客服 聯絡客服 真人客服 聯絡門市 門市 電話 營業時間 人工 找店員 contact staff human
        agent support phone 問い合わせ お問い合わせ 連絡先 電話番号 営業時間""",
    Action.REQUEST_CONTACT: """
        請門市聯絡我 請聯絡我 請打給我 回電 請回電 callme callback pleasecallme contactme
        連絡希望 折り返し連絡 電話してください""",
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
    Action.SHOW_REFERRAL: """
        推薦好友 推薦 推薦碼 我的推薦碼 邀請好友 分享好友 揪團 推荐好友 refer referral invite
        invitefriends referafriend 友達紹介 お友だち紹介 友だち紹介 紹介コード""",
    Action.SHOW_MISSIONS: """
        任務 我的任務 任务 挑戰 mission missions challenge ミッション チャレンジ""",
    Action.SHOW_BADGES: """
        徽章 我的徽章 勳章 badge badges mybadges バッジ""",
    Action.CHECK_IN: """
        簽到 每日簽到 打卡 签到 checkin dailycheckin チェックイン デイリーチェックイン""",
    Action.SHOW_LOTTERY: """
        抽獎 我要抽獎 抽奖 抽獎券 lottery luckydraw draw 抽選 くじ""",
    Action.SHOW_PURCHASES: """
        最近消費 消費紀錄 購買紀錄 評分 寫評論 我要評論 purchases myorders orders review
        ratemyorder ratemypurchases 購入履歴 レビューを書く""",
    Action.SHOW_REVIEWS: """
        大家的評論 評論 評論牆 评论 reviews reviewwall レビュー 口コミ""",
    Action.SHOW_COMMUNITY: """
        會員社群 社群 聊天室 社团 community openchat コミュニティ オープンチャット""",
    Action.WAS_MEMBER: """
        我以前是會員 找回會員 找回會員卡 換手機 換帳號 我是會員 imamember recover lostcard
        会員でした 機種変更""",
    Action.NOT_ME: """
        不是我 盜用 被盜用 盜刷 凍結 notme stolen fraud freeze 心当たりがない 私ではない
        不正利用""",
    Action.CLAIM_RECEIPT: """
        補登 補登點數 补登 收據碼 忘記掃碼 忘了掃碼 忘記累點 忘了累點 沒掃碼 claimpoints
        forgottoscan receiptcode レシートコード ポイント後付け""",
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
