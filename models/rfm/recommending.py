"""What to do next for one member: two steps, from their class, their rhythm and the way they have
still to go to the next tier (A-13)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from models.base import Texts, in_language
from models.classification.table import MemberClass
from models.favourite import favourite_of
from models.lifecycle import NASLD, PROSPECT, cycle_of
from models.lifecycle.cycle import MEMBER
from models.lifecycle.explaining import explain_class
from models.local_day import local_day
from models.member import get_member
from models.programme import get_programme
from models.purchase import standing_of
from models.rfm.group import VIP
from models.tier import Standing

NEAR_PERCENT = 50
"""From half of the way on a member is told what is missing to the next tier."""
REPEATED = 2
"""From so many purchases on somebody is a customer and not a visitor."""
FIRST_OFFER, POPULAR_ITEMS = "first_offer", "popular_items"
LEAD_BACK, CARE_LETTER = "lead_back", "care_letter"
REPURCHASE_REMINDER, LIMITED_BUNDLE = "repurchase_reminder", "limited_bundle"
VIP_SAMPLE, TIER_REMINDER = "vip_sample", "tier_reminder"
ADD_ON, INVITE_REFERRAL, ASK_SATISFACTION = "add_on", "invite_referral", "ask_satisfaction"


_TEXTS: dict[str, Texts] = {
    FIRST_OFFER: {
        "zh-TW": "首購優惠：邀請完成第一次消費",
        "en": "A first-purchase offer",
        "ja": "初回購入の特典",
    },
    POPULAR_ITEMS: {
        "zh-TW": "附上人氣商品指南",
        "en": "with a guide to what is popular",
        "ja": "人気商品のガイドを添える",
    },
    LEAD_BACK: {
        "zh-TW": "回娘家優惠：已 {age} 天沒有消費",
        "en": "An offer to come back: {age} days without a purchase",
        "ja": "お帰りなさい特典：{age}日間ご購入なし",
    },
    CARE_LETTER: {
        "zh-TW": "關懷信一封；沒有回應就停止投入",
        "en": "One letter of care; without a reply, stop investing",
        "ja": "気遣いの手紙を一通。反応がなければ投資をやめる",
    },
    REPURCHASE_REMINDER: {
        "zh-TW": "回購提醒：已 {age} 天，平常約 {cycle} 天一次",
        "en": "A repurchase reminder: {age} days, where about {cycle} are usual",
        "ja": "再購入のご案内：{age}日経過（目安は約{cycle}日）",
    },
    LIMITED_BUNDLE: {
        "zh-TW": "{favourite}限量組合",
        "en": "A limited bundle: {favourite}",
        "ja": "{favourite}の数量限定セット",
    },
    VIP_SAMPLE: {
        "zh-TW": "VIP 新品試用",
        "en": "A VIP sample of something new",
        "ja": "VIP限定の新商品サンプル",
    },
    TIER_REMINDER: {
        "zh-TW": "升等提醒：再 {gap} 升{tier}",
        "en": "A reminder: {gap} to {tier}",
        "ja": "ランクアップのご案内：あと{gap}で{tier}",
    },
    ADD_ON: {
        "zh-TW": "加購推薦：搭配{favourite}",
        "en": "An add-on to go with {favourite}",
        "ja": "{favourite}に合わせたついで買いのご提案",
    },
    INVITE_REFERRAL: {
        "zh-TW": "邀請加入推薦計畫，帶朋友一起來",
        "en": "An invitation to the referral programme: bring a friend",
        "ja": "お友達紹介プログラムへのご招待",
    },
    ASK_SATISFACTION: {
        "zh-TW": "關心首購滿意度",
        "en": "Ask how they liked it",
        "ja": "初回購入の満足度をたずねる",
    },
}
_ANYTHING: Texts = {"zh-TW": "常購商品", "en": "what they like", "ja": "いつもの商品"}


@dataclass(frozen=True)
class Situation:
    """What decides: nothing of it names a member."""

    nasld: str
    orders: int
    age_days: int | None
    """Whole days since the last purchase; None before the first."""
    cycle_days: int
    """The member's own rhythm, drawn to the shop's where they have bought seldom."""
    is_valued: bool
    """Whether they hold a tier above the lowest, or are `rfm:vip`."""
    is_near_tier: bool

    @property
    def is_due(self) -> bool:
        """Tell whether their next purchase should have come by now."""
        return self.age_days is not None and self.age_days >= self.cycle_days


@dataclass(frozen=True)
class Recommendation:
    """What to do for a member, the first step first, with what it was taken from."""

    situation: Situation
    standing: Standing
    rfm_group: str | None
    """As the last night found it."""
    actions: tuple[str, ...]
    favourite: str | None
    """What they usually buy: the category, or the item where no category is told."""

    def lines(self, language: str = "zh-TW") -> list[str]:
        """Return the steps in words."""
        next_tier = self.standing.next_tier
        gap = f"NT${self.standing.gap:,}" if self.standing.is_money else f"{self.standing.gap:,}"
        told = {
            "age": self.situation.age_days,
            "cycle": self.situation.cycle_days,
            "favourite": self.favourite or in_language(_ANYTHING, language),
            "tier": in_language(next_tier.name, language) if next_tier else "",
            "gap": gap,
        }
        return [in_language(_TEXTS[action], language).format(**told) for action in self.actions]


def recommend(session: Session, member_id: int, now: datetime) -> Recommendation:
    """Return what to do next for a member, as they stand. Raises NoSuchMember, NotAMemberThen."""
    member, today = get_member(session, member_id), local_day(now)
    explained = explain_class(session, member, NASLD, now=now)
    standing = standing_of(session, member, get_programme(session), today)
    stored = session.get(MemberClass, member_id)
    rfm_group = stored.rfm_group if stored is not None else None
    figures = explained.figures
    situation = Situation(
        nasld=explained.code,
        orders=figures.orders,
        age_days=(today - figures.last_on).days if figures.last_on else None,
        cycle_days=cycle_of(replace(explained.settings.cycle, level=MEMBER), figures),
        is_valued=standing.tier.rank > 0 or rfm_group == VIP,
        is_near_tier=standing.next_tier is not None and standing.percent >= NEAR_PERCENT,
    )
    usual = favourite_of(session, member_id)
    favourite = (usual.category or usual.item_name) if usual is not None else None
    return Recommendation(situation, standing, rfm_group, tuple(choose(situation)), favourite)


def choose(situation: Situation) -> Sequence[str]:
    """Return the steps for a situation, the first one first."""
    if situation.nasld == PROSPECT:
        return (FIRST_OFFER, POPULAR_ITEMS)
    if situation.nasld == "deep":
        return (CARE_LETTER,)
    return (_first(situation), _second(situation))


def _first(situation: Situation) -> str:
    """Choose by class and rhythm: who is away is led back, who is there is looked after."""
    if situation.nasld in ("sleep", "lost"):
        return LEAD_BACK
    if situation.is_due:
        return REPURCHASE_REMINDER
    if situation.is_valued:
        return VIP_SAMPLE
    return ADD_ON if situation.orders >= REPEATED else ASK_SATISFACTION


def _second(situation: Situation) -> str:
    """Choose by the way to the next tier, then by rhythm and loyalty."""
    if situation.is_near_tier:
        return TIER_REMINDER
    if situation.is_due:
        return LIMITED_BUNDLE
    return INVITE_REFERRAL if situation.orders >= REPEATED else POPULAR_ITEMS
