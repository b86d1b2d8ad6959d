"""Everybody's forecasts: worked out in parts, written in one transaction."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.prediction.columns import Whole, copy_columns
from models.prediction.inputs import Buyers
from models.prediction.orders import Floats, OrderModel
from models.prediction.table import CHURN_DAYS, FAR_DAYS, LIKELY_DAYS, NEAR_DAYS
from models.prediction.value import ValueModel

PART = 100_000
POSTGRES_EPOCH = date(2000, 1, 1)
KINDS = {
    "member_id": ">i8",
    "fit_id": ">i8",
    "likely": ">f4",
    "likely_top": ">i2",
    "alive": ">f4",
    "risk": ">f4",
    "orders_90": ">f4",
    "orders_365": ">f4",
    "value_90_twd": ">i4",
    "value_365_twd": ">i4",
    "next_on": ">i4",
}
LARGEST_TWD = 2_000_000_000
_FRESH = text(
    "CREATE TEMPORARY TABLE fresh_forecast (LIKE member_forecast INCLUDING DEFAULTS) ON COMMIT DROP"
)
_GONE = text(
    "DELETE FROM member_forecast AS held WHERE NOT EXISTS"
    " (SELECT FROM fresh_forecast AS fresh WHERE fresh.member_id = held.member_id)"
)
_WRITTEN = [name for name in KINDS if name != "member_id"]
_SET = ", ".join(f"{name} = excluded.{name}" for name in _WRITTEN)
_KEEP = text(
    f"INSERT INTO member_forecast (member_id, {', '.join(_WRITTEN)})"  # noqa: S608  # Our names.
    f" SELECT fresh.member_id, {', '.join(f'fresh.{name}' for name in _WRITTEN)}"
    " FROM fresh_forecast AS fresh JOIN member ON member.id = fresh.member_id"
    " WHERE member.erased_at IS NULL AND member.merged_into_id IS NULL"
    f" ON CONFLICT (member_id) DO UPDATE SET {_SET}"
)


@dataclass(frozen=True)
class Models:
    """All that was fitted, and what was learnt of looks in the web shop."""

    orders: OrderModel
    value: ValueModel
    looked_shift: float = 0.0


def write_forecasts(
    session: Session,
    buyers: Buyers,
    models: Models,
    looked: NDArray[np.bool_],
    fit_id: int,
) -> None:
    """Write the forecasts of these buyers in place of all others; the caller's transaction."""
    tops = top_percents(models.orders.chance_within(buyers.histories(), LIKELY_DAYS))
    session.execute(_FRESH)
    for start in range(0, len(buyers), PART):
        which = slice(start, start + PART)
        columns = forecast(buyers.part(which), models, looked[which])
        columns["likely_top"] = tops[which]
        columns["fit_id"] = np.full(len(columns["member_id"]), fit_id)
        _copy(session, columns)
    session.execute(text("ANALYZE fresh_forecast"))
    for statement in (_GONE, _KEEP, text("DROP TABLE fresh_forecast")):
        session.execute(statement)


def _copy(session: Session, columns: dict[str, NDArray[np.float64] | Whole]) -> None:
    """Copy one part: those with a next day, and those without, whose day is NULL."""
    has_day = np.isfinite(columns["next_on"])
    for rows, names in (
        (has_day, list(columns)),
        (~has_day, [name for name in columns if name != "next_on"]),
    ):
        if rows.any():
            some = {name: columns[name][rows] for name in names}
            copy_columns(session, "fresh_forecast", KINDS, some)


def forecast(
    buyers: Buyers, models: Models, looked: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64] | Whole]:
    """Return what is expected of each, a column each; `next_on` in PostgreSQL's days, or inf."""
    known, orders = buyers.histories(), models.orders
    worth = models.value.expected(buyers.days.astype(np.float64), np.maximum(buyers.mean_twd(), 0))
    looks = np.asarray(looked * models.looked_shift, np.float64)
    near, far = (orders.expected_within(known, span) for span in (NEAR_DAYS, FAR_DAYS))
    wait = np.ceil(orders.wait(known))
    today = (buyers.on - POSTGRES_EPOCH).days
    return {
        "member_id": buyers.ids,
        "likely": orders.chance_within(known, LIKELY_DAYS),
        "alive": orders.alive(known),
        "risk": shifted(1 - orders.chance_within(known, CHURN_DAYS), looks),
        "orders_90": near,
        "orders_365": far,
        "value_90_twd": np.minimum(np.rint(near * worth), LARGEST_TWD),
        "value_365_twd": np.minimum(np.rint(far * worth), LARGEST_TWD),
        "next_on": np.where(wait <= FAR_DAYS, today + np.maximum(wait, 1), np.inf),
    }


def shifted(share: Floats, by: Floats) -> Floats:
    """Return probabilities with their log odds moved."""
    inside = np.clip(share, 1e-9, 1 - 1e-9)
    return np.asarray(np.where(by == 0, share, 1 / (1 + (1 - inside) / inside * np.exp(-by))))


def top_percents(score: Floats) -> Whole:
    """Return of each the smallest n so that they are in the top n percent, equals together."""
    ordered = np.sort(score)
    above = len(score) - np.searchsorted(ordered, score, side="right")
    return np.asarray(above * 100 // max(len(score), 1) + 1, np.int64)
