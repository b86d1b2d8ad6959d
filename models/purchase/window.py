"""The 365 days that count for the tier: locking a member with them, and moving them to a day."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, SQLColumnExpression, func, literal, select
from sqlalchemy.orm import Session

from models import tier
from models.member import Member, NoSuchMember
from models.programme import Programme
from models.purchase.table import Purchase
from models.shop import THE_SHOP, Shop
from models.tier import Standing


@dataclass(frozen=True)
class Locked:
    """A member under their row lock, with all a sale must know, in one query."""

    member: Member
    crossing_twd: int
    """What lies between the first days of the windows of `spend_on` and of today."""
    first_counted_on: date | None
    programme_version: int


def lock_member(
    session: Session, member_id: int, today: date, *, key: str | None = None
) -> tuple[Locked, Purchase | None]:
    """Lock a member, read what `today` makes of their 365 days, and find the `key`'s purchase.

    One statement. What it reads beside the locked row is as old as the statement, so a twin that
    committed while we waited for the lock is not seen: the purchase's unique key finds it.
    Raises NoSuchMember.
    """
    crossing = _crossing(Member.id, Member.spend_on, today).correlate(Member).scalar_subquery()
    first_counted = _first_counted(Member.id, today).correlate(Member).scalar_subquery()
    found = session.execute(
        select(Member, crossing, first_counted, Shop.programme_version, Purchase)
        .select_from(Member)
        .join(Shop, Shop.id == THE_SHOP)
        .join(Purchase, Purchase.idempotency_key == key, isouter=True)
        .where(Member.id == member_id, Member.erased_at.is_(None))
        .with_for_update(of=Member)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NoSuchMember
    member, crossing_twd, first_counted_on, version, first = found
    return Locked(member, int(crossing_twd), first_counted_on, version), first


def _crossing(
    member_id: SQLColumnExpression[int], spend_on: SQLColumnExpression[date], today: date
) -> Select[int]:
    """Sum up what lies between the first days of the windows of `spend_on` and of `today`."""
    first_days = (spend_on - (tier.WINDOW_DAYS - 1), literal(tier.window_start(today)))
    return select(func.coalesce(func.sum(Purchase.paid_twd), 0)).where(
        Purchase.member_id == member_id,
        Purchase.purchased_on >= func.least(*first_days),
        Purchase.purchased_on < func.greatest(*first_days),
    )


def _first_counted(member_id: SQLColumnExpression[int], today: date) -> Select[date]:
    """Find the day of the oldest purchase that counts on `today`."""
    return select(func.min(Purchase.purchased_on)).where(
        Purchase.member_id == member_id, Purchase.purchased_on >= tier.window_start(today)
    )


def _spend_on(member: Member, crossing_twd: int, today: date) -> int:
    """Return what the window of `today` counts: less with time, more where a job is played back."""
    return member.spend_twd + (crossing_twd if member.spend_on > today else -crossing_twd)


def roll_window(locked: Locked, today: date) -> None:
    """Bring the member's 365-day figure to `today`."""
    member = locked.member
    member.spend_twd = _spend_on(member, locked.crossing_twd, today)
    member.spend_on = today


def standing_of(session: Session, member: Member, programme: Programme, today: date) -> Standing:
    """Return where the member stands `today`, without changing their row; one query."""
    crossing_twd, first_counted_on = session.execute(
        select(
            _crossing(literal(member.id), literal(member.spend_on), today).scalar_subquery(),
            _first_counted(literal(member.id), today).scalar_subquery(),
        )
    ).one()
    return programme.standing(
        member.tier_id,
        _spend_on(member, int(crossing_twd), today),
        first_counted_on=first_counted_on,
        kept_until=member.tier_kept_until,
    )
