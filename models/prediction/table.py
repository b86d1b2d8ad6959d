"""The tables of prediction: each night's fit, and what it expects of each member."""

from datetime import date
from typing import Any

from sqlalchemy import REAL, CheckConstraint, ForeignKey, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Day, Identifier, Moment

LIKELY_DAYS = 14
"""The days of the score "who will most likely buy" (B-18)."""
NEAR_DAYS = 90
FAR_DAYS = 365
CHURN_DAYS = 90
"""Who buys nothing for so many days is taken as lost: the risk is the probability of that."""


class ModelFit(Base):
    """One night's try to fit the models; of a day there is one, the last.

    Either `parameters` are there, or `refused`, which says what is missing.
    """

    __tablename__ = "model_fit"
    __table_args__ = (
        CheckConstraint("(parameters IS NULL) = (refused IS NOT NULL)", name="fitted_or_refused"),
    )

    id: Mapped[Identifier]
    as_of: Mapped[Day] = mapped_column(unique=True)
    fitted_at: Mapped[Moment]
    seconds: Mapped[float]
    buyers: Mapped[int]
    repeaters: Mapped[int]
    parameters: Mapped[dict[str, float] | None] = mapped_column(JSONB(none_as_null=True))
    """`r`, `alpha`, `a`, `b` of BG/NBD in days; `p`, `q`, `v` of Gamma-Gamma in NT$."""
    log_likelihood: Mapped[float | None]
    """Of BG/NBD."""
    value_log_likelihood: Mapped[float | None]
    """Of Gamma-Gamma."""
    correlation: Mapped[float | None]
    """Of frequency and value among those who bought again; Gamma-Gamma takes it to be near 0."""
    back_test: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """See `BackTest.as_json`; None where the history is too short to hold days out."""
    refused: Mapped[dict[str, int] | None] = mapped_column(JSONB(none_as_null=True))
    """What was there and what is needed: `{"repeaters": 7, "repeaters_needed": 100, …}`."""


class MemberForecast(Base):
    """What the newest fit expects of one buyer. Written each night, all in one transaction.

    Who never bought has none; where the newest fit was refused, nobody has.
    """

    __tablename__ = "member_forecast"
    __table_args__ = (
        CheckConstraint("likely BETWEEN 0 AND 1", name="likely_is_a_share"),
        CheckConstraint("alive BETWEEN 0 AND 1", name="alive_is_a_share"),
        CheckConstraint("risk BETWEEN 0 AND 1", name="risk_is_a_share"),
        CheckConstraint("likely_top BETWEEN 1 AND 100", name="likely_top_is_a_percent"),
        {"postgresql_with": {"fillfactor": "50"}},
    )

    member_id: Mapped[int] = mapped_column(
        ForeignKey("member.id"), primary_key=True, autoincrement=False
    )
    fit_id: Mapped[int] = mapped_column(ForeignKey("model_fit.id"))
    likely: Mapped[float] = mapped_column(REAL)
    """The probability to buy at least once in the next 14 days."""
    likely_top: Mapped[int] = mapped_column(SmallInteger)
    """1 … 100: of the likeliest so many percent of the buyers."""
    alive: Mapped[float] = mapped_column(REAL)
    """The probability that they still are a customer at all."""
    risk: Mapped[float] = mapped_column(REAL)
    """The probability to buy nothing in the next 90 days."""
    orders_90: Mapped[float] = mapped_column(REAL)
    """Expected days with a purchase in the next 90 days."""
    orders_365: Mapped[float] = mapped_column(REAL)
    value_90_twd: Mapped[int]
    """Expected net spend in the next 90 days."""
    value_365_twd: Mapped[int]
    next_on: Mapped[date | None]
    """The day by which it is as likely as not that they have bought; None beyond a year."""
