"""What the shop offers by its programme, and how people change it: asked, decided, on its day.

Each kind (`kinds.py`) is one table of rules; `keeping.py` changes all of them in the same way, and
keeps every change as a row, so that a thing's history can be read and two people never overwrite
each other.
"""

from models.offering.keeping import (
    Wish,
    apply_due,
    ask_change,
    check_change,
    decide_change,
    differing,
    get_change,
    list_changes,
    list_waiting,
)
from models.offering.kind import Kind, Row, Values
from models.offering.kinds import KINDS
from models.offering.table import (
    APPLIED,
    ASKED,
    FAILED,
    LONGEST_NOTE,
    REFUSED,
    SCHEDULED,
    NoSuchChange,
    NoSuchOffering,
    OfferingChange,
    OfferingChanged,
    OfferingExists,
    OfferingFixed,
    OfferingRefused,
)

__all__ = [
    "APPLIED",
    "ASKED",
    "FAILED",
    "KINDS",
    "LONGEST_NOTE",
    "REFUSED",
    "SCHEDULED",
    "Kind",
    "NoSuchChange",
    "NoSuchOffering",
    "OfferingChange",
    "OfferingChanged",
    "OfferingExists",
    "OfferingFixed",
    "OfferingRefused",
    "Row",
    "Values",
    "Wish",
    "apply_due",
    "ask_change",
    "check_change",
    "decide_change",
    "differing",
    "get_change",
    "list_changes",
    "list_waiting",
]
