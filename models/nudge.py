"""Nudges: messages the calendar brings, each owed once for its cause, whatever is restarted.

Each verb works on one bounded part of the due people, in the caller's transaction, marks what it
did on the rows themselves, and takes the rows in the order of their ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from models.benefit import birthday_template, paid_plan
from models.coupon import Coupon, CouponTemplate, get_template, issue_coupon
from models.friend import Friend
from models.local_day import birthdays_kept_on, day_start, local_day
from models.member import Member
from models.outbox import Owed, owe
from models.programme import get_programme
from models.suppression import holds_back, reasons_to_hold_back

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
    held: int = 0
    """Members who were not written to although they would have been: each row has its reason."""


NOTHING = Part(0, 0, 0)


def gift_birthdays(session: Session, now: datetime, *, after_id: int, limit: int) -> Part:
    """Give today's birthday people their tier's coupon, once a year; tell those who allow it.

    Someone born on 29 February is kept on the 28th in a common year.
    """
    today = local_day(now)
    is_today = Member.birthday_mmdd.in_(birthdays_kept_on(today))
    people = _members(session, after_id, limit, is_today)
    if not people:
        return NOTHING
    gifts = _birthday_gifts(session, [member for member, _ in people], now)
    held = reasons_to_hold_back(session, _reachable(people))
    told: list[int] = []
    for member, is_friend in people:
        key = f"birthday:{member.id}:{today.year}"
        coupon = issue_coupon(session, member.id, gifts[member.id], issue_key=key, now=now)
        if coupon is not None and is_friend and member.marketing_allowed:
            _owe_marketing(
                session,
                member,
                "birthday_gift",
                {"name": member.name, "coupon": coupon.words(member.language, now)},
                key=coupon.issue_key,
                held_back=held.get(member.id),
                now=now,
            )
            told.append(member.id)
    return _part(people, told, held)


def _birthday_gifts(
    session: Session, members: Sequence[Member], now: datetime
) -> dict[int, CouponTemplate]:
    """Return the template that each member's tier and paid plan give, by member id."""
    programme, today = get_programme(session), local_day(now)
    codes = {
        member.id: birthday_template(programme, member.tier_id, paid_plan(member, now), today)
        for member in members
    }
    templates = {code: get_template(session, code) for code in set(codes.values())}
    return {member_id: templates[code] for member_id, code in codes.items()}


def remind_of_coupons(session: Session, now: datetime, *, after_id: int, limit: int) -> Part:
    """Tell members of coupons about to expire, all of a person's in one message, each once.

    Whatever clock a coupon runs on, it is told of by its last moment, and not within a day of
    having come, become usable or been opened: its owner has just looked at it.
    """
    is_due = _ends_soon(now)
    settled_by = now - timedelta(days=1)
    due = (
        select(Coupon.id)
        .where(
            Coupon.member_id == Member.id,
            is_due,
            func.greatest(Coupon.issued_at, Coupon.usable_from, Coupon.opened_at) < settled_by,
        )
        .exists()
    )
    people = _members(session, after_id, limit, due & Member.marketing_allowed)
    friends = {member.id: member for member, is_friend in people if is_friend}
    coupons = session.scalars(
        select(Coupon)
        .where(Coupon.member_id.in_(friends), is_due)
        .order_by(Coupon.member_id, Coupon.expires_at, Coupon.id)
        .with_for_update(of=Coupon)
    )
    held = reasons_to_hold_back(session, friends)
    told: list[int] = []
    for member_id, own in groupby(coupons, key=lambda coupon: coupon.member_id):
        _remind_one(session, friends[member_id], list(own), held.get(member_id), now)
        told.append(member_id)
    return _part(people, told, held)


def _ends_soon(now: datetime) -> ColumnElement[bool]:
    """Tell of a coupon that it can be used, ends within the days of reminding, and is untold."""
    return and_(
        Coupon.state == "issued",
        Coupon.reminded_at.is_(None),
        Coupon.usable_from <= now,
        Coupon.expires_at > now,
        Coupon.expires_at <= day_start(local_day(now) + timedelta(days=REMIND_DAYS + 1)),
    )


def _remind_one(
    session: Session, member: Member, coupons: list[Coupon], held_back: str | None, now: datetime
) -> None:
    for coupon in coupons:
        coupon.reminded_at = now
    _owe_marketing(
        session,
        member,
        "coupon_expiry",
        {"coupons": [coupon.words(member.language, now) for coupon in coupons]},
        key=f"coupon_expiry:{coupons[0].id}:{local_day(now).isoformat()}",
        held_back=held_back,
        now=now,
    )


def win_back(session: Session, now: datetime, *, after_id: int, limit: int) -> Part:
    """Write once to members silent for 90 days, with a coupon; a purchase starts the count anew.

    Who is left in peace gets neither.
    """
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
    reasons = reasons_to_hold_back(session, _reachable(people))
    held = {each: why for each, why in reasons.items() if holds_back(why, "win_back")}
    told: list[int] = []
    for member, is_friend in people:
        if is_friend and member.last_purchase_on is not None:
            held_back = held.get(member.id)
            _win_back_one(session, member, member.last_purchase_on, template, held_back, now)
            told.append(member.id)
    return _part(people, told, held)


def _win_back_one(
    session: Session,
    member: Member,
    last_on: date,
    template: CouponTemplate,
    held_back: str | None,
    now: datetime,
) -> None:
    key = f"win_back:{member.id}:{last_on.isoformat()}"
    member.won_back_for = last_on
    coupon = None
    if held_back is None:
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
        held_back=held_back,
        now=now,
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
    held_back: str | None,
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
        held_back=held_back,
    )


def _reachable(people: Sequence[tuple[Member, bool]]) -> list[int]:
    return [member.id for member, is_friend in people if is_friend and member.marketing_allowed]


def _part(
    people: Sequence[tuple[Member, bool]], told: Sequence[int], held: Mapping[int, str]
) -> Part:
    """Return what a part did; of whom it had something to tell, some were held back."""
    kept = sum(member_id in held for member_id in told)
    return Part(len(people), len(told) - kept, people[-1][0].id, kept) if people else NOTHING
