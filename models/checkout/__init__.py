"""Checkout: the verbs at the counter, and all that follows from them in one transaction.

Recording a purchase earns points and perhaps stamps, may use coupons and lift the tier, and
leaves the receipt in the outbox. The asker's key makes it happen once; a scanned code is good
for one purchase only. The member's row lock orders two tills; cost does not grow with history.
This package imports every noun; none imports it, but for what makes sales of itself
(`receipt_code`).
"""

from models.checkout.holding import Effect, Holding, compare, read_holding
from models.checkout.lines import Line
from models.checkout.ordering import (
    Change,
    NoSuchOrder,
    Order,
    OrderCancelled,
    Ordered,
    OrderPreview,
    change_order,
    get_order,
    preview_order,
    record_order,
)
from models.checkout.pace import ApprovalNeeded, approval_subject
from models.checkout.permission import LARGE_REFUND_TWD, why_manager
from models.checkout.previewing import Preview, preview_purchase
from models.checkout.reckoning import PaymentRefused, PointsNotUsable, Sale, SoldTooLongAgo
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
from models.checkout.sheet import Bought, Refunding, Sheet, get_sheet, list_bought
from models.checkout.voiding import VOID_WITHIN, NotVoidable, find_voidable, void_purchase

__all__ = [
    "LARGE_REFUND_TWD",
    "VOID_WITHIN",
    "ApprovalNeeded",
    "Bought",
    "Change",
    "Effect",
    "Holding",
    "Line",
    "NoSuchOrder",
    "NoSuchPurchase",
    "NotVoidable",
    "NothingLeft",
    "Order",
    "OrderCancelled",
    "OrderPreview",
    "Ordered",
    "PaymentRefused",
    "PointsNotUsable",
    "Preview",
    "ReasonMissing",
    "Recorded",
    "RefundRefused",
    "Refunded",
    "Refunding",
    "Return",
    "Sale",
    "Sheet",
    "SoldTooLongAgo",
    "approval_subject",
    "change_order",
    "compare",
    "find_voidable",
    "get_order",
    "get_sheet",
    "list_bought",
    "preview_order",
    "preview_purchase",
    "read_holding",
    "record_order",
    "record_purchase",
    "refund_purchase",
    "void_purchase",
    "why_manager",
]
