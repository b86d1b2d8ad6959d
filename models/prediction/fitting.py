"""A night's prediction: fit, test back, score; or say honestly that there is too little.

The models are fitted by our own likelihoods with SciPy, which is kept, small beside what it saves,
and nothing but numerics. PyMC-Marketing would bring a sampler, a compiler and some hundred
packages for the same four numbers; `lifetimes`, in which many learnt these models, is no longer
kept.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from time import perf_counter
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.base import Sessions
from models.local_day import local_day
from models.prediction.back_test import BackTest, compare, held_out_days
from models.prediction.inputs import Buyers, looked_lately, read_buyers
from models.prediction.orders import NoFit, fit_orders
from models.prediction.refusals import NotEnoughToPredict
from models.prediction.scoring import Models, write_forecasts
from models.prediction.table import MemberForecast, ModelFit
from models.prediction.value import correlation, fit_value

FEWEST_REPEATERS = 100
SHORTEST_DAYS = 90
NULLABLE = [column.name for column in ModelFit.__table__.columns if column.nullable]

log = structlog.get_logger()


@dataclass(frozen=True)
class Fitted:
    """Who was looked at, the models, and how well they went with what is known."""

    buyers: Buyers
    looked: NDArray[np.bool_]
    models: Models
    columns: dict[str, Any]
    """What the row of the fit keeps of it."""


def fit_forecasts(sessions: Sessions, *, now: datetime) -> ModelFit:
    """Fit as of today and write everybody's forecasts; return the fit.

    Readers see the last night's forecasts until all new ones are there. Where there is too little
    to predict from, the fit says what is missing and no forecast remains. Twice a day is once.
    """
    today, started = local_day(now), perf_counter()
    try:
        with sessions() as session:
            fitted = study(session, today)
    except NotEnoughToPredict as missing:
        with sessions.begin() as session:
            session.execute(delete(MemberForecast))
            told = {"refused": missing.facts, "seconds": perf_counter() - started}
            fit = _keep(session, today, now, told | _counts(missing.facts))
        log.info("forecasts_refused", **missing.facts)
        return fit
    with sessions.begin() as session:
        fit = _keep(session, today, now, fitted.columns | {"seconds": 0.0})
        write_forecasts(session, fitted.buyers, fitted.models, fitted.looked, fit.id)
        fit.seconds = perf_counter() - started
    log.info("forecasts_fitted", buyers=fit.buyers, seconds=round(fit.seconds, 1))
    return fit


def study(session: Session, today: date) -> Fitted:
    """Fit the models to the purchases up to a day and test them back; write nothing.

    Raises NotEnoughToPredict.
    """
    buyers = read_buyers(session, today)
    check_enough(buyers)
    try:
        return _fit(session, buyers)
    except NoFit as error:
        raise NotEnoughToPredict(**_facts(buyers), models_fit=0) from error


def check_enough(buyers: Buyers) -> None:
    """Raise NotEnoughToPredict where too few came back, or nothing is known for long enough."""
    if buyers.repeaters < FEWEST_REPEATERS or buyers.history_days < SHORTEST_DAYS:
        raise NotEnoughToPredict(**_facts(buyers))


def _facts(buyers: Buyers) -> dict[str, int]:
    return {
        "buyers": len(buyers),
        "repeaters": buyers.repeaters,
        "repeaters_needed": FEWEST_REPEATERS,
        "history_days": buyers.history_days,
        "history_days_needed": SHORTEST_DAYS,
    }


def _counts(facts: dict[str, int]) -> dict[str, int]:
    return {name: facts[name] for name in ("buyers", "repeaters")}


def _fit(session: Session, buyers: Buyers) -> Fitted:
    orders, log_likelihood = fit_orders(buyers.histories())
    # A mean of nothing, all taken back, says nothing of prices; one single day has no variation.
    tells = (buyers.days > 1) & (buyers.net_twd > 0)
    times, mean = buyers.days[tells].astype(np.float64), buyers.mean_twd()[tells]
    value, value_log_likelihood = fit_value(times, mean)
    test = _test_back(session, buyers)
    return Fitted(
        buyers=buyers,
        looked=looked_lately(session, buyers),
        models=Models(orders, value, test.looked_shift if test else 0.0),
        columns={
            "buyers": len(buyers),
            "repeaters": buyers.repeaters,
            "parameters": vars(orders) | vars(value),
            "log_likelihood": log_likelihood,
            "value_log_likelihood": value_log_likelihood,
            "correlation": correlation(times, mean),
            "back_test": test.as_json() if test else None,
        },
    )


def _test_back(session: Session, buyers: Buyers) -> BackTest | None:
    """Fit without the last days; None where too little is left without them."""
    days = held_out_days(buyers.history_days)
    before = read_buyers(session, buyers.on - timedelta(days=days), is_past=True)
    if before.repeaters < FEWEST_REPEATERS:
        return None
    model, _ = fit_orders(before.histories())
    return compare(session, before, model, days)


def _keep(session: Session, today: date, now: datetime, columns: dict[str, Any]) -> ModelFit:
    """Keep a fit in place of an earlier one of the same day."""
    row = dict.fromkeys(NULLABLE) | columns | {"as_of": today, "fitted_at": now}
    upsert = insert(ModelFit).values(row)
    return session.scalars(
        upsert.on_conflict_do_update(index_elements=[ModelFit.as_of], set_=row)
        .returning(ModelFit)
        .execution_options(populate_existing=True)
    ).one()
