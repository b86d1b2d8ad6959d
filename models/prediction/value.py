"""What a purchase is worth: the Gamma-Gamma model of spend.

P. S. Fader, B. G. S. Hardie, "The Gamma-Gamma Model of Monetary Value" (2013): what one customer
spends at a time varies around a mean of their own (gamma with `p`), and the means vary among
customers (gamma with `q`, `v`). It takes a customer's mean to be independent of how often they
come; that is looked at by their correlation and told beside the fit.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from models.prediction.orders import MOST_STEPS, PART, TOLERANCE, NoFit

Floats = NDArray[np.float64]
SMALLEST, LARGEST = -6.0, 9.0
"""Bounds of the parameters' logarithms, money in units of the mean."""


@dataclass(frozen=True)
class ValueModel:
    """The three parameters; `v` is in the unit of money."""

    p: float
    q: float
    v: float

    def expected(self, times: Floats, mean: Floats) -> Floats:
        """Return what each spends at a time: their own mean drawn towards that of all.

        `times` is of how many purchases `mean` is the mean. The paper's (5).
        """
        return np.asarray(
            self.p * (self.v + times * mean) / np.maximum(self.p * times + self.q - 1, 1e-9)
        )


def fit_value(times: Floats, mean: Floats) -> tuple[ValueModel, float]:
    """Return the likeliest parameters and their log likelihood, for means above zero.

    Raises NoFit.
    """
    unit = float(mean.mean())

    def loss(logs: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logs)
        value, slope = 0.0, np.zeros(3)
        for some, means in _parts(times, mean / unit):
            more, steeper = _log_likelihood(parameters, some, means)
            value, slope = value + more, slope + steeper
        return -value / len(times), -slope * parameters / len(times)

    found = minimize(
        loss,
        np.log([1.0, 2.0, 1.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(SMALLEST, LARGEST)] * 3,
        options={"maxiter": MOST_STEPS, "ftol": 1e-12, "gtol": TOLERANCE},
    )
    if not found.success:
        raise NoFit(found.message)
    p, q, v = np.exp(found.x).tolist()
    likelihood = -(float(found.fun) + np.log(unit)) * len(times)
    return ValueModel(p, q, v * unit), float(likelihood)


def _parts(times: Floats, mean: Floats) -> Iterator[tuple[Floats, Floats]]:
    for start in range(0, len(times), PART):
        yield times[start : start + PART], mean[start : start + PART]


def _log_likelihood(parameters: Floats, x: Floats, z: Floats) -> tuple[float, Floats]:
    """Return the log likelihood of means `z` of `x` purchases, the paper's (1a), and its slopes."""
    p, q, v = parameters
    counts, place = np.unique(x, return_inverse=True)
    often, together = p * counts, np.log(v + x * z)
    value = (gammaln(often + q) - gammaln(often) - gammaln(q) + q * np.log(v))[place]
    value += p * x * np.log(x * z) - np.log(z) - (p * x + q) * together
    by_p = x * ((digamma(often + q) - digamma(often))[place] + np.log(x * z) - together)
    by_q = (digamma(often + q) - digamma(q))[place] + np.log(v) - together
    by_v = q / v - (p * x + q) / (v + x * z)
    return float(value.sum()), np.array([by_p.sum(), by_q.sum(), by_v.sum()])


def correlation(times: Floats, mean: Floats) -> float:
    """Return Pearson's correlation of how often they come and what they spend at a time."""
    if len(times) < 2 or not times.std() or not mean.std():
        return 0.0
    return float(np.corrcoef(times, mean)[0, 1])
