"""The actions that classes start with: what is done about each, in a title and an advice.

`models/rfm/advice.py` gives those of the RFM groups in the same shape, as
`ADVICE: tuple[Advice, ...]` with `model="rfm"`; `models/lifecycle/action.py` joins both and lets
the shop put its own in their place. `{item}` in a text becomes what the member usually buys.
"""

from dataclasses import dataclass

from models.base import Texts, said
from models.lifecycle.names import NAPL_91APP, NAPL_ARTICLE, NASLD, PROSPECT


@dataclass(frozen=True)
class Advice:
    """What a class starts with."""

    model: str
    code: str
    """The class within the model."""
    title: Texts
    """The offer as its member would read it, or the step as the shop calls it; one line."""
    advice: Texts
    """What the shop does about the class, in a sentence or two."""
    template_code: str | None = None
    """The coupon template it gives, if any."""
    paid_push: bool = True
    """Whether the class is written to with messages that cost money."""


_FIRST_OFFER = said(
    "人氣商品 Top 5 與首購優惠",
    "Our Top 5 and a first-purchase offer",
    "人気商品Top5と初回購入特典",
)
_FIRST_ADVICE = said(
    "送上使用導覽與人氣商品 Top 5，附首購優惠，陪他完成第一次購買。",
    "Guide them round, show the Top 5, and add a first-purchase offer: help them to buy once.",
    "使い方の案内と人気商品Top5に初回特典を添えて、最初の購入を後押しします。",
)

