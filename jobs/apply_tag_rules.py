"""Tags that follow segments, brought up to date at night, in ranges of member ids."""

from datetime import datetime

import structlog

from models.base import BusinessError, Sessions
from models.member import list_member_ids
from models.tag import drop_ended, tidy_expired
from models.tag.ruling import apply_rule, list_following, note_applied
from models.tag.table import Tag

PART = 1_000

log = structlog.get_logger()


def apply_tag_rules(sessions: Sessions, *, now: datetime) -> int:
    """Let members join and leave each tag as its segment says; return how many changes.

    In parts, each one transaction. Safe to stop anywhere and to run twice.
    """
    changed = _drop_all(sessions, now)
    with sessions() as session:
        tags = list_following(session)
    for tag in tags:
        try:
            changed += _apply(sessions, tag.code, now)
        except BusinessError as error:  # One segment that cannot be asked stops no other tag.
            log.warning("tag_rule_not_applied", tag=tag.code, reason=error.code)
    log.info("tag_rules_applied", tags=len(tags), changed=changed)
    return changed


def _drop_all(sessions: Sessions, now: datetime) -> int:
    """Take expired, archived and unbound tags off their members."""
    dropped = 0
    for drop in (tidy_expired, drop_ended):
        gone = PART
        while gone == PART:
            with sessions.begin() as session:
                gone = drop(session, now, limit=PART)
            dropped += gone
    return dropped


def _apply(sessions: Sessions, code: str, now: datetime) -> int:
    changed, after_id = 0, 0
    while True:
        with sessions.begin() as session:
            tag = session.get_one(Tag, code)
            ids = list_member_ids(session, after_id=after_id, limit=PART)
            if not ids:
                note_applied(session, tag, now)
                return changed
            changed += apply_rule(session, tag, after_id + 1, ids[-1], now)
        after_id = ids[-1]
