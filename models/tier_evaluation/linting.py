"""Advice on a draft of rules (E-03): what members would find hard to understand, or hard to take.

It warns; it stops nobody.
"""

from collections.abc import Sequence

from models.base import in_language
from models.tier import Tier
from models.tier_evaluation.versions import Draft

EASY_TIERS = 3
EASY_FACTORS = 4
MANY_TIERS = {
    "zh-TW": "共 {tiers} 個等級：超過 {easy} 級，會員較難理解。",
    "en": "{tiers} tiers: more than {easy} are harder for members to understand.",
    "ja": "全 {tiers} ランク：{easy} ランクを超えると会員に伝わりにくくなります。",
}
MANY_FACTORS = {
    "zh-TW": "共 {factors} 個評分項目：超過 {easy} 項，會員較難理解。",
    "en": "{factors} factors: more than {easy} are harder for members to understand.",
    "ja": "評価項目は {factors} 個：{easy} 個を超えると会員に伝わりにくくなります。",
}
NO_RIGHTS = {
    "zh-TW": "沒有設定既有會員權益保留日：到期即依新規則評定。",
    "en": "No day until which members keep their rights: when their tier is due, the new rules"
    " decide.",
    "ja": "既存会員の権利を守る期日がありません。期限が来れば新しい基準で判定されます。",
}
NO_GRACE = {
    "zh-TW": "沒有寬限期：保級日當天即可能降等。",
    "en": "No days of grace: a tier may fall on the very day it is due.",
    "ja": "猶予期間がありません。期限当日にランクが下がることがあります。",
}
DROPPED = {
    "zh-TW": "新規則不再包含：{tiers}。",
    "en": "The new rules no longer have: {tiers}.",
    "ja": "新しい基準に含まれないランク：{tiers}。",
}


def lint(draft: Draft, known: Sequence[Tier], language: str = "zh-TW") -> list[str]:
    """Return advice on a draft in a language; none where nothing stands out."""
    steps, found = len(draft.thresholds) + 1, list[str]()
    if steps > EASY_TIERS:
        found.append(in_language(MANY_TIERS, language).format(tiers=steps, easy=EASY_TIERS))
    if len(draft.factors) > EASY_FACTORS:
        words = in_language(MANY_FACTORS, language)
        found.append(words.format(factors=len(draft.factors), easy=EASY_FACTORS))
    if draft.rights_kept_until is None:
        found.append(in_language(NO_RIGHTS, language))
    if draft.grace_days == 0:
        found.append(in_language(NO_GRACE, language))
    missing = [tier for tier in known if tier.rank and tier.code not in draft.thresholds]
    if missing:
        names = "、".join(in_language(tier.name, language) for tier in missing)
        found.append(in_language(DROPPED, language).format(tiers=names))
    return found
