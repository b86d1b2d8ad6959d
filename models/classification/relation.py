"""Relations of classes: one row a member with a class of each model asked for, on any day."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, func, select
from sqlalchemy.orm import Session

from models.classification.table import ClassNight, MemberClass
from models.lifecycle import (
    PROSPECT,
    RFM,
    class_sql,
    columns_of,
    figures_on,
    get_settings,
)
from models.lifecycle.figures import is_here
from models.lifecycle.setting import LifecycleSettings
from models.local_day import local_day
from models.member import Member
from models.rfm.measuring import groups_of_day
from models.rfm.setting import get_rfm_settings


def settings_on(session: Session, on: date, category: str | None) -> LifecycleSettings:
    """Return the settings of a day, with the cycle of a category where one is asked for."""
    settings = get_settings(session, on)
    return settings if category is None else settings.for_category(category)


def last_night(session: Session) -> ClassNight | None:
    """Return the newest night that classed everybody, or None."""
    return session.scalars(
        select(ClassNight).order_by(ClassNight.day.desc()).limit(1)
    ).one_or_none()


def classes_of_night() -> Select[*tuple[Any, ...]]:
    """Select everybody's RFM group as the last night found it: member_id, net_twd, rfm."""
    return (
        select(
            MemberClass.member_id,
            Member.lifetime_twd.label("net_twd"),
            func.coalesce(MemberClass.rfm_group, PROSPECT).label(RFM),
        )
        .join(Member, Member.id == MemberClass.member_id)
        .where(is_here())
    )


def classes_of_day(
    session: Session,
    models: Sequence[str],
    on: date,
    now: datetime,
    *,
    category: str | None = None,
) -> Select[*tuple[Any, ...]]:
    """Select everybody of a day: member_id, net_twd (of all time) and a column for each model.

    Whoever never bought is `prospect`, but in a model that has a class for them. With a `category`
    the lifecycles look only at purchases that had it, by its own cycle. Raises DayNotYet,
    BeforeTheShopOpened, or UnknownCategory.
    """
    is_past = on < local_day(now)
    figures: FromClause = select(figures_on(session, on, now, category=category)).cte()
    columns = columns_of(figures)
    settings = settings_on(session, on, category)
    classes: list[ColumnElement[str]] = [
        class_sql(model, columns, settings, on).label(model) for model in models if model != RFM
    ]
    if RFM not in models:
        return select(columns.member_id, columns.net_twd, *classes)
    groups = groups_of_day(figures, get_rfm_settings(session, on), on, is_past=is_past).subquery()
    return (
        select(
            columns.member_id,
            columns.net_twd,
            *classes,
            func.coalesce(groups.c.rfm_group, PROSPECT).label(RFM),
        )
        .select_from(figures)
        .join(groups, groups.c.member_id == columns.member_id, isouter=True)
    )
