"""What a clerk may not take back alone, and why: the reasons for which a manager is asked."""

from datetime import date

from models.fraud.approval import MAY_APPROVE
from models.purchase.table import Purchase
from models.shop import Store
from models.staff import Staff

LARGE_REFUND_TWD = 3_000
"""From so many NT$ on a clerk asks a manager."""


def why_manager(
    purchase: Purchase, staff: Staff, store: Store, refunded_twd: int, today: date
) -> list[str]:
    """Return why taking back is not a clerk's alone: `older`, `elsewhere`, `colleague`, `large`.

    `refunded_twd` is all that is then taken back: many small refunds are one large one.
    """
    if staff.role in MAY_APPROVE:
        return []
    told = {
        "older": purchase.purchased_on != today,
        "elsewhere": purchase.store_id != store.id,
        "colleague": purchase.staff_id != staff.id,
        "large": refunded_twd >= LARGE_REFUND_TWD,
    }
    return [why for why, holds in told.items() if holds]
