"""How sure a share is: what it may really be, where only some have been asked."""

from math import sqrt

Z_95 = 1.959964
"""So many standard deviations hold 95% of a normal distribution."""


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Return the interval, 0 to 1, in which a share of `hits` in `trials` lies at 95% (Wilson).

    It never leaves 0 to 1 and needs no large numbers. Nothing tried may be anything: (0, 1).
    """
    if not trials:
        return 0.0, 1.0
    share, square = hits / trials, Z_95 * Z_95
    middle = share + square / (2 * trials)
    reach = Z_95 * sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    whole = 1 + square / trials
    return max((middle - reach) / whole, 0.0), min((middle + reach) / whole, 1.0)
