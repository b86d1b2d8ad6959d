"""The 365 days that count for the tier: locking a member with them, and moving them to a day."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import (
    BigInteger,
    Date,
    Select,
    SQLColumnExpression,
    Text,
    bindparam,
    func,
    select,
)
from sqlalchemy.orm import Session

from models import tier
from models.member import Member, NoSuchMember
from models.programme import Programme
from models.purchase.table import Purchase
from models.score import is_measured, measure
from models.shop import THE_SHOP, Shop
from models.tier import Figures, Standing


@dataclass(frozen=True)
class Locked:
    """A member under their row lock, with all a sale must know, in one query."""

    member: Member
    crossing_twd: int
    """What lies between the first days of the windows of `spend_on` and of today."""
    first_counted_on: date | None
    programme_version: int


_COUNTED_FROM = bindparam("counted_from", type_=Date)
_WAS_COUNTED_FROM = bindparam("was_counted_from", type_=Date)
_MEMBER_ID = bindparam("member_id", type_=BigInteger)


def _crossing(member_id: SQLColumnExpression[int], was: SQLColumnExpression[date]) -> Select[int]:
    """Sum up what lies between the window's first day as it `was` and as it is now."""
    return select(func.coalesce(func.sum(Purchase.paid_twd - Purchase.refunded_twd), 0)).where(
        Purchase.member_id == member_id,
        Purchase.purchased_on >= func.least(was, _COUNTED_FROM),
        Purchase.purchased_on < func.greatest(was, _COUNTED_FROM),
    )


def _first_counted(member_id: SQLColumnExpression[int]) -> Select[date]:
    """Find the day of the oldest purchase that counts."""
    return select(func.min(Purchase.purchased_on)).where(
        Purchase.member_id == member_id,
        Purchase.purchased_on >= _COUNTED_FROM,
        Purchase.refunded_twd < Purchase.paid_twd,
    )


_LOCK = (
    select(
        Member,
        _crossing(Member.id, Member.spend_on - (tier.WINDOW_DAYS - 1))
        .correlate(Member)
        .scalar_subquery(),
        _first_counted(Member.id).correlate(Member).scalar_subquery(),
        Shop.programme_version,
        Purchase,
    )
    .select_from(Member)
    .join(Shop, Shop.id == THE_SHOP)
    .join(Purchase, Purchase.idempotency_key == bindparam("key", type_=Text), isouter=True)
    .where(Member.id == _MEMBER_ID)
    .with_for_update(of=Member)
    .execution_options(populate_existing=True)
)
_STAND = select(
    _crossing(_MEMBER_ID, _WAS_COUNTED_FROM).scalar_subquery(),
    _first_counted(_MEMBER_ID).scalar_subquery(),
)
"""Built once: building either of them takes longer than running it."""


def lock_member(
    session: Session,
    member_id: int,
    today: date,
    *,
    key: str | None = None,
    even_erased: bool = False,
) -> tuple[Locked, Purchase | None]:
    """Lock a member, read what `today` makes of their 365 days, and find the `key`'s purchase.

    One statement. What it reads beside the locked row is as old as the statement, so a twin that
    committed while we waited for the lock is not seen: the purchase's unique key finds it.
    Raises NoSuchMember, also for one who has left, unless the figures of `even_erased` are asked.
    """
    asked = {"member_id": member_id, "key": key, "counted_from": tier.window_start(today)}
    found = session.execute(_LOCK, asked).one_or_none()
    if found is None or (found[0].erased_at is not None and not even_erased):
        raise NoSuchMember
    member, crossing_twd, first_counted_on, version, first = found
    return Locked(member, int(crossing_twd), first_counted_on, version), first


def _spend_on(member: Member, crossing_twd: int, today: date) -> int:
    """Return what the window of `today` counts: less with time, more where a job is played back."""
    return member.spend_twd + (crossing_twd if member.spend_on > today else -crossing_twd)


def roll_window(locked: Locked, today: date) -> None:
    """Bring the member's figures of 365 days and of the calendar year to `today`."""
    member = locked.member
    if member.spend_on.year < today.year:
        member.year_twd = 0
    member.spend_twd = _spend_on(member, locked.crossing_twd, today)
    member.spend_on = today


def standing_of(session: Session, member: Member, programme: Programme, today: date) -> Standing:
    """Return where the member stands `today`, without changing their row.

    One query; a second one where the rules look at a metric or a score.
    """
    asked = {
        "member_id": member.id,
        "counted_from": tier.window_start(today),
        "was_counted_from": tier.window_start(member.spend_on),
    }
    crossing_twd, first_counted_on = session.execute(_STAND, asked).one()
    rules = programme.ladder.on(today)
    figures = Figures(
        on=today,
        spend_twd=_spend_on(member, int(crossing_twd), today),
        year_twd=member.year_twd if member.spend_on.year >= today.year else 0,
        lifetime_twd=member.lifetime_twd,
        tier_points=member.tier_points,
        measured=measure(session, member.id, rules, today) if is_measured(rules) else None,
    )
    return programme.standing(
        member.tier_id,
        figures,
        first_counted_on=first_counted_on,
        kept_until=member.tier_kept_until,
    )
