"""Sales made without a network: received from the device's queue, recorded once, or kept open.

It records by `models.checkout`, and so stands above the nouns: none imports it.
"""

from models.offline_sale.receiving import (
    PASS_LIFE,
    UNCOVERED,
    WORST_SKEW_MS,
    Received,
    Scanned,
    Seen,
    Told,
    Typed,
    list_received,
    receive_sale,
)
from models.offline_sale.settling import (
    MemberMissing,
    SettlingReasonMissing,
    accept_loss,
    count_open,
    dismiss,
    list_open,
    record_after_all,
)
from models.offline_sale.table import (
    DISMISSED,
    OfflineDeviceRevoked,
    OfflineInFuture,
    OfflinePassOver,
    OfflineSale,
    OfflineSettled,
    OfflineStaffGone,
    OfflineTooOld,
)

__all__ = [
    "DISMISSED",
    "PASS_LIFE",
    "UNCOVERED",
    "WORST_SKEW_MS",
    "MemberMissing",
    "OfflineDeviceRevoked",
    "OfflineInFuture",
    "OfflinePassOver",
    "OfflineSale",
    "OfflineSettled",
    "OfflineStaffGone",
    "OfflineTooOld",
    "Received",
    "Scanned",
    "Seen",
    "SettlingReasonMissing",
    "Told",
    "Typed",
    "accept_loss",
    "count_open",
    "dismiss",
    "list_open",
    "list_received",
    "receive_sale",
    "record_after_all",
]
