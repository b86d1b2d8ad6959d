"""Which channel reaches a member: chosen before learned before LINE, and the other where it fails.

Never both: a message goes out in one channel. Text messages are for codes alone, so they are none.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, func, null, select
from sqlalchemy.orm import Session

from models.base import among
from models.channel.table import CONFIRMED, UNCONFIRMED, MemberChannel
from models.friend import Friend
from models.member import Member
from models.outbox import EMAIL, LINE

Wanted = Literal["line", "preferred", "email"]
"""What a sending asks for: LINE first, what the member prefers, or e-mail and nothing else."""


def with_channels(statement: Select[Any]) -> Select[Any]:
    """Return a statement over `Member` with the two joins that `channel_sql` reads."""
    return statement.outerjoin(Friend, Friend.line_user_id == Member.line_user_id).outerjoin(
        MemberChannel, MemberChannel.member_id == Member.id
    )


def channel_sql(wanted: Wanted = "preferred") -> ColumnElement[Any]:
    """Return `line`, `email` or NULL: how marketing reaches a member now, each in one channel.

    Over `Member` joined as `with_channels` does. LINE counts where they are a friend, e-mail where
    the address is confirmed and marketing allowed. What a member chose holds whatever is wanted;
    nobody who prefers LINE, by choice or by what they click, gets mails that only go by mail.
    """
    by_line = and_(Member.line_user_id.is_not(None), Friend.is_following.is_(True))
    by_email = and_(_has_email(), Member.marketing_allowed)
    liked: ColumnElement[Any] = MemberChannel.chosen.expression
    if wanted != "line":
        liked = func.coalesce(MemberChannel.chosen, MemberChannel.learned)
    if wanted == "email":
        is_line = and_(by_line, func.coalesce(liked == LINE, False))
        return case((and_(by_email, ~is_line), EMAIL), else_=null())
    by_choice = and_(by_email, func.coalesce(liked == EMAIL, False))
    return case((by_choice, EMAIL), (by_line, LINE), (by_email, EMAIL), else_=null())


def _has_email() -> ColumnElement[bool]:
    """Return the condition over the same joins that a member's address may be written to."""
    return func.coalesce(MemberChannel.email_state == CONFIRMED, False)


def channels_of(
    session: Session, member_ids: Collection[int], wanted: Wanted = "preferred"
) -> Mapping[int, str]:
    """Return how marketing reaches each of these members now; who cannot be reached is absent."""
    found = session.execute(
        with_channels(select(Member.id, channel_sql(wanted)).select_from(Member)).where(
            among(Member.id, member_ids)
        )
    )
    return {member_id: channel for member_id, channel in found if channel is not None}


def addresses_of(session: Session, member_ids: Collection[int]) -> Mapping[int, str]:
    """Return the e-mail addresses of these members that may be written to, by member."""
    return _emails_in(session, member_ids, CONFIRMED)


def unconfirmed_of(session: Session, member_ids: Collection[int]) -> Mapping[int, str]:
    """Return the addresses of these members that wait for their confirmation, by member."""
    return _emails_in(session, member_ids, UNCONFIRMED)


def _emails_in(session: Session, member_ids: Collection[int], state: str) -> Mapping[int, str]:
    if not member_ids:
        return {}
    found = session.execute(
        select(MemberChannel.member_id, MemberChannel.email).where(
            MemberChannel.member_id.in_(member_ids), MemberChannel.email_state == state
        )
    )
    return {member_id: email for member_id, email in found if email is not None}
