"""The word to members that there are tiers now (D-06): made of the rules in force, to be edited."""

import secrets
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from models.base import in_language
from models.campaign import Campaign, add_campaign
from models.local_day import local_day
from models.programme import get_programme
from models.segment import parse_rule
from models.segment.keeping import add_segment
from models.segment.table import SegmentExists
from models.shop import LANGUAGES, get_shop
from models.staff import Staff
from models.tier import CALENDAR, LIFETIME, ROLLING, TIER_POINTS, Rules, Tier

SEGMENT = "everybody-reachable"
MOST_LINES = 3
"""So many of a tier's benefits are told; the card in the chat tells all."""
CODE_BYTES = 3
_EVERYBODY = {"schema": 1, "where": {"field": "reachable", "is": "is", "value": True}}
_SEGMENT_NAME = {
    "zh-TW": "可推播的全體會員",
    "en": "Everybody who can be written to",
    "ja": "配信できる全会員",
}
_CAMPAIGN_NAME = {
    "zh-TW": "會員制度公告",
    "en": "Announcing the membership",
    "ja": "会員制度のお知らせ",
}
_OPENING = {
    "zh-TW": "{shop} 會員制度上路了！\n消費就會自動累積，升等了我們會通知您。",
    "en": "{shop} has a membership now!\nWhat you spend adds up by itself, and we tell you when"
    " you move up.",
    "ja": "{shop} の会員制度が始まりました！\nお会計は自動でたまり、ランクアップはお知らせします。",
}
_ENDING = {
    "zh-TW": "點選單的「會員卡」，看您現在的等級。",
    "en": "Tap “Member card” in the menu to see your tier.",
    "ja": "メニューの「会員カード」で現在のランクをご確認ください。",
}
_FOR_ALL = {"zh-TW": "加入就是", "en": "when you join", "ja": "ご入会と同時に"}
_REACHED: Mapping[str, dict[str, str]] = {
    ROLLING: {
        "zh-TW": "一年內消費滿 NT${amount:,}",
        "en": "NT${amount:,} within a year",
        "ja": "1 年間に NT${amount:,} 以上",
    },
    CALENDAR: {
        "zh-TW": "今年消費滿 NT${amount:,}",
        "en": "NT${amount:,} this year",
        "ja": "今年 NT${amount:,} 以上",
    },
    LIFETIME: {
        "zh-TW": "累積消費滿 NT${amount:,}",
        "en": "NT${amount:,} in all",
        "ja": "累計 NT${amount:,} 以上",
    },
    TIER_POINTS: {
        "zh-TW": "累積 {amount:,} 等級點",
        "en": "{amount:,} tier points",
        "ja": "ランクポイント {amount:,}",
    },
}
_SCORE = {"zh-TW": "達 {amount:,} 分", "en": "a score of {amount:,}", "ja": "スコア {amount:,}"}


def announcement(session: Session, now: datetime) -> dict[str, str]:
    """Return the text that tells of the tiers in force, one a language."""
    rules = get_programme(session).ladder.on(local_day(now))
    shop = get_shop(session)
    return {
        language: "\n\n".join(
            (
                _OPENING[language].format(shop=in_language(shop.name, language)),
                *(_tier(rules, tier, amount, language) for tier, amount in rules.steps),
                _ENDING[language],
            )
        )
        for language in LANGUAGES
    }


def _tier(rules: Rules, tier: Tier, amount: int, language: str) -> str:
    reached = _REACHED.get(rules.basis, _SCORE)[language] if amount else _FOR_ALL[language]
    benefits = tier.benefits.get(language) or tier.benefits["zh-TW"]
    head = f"【{in_language(tier.name, language)}】{reached.format(amount=amount)}"
    return "\n".join((head, *(f"・{line}" for line in benefits[:MOST_LINES])))


def draft_announcement(
    session: Session, texts: Mapping[str, str], *, by: Staff, now: datetime
) -> Campaign:
    """Keep the announcement as a campaign's draft, to everybody who can be written to.

    Raises what `add_campaign` raises.
    """
    try:
        rule = parse_rule(_EVERYBODY)
        add_segment(session, SEGMENT, _SEGMENT_NAME, rule, by=by.username, now=now, staff_id=by.id)
    except SegmentExists:
        pass  # It was made for an earlier announcement.
    return add_campaign(
        session,
        f"announce-{secrets.token_hex(CODE_BYTES)}",
        {
            "name": _CAMPAIGN_NAME,
            "segment": SEGMENT,
            "content": {"schema": 1, "messages": [{"type": "text", "text": dict(texts)}]},
            "schedule": {"when": "now"},
        },
        by=by.username,
        now=now,
    )
