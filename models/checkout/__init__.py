"""Checkout: the verbs at the counter, and all that follows from them in one transaction.

Recording a purchase earns points and perhaps stamps, may use coupons and lift the tier, and
leaves the receipt in the outbox. The asker's key makes it happen once; a scanned code is good
for one purchase only. The member's row lock orders two tills; cost does not grow with history.
This package imports every noun; none imports it.
"""

from models.checkout.pace import ApprovalNeeded, approval_subject
from models.checkout.previewing import Preview, preview_purchase
from models.checkout.reckoning import Line, PointsNotUsable, Sale
from models.checkout.recording import Recorded, record_purchase
from models.checkout.refunding import (
    NoSuchPurchase,
    NothingLeft,
    ReasonMissing,
    Refunded,
    RefundRefused,
    Return,
    refund_purchase,
)

__all__ = [
    "ApprovalNeeded",
    "Line",
    "NoSuchPurchase",
    "NothingLeft",
    "PointsNotUsable",
    "Preview",
    "ReasonMissing",
    "Recorded",
    "RefundRefused",
    "Refunded",
    "Return",
    "Sale",
    "approval_subject",
    "preview_purchase",
    "record_purchase",
    "refund_purchase",
]
