"""Purchases: a sale at the counter, and all that follows from it in one transaction.

Recording a purchase earns points and perhaps a stamp, may use a coupon and lift the tier, and
leaves the receipt in the outbox. The asker's key makes it happen once; a scanned code is good
for one purchase only. The member's row lock orders two tills; cost does not grow with history.
"""

from models.purchase.questions import (
    find_purchase,
    is_code_used,
    list_of_day,
    stores_of,
    total_of_day,
)
from models.purchase.receipt import receipt_words
from models.purchase.recording import Recorded, Sale, record_purchase
from models.purchase.table import (
    LARGEST_AMOUNT_TWD,
    AmountRefused,
    CodeAlreadyUsed,
    Purchase,
)
from models.purchase.window import Locked, lock_member, roll_window, standing_of

__all__ = [
    "LARGEST_AMOUNT_TWD",
    "AmountRefused",
    "CodeAlreadyUsed",
    "Locked",
    "Purchase",
    "Recorded",
    "Sale",
    "find_purchase",
    "is_code_used",
    "list_of_day",
    "lock_member",
    "receipt_words",
    "record_purchase",
    "roll_window",
    "standing_of",
    "stores_of",
    "total_of_day",
]
