"""What a marketer calls the facts that triggers and coupon steps tell of a visit."""

from collections.abc import Mapping

from models.base import Texts, in_language, said

FACT_NAMES: Mapping[str, Texts] = {
    "begins_on": said("節日開始日", "first day of the festival", "祝祭日の初日"),
    "birthday": said("下次生日", "next birthday", "次の誕生日"),
    "birthday_on": said("生日", "birthday", "誕生日"),
    "category": said("品類", "category", "カテゴリー"),
    "class": said("顧客類別", "class", "顧客区分"),
    "count": said("張數", "number of coupons", "枚数"),
    "coupon_ends_on": said("券的最後一天", "last day of the coupon", "クーポンの最終日"),
    "coupon_id": said("券的編號", "coupon", "クーポン番号"),
    "coupon_name": said("券名", "coupon's name", "クーポン名"),
    "days": said("天數", "days", "日数"),
    "ends_on": said("到期日", "last day", "期限日"),
    "fee_twd": said("費用", "fee", "料金"),
    "festival": said("節日", "festival", "祝祭日"),
    "festival_name": said("節日名稱", "festival's name", "祝祭日の名前"),
    "has_gift": said("有升等禮", "has a gift", "ギフトあり"),
    "item_name": said("品名", "item", "商品名"),
    "joined_on": said("入會日", "day of joining", "入会日"),
    "keep_by": said("保級期限", "to be kept by", "維持期限"),
    "keep_gap": said("保級還差金額", "missing to keep the tier", "維持までの金額"),
    "last_purchase_on": said("上次消費日", "last purchase", "前回購入日"),
    "missing": said("還差幾格", "stamps missing", "残りスタンプ"),
    "month": said("月份", "month", "月"),
    "net_twd": said("消費金額", "amount paid", "購入金額"),
    "new_tier": said("新等級", "new tier", "新しいランク"),
    "plan_name": said("方案名稱", "plan", "プラン名"),
    "points_ending": said("將到期點數", "points that end", "失効ポイント"),
    "programme_name": said("集點卡名稱", "stamp card", "スタンプカード名"),
    "purchase_id": said("消費編號", "purchase", "購入番号"),
    "purchased_on": said("消費日", "day of purchase", "購入日"),
    "repurchase_on": said("預測回購日", "likely day of the next purchase", "次回購入の予測日"),
    "reward_name": said("獎勵名稱", "reward", "特典名"),
    "segment": said("分群", "segment", "セグメント"),
    "size": said("集點卡格數", "size of the card", "スタンプ数"),
    "sku": said("商品", "item", "商品"),
    "source": said("入會來源", "source", "入会経路"),
    "stamps": said("已集格數", "stamps", "集めたスタンプ"),
    "subscription_id": said("方案編號", "subscription", "契約番号"),
    "template": said("觸發決定的券", "the cause's coupon", "きっかけのクーポン"),
    "tier_id": said("等級編號", "tier", "ランク番号"),
    "upgrade_id": said("升等編號", "upgrade", "昇格番号"),
}


def fact_name(fact: str, language: str) -> str:
    """Return what a fact is called; one without a name stays itself."""
    return in_language(FACT_NAMES[fact], language) if fact in FACT_NAMES else fact
