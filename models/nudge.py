"""Nudges: messages the calendar brings, each owed once for its cause, whatever is restarted.

Each verb works on one bounded part of the due people, in the caller's transaction, marks what it
did on the rows themselves, and takes the rows in the order of their ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from models.base import in_language
from models.coupon import Coupon, CouponTemplate, get_template, issue_coupon
from models.friend import Friend
from models.local_day import birthdays_kept_on, day_start, local_day
from models.member import Member
from models.outbox import Owed, owe
from models.programme import get_programme
from models.purchase import Locked, lock_member, roll_window
from models.tier import Tier, TierChange, kept_until, note_change, tier_for_spend

REMIND_DAYS = 3
"""A coupon is reminded of when its last good day is at most so far away."""
SILENT_DAYS = 90
SILENT_CATCH_UP_DAYS = 7
"""After downtime we still write to those who passed the day so lately; older silence is left."""
USEFUL_HOURS = 12


@dataclass(frozen=True)
class Part:
    """What one bounded part of a job did: the rows it looked at and the messages it owes."""

    seen: int
    owed: int
    last_id: int


NOTHING = Part(0, 0, 0)


def gift_birthdays(session: Session, now: datetime, *, after_id: int, limit: int) -> Part:
    """Give today's birthday people their coupon, once a year; tell those who allow marketing.

    Someone born on 29 February is kept on the 28th in a common year.
    """
    today = local_day(now)
    is_today = Member.birthday_mmdd.in_(birthdays_kept_on(today))
    people = _members(session, after_id, limit, is_today)
    if not people:
        return NOTHING
    template = get_template(session, "birthday")
    owed = 0
    for member, is_friend in people:
        coupon = issue_coupon(
            session, member.id, template, issue_key=f"birthday:{member.id}:{today.year}", now=now
        )
        if coupon is not None and is_friend and member.marketing_allowed:
            _owe_marketing(
                session,
                member,
                "birthday_gift",
                {"name": member.name, "coupon": coupon.words(member.language, now)},
                key=coupon.issue_key,
                now=now,
            )
            owed += 1
    return _part(people, owed)


def remind_of_coupons(session: Session, now: datetime, *, after_id: int, limit: int) -> Part:
    """Tell members of coupons about to expire, all of a person's in one message, each once."""
    ends_by = day_start(local_day(now) + timedelta(days=REMIND_DAYS + 1))
    due = (
        select(Coupon.id)
        .where(
            Coupon.member_id == Member.id,
            Coupon.state == "issued",
            Coupon.reminded_at.is_(None),
            Coupon.expires_at > now,
            Coupon.expires_at <= ends_by,
            Coupon.issued_at < now - timedelta(days=1),
        )
        .exists()
    )
    people = _members(session, after_id, limit, due & Member.marketing_allowed)
    friends = {member.id: member for member, is_friend in people if is_friend}
    coupons = session.scalars(
        select(Coupon)
        .where(
            Coupon.member_id.in_(friends),
            Coupon.state == "issued",
            Coupon.reminded_at.is_(None),
            Coupon.expires_at > now,
            Coupon.expires_at <= ends_by,
        )
        .order_by(Coupon.member_id, Coupon.expires_at, Coupon.id)
        .with_for_update(of=Coupon)
    )
    owed = 0
    for member_id, own in groupby(coupons, key=lambda coupon: coupon.member_id):
        _remind_one(session, friends[member_id], list(own), now)
        owed += 1
    return _part(people, owed)


def _remind_one(session: Session, member: Member, coupons: list[Coupon], now: datetime) -> None:
    for coupon in coupons:
        coupon.reminded_at = now
    _owe_marketing(
        session,
        member,
        "coupon_expiry",
        {"coupons": [coupon.words(member.language, now) for coupon in coupons]},
        key=f"coupon_expiry:{coupons[0].id}",
        now=now,
    )


def win_back(session: Session, now: datetime, *, after_id: int, limit: int) -> Part:
    """Write once to members silent for 90 days, with a coupon; a purchase starts the count anew."""
    today = local_day(now)
    silent_since = today - timedelta(days=SILENT_DAYS)
    condition = and_(
        Member.last_purchase_on <= silent_since,
        Member.last_purchase_on > silent_since - timedelta(days=SILENT_CATCH_UP_DAYS),
        Member.won_back_for.is_distinct_from(Member.last_purchase_on),
        Member.marketing_allowed,
    )
    people = _members(session, after_id, limit, condition)
    if not people:
        return NOTHING
    template = get_template(session, "win_back")
    owed = 0
    for member, is_friend in people:
        if is_friend and member.last_purchase_on is not None:
            _win_back_one(session, member, member.last_purchase_on, template, now)
            owed += 1
    return _part(people, owed)


