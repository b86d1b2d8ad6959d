"""Cards that come to their day: told before, ended by the night, each in bounded parts."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.base import in_language
from models.friend import Friend
from models.local_day import local_day
from models.member import Member
from models.outbox import owe
from models.stamp_card.table import StampCard, StampProgramme
from models.suppression import reasons_to_hold_back

REMIND_DAYS = 7
"""A card with stamps is told of when its last good day is at most so far away."""
USEFUL_HOURS = 12

_EXPIRE = text("""
    WITH due AS (
        SELECT card.member_id, card.programme_id, card.expires_on,
               card.stamps % programme.size AS lapsed
        FROM stamp_card AS card JOIN stamp_programme AS programme
            ON programme.id = card.programme_id
        WHERE card.member_id = ANY(:member_ids) AND card.expires_on <= :today
    ), emptied AS (
        UPDATE stamp_card AS card SET stamps = card.stamps - due.lapsed, expires_on = NULL
        FROM due
        WHERE card.member_id = due.member_id AND card.programme_id = due.programme_id
    )
    INSERT INTO stamp_entry (member_id, programme_id, delta, reason, idempotency_key, posted_at)
    SELECT member_id, programme_id, -lapsed, 'expiry',
           'expire:' || member_id || ':' || programme_id || ':' || expires_on, :now
    FROM due WHERE lapsed > 0
    ORDER BY member_id, programme_id
    RETURNING -delta
""")


def list_members_with_ended_cards(session: Session, today: date, limit: int) -> Sequence[int]:
    """Return ids of up to `limit` members with a card whose day has come, lowest first."""
    return session.scalars(
        select(StampCard.member_id)
        .where(StampCard.expires_on <= today)
        .distinct()
        .order_by(StampCard.member_id)
        .limit(limit)
    ).all()


def expire_cards(session: Session, member_ids: Sequence[int], now: datetime) -> int:
    """End these members' unfilled cards whose day has come; return how many stamps that took.

    Full cards stay, and so do the rewards they brought.
    """
    ordered = sorted(member_ids)
    session.execute(
        select(Member.id).where(Member.id.in_(ordered)).order_by(Member.id).with_for_update()
    ).all()
    asked = {"member_ids": ordered, "today": local_day(now), "now": now}
    return sum(session.scalars(_EXPIRE, asked))


def remind_of_cards(
    session: Session, now: datetime, *, after_id: int, limit: int
) -> tuple[int, int, int]:
    """Tell members of cards about to lapse, each card once.

    Return how many cards were looked at, how many messages are owed, and the last member's id.
    Only friends who allow marketing are written to.
    """
    today = local_day(now)
    people = _due(session, today, after_id, limit)
    told = [row for row in people if row[3] and row[0].marketing_allowed]
    held = reasons_to_hold_back(session, [member.id for member, *_ in told])
    for member, card, programme, _ in told:
        _remind(session, member, programme, card, held.get(member.id), now)
    owed = sum(member.id not in held for member, *_ in told)
    return len(people), owed, people[-1][0].id if people else 0


def _due(
    session: Session, today: date, after_id: int, limit: int
) -> list[tuple[Member, StampCard, StampProgramme, bool]]:
    """Lock the members of the next cards to be told of; a member's cards come together."""
    is_due = (
        (StampCard.expires_on > today)
        & (StampCard.expires_on <= today + timedelta(days=REMIND_DAYS + 1))
        & StampCard.reminded_for.is_distinct_from(StampCard.expires_on)
    )
    members = (
        select(StampCard.member_id)
        .join(Member, Member.id == StampCard.member_id)
        .where(is_due, StampCard.member_id > after_id, Member.erased_at.is_(None))
        .distinct()
        .order_by(StampCard.member_id)
        .limit(limit)
    )
    rows = session.execute(
        select(Member, StampCard, StampProgramme, Friend.is_following)
        .join(StampCard, StampCard.member_id == Member.id)
        .join(StampProgramme, StampProgramme.id == StampCard.programme_id)
        .join(Friend, Friend.line_user_id == Member.line_user_id, isouter=True)
        .where(Member.id.in_(members), is_due)
        .order_by(Member.id, StampCard.programme_id)
        .with_for_update(of=Member)
        .execution_options(populate_existing=True)
    )
    return [(member, card, programme, bool(friend)) for member, card, programme, friend in rows]


def _remind(
    session: Session,
    member: Member,
    programme: StampProgramme,
    card: StampCard,
    held_back: str | None,
    now: datetime,
) -> None:
    assert member.line_user_id is not None
    assert card.expires_on is not None
    card.reminded_for = card.expires_on
    last_on = card.expires_on - timedelta(days=1)
    shown = card.stamps % programme.size
    language = member.language
    owe(
        session,
        member.line_user_id,
        "stamps_ending",
        {
            "programme_name": in_language(programme.name, language),
            "size": programme.size,
            "stamps": shown,
            "reward_name": in_language(programme.reward.name, language),
            "expires_on": last_on.isoformat(),
        },
        language=language,
        idempotency_key=(
            f"stamps_ending:{member.id}:{programme.id}:{card.expires_on}:{local_day(now)}"
        ),
        now=now,
        member_id=member.id,
        is_marketing=True,
        useful_until=now + timedelta(hours=USEFUL_HOURS),
        held_back=held_back,
    )
