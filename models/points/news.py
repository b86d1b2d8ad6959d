"""News: what a member is told when their points are moved by somebody's hand."""

from sqlalchemy.orm import Session

from models.member import Member
from models.outbox import owe
from models.points.table import PointsEntry


def tell_adjusted(session: Session, member: Member, entry: PointsEntry) -> None:
    """Owe the member the news of an adjustment: how many points, why, and what is there now."""
    _tell(session, member, entry, "points_adjusted", {"reason": entry.note or ""})


def tell_reversed(
    session: Session, member: Member, undone: PointsEntry, entry: PointsEntry
) -> None:
    """Owe the member the news of an undoing: what it undid, when that was, and what is left."""
    _tell(
        session,
        member,
        entry,
        "points_reversed",
        {
            "reason": entry.note or "",
            "undone_reason": undone.reason,
            "undone_points": undone.moved,
            "undone_at": undone.posted_at.isoformat(),
            "forgiven": entry.forgiven,
        },
    )


def _tell(
    session: Session, member: Member, entry: PointsEntry, kind: str, words: dict[str, object]
) -> None:
    if member.line_user_id is None:
        return
    moved = {"points": entry.moved, "balance": member.points, "pending": member.points_pending}
    owe(
        session,
        member.line_user_id,
        kind,
        {**words, **moved},
        language=member.language,
        idempotency_key=f"{kind}:{entry.id}",
        now=entry.posted_at,
        member_id=member.id,
    )
