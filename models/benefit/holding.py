"""What somebody holds: the benefits of their tier and plan together, asked one question each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.benefit.table import Benefit
from models.benefit.terms import (
    BirthdayGift,
    EarlyAccess,
    FreeShipping,
    OrderDiscount,
    PointsMultiplier,
    ServiceQueue,
    Terms,
    UpgradeGift,
)
from models.coupon import CouponTemplate
from models.local_day import local_day

T = TypeVar("T", bound=Terms)


class Rules(Protocol):
    """What benefits are read from: the cached programme."""

    @property
    def benefits(self) -> tuple["Held", ...]: ...


class PlanHolder(Protocol):
    """A member, as far as their paid plan goes."""

    @property
    def plan_code(self) -> str | None: ...
    @property
    def plan_until(self) -> datetime | None: ...


@dataclass(frozen=True)
class Held:
    """A benefit with its terms, read once a version of the programme."""

    row: Benefit
    terms: Terms = field(compare=False)


def read_benefits(session: Session) -> tuple[Held, ...]:
    """Return all benefits with their terms, in the order they were made, free of the session."""
    rows = session.scalars(select(Benefit).order_by(Benefit.id)).all()
    for row in rows:
        session.expunge(row)
    return tuple(Held(row, row.terms) for row in rows)


def benefits_of(
    programme: Rules, tier_id: int, plan_code: str | None = None, *, day: date | None = None
) -> list[Held]:
    """Return what tier and plan give together, each promise once; `day` leaves out what is over.

    Pure. Two alike (same kind and terms) are one, the tier's.
    """
    own = [held for held in programme.benefits if held.row.tier_id == tier_id]
    if plan_code is not None:
        own += [held for held in programme.benefits if held.row.plan_code == plan_code]
    union: dict[tuple[str, Terms], Held] = {}
    for held in own:
        if day is None or held.row.holds_on(day):
            union.setdefault((held.row.kind, held.terms), held)
    return list(union.values())


def _terms_of(
    kind: type[T], programme: Rules, tier_id: int, plan_code: str | None, day: date | None
) -> list[T]:
    """Return the terms of one kind of benefit that tier and plan give together."""
    held = benefits_of(programme, tier_id, plan_code, day=day)
    return [each.terms for each in held if isinstance(each.terms, kind)]


def paid_plan(holder: PlanHolder, now: datetime) -> str | None:
    """Return the code of the paid plan that holds at `now`, or None."""
    is_good = holder.plan_until is not None and now < holder.plan_until
    return holder.plan_code if is_good else None


def multipliers(
    programme: Rules, tier_id: int, plan_code: str | None, day: date
) -> tuple[int, ...]:
    """Return the multipliers in percent that tier and plan give on `day`; the policy joins them."""
    found = _terms_of(PointsMultiplier, programme, tier_id, plan_code, day)
    return tuple(terms.percent for terms in found if terms.holds(day))


def early_hours(
    programme: Rules, tier_id: int, plan_code: str | None = None, *, day: date | None = None
) -> int:
    """Return how many hours before the public moment sales open for tier and plan."""
    found = _terms_of(EarlyAccess, programme, tier_id, plan_code, day)
    return max((terms.hours for terms in found), default=0)


class Opening(Protocol):
    """A sale with a public opening moment."""

    @property
    def public_at(self) -> datetime: ...


def opens_at(
    programme: Rules, sale: Opening, tier_id: int, plan_code: str | None = None
) -> datetime:
    """Return the moment at which a sale opens for a member of this tier and plan."""
    day = local_day(sale.public_at)
    return sale.public_at - timedelta(hours=early_hours(programme, tier_id, plan_code, day=day))


def order_discount(
    programme: Rules, tier_id: int, plan_code: str | None, day: date, amount_twd: int
) -> int:
    """Return the NT$ that tier and plan take off an order: the better of them, never both."""
    found = _terms_of(OrderDiscount, programme, tier_id, plan_code, day)
    return max((terms.taken_off(amount_twd) for terms in found), default=0)


def service_level(programme: Rules, tier_id: int, plan_code: str | None, day: date) -> int:
    """Return how much before others a member is served; 0 is as everybody."""
    found = _terms_of(ServiceQueue, programme, tier_id, plan_code, day)
    return max((terms.level for terms in found), default=0)


def birthday_template(programme: Rules, tier_id: int, plan_code: str | None, day: date) -> str:
    """Return the code of the coupon template of a member's birthday gift."""
    found = _terms_of(BirthdayGift, programme, tier_id, plan_code, day)
    return found[0].template if found else "birthday"


def ships_free(
    programme: Rules,
    tier_id: int,
    plan_code: str | None,
    day: date,
    *,
    amount_twd: int,
    used_this_month: int,
) -> bool:
    """Tell whether an order is sent free of charge."""
    return any(
        amount_twd >= terms.from_twd
        and (terms.times_a_month is None or used_this_month < terms.times_a_month)
        for terms in _terms_of(FreeShipping, programme, tier_id, plan_code, day)
    )


def gift_of(
    programme: Rules, tier_id: int, now: datetime | None
) -> list[tuple[Benefit, UpgradeGift]]:
    """Return a tier's upgrade gifts that hold at `now`, or ever."""
    day = local_day(now) if now is not None else None
    return [
        (held.row, held.terms)
        for held in benefits_of(programme, tier_id, day=day)
        if isinstance(held.terms, UpgradeGift)
    ]


def templates_of(session: Session, held: Sequence[Held]) -> dict[str, CouponTemplate]:
    """Return the coupon templates these benefits name, by code; one query, none where none does."""
    codes = {code for each in held if (code := getattr(each.terms, "template", None))}
    if not codes:
        return {}
    found = session.scalars(select(CouponTemplate).where(CouponTemplate.code.in_(codes)))
    return {template.code: template for template in found}
