"""The tables of classes: each member's of last night, their daily counts, moves and alerts."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Day, Identifier, Moment


class MemberClass(Base):
    """What the night made of a member: their class in each model. Only the night writes it.

    Written only where something differs, so `as_of` is since when the row is as it is; when the
    whole was last looked at says the newest `ClassNight`. `last_on` stands in the place of the
    days since: these grow by one every night and would have every row written for nothing.

    Not a foreign key: its check would lock every new member against the tills for as long as the
    night's one transaction takes. Members are emptied, never deleted, so no row is left without.
    """

    __tablename__ = "member_class"
    __table_args__ = (
        CheckConstraint(
            "num_nulls(last_on, frequency, monetary_twd, r_score, f_score, m_score, rfm_group)"
            " IN (0, 7)",
            name="buyers_have_all_three",
        ),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    as_of: Mapped[Day]
    nasld: Mapped[str]
    napl_article: Mapped[str]
    napl_91app: Mapped[str]
    last_on: Mapped[date | None]
    """The day of the last standing purchase; this and all below are NULL for who never bought."""
    frequency: Mapped[int | None]
    """Standing purchases in the window."""
    monetary_twd: Mapped[int | None] = mapped_column(BigInteger)
    """Net NT$ in the window."""
    r_score: Mapped[int | None] = mapped_column(SmallInteger)
    f_score: Mapped[int | None] = mapped_column(SmallInteger)
    m_score: Mapped[int | None] = mapped_column(SmallInteger)
    rfm_group: Mapped[str | None]


class ClassNight(Base):
    """One night's classes, whole: which day, by which settings, how many rows it wrote."""

    __tablename__ = "class_night"

    day: Mapped[Day] = mapped_column(primary_key=True)
    members: Mapped[int]
    changed: Mapped[int]
    rules: Mapped[str]
    """The versions of the settings it went by; where two nights differ in them, a shift between
    them may be theirs."""
    ended_at: Mapped[Moment]


class ClassCount(Base):
    """How many members a class had on a day, and their net NT$ of all time."""

    __tablename__ = "class_count"

    day: Mapped[Day] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    class_code: Mapped[str] = mapped_column("class", primary_key=True)
    members: Mapped[int]
    net_twd: Mapped[int] = mapped_column(BigInteger)


class ClassOverlap(Base):
    """How many members the last night found in one class of each of the four models at once.

    Any two models side by side are sums of these rows. Only the newest night's are kept.
    """

    __tablename__ = "class_overlap"

    nasld: Mapped[str] = mapped_column(primary_key=True)
    napl_article: Mapped[str] = mapped_column(primary_key=True)
    napl_91app: Mapped[str] = mapped_column(primary_key=True)
    rfm: Mapped[str] = mapped_column(primary_key=True)
    """The group, or `prospect` of who never bought."""
    members: Mapped[int]
    net_twd: Mapped[int] = mapped_column(BigInteger)
    """Of all time."""


class RfmCell(Base):
    """How many buyers the last night gave the same three scores, and their net NT$ of all time.

    Only the newest night's are kept.
    """

    __tablename__ = "rfm_cell"

    r_score: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    f_score: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    m_score: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    members: Mapped[int]
    net_twd: Mapped[int] = mapped_column(BigInteger)


class ClassMove(Base):
    """How many members went from one class to another between the ends of two months."""

    __tablename__ = "class_move"

    month: Mapped[Day] = mapped_column(primary_key=True)
    """The first day of the month in which they went."""
    model: Mapped[str] = mapped_column(primary_key=True)
    from_class: Mapped[str] = mapped_column(primary_key=True)
    """Empty for those who joined in between."""
    to_class: Mapped[str] = mapped_column(primary_key=True)
    members: Mapped[int]


class ClassAlert(Base):
    """A class whose share has moved more than the shop wants to overlook."""

    __tablename__ = "class_alert"
    __table_args__ = (
        UniqueConstraint("day", "model", "class", "compare_days"),
        Index("ix_class_alert_open", "model", "class", postgresql_where="acknowledged_at IS NULL"),
        CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name="acknowledged_by_whom"
        ),
    )

    id: Mapped[Identifier]
    day: Mapped[Day]
    model: Mapped[str]
    class_code: Mapped[str] = mapped_column("class")
    kind: Mapped[str]
    """`shift` (of any class, either way) or `growth` (of 維持型: investigate)."""
    compare_days: Mapped[int]
    """Against the snapshot so many days before, or the nearest one earlier."""
    before_on: Mapped[Day]
    before_members: Mapped[int]
    before_total: Mapped[int]
    members: Mapped[int]
    total: Mapped[int]
    threshold_points: Mapped[int]
    """The percentage points it had to pass."""
    rules_changed: Mapped[bool]
    """Whether the settings differ between the two days, so that it may be their doing."""
    raised_at: Mapped[Moment]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]

    @property
    def shift_points(self) -> float:
        """Return by how many percentage points the share has moved."""
        return self.members / self.total * 100 - self.before_members / self.before_total * 100


class ClassAlertSetting(Base):
    """One version of when an alert is raised. Never changed; the newest holds."""

    __tablename__ = "class_alert_setting"
    __table_args__ = (
        CheckConstraint(
            "shift_points BETWEEN 1 AND 100 AND growth_points BETWEEN 1 AND 100",
            name="points_are_percent",
        ),
    )

    id: Mapped[Identifier]
    shift_points: Mapped[int]
    growth_points: Mapped[int]
    created_at: Mapped[Moment]
    created_by: Mapped[str]
