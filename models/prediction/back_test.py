"""How good the predictions would have been: fitted without the last days, held against them.

Nothing of the days held out is known to the fit, so that the figures are those of a real forecast.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from models.prediction.inputs import Buyers, count_days_after, looked_lately
from models.prediction.orders import Floats, OrderModel
from models.prediction.table import CHURN_DAYS, LIKELY_DAYS

MOST_HELD_OUT = CHURN_DAYS
TOP_PERCENT = 10
DECILES = 10
FEWEST_LOOKERS = 100
"""With fewer who looked, and as few who did not, nothing is learnt from looking."""
LARGEST_SHIFT = 3.0


@dataclass(frozen=True)
class Decile:
    """A tenth of the buyers by their score, the likeliest first."""

    members: int
    expected_percent: float
    """Who was to buy in 14 days, by the model."""
    actual_percent: float
    """Who did."""


@dataclass(frozen=True)
class BackTest:
    """What came of a forecast made `held_out_days` ago."""

    fitted_on: date
    held_out_days: int
    members: int
    average_percent: float
    """Of all buyers, who bought within 14 days."""
    top_percent: float
    """Of the tenth with the highest score."""
    deciles: tuple[Decile, ...]
    orders_expected: float
    """Days with a purchase in all that was held out."""
    orders_actual: int
    looked_shift: float
    """By how much a look in the web shop moves the log odds to buy nothing; 0 where too few did."""
    lookers: int

    @property
    def lift(self) -> float | None:
        """Return how many times as often the top tenth bought as the average."""
        return self.top_percent / self.average_percent if self.average_percent else None

    def as_json(self) -> dict[str, Any]:
        """Return it as a fit keeps it."""
        return {
            **{name: value for name, value in vars(self).items() if name != "deciles"},
            "fitted_on": self.fitted_on.isoformat(),
            "lift": self.lift,
            "deciles": [vars(decile) for decile in self.deciles],
        }


def held_out_days(history_days: int) -> int:
    """Return how many days to hold out of a history: a third, 14 at least and 90 at most."""
    return min(max(history_days // 3, LIKELY_DAYS), MOST_HELD_OUT)


def compare(session: Session, buyers: Buyers, model: OrderModel, days: int) -> BackTest:
    """Hold what a model fitted on the day of `buyers` foretold against the `days` after it."""
    known = buyers.histories()
    score = model.chance_within(known, LIKELY_DAYS)
    bought = count_days_after(session, buyers, LIKELY_DAYS) > 0
    came = count_days_after(session, buyers, days)
    looked = looked_lately(session, buyers)
    ranked = np.argsort(-score, kind="stable")
    top = ranked[: max(len(buyers) * TOP_PERCENT // 100, 1)]
    return BackTest(
        fitted_on=buyers.on,
        held_out_days=days,
        members=len(buyers),
        average_percent=_percent(bought),
        top_percent=_percent(bought[top]),
        deciles=tuple(
            Decile(len(some), _percent(score[some]), _percent(bought[some]))
            for some in np.array_split(ranked, DECILES)
            if len(some)
        ),
        orders_expected=float(model.expected_within(known, days).sum()),
        orders_actual=int(came.sum()),
        looked_shift=_shift(1 - model.chance_within(known, days), came == 0, looked),
        lookers=int(looked.sum()),
    )


def _percent(share: NDArray[Any]) -> float:
    return float(share.mean() * 100)


def _shift(expected: Floats, stayed_away: NDArray[np.bool_], which: NDArray[np.bool_]) -> float:
    """Return by how much those of `which` differ from the model in log odds, seen afterwards."""
    count = int(which.sum())
    if min(count, len(which) - count) < FEWEST_LOOKERS:
        return 0.0
    seen = (stayed_away[which].sum() + 0.5) / (count + 1)
    shift = _log_odds(seen) - _log_odds(expected[which].mean())
    return float(np.clip(shift, -LARGEST_SHIFT, LARGEST_SHIFT))


def _log_odds(share: Any) -> float:
    inside = min(max(float(share), 1e-6), 1 - 1e-6)
    return float(np.log(inside / (1 - inside)))
