"""Purchases: what was sold to whom, what of it was taken back, and what it still counts for.

The verbs that make and undo them touch every noun of the shop; they stand in `models/checkout/`.
"""

from models.purchase.facts import Made, Undone
from models.purchase.figures import refigure
from models.purchase.listing import find_order_purchase, list_of_store
from models.purchase.questions import (
    get_scanned_member,
    list_of_day,
    stores_of,
)
from models.purchase.table import (
    LARGEST_AMOUNT_TWD,
    AmountRefused,
    CodeAlreadyUsed,
    Purchase,
    PurchaseLine,
    Refund,
)
from models.purchase.window import Locked, lock_member, roll_window, standing_of

__all__ = [
    "LARGEST_AMOUNT_TWD",
    "AmountRefused",
    "CodeAlreadyUsed",
    "Locked",
    "Made",
    "Purchase",
    "PurchaseLine",
    "Refund",
    "Undone",
    "find_order_purchase",
    "get_scanned_member",
    "list_of_day",
    "list_of_store",
    "lock_member",
    "refigure",
    "roll_window",
    "standing_of",
    "stores_of",
]
