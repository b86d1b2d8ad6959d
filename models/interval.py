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


def newcombe(hits: int, trials: int, base_hits: int, base_trials: int) -> tuple[float, float]:
    """Return the interval, -1 to 1, in which a share less a base share lies at 95%.

    Newcombe (1998), method 10: Wilson's intervals of the two, squared and added. Nothing tried on
    either side may be anything that the other side leaves open.
    """
    low, high = wilson(hits, trials)
    base_low, base_high = wilson(base_hits, base_trials)
    if not trials or not base_trials:
        return low - base_high, high - base_low
    share, base = hits / trials, base_hits / base_trials
    middle = share - base
    down = sqrt((share - low) ** 2 + (base_high - base) ** 2)
    up = sqrt((high - share) ** 2 + (base - base_low) ** 2)
    return max(middle - down, -1.0), min(middle + up, 1.0)
