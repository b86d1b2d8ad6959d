"""What becomes of a member's address, preference and clicks when they leave or cards are merged."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models.channel.address import find_channel
from models.channel.table import MemberChannel
from models.link import forget_clicks, move_clicks, return_clicks

_ADDRESS = ("email", "email_state", "email_source", "email_at")
_CHOICE = ("chosen", "chosen_by", "chosen_at")
_LEARNED = ("line_recent", "email_recent", "learned_through", "learned", "learned_at")
_MOMENTS = frozenset({"email_at", "chosen_at", "learned_through", "learned_at"})


def forget_channel(session: Session, *member_ids: int) -> None:
    """Delete these members' addresses and preferences, and take them off their clicks."""
    session.execute(
        delete(MemberChannel)
        .where(MemberChannel.member_id.in_(member_ids))
        .execution_options(synchronize_session=False)
    )
    for member_id in member_ids:
        forget_clicks(session, member_id)


def merge_channel(session: Session, keep_id: int, drop_id: int) -> dict[str, Any]:
    """Let the kept card have what it lacks of the other's address, choice and clicks.

    Return what would undo it. What was learned of the other stays with nobody: it was another card.
    """
    journal: dict[str, Any] = {"clicks": move_clicks(session, drop_id, keep_id)}
    dropped = find_channel(session, drop_id)
    if dropped is None:
        return journal
    journal["drop"] = {name: _told(getattr(dropped, name)) for name in (*_ADDRESS, *_CHOICE)}
    journal["drop"] |= {name: _told(getattr(dropped, name)) for name in _LEARNED}
    kept = find_channel(session, keep_id) or MemberChannel(member_id=keep_id)
    journal["taken"] = []
    for group in (_ADDRESS, _CHOICE):
        if getattr(kept, group[0]) is None and getattr(dropped, group[0]) is not None:
            for name in group:
                setattr(kept, name, getattr(dropped, name))
            journal["taken"].append(group[0])
    session.delete(dropped)
    session.add(kept)
    session.flush()
    return journal


def unmerge_channel(
    session: Session, keep_id: int, drop_id: int, journal: Mapping[str, Any]
) -> None:
    """Give each card its own again; what was changed since stays with the kept one."""
    return_clicks(session, journal.get("clicks") or [], keep_id, drop_id)
    brought = journal.get("drop")
    if brought is None:
        return
    kept = find_channel(session, keep_id)
    for group in (_ADDRESS, _CHOICE):
        is_unchanged = kept is not None and getattr(kept, group[0]) == brought[group[0]]
        if group[0] in journal["taken"] and is_unchanged:
            for name in group:
                setattr(kept, name, None)
    session.add(MemberChannel(member_id=drop_id, **{n: _read(n, v) for n, v in brought.items()}))
    session.flush()


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _read(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if value is not None and name in _MOMENTS else value
