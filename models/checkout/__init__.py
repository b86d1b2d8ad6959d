"""Checkout: the verbs at the counter, and all that follows from them in one transaction.

Recording a purchase earns points and perhaps stamps, may use coupons and lift the tier, and
leaves the receipt in the outbox. The asker's key makes it happen once; a scanned code is good
for one purchase only. The member's row lock orders two tills; cost does not grow with history.
This package imports every noun; none imports it.
"""

from models.checkout.receipt import receipt_words
from models.checkout.recording import Recorded, Sale, record_purchase

__all__ = ["Recorded", "Sale", "receipt_words", "record_purchase"]
