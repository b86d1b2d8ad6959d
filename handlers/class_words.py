"""What every asker is told of a model in words: the rule of each class, and RFM's cut-offs."""

from datetime import date

from sqlalchemy.orm import Session

from models.base import in_language
from models.classification import MemberClass, get_any_class
from models.lifecycle import RFM, LifecycleSettings, class_key
from models.lifecycle.wording import order_text, rule_text
from models.rfm import get_group, get_rfm_settings
from models.rfm.setting import FREQUENCY, MONETARY, RECENCY
from models.rfm.storing import cuts_of

_CUTS = {
    "zh-TW": "「高」的切點：最近 {recency} 天內買過、近 {window} 天買 {frequency} 次以上、"
    "淨消費 NT${monetary:,} 以上",
    "en": "High is: bought within {recency} days; in the last {window} days {frequency} purchases "
    "or more, NT${monetary:,} or more",
    "ja": "「高」の基準：直近 {recency} 日以内に購入、直近 {window} 日に {frequency} 回以上、"
    "NT${monetary:,} 以上",
}
_NO_GROUP = {
    "zh-TW": "還沒有 RFM 分群：昨夜計算時沒有任何有效購買",
    "en": "No RFM group: no purchase stood when last night counted",
    "ja": "RFM グループなし：前夜の集計時に有効な購入がありません",
}
_FIGURES = {
    "zh-TW": "最近購買 {last_on}、期間購買 {frequency} 次、期間淨消費 NT${monetary:,}（昨夜計算）",
    "en": "last purchase {last_on}, {frequency} purchases and NT${monetary:,} in the window "
    "(as of last night)",
    "ja": "最終購入 {last_on}、期間内 {frequency} 回・NT${monetary:,}（前夜の集計）",
}
_SCORES = {
    "zh-TW": "1–5 分：最近消費 {recency}、消費頻率 {frequency}、消費金額 {monetary}",
    "en": "scores of 1 to 5: recency {recency}, frequency {frequency}, spend {monetary}",
    "ja": "1〜5 のスコア：直近 {recency}、頻度 {frequency}、金額 {monetary}",
}


def class_rule_in_words(
    model: str, code: str, settings: LifecycleSettings, language: str = "zh-TW"
) -> str:
    """Return the rule of a class of any model, with the numbers that hold."""
    if model == RFM:
        return in_language(get_any_class(model, code).rule, language)
    return rule_text(model, code, settings, language)


def reading_in_words(session: Session, model: str, on: date, language: str = "zh-TW") -> str | None:
    """Return how a model's rules are read; of RFM from where on each of the three is high.

    None where nobody had bought, so that there is nothing to be high in.
    """
    if model != RFM:
        return order_text(model, language)
    cuts, window_days = cuts_of(session, on), get_rfm_settings(session, on).window_days
    if not cuts:
        return None
    return in_language(_CUTS, language).format(
        recency=cuts[RECENCY].high,
        frequency=cuts[FREQUENCY].high,
        monetary=cuts[MONETARY].high,
        window=window_days,
    )


def group_in_words(found: MemberClass | None, language: str = "zh-TW") -> list[str]:
    """Return a member's RFM group of last night in lines: its name and key, its figures, levels."""
    if found is None or found.rfm_group is None:
        return [in_language(_NO_GROUP, language)]
    group = get_group(found.rfm_group)
    return [
        f"{in_language(group.names, language)} {class_key(RFM, group.code)}",
        in_language(_FIGURES, language).format(
            last_on=found.last_on, frequency=found.frequency, monetary=found.monetary_twd or 0
        ),
        in_language(_SCORES, language).format(
            recency=found.r_score, frequency=found.f_score, monetary=found.m_score
        ),
        group.levels(language),
    ]
