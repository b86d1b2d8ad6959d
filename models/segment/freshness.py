"""How old the facts behind a rule may be (U16): as old as the oldest of its questions."""

from models.base import Texts, said
from models.segment.field import LIVE, MINUTES, NIGHTLY
from models.segment.rule import Rule

AGES = (LIVE, MINUTES, NIGHTLY)
"""The freshest first."""
FRESHNESS: dict[str, Texts] = {
    LIVE: said("即時", "live", "リアルタイム"),
    MINUTES: said("數分鐘內", "some minutes old", "数分前まで"),
    NIGHTLY: said("昨夜計算", "as of last night", "前夜の集計"),
}


def freshness_of(rule: Rule) -> str:
    """Return LIVE, MINUTES or NIGHTLY."""
    return max((leaf.field.freshness for leaf in rule.leaves()), key=AGES.index)
