"""The check of the audit's chain, prepared: over years of entries it takes longer than a page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.audit.entry import verify_audit
from models.prepared import NoteProgress, prepared


@prepared("audit_chain", nightly=True)
def check_chain(
    session: Session, _now: datetime, _asked: Mapping[str, Any], _tell: NoteProgress
) -> dict[str, Any]:
    """Work every digest out anew; tell how many entries, the head, and where it does not hold."""
    found = verify_audit(session)
    return {
        "entries": found.entries,
        "broken_at": found.broken_at,
        "unsealed": found.unsealed,
        "head": found.head,
        "is_whole": found.is_whole,
    }
