"""What RFM is set to: the window, and for each of the three how high is told from low.

A version is never changed. A day is worked out by the version in force on it, so that what was
shown then can be shown again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Day, Identifier, Moment
from models.local_day import local_day

RECENCY, FREQUENCY, MONETARY = "recency", "frequency", "monetary"
DIMENSIONS = (RECENCY, FREQUENCY, MONETARY)
QUINTILE, MEDIAN, MEAN, FIXED = "quintile", "median", "mean", "fixed"
METHODS = (QUINTILE, MEDIAN, MEAN, FIXED)
WINDOW_DAYS = 365
WINDOW_LIMITS = (1, 1825)
SCORES = 5
HIGH_FROM = 4
"""By quintiles, who scores this or more is high: the upper two fifths."""
LARGEST_CUT = 10**12
LONGEST_NOTE = 200


class RfmSetting(Base):
    """One version of the settings, in force from its day on. Never changed.

    Of several on one day the last one holds.
    """

    __tablename__ = "rfm_setting"
    __table_args__ = (
        CheckConstraint("window_days > 0", name="window_is_open"),
        Index(None, "effective_on", "id"),
    )

    id: Mapped[Identifier]
    effective_on: Mapped[Day]
    window_days: Mapped[int]
    cuts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """`{"recency": {"method": "fixed", "values": [30]}, "frequency": {"method": "median"}, …}`."""
    note: Mapped[str]
    created_at: Mapped[Moment]
    created_by: Mapped[str]


class RfmSettingRefused(BusinessError):
    """The window, a method or a note cannot be; the facts carry `why`."""

    code = "rfm_setting_refused"


class CutOffsOutOfOrder(BusinessError):
    """The cut-offs of one dimension do not rise from each to the next; `values` says them."""

    code = "cut_offs_out_of_order"


@dataclass(frozen=True)
class CutRule:
    """How one dimension is cut."""

    method: str = MEDIAN
    values: tuple[int, ...] = ()
    """Of `fixed`: one number (high from here on; for days: up to here), or the four between the
    five scores, rising."""
    high_from: int = HIGH_FROM
    """The lowest score that is high, of `quintile` and of four fixed numbers."""

    def words(self) -> dict[str, Any]:
        """Return the rule as it is kept."""
        words: dict[str, Any] = {"method": self.method}
        if self.values:
            words["values"] = list(self.values)
        if self.method == QUINTILE or len(self.values) > 1:
            words["high_from"] = self.high_from
        return words


@dataclass(frozen=True)
class RfmSettings:
    """The settings in force on a day; without a version, the ones every shop begins with."""

    window_days: int = WINDOW_DAYS
    cuts: Mapping[str, CutRule] = field(
        default_factory=lambda: {name: CutRule() for name in DIMENSIONS}
    )
    version: int | None = None
    """The id of the version; None where nobody has set anything."""


def get_rfm_settings(session: Session, on: date) -> RfmSettings:
    """Return the settings in force on a day; one small query."""
    row = session.scalars(
        select(RfmSetting)
        .where(RfmSetting.effective_on <= on)
        .order_by(RfmSetting.effective_on.desc(), RfmSetting.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return RfmSettings()
    cuts = {name: read_rule(row.cuts[name]) for name in DIMENSIONS}
    return RfmSettings(row.window_days, cuts, row.id)


def list_rfm_settings(session: Session, *, limit: int = 20) -> Sequence[RfmSetting]:
    """Return the versions there were, newest first."""
    return session.scalars(select(RfmSetting).order_by(RfmSetting.id.desc()).limit(limit)).all()


def change_rfm_settings(
    session: Session,
    *,
    window_days: int | None = None,
    cuts: Mapping[str, CutRule] | None = None,
    note: str,
    by: str,
    now: datetime,
) -> RfmSetting:
    """Keep a new version: what is not told stays as it is. It holds from today on.

    Raises RfmSettingRefused or CutOffsOutOfOrder.
    """
    today = local_day(now)
    settings = foresee_rfm_settings(session, today, window_days=window_days, cuts=cuts)
    if not note.strip() or len(note) > LONGEST_NOTE:
        raise RfmSettingRefused(why="note", longest=LONGEST_NOTE)
    version = RfmSetting(
        effective_on=today,
        window_days=settings.window_days,
        cuts={name: settings.cuts[name].words() for name in DIMENSIONS},
        note=note.strip(),
        created_at=now,
        created_by=by,
    )
    session.add(version)
    session.flush()
    return version


def foresee_rfm_settings(
    session: Session,
    on: date,
    *,
    window_days: int | None = None,
    cuts: Mapping[str, CutRule] | None = None,
) -> RfmSettings:
    """Return what the settings of a day would be with these in the place of its own.

    Raises RfmSettingRefused or CutOffsOutOfOrder.
    """
    held = get_rfm_settings(session, on)
    settings = RfmSettings(
        held.window_days if window_days is None else window_days,
        dict(held.cuts) | dict(cuts or {}),
    )
    _check(settings)
    return settings


def read_rfm_changes(words: Mapping[str, Any]) -> dict[str, Any]:
    """Read `window_days` and `cuts`, written in words, as the two functions above take them."""
    cuts = {name: read_rule(rule) for name, rule in words["cuts"].items()}
    return {"window_days": words["window_days"], "cuts": cuts}


def read_rule(words: Mapping[str, Any]) -> CutRule:
    """Read a rule as `CutRule.words` wrote it."""
    return CutRule(
        words["method"], tuple(words.get("values", ())), words.get("high_from", HIGH_FROM)
    )


def _check(settings: RfmSettings) -> None:
    if not WINDOW_LIMITS[0] <= settings.window_days <= WINDOW_LIMITS[1]:
        raise RfmSettingRefused(why="window", limits=list(WINDOW_LIMITS))
    unknown = set(settings.cuts) - set(DIMENSIONS)
    if unknown:
        raise RfmSettingRefused(why="dimension", dimensions=list(DIMENSIONS))
    for name, rule in settings.cuts.items():
        _check_rule(name, rule)


def _check_rule(name: str, rule: CutRule) -> None:
    if rule.method not in METHODS:
        raise RfmSettingRefused(why="method", dimension=name, methods=list(METHODS))
    if not 1 < rule.high_from <= SCORES:
        raise RfmSettingRefused(why="high_from", dimension=name, limits=[2, SCORES])
    if rule.method != FIXED and rule.values:
        raise RfmSettingRefused(why="values", dimension=name)
    if rule.method == FIXED and len(rule.values) not in (1, SCORES - 1):
        raise RfmSettingRefused(why="values", dimension=name)
    if any(not 0 <= value <= LARGEST_CUT for value in rule.values):
        raise RfmSettingRefused(why="values", dimension=name)
    if any(low >= high for low, high in zip(rule.values, rule.values[1:], strict=False)):
        raise CutOffsOutOfOrder(dimension=name, values=list(rule.values))
