"""Estimating a figure: a share, a mean or a plain sum, each with where it really lies at 95%."""

from dataclasses import dataclass
from math import sqrt

from models.interval import Z_95, wilson


@dataclass(frozen=True)
class Measured:
    """A value with its interval, and how many cases it rests upon; None where there are none."""

    value: float | int | None
    low: float | None = None
    high: float | None = None
    cases: int | None = None


def share(hits: int, trials: int) -> Measured:
    """Return `hits` of `trials` as a share with Wilson's interval; none of nothing."""
    if not trials:
        return Measured(None, cases=0)
    return Measured(hits / trials, *wilson(hits, trials), trials)


def mean(count: int, total: float, squares: float) -> Measured:
    """Return the mean of `count` numbers from their sum and the sum of their squares.

    One number alone has no interval.
    """
    if not count:
        return Measured(None, cases=0)
    middle = total / count
    if count == 1:
        return Measured(middle, cases=1)
    variance = max(squares - total * total / count, 0.0) / (count - 1)
    reach = Z_95 * sqrt(variance / count)
    return Measured(middle, middle - reach, middle + reach, count)


def total(value: int) -> Measured:
    """Return a sum: it is what it is, and has no interval."""
    return Measured(value)


def ratio(part: float, whole: float) -> Measured:
    """Return a part of a whole of money: not drawn by chance, so without an interval."""
    return Measured(part / whole if whole else None)


def growth(value: float | None, before: float | None) -> float | None:
    """Return by what share a value rose since the period before; None where it cannot be said."""
    if value is None or not before:
        return None
    return (value - before) / abs(before)
