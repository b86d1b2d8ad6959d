"""Alerts: a class whose share has moved further than the shop wants to overlook.

Shares are compared with the snapshots of a week and of a month before. Any class of any model may
shift; of RFM's 維持型 a smaller growth is enough, because many of them mean that something is
wrong (B-07). One alert a class and span stands until somebody has seen it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.classification.table import ClassAlert, ClassAlertSetting, ClassCount, ClassNight
from models.lifecycle import PROSPECT, RFM
from models.rfm.group import MAINTAINING

COMPARE_DAYS = (7, 30)
MISSED_NIGHTS = 3
"""Where the night of that day did not run, so many days earlier will do."""
FEWEST_MEMBERS = 30
"""Of fewer members every purchase is a shift."""
SHIFT, GROWTH = "shift", "growth"
MOST_LISTED = 200


class AlertSettingRefused(BusinessError):
    """The percentage points are not between 1 and 100."""

    code = "alert_setting_refused"


class NoSuchAlert(BusinessError):
    """There is no alert with this id."""

    code = "no_such_alert"


@dataclass(frozen=True)
class AlertRules:
    """By how many percentage points a share must move, above which somebody is told."""

    shift_points: int = 10
    """Any class of any model, either way."""
    growth_points: int = 3
    """維持型, upwards."""


@dataclass(frozen=True)
class Shift:
    """What a class had and has, of how many."""

    before: int
    before_total: int
    members: int
    total: int

    def passes(self, points: int, *, up_only: bool = False) -> bool:
        """Tell whether the share has moved by more than so many percentage points."""
        moved = self.members * self.before_total - self.before * self.total
        moved = moved if up_only else abs(moved)
        return moved * 100 > points * self.total * self.before_total


def get_alert_rules(session: Session) -> AlertRules:
    """Return what the shop has set, or what every shop begins with."""
    row = session.scalars(
        select(ClassAlertSetting).order_by(ClassAlertSetting.id.desc()).limit(1)
    ).one_or_none()
    return AlertRules(row.shift_points, row.growth_points) if row is not None else AlertRules()


def change_alert_rules(
    session: Session,
    *,
    shift_points: int | None = None,
    growth_points: int | None = None,
    by: str,
    now: datetime,
) -> AlertRules:
    """Keep a new version where something changes; what is not told stays.

    Raises AlertSettingRefused.
    """
    held = get_alert_rules(session)
    rules = AlertRules(
        held.shift_points if shift_points is None else shift_points,
        held.growth_points if growth_points is None else growth_points,
    )
    if not (0 < rules.shift_points <= 100 and 0 < rules.growth_points <= 100):
        raise AlertSettingRefused(limits=[1, 100])
    if rules == held:
        return held
    session.add(
        ClassAlertSetting(
            shift_points=rules.shift_points,
            growth_points=rules.growth_points,
            created_at=now,
            created_by=by,
        )
    )
    session.flush()
    return rules


def list_alerts(session: Session, *, even_seen: bool = False) -> Sequence[ClassAlert]:
    """Return the alerts nobody has seen yet, newest first; `even_seen` adds the others."""
    chosen = select(ClassAlert).order_by(ClassAlert.day.desc(), ClassAlert.id.desc())
    if not even_seen:
        chosen = chosen.where(ClassAlert.acknowledged_at.is_(None))
    return session.scalars(chosen.limit(MOST_LISTED)).all()


def acknowledge_alert(session: Session, alert_id: int, *, by: str, now: datetime) -> ClassAlert:
    """Note who has seen an alert; who was first stays. Raises NoSuchAlert."""
    alert = session.get(ClassAlert, alert_id, with_for_update=True)
    if alert is None:
        raise NoSuchAlert(alert_id=alert_id)
    if alert.acknowledged_at is None:
        alert.acknowledged_at, alert.acknowledged_by = now, by
        session.flush()
    return alert


def raise_alerts(session: Session, day: date, now: datetime) -> int:
    """Compare the day's counts with earlier ones and keep what is to be told; return how many."""
    rules = get_alert_rules(session)
    counts = _counts_of(session, day)
    told = sum(_raise_against(session, counts, day, days, rules, now) for days in COMPARE_DAYS)
    session.flush()
    return told


def _counts_of(session: Session, day: date) -> dict[str, dict[str, int]]:
    """Return the members of each class by model on a day; who never bought is left out."""
    found: dict[str, dict[str, int]] = {}
    rows = session.scalars(
        select(ClassCount)
        .where(ClassCount.day == day)
        .order_by(ClassCount.model, ClassCount.class_code)
    )
    for row in rows:
        if row.class_code != PROSPECT:
            found.setdefault(row.model, {})[row.class_code] = row.members
    return found


def _raise_against(
    session: Session,
    counts: Mapping[str, Mapping[str, int]],
    day: date,
    days: int,
    rules: AlertRules,
    now: datetime,
) -> int:
    wanted = day - timedelta(days=days)
    before_on = session.scalar(
        select(func.max(ClassNight.day)).where(
            ClassNight.day <= wanted, ClassNight.day >= wanted - timedelta(days=MISSED_NIGHTS)
        )
    )
    if before_on is None:
        return 0
    before, quiet = _counts_of(session, before_on), _told_of(session, day, days)
    is_changed = _rules_on(session, before_on) != _rules_on(session, day)
    made = 0
    for model, classes in counts.items():
        for code, shift in _shifts(before.get(model, {}), classes).items():
            kind, points = _kind_of(model, code, shift, rules)
            if kind is None or (model, code) in quiet:
                continue
            session.add(
                ClassAlert(
                    day=day,
                    model=model,
                    class_code=code,
                    kind=kind,
                    compare_days=days,
                    before_on=before_on,
                    before_members=shift.before,
                    before_total=shift.before_total,
                    members=shift.members,
                    total=shift.total,
                    threshold_points=points,
                    rules_changed=is_changed,
                    raised_at=now,
                )
            )
            made += 1
    return made


def _shifts(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, Shift]:
    """Return what each class had and has; nothing where either day has too few members to say."""
    before_total, total = sum(before.values()), sum(now.values())
    if min(before_total, total) < FEWEST_MEMBERS:
        return {}
    return {
        code: Shift(before.get(code, 0), before_total, now.get(code, 0), total)
        for code in dict.fromkeys([*now, *before])
    }


def _kind_of(model: str, code: str, shift: Shift, rules: AlertRules) -> tuple[str | None, int]:
    is_watched = (model, code) == (RFM, MAINTAINING)
    if is_watched and shift.passes(rules.growth_points, up_only=True):
        return GROWTH, rules.growth_points
    if shift.passes(rules.shift_points):
        return SHIFT, rules.shift_points
    return None, 0


def _told_of(session: Session, day: date, days: int) -> set[tuple[str, str]]:
    """Return the classes of which this span's alert is unseen, or younger than the span."""
    rows = session.execute(
        select(ClassAlert.model, ClassAlert.class_code).where(
            ClassAlert.compare_days == days,
            or_(
                ClassAlert.acknowledged_at.is_(None),
                ClassAlert.day > day - timedelta(days=days),
            ),
        )
    )
    return {(model, code) for model, code in rows}


def _rules_on(session: Session, day: date) -> str | None:
    return session.scalar(select(ClassNight.rules).where(ClassNight.day == day))
