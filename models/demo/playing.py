"""What a played week asks of the shop: whom a message reached, and when an event came."""

from datetime import datetime

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from models.base import squeezed
from models.line_event import LineEvent


def reached_at(session: Session, moment: datetime) -> list[tuple[int, str]]:
    """Return the members, with their LINE ids, whom marketing reached at just this moment."""
    rows = session.execute(_REACHED, {"moment": moment})
    return [(member_id, line_user_id) for member_id, line_user_id in rows]


def date_events(session: Session, now: datetime) -> None:
    """Let the events that wait have come now: the database's own clock is not played."""
    session.execute(
        update(LineEvent)
        .where(LineEvent.state == "waiting")
        .values(received_at=now, not_before=now)
        .execution_options(synchronize_session=False)
    )


_REACHED = text(
    squeezed("""
        SELECT member.id, member.line_user_id FROM member WHERE member.id IN (
            SELECT owed.member_id FROM outbox AS owed
            WHERE owed.settled_at = :moment AND owed.state = 'accepted' AND owed.is_marketing
            UNION
            SELECT person.member_id FROM campaign_recipient AS person
            LEFT JOIN campaign_batch AS batch ON batch.id = person.batch_id
            WHERE coalesce(person.settled_at, batch.settled_at) = :moment
                AND coalesce(person.state, batch.state) = 'accepted'
        ) AND member.line_user_id IS NOT NULL
        ORDER BY member.id
    """)
)
