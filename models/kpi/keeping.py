"""Keeping the shop's KPIs: adding one, changing what it counts, ending it, what they came to."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from models.base import Translated
from models.kpi.query import COUNTED, KpiRefused, parse_query
from models.kpi.table import Kpi, KpiValue, NoSuchKpi, TooManyKpis
from models.member import LONGEST_NAME, NameRefused, normal_name
from models.metric import VALUE_FACTORS, MemberMetric, define_metric

MOST_KPIS = 50
CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")


def keep_kpi(
    session: Session, code: str, name: Translated, query: Any, *, by: str, now: datetime
) -> Kpi:
    """Add a KPI, or a new version where the query or the name is another; return the newest.

    Its code becomes a metric, which it may not take from another. Raises KpiRefused or TooManyKpis.
    """
    if not CODE.fullmatch(code) or code in VALUE_FACTORS:
        raise KpiRefused(path="code", why="lower-case letters, digits and _ that no metric has")
    words, names = parse_query(query).as_json(), _names(name)
    held = _newest(session, code)
    if held is not None and held.ended_at is None and (held.query, held.name) == (words, names):
        return held
    if held is None:
        _refuse_taken(session, code)
    if held is None or held.ended_at is not None:
        _check_room(session)
    version = 1 if held is None else held.version + 1
    kpi = Kpi(code=code, version=version, name=names, query=words, set_by=by, set_at=now)
    session.add(kpi)
    define_metric(session, code, f"{names['zh-TW']}（{COUNTED[words['count']].labels['zh-TW']}）")
    session.flush()
    return kpi


def get_kpi(session: Session, code: str) -> Kpi:
    """Return the version of a KPI that is measured. Raises NoSuchKpi."""
    kpi = _newest(session, code)
    if kpi is None or kpi.ended_at is not None:
        raise NoSuchKpi(kpi=code)
    return kpi


def list_kpis(session: Session) -> Sequence[Kpi]:
    """Return the KPIs that are measured, in the order of their codes."""
    newest = select(Kpi.code, func.max(Kpi.version).label("version")).group_by(Kpi.code).subquery()
    return session.scalars(
        select(Kpi)
        .join(newest, (newest.c.code == Kpi.code) & (newest.c.version == Kpi.version))
        .where(Kpi.ended_at.is_(None))
        .order_by(Kpi.code)
    ).all()


def end_kpi(session: Session, code: str, now: datetime) -> None:
    """Measure a KPI no more; what it came to stays. Raises NoSuchKpi."""
    get_kpi(session, code).ended_at = now
    session.flush()


def list_values(session: Session, code: str, *, since: date, limit: int) -> Sequence[KpiValue]:
    """Return what a KPI came to, the latest day first."""
    return session.scalars(
        select(KpiValue)
        .where(KpiValue.code == code, KpiValue.day >= since)
        .order_by(KpiValue.day.desc())
        .limit(limit)
    ).all()


def _newest(session: Session, code: str) -> Kpi | None:
    return session.scalars(
        select(Kpi).where(Kpi.code == code).order_by(Kpi.version.desc()).limit(1)
    ).one_or_none()


def _refuse_taken(session: Session, code: str) -> None:
    if session.scalar(select(exists().where(MemberMetric.name == code))):
        raise KpiRefused(path="code", why="a metric of this name is told by somebody")


def _check_room(session: Session) -> None:
    if len(list_kpis(session)) >= MOST_KPIS:
        raise TooManyKpis(most=MOST_KPIS)


def _names(told: Translated) -> Translated:
    if "zh-TW" not in told or set(told) - {"zh-TW", "en", "ja"}:
        raise KpiRefused(path="name", why="zh-TW is needed; en and ja may stand beside it")
    try:
        return {language: normal_name(name) for language, name in told.items()}
    except NameRefused as error:
        raise KpiRefused(path="name", why=f"1 to {LONGEST_NAME} characters are needed") from error
