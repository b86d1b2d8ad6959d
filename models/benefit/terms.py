"""What benefits promise, a kind each: its parameters, read into one dataclass or refused."""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any, get_type_hints

from models.base import BusinessError

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


class BenefitRefused(BusinessError):
    """The parameters do not make a benefit of this kind; `why` says what is wrong."""

    code = "benefit_refused"


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