ADVICE: tuple[Advice, ...] = (
    Advice(
        NASLD,
        "active",
        title=said(
            "常客專屬折扣與優先服務",
            "A discount and service for regulars only",
            "常連様限定の割引と優先サービス",
        ),
        advice=said(
            "給專屬折扣與專屬服務，邀請評論與推薦朋友；不需要用大折扣去喚回。",
            "Give them a discount and a service of their own, invite reviews and referrals. No "
            "deep discount is needed to bring them back.",
            "専用の割引とサービスを提供し、レビューや紹介をお願いします。大幅な割引は不要です。",
        ),
    ),
    Advice(
        NASLD,
        "new",
        title=said(
            "第一次還滿意嗎？下次試試這些",
            "How was your first time? Try these next",
            "初めてのご利用はいかがでしたか？次はこちらを",
        ),
        advice=said(
            "詢問滿意度，依買過的品項推薦下一個商品，把第二次購買帶進回購週期內。",
            "Ask how satisfied they are, recommend what goes with what they bought, and win the "
            "second purchase within the cycle.",
            "満足度を伺い、購入品に合わせて次の商品をおすすめし、サイクル内の2回目につなげます。",
        ),
    ),
    Advice(
        NASLD,
        "sleep",
        title=said(
            "好久不見，{item}為你留著",
            "Long time no see: your {item} is waiting",
            "お久しぶりです。{item}をご用意しています",
        ),
        advice=said(
            "曾經常來：在檔期送優惠券，推薦他常買的商品，引導回來。",
            "They used to come often: send a coupon at sale seasons, show what they usually buy, "
            "and lead them back.",
            "以前はよく来ていた会員。セール時期にクーポンを送り、よく買う商品をおすすめします。",
        ),
        template_code="win_back",
    ),
    Advice(
        NASLD,
        "lost",
        title=said(
            "好久不見，回來有折扣",
            "We miss you: a discount for coming back",
            "お久しぶりです。ご来店で割引",
        ),
        advice=said(
            "只來過一次就沒再來：在大檔期送優惠券並推薦個人化商品，順便問問原因。",
            "They came once and not again: send a coupon at the big seasons with goods picked for "
            "them, and ask why.",
            "一度きりの会員。大きなセール時期にクーポンと個別のおすすめを送り、理由も伺います。",
        ),
        template_code="win_back",
    ),
    Advice(
        NASLD,
        "deep",
        title=said(
            "年度檔期再邀請一次",
            "One invitation at the yearly sale",
            "年に一度のセールでもう一度ご招待",
        ),
        advice=said(
            "預設不發付費訊息；只在年度大檔期，或他自己點開聊天室時給優惠券。",
            "No paid messages unless you choose so. Offer a coupon at the yearly sale only, or "
            "when they open the chat themselves.",
            "有料メッセージは送らない設定です。年に一度のセールか、本人がトークを開いたときだけ"
            "クーポンを出します。",
        ),
        paid_push=False,
    ),
    Advice(NASLD, PROSPECT, _FIRST_OFFER, _FIRST_ADVICE, template_code="welcome"),
    Advice(NAPL_ARTICLE, "new", _FIRST_OFFER, _FIRST_ADVICE, template_code="welcome"),
    Advice(
        NAPL_ARTICLE,
        "active",
        title=said(
            "你常點的{item}第二杯半價",
            "Your usual {item}: the second at half price",
            "いつもの{item}、2杯目半額",
        ),
        advice=said(
            "用他常買的品項給第二件優惠，提高來店次數，往忠誠客走。",
            "Offer the second of what they usually buy at half price: they come more often and "
            "become loyal.",
            "よく買う商品の2つ目を割引し、来店回数を増やしてロイヤル客へ育てます。",
        ),
    ),
    Advice(
        NAPL_ARTICLE,
        "loyal",
        title=said(
            "升級禮、新品預購權，生日禮加搶先試用",
            "An upgrade gift, pre-order rights, a birthday gift and early trials",
            "アップグレード特典・新商品の予約権・誕生日ギフトと先行体験",
        ),
        advice=said(
            "給升級禮、專屬活動與新品預購權，生日送禮並邀請搶先試用；用特權留人，少用折扣。",
            "Give an upgrade gift, exclusive events and the right to pre-order; on the birthday a "
            "gift and an early trial. Keep them by privileges rather than discounts.",
            "アップグレード特典、限定イベント、新商品の予約権を。誕生日にはギフトと先行体験も。"
            "割引より特別扱いで続けてもらいます。",
        ),
    ),
    Advice(
        NAPL_ARTICLE,
        "passout",
        title=said(
            "回娘家：你有$100專屬折扣券即將到期",
            "Come home: your $100 coupon is about to expire",
            "おかえりなさい：あなた専用の$100割引券がまもなく期限切れ",
        ),
        advice=said(
            "限時「回娘家」活動，送專屬折扣券並在到期前提醒一次；沒有回應就不再打擾。",
            "A short “come home” campaign: a coupon of their own and one reminder before it "
            "expires. Where there is no answer, leave them in peace.",
            "期間限定の「おかえり」企画。専用の割引券を送り、期限前に一度だけお知らせします。"
            "反応がなければそれ以上は送りません。",
        ),
    ),
    Advice(
        NAPL_91APP,
        "new",
        title=said(
            "謝謝第一次購買，下次再來有禮",
            "Thank you for your first order: a gift for the next",
            "初めてのご購入ありがとうございます。次回は特典付き",
        ),
        advice=said(
            "詢問滿意度並推薦搭配商品，給期限內的第二次購買優惠。",
            "Ask how satisfied they are, recommend what goes with it, and offer something for a "
            "second purchase within the window.",
            "満足度を伺い、合う商品をおすすめし、期間内の2回目の購入に特典を付けます。",
        ),
    ),
    Advice(
        NAPL_91APP,
        "active",
        title=said(
            "主力客專屬：新品先看、優先服務",
            "For our core: new products first, service first",
            "主力のお客様限定：新商品の先行案内と優先サービス",
        ),
        advice=said(
            "推薦新品與加購，給專屬優惠與服務，邀請升級與推薦朋友。",
            "Show new products and add-ons, give offers and service of their own, invite them to "
            "the next tier and to refer friends.",
            "新商品やついで買いを提案し、専用の特典とサービスを提供。ランクアップや紹介も促します。",
        ),
    ),
    Advice(
        NAPL_91APP,
        "potential",
        title=said(
            "好久沒來喝{item}了",
            "It has been a while since your {item}",
            "{item}、しばらくぶりですね",
        ),
        advice=said(
            "回購過的老客，最值得喚回：推薦常買商品並給限時優惠券。",
            "They have come back before and are the ones to win again: show what they usually buy, "
            "with a coupon for a short time.",
            "再購入の経験がある会員は最も呼び戻す価値があります。よく買う商品と期間限定クーポンを。",
        ),
        template_code="win_back",
    ),
    Advice(
        NAPL_91APP,
        "lost",
        title=said("再給我們一次機會", "Give us a second chance", "もう一度チャンスをください"),
        advice=said(
            "只買過一次：在大檔期用人氣商品與優惠券邀請一次，沒有回應就減少投入。",
            "A single purchase: invite them once at a big season with the Top 5 and a coupon, and "
            "spend less where there is no answer.",
            "購入は一度だけ。大きなセール時期に人気商品とクーポンで一度誘い、"
            "反応がなければ投資を減らします。",
        ),
        template_code="win_back",
    ),
    Advice(NAPL_91APP, PROSPECT, _FIRST_OFFER, _FIRST_ADVICE, template_code="welcome"),
)
"""Of the lifecycle models, each in the order of its classes (A-16, B-04)."""
