"""How often members buy, and whether they still do: the BG/NBD model.

P. S. Fader, B. G. S. Hardie, K. L. Lee, "Counting Your Customers the Easy Way", Marketing Science
24 (2005): while a customer lives they buy at random with a rate of their own (rates are gamma with
`r`, `alpha`), and after each purchase they leave for good with a probability of their own (beta
with `a`, `b`). All that is known of one is how often they came back (x), when they last did (t_x),
and for how long they are known (T).

The likelihood is the paper's (6); its gradient is written out, so that a fit takes some forty
looks at the data. Equal histories are counted once, and parts of them at a time: what a look needs
is bounded, whatever the shop's size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

Floats = NDArray[np.float64]
PART = 65_536
"""So many distinct histories are looked at together: they stay in the processor's cache."""
NODES = 24
"""Points of the quadrature over the chance to leave; twice as many change nothing in 9 digits."""
SMALLEST, LARGEST = -9.0, 9.0
"""Bounds of the parameters' logarithms, time in units of the longest history."""
TOLERANCE = 1e-7
MOST_STEPS = 500
HIGHEST = 700.0
"""The exponential of a little more is no number any more."""


class NoFit(Exception):
    """The likelihood has no maximum within reason: these histories do not follow the model."""


@dataclass(frozen=True)
class Histories:
    """What is known of many customers, an array each, of one length and one unit of time."""

    repeats: Floats
    """x: how often they came back after the first time."""
    last: Floats
    """t_x: from the first purchase to the last."""
    age: Floats
    """T: from the first purchase to the day that is looked from."""

    def __len__(self) -> int:
        """Return of how many customers it tells."""
        return len(self.repeats)

    def part(self, which: slice) -> "Histories":
        """Return some of them."""
        return Histories(self.repeats[which], self.last[which], self.age[which])


