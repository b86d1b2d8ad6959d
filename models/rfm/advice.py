"""What to do about each RFM group before a shop says otherwise (B-07)."""

from models.lifecycle.advice import Advice
from models.lifecycle.names import RFM
from models.rfm.group import MAINTAINING, SLEEPING, VIP

ADVICE: tuple[Advice, ...] = (
    Advice(
        RFM,
        VIP,
        title={
            "zh-TW": "新品搶先試用與生日禮",
            "en": "New products first, and a birthday gift",
            "ja": "新商品の先行体験と誕生日ギフト",
        },
        advice={
            "zh-TW": "新品優先預覽與試用，生日送上專屬祝福與好禮；用服務留住，不必靠折扣。",
            "en": "Let them preview and try new products first, and mark their birthday with a "
            "gift of their own. Keep them by service; no discount is needed.",
            "ja": "新商品を先行案内・試用してもらい、誕生日には特別なお祝いを。"
            "割引ではなくサービスでつなぎ留めます。",
        },
    ),
    Advice(
        RFM,
        "attention",
        title={
            "zh-TW": "只給你的專屬優惠",
            "en": "An exclusive offer, just for you",
            "ja": "あなただけの限定特典",
        },
        advice={
            "zh-TW": "買得多但不常來：偶爾給一次專屬優惠，邀他養成固定回購的習慣。",
            "en": "They spend much but come seldom: make an exclusive offer now and then, and "
            "invite them into a habit.",
            "ja": "金額は大きいが来店は少なめ。時々限定のご優待を贈り、定期的な購入につなげます。",
        },
    ),
    Advice(
        RFM,
        "promising",
        title={
            "zh-TW": "滿額就送好禮",
            "en": "A gift from a certain amount on",
            "ja": "一定額以上でプレゼント",
        },
        advice={
            "zh-TW": "常來但單次金額低：用滿額贈與加購，把每次消費往上帶一階。",
            "en": "They come often and spend little each time: lift the basket with a gift from a "
            "certain amount on, and with add-ons.",
            "ja": "来店は多いが単価は低め。一定額以上のプレゼントや"
            "ついで買いで一回の購入額を引き上げます。",
        },
    ),
    Advice(
        RFM,
        "developing",
        title={
            "zh-TW": "檔期單品折扣",
            "en": "An item discount at this campaign",
            "ja": "キャンペーン中の単品割引",
        },
        advice={
            "zh-TW": "剛開始往來：在重要檔期給單品折扣，引導第二次、第三次消費。",
            "en": "They have only begun: discount single items at the key campaigns, and lead them "
            "to the second and third purchase.",
            "ja": "お付き合いは始まったばかり。大きな販促の時期に単品割引を出し、"
            "二度目・三度目の購入へ導きます。",
        },
    ),
    Advice(
        RFM,
        "retaining",
        title={
            "zh-TW": "好久不見，想聽聽你的意見",
            "en": "We have missed you: tell us why",
            "ja": "お久しぶりです。ご意見をお聞かせください",
        },
        advice={
            "zh-TW": "曾經常來也買得多，最近停了：先問出原因（客服關懷、簡短問卷），再談優惠。",
            "en": "They came often, spent much and have stopped: find out why (a call, a short "
            "survey) before you offer anything.",
            "ja": "よく来てよく買っていたのに止まった会員。まず理由を聞き"
            "（お声がけ・短いアンケート）、特典はその後に。",
        },
    ),
    Advice(
        RFM,
        MAINTAINING,
        title={
            "zh-TW": "小額折價券",
            "en": "A small coupon",
            "ja": "少額クーポン",
        },
        advice={
            "zh-TW": "送小額折價券維持關係；若人數明顯增加，請調查商品、服務或競爭對手的變化。",
            "en": "Keep in touch with a small coupon. If many appear here, investigate: product, "
            "service, or a rival has changed.",
            "ja": "少額クーポンで関係を保ちます。人数が目立って増えたら、"
            "商品・接客・競合の変化を調べてください。",
        },
    ),
    Advice(
        RFM,
        "returning",
        title={
            "zh-TW": "新品試用邀請",
            "en": "An invitation to try something new",
            "ja": "新商品のお試しご招待",
        },
        advice={
            "zh-TW": "買過高金額、久未回來：邀請新品試用，推薦高單價商品，值得一對一聯繫。",
            "en": "They once spent much and have been away: invite them to a trial, show them "
            "high-value goods; they are worth a personal word.",
            "ja": "高額の購入があり、しばらくご無沙汰の会員。お試しに招き、"
            "高単価の商品を提案します。個別に連絡する価値があります。",
        },
    ),
    Advice(
        RFM,
        SLEEPING,
        title={
            "zh-TW": "關懷信與一次折扣碼",
            "en": "A letter of care with one code",
            "ja": "気遣いの手紙と割引コード一回",
        },
        advice={
            "zh-TW": "送一次適度的折扣碼加一封關懷信；沒有回應就停止投入。",
            "en": "Send one moderate code and a letter of care; if there is no reply, stop "
            "investing.",
            "ja": "ほどよい割引コードと気遣いの手紙を一度。反応がなければ投資をやめます。",
        },
    ),
)
"""In the order of B-06."""
