"""Stamp cards (集點卡): stamps a visit or for money spent, and a reward for every full card.

The shop stamps whoever shows their card; there is no code on the counter that earns. Stamps are
an append-only row of entries with a running sum. See `posting` for the sale, `undoing` for the
refund (its hook `after_refund`), `ending` for cards that lapse.
"""

from models.stamp_card.posting import (
    WRITE_STAMPS,
    Stamped,
    give_rewards,
    held_cards,
    list_entries,
    post_stamps,
    stamp,
    stamp_values,
)
from models.stamp_card.questions import (
    HeldCard,
    add_stamp_programme,
    count_stamps,
    get_stamp_programme,
    give_stamps,
    list_held_cards,
    list_stamp_programmes,
    set_active,
)
from models.stamp_card.rules import (
    EarnedStamps,
    StampBonus,
    card_ends_on,
    earned_stamps,
    shown_stamps,
    stamps_for,
)
from models.stamp_card.table import (
    NoSuchStampProgramme,
    StampCard,
    StampEntry,
    StampProgramme,
    StampRuleRefused,
    StampsRefused,
)
from models.stamp_card.undoing import after_refund

__all__ = [
    "WRITE_STAMPS",
    "EarnedStamps",
    "HeldCard",
    "NoSuchStampProgramme",
    "StampBonus",
    "StampCard",
    "StampEntry",
    "StampProgramme",
    "StampRuleRefused",
    "Stamped",
    "StampsRefused",
    "add_stamp_programme",
    "after_refund",
    "card_ends_on",
    "count_stamps",
    "earned_stamps",
    "get_stamp_programme",
    "give_rewards",
    "give_stamps",
    "held_cards",
    "list_entries",
    "list_held_cards",
    "list_stamp_programmes",
    "post_stamps",
    "set_active",
    "shown_stamps",
    "stamp",
    "stamp_values",
    "stamps_for",
]
