"""Logistic regression: odds ratios with their intervals, honest where there is too little.

The likelihood is maximised by statsmodels. Where a column parts the outcomes wholly, the likelihood
has no maximum and its odds ratios no end; there Firth's penalised likelihood is used (D. Firth,
"Bias reduction of maximum likelihood estimates", 1993; G. Heinze, M. Schemper, 2002), which always
has one. Only a report by night loads this module, for it brings pandas with it.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from statsmodels.discrete import discrete_model
from statsmodels.tools.sm_exceptions import (
    ConvergenceWarning,
    HessianInversionWarning,
    PerfectSeparationError,
    PerfectSeparationWarning,
)

from models.interval import Z_95

Floats = NDArray[np.float64]
EVENTS_PER_COLUMN = 10
"""Peduzzi et al. (1996): with fewer events a column, odds ratios are unreliable."""
WIDEST_ERROR = 10.0
"""A standard error beyond this (odds ratio within e^±20) is the mark of separation."""
MOST_STEPS = 100
TOLERANCE = 1e-8
LONGEST_STEP = 5.0
LIKELIHOOD, PENALISED = "likelihood", "penalised"


@dataclass(frozen=True)
class Odds:
    """One column's odds ratio: by what the odds are multiplied where it is one larger."""

    name: str
    ratio: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Fit:
    """What a regression found."""

    odds: tuple[Odds, ...]
    cases: int
    events: int
    method: str
    """`likelihood`, or `penalised` where the outcomes were parted wholly."""
    explained: float | None
    """McFadden's pseudo R²; None where penalised."""
    dropped: tuple[str, ...]
    """Columns that never vary, or that others tell already."""

    @property
    def is_small(self) -> bool:
        """Tell whether there are too few events, or non-events, for so many columns."""
        rarer = min(self.events, self.cases - self.events)
        return rarer < EVENTS_PER_COLUMN * max(len(self.odds), 1)


def fit_logit(names: Sequence[str], columns: Floats, outcome: Floats) -> Fit | None:
    """Fit the odds of an outcome (0 or 1) to columns, one row a case.

    None where the outcome never varies or no column does: there is nothing to explain.
    """
    events = int(outcome.sum())
    if not 0 < events < len(outcome):
        return None
    kept = _independent(columns)
    if not kept:
        return None
    design = np.column_stack([np.ones(len(outcome)), columns[:, kept]])
    found = _by_likelihood(design, outcome)
    explained = None
    if found is not None:
        means, errors, explained = found
    else:
        means, errors = _penalised(design, outcome)
    return Fit(
        odds=tuple(
            _odds(names[column], float(means[at]), float(errors[at]))
            for at, column in enumerate(kept, start=1)
        ),
        cases=len(outcome),
        events=events,
        method=PENALISED if found is None else LIKELIHOOD,
        explained=explained,
        dropped=tuple(name for at, name in enumerate(names) if at not in kept),
    )


def _independent(columns: Floats) -> list[int]:
    """Return the columns that vary and are no sum of those before them."""
    kept: list[int] = []
    basis = np.ones((len(columns), 1))
    for at in range(columns.shape[1]):
        spread = columns[:, at].std()
        if not spread:
            continue
        tried = np.column_stack([basis, (columns[:, at] - columns[:, at].mean()) / spread])
        if np.linalg.matrix_rank(tried) == tried.shape[1]:
            basis = tried
            kept.append(at)
    return kept


def _by_likelihood(design: Floats, outcome: Floats) -> tuple[Floats, Floats, float] | None:
    """Return coefficients, their errors and the pseudo R²; None where outcomes are parted."""
    with warnings.catch_warnings():
        for kind in (PerfectSeparationWarning, ConvergenceWarning, HessianInversionWarning):
            warnings.simplefilter("error", kind)
        warnings.simplefilter("ignore", RuntimeWarning)  # Overflow is what separation looks like.
        try:
            found = discrete_model.Logit(outcome, design).fit(disp=0, maxiter=MOST_STEPS)
        except (
            PerfectSeparationError,
            PerfectSeparationWarning,
            ConvergenceWarning,
            HessianInversionWarning,
            np.linalg.LinAlgError,
        ):
            return None
    means, errors = np.asarray(found.params), np.asarray(found.bse)
    spreads = np.where(design.std(axis=0) > 0, design.std(axis=0), 1.0)
    if not np.isfinite(errors).all() or (errors * spreads > WIDEST_ERROR).any():
        return None
    return means, errors, float(found.prsquared)


def _penalised(design: Floats, outcome: Floats) -> tuple[Floats, Floats]:
    """Return Firth's coefficients and their errors, by Newton's steps of bounded length."""
    beta = np.zeros(design.shape[1])
    inverse: Floats = np.eye(design.shape[1])
    for _ in range(MOST_STEPS):
        expected = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        weight = expected * (1 - expected)
        inverse = np.asarray(np.linalg.pinv((design.T * weight) @ design), np.float64)
        leverage = weight * np.einsum("ij,jk,ik->i", design, inverse, design)
        step = inverse @ (design.T @ (outcome - expected + leverage * (0.5 - expected)))
        step *= min(1.0, LONGEST_STEP / max(float(np.abs(step).max()), TOLERANCE))
        beta = beta + step
        if np.abs(step).max() < TOLERANCE:
            break
    return beta, np.sqrt(np.maximum(np.diag(inverse), 0))


def _odds(name: str, mean: float, error: float) -> Odds:
    chance = 2 * (1 - float(norm.cdf(abs(mean) / error))) if error else 1.0
    low, high = mean - Z_95 * error, mean + Z_95 * error
    return Odds(name, float(np.exp(mean)), float(np.exp(low)), float(np.exp(high)), chance)
