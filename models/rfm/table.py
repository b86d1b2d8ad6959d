"""The cut-offs that were in force each day, as plain numbers."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Day


class RfmCut(Base):
    """Where one dimension was cut on a day: the four steps between scores, and where high begins.

    For recency all five are days and "up to" (high is `<= high`); for the others "from" (`>=`).
    """

    __tablename__ = "rfm_cut"

    day: Mapped[Day] = mapped_column(primary_key=True)
    dimension: Mapped[str] = mapped_column(primary_key=True)
    method: Mapped[str]
    step_1: Mapped[int] = mapped_column(BigInteger)
    step_2: Mapped[int] = mapped_column(BigInteger)
    step_3: Mapped[int] = mapped_column(BigInteger)
    step_4: Mapped[int] = mapped_column(BigInteger)
    high: Mapped[int] = mapped_column(BigInteger)
    buyers: Mapped[int]
    setting_id: Mapped[int | None] = mapped_column(BigInteger)
    """The version of the settings; None where nobody has set anything."""
