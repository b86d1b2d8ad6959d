"""The tables of lifecycles: what the models are set to, repurchase cycles, actions of classes."""

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Day, Identifier, Moment, Translated, one_of

THE_SHOP = ""
"""The `category` of a cycle that is the whole shop's."""
CYCLE_LEVELS = ("shop", "category", "member")
SHORTEST_CYCLE_DAYS = 1
LONGEST_CYCLE_DAYS = 365


class LifecycleSetting(Base):
    """One version of what the models are set to, in force from its day on. Never changed.

    Of several on one day the last one holds. A shop without any has the starting settings.
    """

    __tablename__ = "lifecycle_setting"
    __table_args__ = (
        CheckConstraint("window_days > 0", name="window_is_open"),
        CheckConstraint("loyal_orders >= 2", name="loyal_comes_back"),
        CheckConstraint("near_cycles >= 1 AND far_cycles > near_cycles", name="cycles_in_order"),
        CheckConstraint(one_of("cycle_level", CYCLE_LEVELS), name="level_known"),
        CheckConstraint(
            f"cycle_days BETWEEN {SHORTEST_CYCLE_DAYS} AND {LONGEST_CYCLE_DAYS}",
            name="cycle_in_range",
        ),
    )

    id: Mapped[Identifier]
    window_days: Mapped[int]
    loyal_orders: Mapped[int]
    near_cycles: Mapped[int]
    far_cycles: Mapped[int]
    cycle_level: Mapped[str]
    cycle_days: Mapped[int | None]
    """A cycle that the shop says itself; None where it is estimated."""
    note: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[Moment]


class RepurchaseCycle(Base):
    """After how many days people buy again, as estimated on one day; of the shop or a category.

    What a member's own is comes from their running figures, see `models/lifecycle/cycle.py`.
    """

    __tablename__ = "repurchase_cycle"
    __table_args__ = (
        CheckConstraint(
            f"cycle_days BETWEEN {SHORTEST_CYCLE_DAYS} AND {LONGEST_CYCLE_DAYS}", name="in_range"
        ),
        CheckConstraint("members >= 0 AND intervals >= 0", name="counts_not_negative"),
    )

    measured_on: Mapped[Day] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True, default=THE_SHOP)
    """Empty for the whole shop."""
    cycle_days: Mapped[int]
    is_assumed: Mapped[bool]
    """Whether too few members have bought again, so that it is the usual one."""
    members: Mapped[int]
    """How many members' mean intervals it is the median of."""
    intervals: Mapped[int] = mapped_column(BigInteger)
    """How many intervals these have together."""
    measured_at: Mapped[Moment]


class ClassAction(Base):
    """What is done about one class, as somebody set it; the newest holds. Never changed.

    A class that has none has the action it starts with, see `models/lifecycle/advice.py`.
    """

    __tablename__ = "class_action"
    __table_args__ = (
        CheckConstraint("title ? 'zh-TW' AND advice ? 'zh-TW'", name="in_chinese"),
        Index(None, "model", "class", "id"),
    )

    id: Mapped[Identifier]
    model: Mapped[str]
    class_code: Mapped[str] = mapped_column("class")
    title: Mapped[Translated]
    advice: Mapped[Translated]
    template_code: Mapped[str | None]
    """The coupon template it gives, if any."""
    paid_push: Mapped[bool]
    """Whether the class is written to with messages that cost money."""
    set_by: Mapped[str]
    set_at: Mapped[Moment]
