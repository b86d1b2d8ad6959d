"""When prediction says no: a number without ground is worse than none."""

from models.base import BusinessError


class NotEnoughToPredict(BusinessError):
    """Too few bought again, or the history is too short; the facts say what is there and needed."""

    code = "not_enough_to_predict"


class NoForecastYet(BusinessError):
    """No night has made forecasts yet, or not of this member."""

    code = "no_forecast_yet"


class TierNotForecastable(BusinessError):
    """The tiers go by something else than money, which these models do not foretell."""

    code = "tier_not_forecastable"