@dataclass(frozen=True)
class OrderModel:
    """The four parameters; `alpha` is in the histories' unit of time."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, known: Histories) -> Floats:
        """Return the probability of each to be a customer still. Who came once is: nobody left."""
        ages, lasts = self.alpha + known.age, self.alpha + known.last
        rate = (self.r + known.repeats) * np.log(ages / lasts)
        gone = np.log(self.a) - np.log(self.b + np.maximum(known.repeats - 1, 0)) + rate
        return np.asarray(
            1 / (1 + np.where(known.repeats > 0, np.exp(np.minimum(gone, HIGHEST)), 0))
        )

    def chance_within(self, known: Histories, span: float) -> Floats:
        """Return the probability of each to buy at least once in the next `span`.

        P(X(t) > 0) = P(alive) * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x)), exactly: whoever
        lives has a gamma rate with r + x and alpha + T, and nobody leaves before they buy.
        """
        quiet = -(self.r + known.repeats) * np.log1p(span / (self.alpha + known.age))
        return np.asarray(self.alive(known) * -np.expm1(quiet))

    def expected_within(self, known: Histories, span: float) -> Floats:
        """Return how many purchases of each are to be expected in the next `span`.

        The paper's (10). Its hypergeometric function has a pole at a = 1 and overflows where
        somebody came hundreds of times; so the mean over the chance to leave, beta with a and
        b + x, is taken by Gauss and Jacobi's quadrature, which has neither.
        """
        pairs = np.column_stack((known.repeats, known.age))
        distinct, place = _distinct(pairs)
        repeats, ages = distinct[:, 0], self.alpha + distinct[:, 1]
        expected = np.empty(len(distinct))
        for count in np.unique(repeats):
            alike = repeats == count
            expected[alike] = self._lived(float(count), ages[alike], span)
        return np.asarray(self.alive(known) * expected[place])

    def _lived(self, repeats: float, ages: Floats, span: float) -> Floats:
        """Return the expectation for customers who live and came back `repeats` times."""
        chances, shares = beta_nodes(self.a, self.b + repeats)
        quiet = -(self.r + repeats) * np.log1p(np.outer(span / ages, chances))
        return np.asarray((-np.expm1(quiet) / chances * shares).sum(axis=1))

    def wait(self, known: Histories) -> Floats:
        """Return in how much time each is as likely as not to have bought; infinite where never."""
        alive = self.alive(known)
        with np.errstate(divide="ignore"):
            share = np.log(np.maximum(1 - 0.5 / alive, 0))
            wait = (self.alpha + known.age) * np.expm1(
                np.minimum(-share / (self.r + known.repeats), HIGHEST)
            )
        return np.where(alive > 0.5, wait, np.inf)


def beta_nodes(a: float, b: float) -> tuple[Floats, Floats]:
    """Return points between 0 and 1 and their shares, whose sums are means over a beta's density.

    Golub and Welsch's way: the points are the eigenvalues of the Jacobi polynomials' recurrence.
    SciPy's own overflows where b is in the thousands, for it also wants the integral's size.
    """
    low, high, k = a - 1, b - 1, np.arange(1, NODES)
    both = 2 * k + low + high
    middle = np.append(
        (low - high) / (low + high + 2), (low - high) * (low + high) / (both * (both + 2))
    )
    # The first one's k + low + high and 2k + low + high - 1 are one, and nothing where a + b = 1.
    first = 4 * (1 + high) * (1 + low) / (both[0] ** 2 * (both[0] + 1))
    k, both = k[1:], both[1:]
    beside = 4 * k * (k + high) * (k + low) * (k + low + high)
    ratio = np.append(first, beside / (both**2 * (both + 1) * (both - 1)))
    points, vectors = eigh_tridiagonal(middle, np.sqrt(ratio))
    return np.clip((1 + points) / 2, 1e-300, 1), np.asarray(vectors[0] ** 2)


def fit_orders(known: Histories) -> tuple[OrderModel, float]:
    """Return the likeliest parameters and their log likelihood. Raises NoFit."""
    grouped = _Grouped.of(known)
    unit = float(known.age.max()) or 1.0
    scaled = grouped.in_unit(unit)
    found = minimize(
        scaled.loss,
        np.zeros(4),
        jac=True,
        method="L-BFGS-B",
        bounds=[(SMALLEST, LARGEST)] * 4,
        options={"maxiter": MOST_STEPS, "ftol": 1e-12, "gtol": TOLERANCE},
    )
    if not found.success:
        raise NoFit(found.message)
    r, alpha, a, b = np.exp(found.x).tolist()
    model = OrderModel(r, alpha * unit, a, b)
    # A density: in another unit of time it is another number, by the unit for each repeat.
    shift = known.repeats.sum() * np.log(unit)
    return model, float(-found.fun * len(known) - shift)


@dataclass(frozen=True)
class _Grouped:
    """Distinct histories with how many customers have each, and the same by repeats alone."""

    known: Histories
    weights: Floats

    @classmethod
    def of(cls, known: Histories) -> "_Grouped":
        rows = np.column_stack((known.repeats, known.last, known.age))
        distinct, place = _distinct(rows)
        weights = np.bincount(place, minlength=len(distinct)).astype(np.float64)
        return cls(Histories(distinct[:, 0], distinct[:, 1], distinct[:, 2]), weights)

    def in_unit(self, unit: float) -> "_Grouped":
        known = self.known
        return _Grouped(Histories(known.repeats, known.last / unit, known.age / unit), self.weights)

    @cached_property
    def total(self) -> float:
        return float(self.weights.sum())

    @cached_property
    def by_repeats(self) -> tuple[Floats, Floats]:
        counts, place = np.unique(self.known.repeats, return_inverse=True)
        return counts, np.bincount(place, weights=self.weights).astype(np.float64)

    def parts(self) -> Iterator[tuple[Histories, Floats]]:
        for start in range(0, len(self.known), PART):
            which = slice(start, start + PART)
            yield self.known.part(which), self.weights[which]

    def loss(self, logs: Floats) -> tuple[float, Floats]:
        """Return the mean negative log likelihood, and its gradient by the logarithms."""
        parameters = np.exp(logs)
        value, slope = _by_count(parameters, *self.by_repeats)
        for known, weights in self.parts():
            more, steeper = _by_time(parameters, known, weights)
            value, slope = value + more, slope + steeper
        return -value / self.total, -slope * parameters / self.total


def _by_count(parameters: Floats, x: Floats, weights: Floats) -> tuple[float, Floats]:
    """Return the part of the log likelihood that only the number of repeats decides."""
    r, alpha, a, b = parameters
    value = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    value += gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    either = digamma(a + b) - digamma(a + b + x)
    slopes = (
        digamma(r + x) - digamma(r) + np.log(alpha),
        np.full_like(x, r / alpha),
        either,
        either + digamma(b + x) - digamma(b),
    )
    return total(weights, value), np.array([total(weights, slope) for slope in slopes])


def _by_time(parameters: Floats, known: Histories, weights: Floats) -> tuple[float, Floats]:
    """Return the part that days decide: they live and were quiet, or left after the last."""
    r, alpha, a, b = parameters
    x = known.repeats
    ages, lasts = alpha + known.age, alpha + known.last
    log_age, log_last = np.log(ages), np.log(lasts)
    before = b + np.maximum(x - 1, 0)
    odds = np.log(a / before) + (r + x) * (log_age - log_last)  # That they left, by that they live.
    odds = np.where(x > 0, np.exp(np.minimum(odds, HIGHEST)), 0)
    value = np.log(1 + odds) - (r + x) * log_age
    here = weights / (1 + odds)
    gone = weights - here
    slopes = (
        -total(here, log_age) - total(gone, log_last),
        -total(r + x, here / ages + gone / lasts),
        gone.sum() / a,
        -total(gone, 1 / before),
    )
    return total(weights, value), np.array(slopes, np.float64)


def total(weights: Floats, values: Floats) -> float:
    """Return the weighted sum. `@` would hand it to BLAS, whose threads wait for each other by
    spinning: on a machine with other work to do a fit took six times as long.
    """
    return float(np.einsum("i,i->", weights, values))


def _distinct(rows: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the distinct rows and where among them each row is; sorted by column, so cheap."""
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    is_new = np.ones(len(rows), bool)
    is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    place = np.empty(len(rows), np.int64)
    place[order] = np.cumsum(is_new) - 1
    return ordered[is_new], place
