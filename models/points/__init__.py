"""Points: an append-only, chained ledger in lots; an entry is answered, never changed.

Every earning opens a lot: pending until its return window is over, then active until the day it
ends on. Spending takes from the lots that end first, and keeps which. At any moment the member's
figures, the sums of their entries and what their lots still hold are the same numbers; `verify`
proves it, and the daily seal keeps it provable.
"""

from models.points.adjustment import (
    AdjustmentRefused,
    AdjustmentSettled,
    PointsAdjustment,
    approve_adjustment,
    ask_adjustment,
    list_asked,
    refuse_adjustment,
)
from models.points.bonus_code import (
    BonusCode,
    BonusCodeNotUsable,
    BonusCodesRefused,
    find_code_in,
    is_bonus_code,
    make_bonus_codes,
    redeem_bonus_code,
)
from models.points.entry import find_entry, pending_until, repaid_by, reserve_entry_ids
from models.points.forecast import (
    Forecast,
    ForecastMonth,
    LedgerMonth,
    forecast,
    ledger_by_month,
)
from models.points.lots import (
    activate_due,
    activate_early,
    expire_member_points,
    list_members_with_due_lots,
    list_members_with_ended_lots,
)
from models.points.posting import post_points
from models.points.questions import (
    Expiring,
    Line,
    Pending,
    list_expiring,
    list_lines,
    list_pending,
    spendable_points,
)
from models.points.reversing import reverse_entry
from models.points.sealing import (
    find_last_seal,
    list_broken_seals,
    seal_entries,
    settled_entry_id,
)
from models.points.table import (
    REASONS,
    IdempotencyKeyReused,
    InsufficientPoints,
    LedgerSeal,
    MoreThanEarned,
    MoreThanSpent,
    NotReversible,
    PointsEntry,
    PointsLot,
    PointsReason,
    PointsTake,
)
from models.points.undoing import (
    GIVEN_BACK_DAYS,
    NEGATIVE_POINTS,
    TakenBack,
    give_back,
    take_back,
    undo,
)
from models.points.verifying import Fault, verify_ledger, verify_member

__all__ = [
    "GIVEN_BACK_DAYS",
    "NEGATIVE_POINTS",
    "REASONS",
    "AdjustmentRefused",
    "AdjustmentSettled",
    "BonusCode",
    "BonusCodeNotUsable",
    "BonusCodesRefused",
    "Expiring",
    "Fault",
    "Forecast",
    "ForecastMonth",
    "IdempotencyKeyReused",
    "InsufficientPoints",
    "LedgerMonth",
    "LedgerSeal",
    "Line",
    "MoreThanEarned",
    "MoreThanSpent",
    "NotReversible",
    "Pending",
    "PointsAdjustment",
    "PointsEntry",
    "PointsLot",
    "PointsReason",
    "PointsTake",
    "TakenBack",
    "activate_due",
    "activate_early",
    "approve_adjustment",
    "ask_adjustment",
    "expire_member_points",
    "find_code_in",
    "find_entry",
    "find_last_seal",
    "forecast",
    "give_back",
    "is_bonus_code",
    "ledger_by_month",
    "list_asked",
    "list_broken_seals",
    "list_expiring",
    "list_lines",
    "list_members_with_due_lots",
    "list_members_with_ended_lots",
    "list_pending",
    "make_bonus_codes",
    "pending_until",
    "post_points",
    "redeem_bonus_code",
    "refuse_adjustment",
    "repaid_by",
    "reserve_entry_ids",
    "reverse_entry",
    "seal_entries",
    "settled_entry_id",
    "spendable_points",
    "take_back",
    "undo",
    "verify_ledger",
    "verify_member",
]
