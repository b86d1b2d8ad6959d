"""Benefits of tiers and paid plans: objects with a kind that the program keeps, not just words.

Each row belongs to one tier or one plan and holds within a time; its parameters are read into the
dataclass of its kind, so a wrong one is refused when it is kept. A tier has its own benefits, not
those of the tiers below. Where a member's tier and plan give the same, it counts once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from typing import Any, Protocol, get_type_hints

from sqlalchemy import CheckConstraint, ForeignKey, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Identifier
from models.coupon import Coupon, CouponTemplate, get_template, issue_coupon
from models.local_day import local_day

EARLY_HOURS = 24
EVERY_MONTH = "monthly"


@dataclass(frozen=True)
class PointsMultiplier:
    """Points times `percent` / 100 on the days it names; on every day where it names none."""

    percent: int
    weekdays: tuple[int, ...] = ()
    """ISO weekdays, 1 for Monday."""
    month_days: tuple[int, ...] = ()
    """Days of the month: a member day."""

    def check(self) -> None:
        """Raise ValueError where the numbers make no sense."""
        _require(self.percent > 100, "percent is above 100")
        _require(all(1 <= day <= 7 for day in self.weekdays), "weekdays are 1 to 7")
        _require(all(1 <= day <= 31 for day in self.month_days), "month days are 1 to 31")

    def holds(self, day: date) -> bool:
        """Tell whether `day` is one of its days."""
        return (not self.weekdays or day.isoweekday() in self.weekdays) and (
            not self.month_days or day.day in self.month_days
        )


@dataclass(frozen=True)
class EarlyAccess:
    """Sales open so many hours before their public moment."""

    hours: int = EARLY_HOURS

    def check(self) -> None:
        """Raise ValueError where the numbers make no sense."""
        _require(0 < self.hours <= 24 * 30, "hours are 1 to 720")


@dataclass(frozen=True)
class BirthdayGift:
    """The coupon a member gets for their birthday, instead of everyone's."""

    template: str

    def check(self) -> None:
        """Raise ValueError where the template has no code."""
        _require(bool(self.template), "template names a coupon template")


@dataclass(frozen=True)
class UpgradeGift:
    """The coupon a member may claim when they reach the tier; variants go by lifetime spend."""

    template: str
    variant: str = ""
    from_lifetime_twd: int = 0

    def check(self) -> None:
        """Raise ValueError where the template has no code."""
        _require(bool(self.template), "template names a coupon template")
        _require(self.from_lifetime_twd >= 0, "from_lifetime_twd is not negative")


@dataclass(frozen=True)
class MonthlyCoupon:
    """A coupon each calendar month, to be taken from the benefits' card."""

    template: str

    def check(self) -> None:
        """Raise ValueError where the template has no code."""
        _require(bool(self.template), "template names a coupon template")


@dataclass(frozen=True)
class FreeShipping:
    """Orders are sent free of charge, so many a month; from so many NT$ on."""

    times_a_month: int | None = None
    from_twd: int = 0

    def check(self) -> None:
        """Raise ValueError where the numbers make no sense."""
        _require(self.times_a_month is None or self.times_a_month > 0, "times_a_month is positive")
        _require(self.from_twd >= 0, "from_twd is not negative")


@dataclass(frozen=True)
class ServiceQueue:
    """Whoever asks for a person is shown to staff first."""

    level: int = 1

    def check(self) -> None:
        """Raise ValueError where the level is not positive."""
        _require(self.level > 0, "level is positive")


@dataclass(frozen=True)
class OrderDiscount:
    """So many percent off each order, up to a ceiling."""

    percent: int
    most_twd: int | None = None

    def check(self) -> None:
        """Raise ValueError where the numbers make no sense."""
        _require(0 < self.percent < 100, "percent is 1 to 99")
        _require(self.most_twd is None or self.most_twd > 0, "most_twd is positive")

    def taken_off(self, amount_twd: int) -> int:
        """Return the NT$ taken off an order; rounds down."""
        off = amount_twd * self.percent // 100
        return off if self.most_twd is None else min(off, self.most_twd)


@dataclass(frozen=True)
class Invitation:
    """Members are invited to events kept for their tier."""

    def check(self) -> None:
        """Nothing can be wrong with it."""


@dataclass(frozen=True)
class GatedContent:
    """Members read pages kept for their tier."""

    def check(self) -> None:
        """Nothing can be wrong with it."""


@dataclass(frozen=True)
class BirthdayCardByHand:
    """Staff write a birthday card by hand; `models/birthday_card.py` keeps the list."""

    def check(self) -> None:
        """Nothing can be wrong with it."""


