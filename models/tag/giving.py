"""Giving a member a tag by hand or by the API, and taking it away; each step is history."""

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.tag.ending import tidy_expired
from models.tag.table import (
    ADDED,
    EXTENDED,
    REMOVED,
    RULE_PREFIX,
    MemberTag,
    Tag,
    TagEvent,
    TagIsByRule,
    TagRefused,
    TooManyTags,
)

MOST_OF_MEMBER = 100
BY_OPERATOR = "manual:operator"
BY_STAFF = "manual:staff"
API_PREFIX = "api:"


def give_tag(
    session: Session,
    member_id: int,
    tag: Tag,
    *,
    source: str,
    now: datetime,
    expires_at: datetime | None = None,
    staff_id: int | None = None,
) -> MemberTag:
    """Give a member a tag from a source, until `expires_at` or for good; return it.

    Given again by the same source it ends as told last. Raises TagRefused where it would have
    ended already, or TooManyTags.
    """
    if expires_at is not None and expires_at <= now:
        raise TagRefused(what="expires_at")
    tidy_expired(session, now, limit=MOST_OF_MEMBER, member_id=member_id)
    held = session.get(MemberTag, (member_id, tag.code, source), populate_existing=True)
    if held is None:
        _check_room(session, member_id)
    elif held.expires_at == expires_at:
        return held
    told = {"added_at": now, "expires_at": expires_at, "staff_id": staff_id}
    session.execute(
        insert(MemberTag)
        .values(member_id=member_id, tag_code=tag.code, source=source, **told)
        .on_conflict_do_update(
            index_elements=[MemberTag.member_id, MemberTag.tag_code, MemberTag.source], set_=told
        )
    )
    session.add(
        TagEvent(
            member_id=member_id,
            tag_code=tag.code,
            source=source,
            what=ADDED if held is None else EXTENDED,
            why="asked",
            expires_at=expires_at,
            staff_id=staff_id,
            at=now,
        )
    )
    session.flush()
    return session.get_one(MemberTag, (member_id, tag.code, source), populate_existing=True)


def take_tag(
    session: Session, member_id: int, tag: Tag, *, now: datetime, staff_id: int | None = None
) -> int:
    """Take a tag off a member, whatever source but a segment gave it; return how many did.

    An event may bring it again, but none from before now. Raises TagIsByRule where the member
    has it because of a segment: it would be back tomorrow.
    """
    tidy_expired(session, now, limit=MOST_OF_MEMBER, member_id=member_id)
    of_it = (MemberTag.member_id == member_id, MemberTag.tag_code == tag.code)
    sources = session.scalars(
        select(MemberTag.source).where(*of_it).order_by(MemberTag.source)
    ).all()
    segment = next((each for each in sources if each.startswith(RULE_PREFIX)), None)
    if segment is not None:
        raise TagIsByRule(segment=segment.removeprefix(RULE_PREFIX))
    taken = session.scalars(
        delete(MemberTag)
        .where(*of_it)
        .returning(MemberTag.source)
        .execution_options(synchronize_session=False)
    ).all()
    session.add_all(
        TagEvent(
            member_id=member_id,
            tag_code=tag.code,
            source=source,
            what=REMOVED,
            why="asked",
            staff_id=staff_id,
            at=now,
        )
        for source in sorted(taken)
    )
    session.flush()
    session.expire_all()
    return len(taken)


def _check_room(session: Session, member_id: int) -> None:
    held = session.scalar(select(func.count()).where(MemberTag.member_id == member_id)) or 0
    if held >= MOST_OF_MEMBER:
        raise TooManyTags(most=MOST_OF_MEMBER)
