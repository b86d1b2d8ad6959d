"""Prediction: who buys next, what they are worth, who is about to be lost; and how good that is.

Reading what the night foretold needs no numerics. What fits and scores stands in modules that
nobody imports but the night's job, commands and tests, and there inside functions, so that no web
process loads SciPy (0.3 s and 40 MB).
"""

from models.prediction.reading import (
    TierValue,
    find_fit,
    find_forecast,
    get_fit,
    list_likeliest,
    list_tier_values,
)
from models.prediction.refusals import (
    NoForecastYet,
    NotEnoughToPredict,
    TierNotForecastable,
)
from models.prediction.table import (
    CHURN_DAYS,
    FAR_DAYS,
    LIKELY_DAYS,
    NEAR_DAYS,
    MemberForecast,
    ModelFit,
)

__all__ = [
    "CHURN_DAYS",
    "FAR_DAYS",
    "LIKELY_DAYS",
    "NEAR_DAYS",
    "MemberForecast",
    "ModelFit",
    "NoForecastYet",
    "NotEnoughToPredict",
    "TierNotForecastable",
    "TierValue",
    "find_fit",
    "find_forecast",
    "get_fit",
    "list_likeliest",
    "list_tier_values",
]