Terms = (
    PointsMultiplier
    | EarlyAccess
    | BirthdayGift
    | UpgradeGift
    | MonthlyCoupon
    | FreeShipping
    | ServiceQueue
    | OrderDiscount
    | Invitation
    | GatedContent
    | BirthdayCardByHand
)
KINDS: dict[str, type[Any]] = {
    "points_multiplier": PointsMultiplier,
    "early_access": EarlyAccess,
    "birthday_gift": BirthdayGift,
    "upgrade_gift": UpgradeGift,
    "monthly_coupon": MonthlyCoupon,
    "free_shipping": FreeShipping,
    "service_queue": ServiceQueue,
    "order_discount": OrderDiscount,
    "invitation": Invitation,
    "gated_content": GatedContent,
    "birthday_card": BirthdayCardByHand,
}


class Benefit(Base):
    """One benefit of a tier or of a plan. `stock_left` is what the database guards."""

    __tablename__ = "benefit"
    __table_args__ = (
        CheckConstraint("kind IN ('" + "', '".join(KINDS) + "')", name="kind_known"),
        CheckConstraint("(tier_id IS NULL) <> (plan_code IS NULL)", name="belongs_to_one"),
        CheckConstraint("starts_on < ends_on", name="lives"),
        CheckConstraint("stock_left >= 0", name="stock_not_negative"),
    )

    id: Mapped[Identifier]
    tier_id: Mapped[int | None] = mapped_column(ForeignKey("tier.id"), index=True)
    plan_code: Mapped[str | None] = mapped_column(index=True)
    kind: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    """The first day on which it no longer holds."""
    stock_left: Mapped[int | None]
    """How many may still be given; None without a limit."""

    @property
    def terms(self) -> Terms:
        """Return what it promises, read from its parameters."""
        return read_terms(self.kind, self.parameters)

    def holds_on(self, day: date) -> bool:
        """Tell whether `day` lies within its time."""
        return (self.starts_on is None or self.starts_on <= day) and (
            self.ends_on is None or day < self.ends_on
        )


class BenefitRefused(BusinessError):
    """The parameters do not make a benefit of this kind; `why` says what is wrong."""

    code = "benefit_refused"


class NoSuchBenefit(BusinessError):
    """The member has no such benefit today, or has had it for this month."""

    code = "no_such_benefit"


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


def _require(is_true: bool, why: str) -> None:
    if not is_true:
        raise ValueError(why)


def read_terms(kind: str, parameters: dict[str, Any]) -> Terms:
    """Read parameters into the dataclass of their kind. Raises BenefitRefused."""
    shape = KINDS.get(kind)
    if shape is None:
        raise BenefitRefused(why=f"no kind {kind}")
    hints = get_type_hints(shape)
    known = {each.name for each in fields(shape)}
    values = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in parameters.items()
    }
    try:
        _require(set(values) <= known, f"unknown: {', '.join(sorted(set(values) - known))}")
        _require(
            all(_fits(value, hints[name]) for name, value in values.items()), "a value misfits"
        )
        terms: Terms = shape(**values)
        terms.check()
    except (TypeError, ValueError) as error:
        raise BenefitRefused(kind=kind, why=str(error)) from error
    return terms


def _fits(value: object, hint: Any) -> bool:
    """Tell whether a JSON value is of a field's type; a bool is no number here."""
    if isinstance(value, bool):
        return False
    if isinstance(value, tuple):
        return hint == tuple[int, ...] and all(type(one) is int for one in value)
    if value is None:
        return type(None) in getattr(hint, "__args__", ())
    return isinstance(value, str) if hint is str else isinstance(value, int) and hint is not str


def add_benefit(
    session: Session,
    kind: str,
    parameters: dict[str, Any],
    *,
    tier_id: int | None = None,
    plan_code: str | None = None,
    starts_on: date | None = None,
    ends_on: date | None = None,
    stock: int | None = None,
) -> Benefit:
    """Keep a benefit of a tier or a plan; the caller raises the programme's version.

    Raises BenefitRefused where the parameters are not those of the kind, or name no template.
    """
    terms = read_terms(kind, parameters)
    template = getattr(terms, "template", None)
    if template is not None and _find_template(session, template) is None:
        raise BenefitRefused(kind=kind, why=f"no coupon template {template}")
    benefit = Benefit(
        tier_id=tier_id,
        plan_code=plan_code,
        kind=kind,
        parameters=parameters,
        starts_on=starts_on,
        ends_on=ends_on,
        stock_left=stock,
    )
    session.add(benefit)
    session.flush()
    return benefit


