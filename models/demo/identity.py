"""The demo's identities: bindings for all, a card known at the till alone, and likely doubles."""

from datetime import date, datetime, timedelta

from sqlalchemy import insert, literal, select
from sqlalchemy.orm import Session

from models.line_binding import LineBinding
from models.member import Member
from models.membership import register_at_till
from models.shop import list_stores
from models.staff import Staff

TILL_PHONE = "0919000001"
"""Known at the till; whoever joins in the chat with it gets this card."""
DOUBLE_NAME, DOUBLE_BIRTHDAY = "陳怡君", date(1993, 8, 14)
DOUBLE_PHONES = ("0919000217", "0919000271")
"""One person twice: the second time two digits were swapped."""


def add_identity(session: Session, now: datetime) -> None:
    """Give each member in LINE a history of their account, and make three cards at the till."""
    _bind_all(session)
    store = list_stores(session)[0]
    staff_id = session.scalar(select(Staff.id).order_by(Staff.id).limit(1))
    asked = [(TILL_PHONE, None), *((phone, DOUBLE_NAME) for phone in DOUBLE_PHONES)]
    for number, (phone, name) in enumerate(asked):
        card = register_at_till(
            session,
            phone,
            name=name,
            store=store,
            staff_id=staff_id,
            evidence=f"demo:till:{number}",
            now=now - timedelta(days=9 - number),
        )
        if name == DOUBLE_NAME:
            card.birthday = DOUBLE_BIRTHDAY
    session.flush()


def _bind_all(session: Session) -> None:
    known = select(LineBinding.member_id)
    session.execute(
        insert(LineBinding).from_select(
            ["member_id", "line_user_id", "bound_at", "bound_how"],
            select(Member.id, Member.line_user_id, Member.joined_at, literal("joined")).where(
                Member.line_user_id.is_not(None), Member.id.not_in(known)
            ),
        )
    )
