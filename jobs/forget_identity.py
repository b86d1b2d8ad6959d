"""Forget what identity and fraud keep for a while only: codes, texts, requests, journals."""

from datetime import datetime

from models.base import Sessions
from models.identity import forget_codes, forget_personal, forget_requests, forget_texts

PARTS = (forget_codes, forget_texts, forget_requests, forget_personal)


def forget_identity(sessions: Sessions, *, now: datetime) -> int:
    """Delete, or empty, what nobody needs any more; return how many rows."""
    forgotten = 0
    for forget in PARTS:
        with sessions.begin() as session:
            forgotten += forget(session, now)
    return forgotten
