"""The audit: who did what, where and why; only ever added to, chained, without personal data.

What is rare is noted by the verb that does it. What tills do all day is carried in every few
minutes by `carrying.py`, so that no sale waits for the chain's one lock.
"""

from models.audit.carrying import FACTS, AuditMark, Carried, carry
from models.audit.entry import (
    HIDDEN,
    MOST_LISTED,
    AuditEntry,
    AuditSeal,
    Verified,
    hide_persons,
    list_audit,
    note,
    verify_audit,
    work_at,
)

__all__ = [
    "FACTS",
    "HIDDEN",
    "MOST_LISTED",
    "AuditEntry",
    "AuditMark",
    "AuditSeal",
    "Carried",
    "Verified",
    "carry",
    "hide_persons",
    "list_audit",
    "note",
    "verify_audit",
    "work_at",
]