def _win_back_one(
    session: Session, member: Member, last_on: date, template: CouponTemplate, now: datetime
) -> None:
    key = f"win_back:{member.id}:{last_on.isoformat()}"
    member.won_back_for = last_on
    coupon = issue_coupon(session, member.id, template, issue_key=key, now=now)
    _owe_marketing(
        session,
        member,
        "win_back",
        {
            "name": member.name,
            "days": (local_day(now) - last_on).days,
            "coupon": coupon.words(member.language, now) if coupon else None,
        },
        key=key,
        now=now,
    )


def list_to_evaluate(session: Session, today: date, *, after_id: int, limit: int) -> Sequence[int]:
    """Return ids of members whose window must move on to `today` or whose tier's year is over."""
    return session.scalars(
        select(Member.id)
        .where(
            Member.id > after_id,
            Member.erased_at.is_(None),
            or_(Member.spend_on < today, Member.tier_kept_until <= today),
        )
        .order_by(Member.id)
        .limit(limit)
    ).all()


def evaluate_member(session: Session, member_id: int, now: datetime) -> bool:
    """Bring one member's window to today and their tier in line with it; tell whether it changed.

    A tier is kept for its year even when the window falls below it; then it is kept for another
    year or falls to what the window gives. A window above the next threshold lifts at once.
    """
    today = local_day(now)
    locked, _ = lock_member(session, member_id, today)
    roll_window(locked, today)
    member = locked.member
    programme = get_programme(session, locked.programme_version)
    held = programme.tier(member.tier_id)
    reached = tier_for_spend(programme.tiers, member.spend_twd)
    is_over = member.tier_kept_until is not None and member.tier_kept_until <= today
    if reached.rank == held.rank:
        if is_over:
            member.tier_kept_until = kept_until(today)
        return False
    if reached.rank < held.rank and not is_over:
        return False
    member.tier_id = reached.id
    member.tier_kept_until = kept_until(today) if reached.rank else None
    change = note_change(member.id, held, reached, member.spend_twd, now)
    session.add(change)
    session.flush()
    _tell_of_change(session, locked, held, change, now)
    return True


def _tell_of_change(
    session: Session, locked: Locked, held: Tier, change: TierChange, now: datetime
) -> None:
    member = locked.member
    if member.line_user_id is None:
        return
    programme = get_programme(session, locked.programme_version)
    standing = programme.standing(
        member.tier_id,
        member.spend_twd,
        first_counted_on=locked.first_counted_on,
        kept_until=member.tier_kept_until,
    )
    is_up = standing.tier.rank > held.rank
    language = member.language
    owe(
        session,
        member.line_user_id,
        "tier_up_notice" if is_up else "tier_down_notice",
        {
            "previous": in_language(held.name, language),
            "standing": standing.words(language),
            "step": standing.tier.words(language, at_rank=standing.tier.rank),
        },
        language=language,
        idempotency_key=f"tier_change:{change.id}",
        now=now,
        member_id=member.id,
    )


def _members(
    session: Session, after_id: int, limit: int, condition: ColumnElement[bool]
) -> list[tuple[Member, bool]]:
    """Lock the next due members with a LINE account, and tell of each whether they are a friend."""
    rows = session.execute(
        select(Member, func.coalesce(Friend.is_following, False))
        .join(Friend, Friend.line_user_id == Member.line_user_id, isouter=True)
        .where(Member.id > after_id, Member.erased_at.is_(None), condition)
        .order_by(Member.id)
        .limit(limit)
        .with_for_update(of=Member)
    )
    return [(member, is_friend) for member, is_friend in rows]


def _owe_marketing(
    session: Session,
    member: Member,
    kind: str,
    words: dict[str, object],
    *,
    key: str,
    now: datetime,
) -> Owed:
    assert member.line_user_id is not None
    return owe(
        session,
        member.line_user_id,
        kind,
        words,
        language=member.language,
        idempotency_key=key,
        now=now,
        member_id=member.id,
        is_marketing=True,
        useful_until=now + timedelta(hours=USEFUL_HOURS),
    )


def _part(people: Sequence[tuple[Member, bool]], owed: int) -> Part:
    return Part(len(people), owed, people[-1][0].id) if people else NOTHING