def _find_template(session: Session, code: str) -> CouponTemplate | None:
    return session.scalars(select(CouponTemplate).where(CouponTemplate.code == code)).one_or_none()


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


def paid_plan(holder: PlanHolder, now: datetime) -> str | None:
    """Return the code of the paid plan that holds at `now`, or None."""
    is_good = holder.plan_until is not None and now < holder.plan_until
    return holder.plan_code if is_good else None


def multipliers(
    programme: Rules, tier_id: int, plan_code: str | None, day: date
) -> tuple[int, ...]:
    """Return the multipliers in percent that tier and plan give on `day`; the policy joins them."""
    return tuple(
        held.terms.percent
        for held in benefits_of(programme, tier_id, plan_code, day=day)
        if isinstance(held.terms, PointsMultiplier) and held.terms.holds(day)
    )


def early_hours(
    programme: Rules, tier_id: int, plan_code: str | None = None, *, day: date | None = None
) -> int:
    """Return how many hours before the public moment sales open for tier and plan."""
    found = [
        held.terms.hours
        for held in benefits_of(programme, tier_id, plan_code, day=day)
        if isinstance(held.terms, EarlyAccess)
    ]
    return max(found, default=0)


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
    found = [
        held.terms.taken_off(amount_twd)
        for held in benefits_of(programme, tier_id, plan_code, day=day)
        if isinstance(held.terms, OrderDiscount)
    ]
    return max(found, default=0)


def service_level(programme: Rules, tier_id: int, plan_code: str | None, day: date) -> int:
    """Return how much before others a member is served; 0 is as everybody."""
    found = [
        held.terms.level
        for held in benefits_of(programme, tier_id, plan_code, day=day)
        if isinstance(held.terms, ServiceQueue)
    ]
    return max(found, default=0)


def birthday_template(programme: Rules, tier_id: int, plan_code: str | None, day: date) -> str:
    """Return the code of the coupon template of a member's birthday gift."""
    found = [
        held.terms.template
        for held in benefits_of(programme, tier_id, plan_code, day=day)
        if isinstance(held.terms, BirthdayGift)
    ]
    return found[0] if found else "birthday"


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
        amount_twd >= held.terms.from_twd
        and (held.terms.times_a_month is None or used_this_month < held.terms.times_a_month)
        for held in benefits_of(programme, tier_id, plan_code, day=day)
        if isinstance(held.terms, FreeShipping)
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


def take_stock(session: Session, benefit_id: int) -> bool:
    """Take one of a benefit's stock; tell whether there was one. Of many at once, each gets one."""
    taken = session.scalars(
        update(Benefit)
        .where(Benefit.id == benefit_id, (Benefit.stock_left.is_(None)) | (Benefit.stock_left > 0))
        .values(stock_left=Benefit.stock_left - 1)
        .returning(Benefit.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return taken is not None


def return_stock(session: Session, benefit_id: int) -> None:
    """Put one back into a benefit's stock."""
    session.execute(
        update(Benefit)
        .where(Benefit.id == benefit_id)
        .values(stock_left=Benefit.stock_left + 1)
        .execution_options(synchronize_session=False)
    )


def claim_monthly(
    session: Session,
    programme: Rules,
    member_id: int,
    tier_id: int,
    plan_code: str | None,
    now: datetime,
) -> list[Coupon]:
    """Give the member this month's coupons of tier and plan, each once a month.

    A change of tier in mid-month does not bring the same coupon twice. Raises NoSuchBenefit where
    nothing is left to take.
    """
    today = local_day(now)
    templates = {
        held.terms.template: held.row.id
        for held in benefits_of(programme, tier_id, plan_code, day=today)
        if isinstance(held.terms, MonthlyCoupon)
    }
    given = []
    for code, benefit_id in templates.items():
        if not take_stock(session, benefit_id):
            continue
        key = f"{EVERY_MONTH}:{code}:{member_id}:{today:%Y-%m}"
        coupon = issue_coupon(
            session, member_id, get_template(session, code), issue_key=key, now=now
        )
        if coupon is None:
            return_stock(session, benefit_id)
        else:
            given.append(coupon)
    session.flush()
    if not given:
        raise NoSuchBenefit
    return given


def templates_of(session: Session, held: Sequence[Held]) -> dict[str, CouponTemplate]:
    """Return the coupon templates these benefits name, by code; one query, none where none does."""
    codes = {code for each in held if (code := getattr(each.terms, "template", None))}
    if not codes:
        return {}
    found = session.scalars(select(CouponTemplate).where(CouponTemplate.code.in_(codes)))
    return {template.code: template for template in found}
