"""The demo's members with an e-mail address, and what was learned of how they like to be told."""

from datetime import datetime, timedelta
from itertools import cycle

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.channel import CONFIRMED, EMAIL, LINE, STOPPED, UNCONFIRMED, UNUSABLE, MemberChannel
from models.member import Member

EVERY = 3
"""Each third member has told an address."""
HABITS: tuple[tuple[str, str, str, str | None], ...] = (
    (CONFIRMED, "11010", "00000", LINE),
    (CONFIRMED, "", "", None),
    (CONFIRMED, "00000", "01101", EMAIL),
    (UNCONFIRMED, "", "", None),
    (CONFIRMED, "101", "0", None),
    (STOPPED, "10000", "00000", LINE),
    (CONFIRMED, "00100", "11011", EMAIL),
    (UNUSABLE, "", "", None),
)
"""The address's state, which of the last messages in LINE and by mail were clicked, and what that
taught; in turn."""
LOOKED_AGO = timedelta(days=2)


def add_channels(session: Session, now: datetime) -> None:
    """Give each third member an address (`.example`: no mail can leave) and a habit."""
    if session.scalar(select(MemberChannel.member_id).limit(1)) is not None:
        return
    members = session.execute(
        select(Member.id, func.right(Member.number, 6), Member.joined_at)
        .where(Member.erased_at.is_(None), Member.id % EVERY == 0)
        .order_by(Member.id)
    )
    rows = [
        {
            "member_id": member_id,
            "email": f"tea{digits}@mail.example",
            "email_state": state,
            "email_source": "chat",
            "email_at": joined_at,
            "line_recent": line,
            "email_recent": mail,
            "learned": learned,
            "learned_at": now - LOOKED_AGO if learned is not None else None,
            "learned_through": now - LOOKED_AGO,
        }
        for (member_id, digits, joined_at), (state, line, mail, learned) in zip(
            members, cycle(HABITS), strict=False
        )
    ]
    if rows:
        session.execute(insert(MemberChannel), rows)
