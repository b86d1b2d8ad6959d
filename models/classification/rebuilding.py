"""The night: everybody's classes worked out anew, and only what differs written, in one go.

Figures, window and classes go into a table of the transaction's own, which PostgreSQL fills with
all its cores; what differs from the classes of before is written from there. Readers see the
classes of before until the one commit, and then all the new ones.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Table,
    case,
    cast,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    text,
)
from sqlalchemy import insert as sql_insert
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.classification.alerting import raise_alerts
from models.classification.table import (
    ClassCount,
    ClassNight,
    ClassOverlap,
    MemberClass,
    RfmCell,
)
from models.lifecycle import MODELS, PROSPECT, RFM, class_sql, columns_of, figures_now, get_settings
from models.lifecycle.figures import is_here
from models.lifecycle.setting import LifecycleSettings
from models.local_day import local_day
from models.member import Member
from models.rfm.measuring import Cuts, days_since, find_cuts, graded, window_sales
from models.rfm.setting import RfmSettings, get_rfm_settings
from models.rfm.storing import keep_cuts

ONE_NIGHT_AT_A_TIME = 7_241_922
"""The advisory lock that lets one rebuild at a time work."""
FOR_ALL = {"work_mem": "192MB", "enable_bitmapscan": "off"}
"""What reading everybody needs: room for the hash of a million members, and a window read from
end to end, which takes a third of the time of going through it by an index. Until the commit."""
MADE = "class_made"
CLASSES = tuple(MODELS)
FIGURES = ("last_on", "frequency", "monetary_twd")
SCORES = ("r_score", "f_score", "m_score")
GRADES = (*SCORES, "rfm_group")
SAID = (*CLASSES, *FIGURES, *GRADES)
"""What a member's row says, but for since when."""


def rebuild_classes(session: Session, now: datetime) -> int:
    """Bring everybody's classes to today and count them; return how many rows that changed.

    Also keeps the day's cut-offs and counts, and raises alerts. Safe to run twice: the second
    time changes nothing. Two at once wait for each other.
    """
    today = local_day(now)
    session.execute(select(func.pg_advisory_xact_lock(ONE_NIGHT_AT_A_TIME)))
    for name, value in FOR_ALL.items():
        session.execute(select(func.set_config(name, value, True)))  # SQL's own.
    settings, rfm = get_settings(session, today), get_rfm_settings(session, today)
    made = _make(session, settings, rfm, today)
    buyers = _buyers(made, today).subquery("buyers")
    cuts, count = find_cuts(session, buyers, rfm)
    keep_cuts(session, today, rfm, cuts, count)
    rows = _graded(made, cuts, today)
    changed = _write(session, rows, today) + _drop_gone(session)
    members = _count(session, rows, today)
    _keep_cells(session, rows)
    made.drop(session.connection())
    night = ClassNight(day=today, members=members, rules=_rules(settings, rfm), ended_at=now)
    held = session.get(ClassNight, today)
    night.changed = changed + (held.changed if held is not None else 0)
    session.merge(night)
    raise_alerts(session, today, now)
    return changed


def _make(session: Session, settings: LifecycleSettings, rfm: RfmSettings, today: date) -> Table:
    """Fill a table that goes with the transaction: figures, window and lifecycle classes."""
    figures = figures_now()
    columns = columns_of(figures)
    window = window_sales(today, rfm.window_days, is_past=False).subquery("in_window")
    made = (
        select(
            columns.member_id,
            columns.net_twd,
            *(class_sql(model, columns, settings, today).label(model) for model in CLASSES),
            case((columns.orders > 0, columns.last_on)).label("last_on"),
            func.coalesce(window.c.frequency, 0).label("frequency"),
            func.coalesce(window.c.monetary, 0).label("monetary_twd"),
        )
        .select_from(figures)
        .join(window, window.c.member_id == columns.member_id, isouter=True)
        .into(MADE, temporary=True)
    )
    session.execute(made)
    session.execute(text(f"ANALYZE {MADE}"))
    return made.table


def _buyers(made: FromClause, today: date) -> Select[*tuple[Any, ...]]:
    """Select whoever has bought, with what RFM measures."""
    return select(
        made.c.member_id,
        days_since(made.c.last_on, today).label("recency"),
        made.c.frequency,
        made.c.monetary_twd.label("monetary"),
    ).where(made.c.last_on.is_not(None))


def _graded(made: FromClause, cuts: Cuts, today: date) -> FromClause:
    """Return everybody's whole row as it should stand in `member_class`; buyers have grades."""
    measured = select(
        made,
        days_since(made.c.last_on, today).label("recency"),
        made.c.monetary_twd.label("monetary"),
    ).subquery("measured")
    has_bought = measured.c.last_on.is_not(None)
    kinds = [MemberClass.__table__.c[name].type for name in GRADES]
    grades: Sequence[ColumnElement[Any]] = [cast(null(), kind) for kind in kinds]
    if cuts:
        found = graded(measured, cuts)
        grades = [found.r_score, found.f_score, found.m_score, found.group]
    return select(
        *(measured.c[name] for name in ("member_id", "net_twd", *CLASSES, "last_on")),
        *(
            case((has_bought, measured.c[name])).label(name)
            for name in ("frequency", "monetary_twd")
        ),
        *(
            case((has_bought, grade)).label(name)
            for name, grade in zip(GRADES, grades, strict=True)
        ),
    ).subquery("graded")


def _write(session: Session, rows: FromClause, today: date) -> int:
    """Write the rows that differ from those of before, or are new; return how many."""
    differs = [MemberClass.__table__.c[name].is_distinct_from(rows.c[name]) for name in SAID]
    chosen = (
        select(rows.c.member_id, literal(today), *(rows.c[name] for name in SAID))
        .join(MemberClass, MemberClass.member_id == rows.c.member_id, isouter=True)
        .where(or_(MemberClass.member_id.is_(None), *differs))
    )
    upsert = insert(MemberClass).from_select(["member_id", "as_of", *SAID], chosen)
    done = session.connection().execute(
        upsert.on_conflict_do_update(
            index_elements=[MemberClass.member_id],
            set_={name: upsert.excluded[name] for name in ("as_of", *SAID)},
        ),
        execution_options={"preserve_rowcount": True},
    )
    return done.rowcount


def _drop_gone(session: Session) -> int:
    """Drop the rows of members who have left or became another card; return how many."""
    gone = delete(MemberClass).where(MemberClass.member_id == Member.id, ~is_here())
    return session.connection().execute(gone).rowcount


def _count(session: Session, rows: FromClause, today: date) -> int:
    """Keep how many members each class has today, with their net; return how many there are."""
    columns: dict[str, ColumnElement[str]] = {model: rows.c[model] for model in CLASSES}
    columns[RFM] = func.coalesce(rows.c.rfm_group, PROSPECT)
    found = session.execute(
        select(*columns.values(), func.count(), func.sum(rows.c.net_twd)).group_by(
            *columns.values()
        )
    ).all()
    _keep_overlaps(session, list(columns), found)
    keep_counts(session, today, list(columns), found)
    return sum(members for *_, members, _ in found)


def keep_counts(session: Session, day: date, models: list[str], found: Sequence[Any]) -> None:
    """Keep how many members each class had on a day, in place of what was kept for it before.

    `found` has rows of a code for each of the models, the members with all of them, and their net.
    """
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for *codes, members, net_twd in found:
        for model, code in zip(models, codes, strict=True):
            had = counts.get((model, code), (0, 0))
            counts[model, code] = (had[0] + members, had[1] + int(net_twd))
    session.execute(delete(ClassCount).where(ClassCount.day == day))
    session.add_all(
        ClassCount(day=day, model=model, class_code=code, members=members, net_twd=net_twd)
        for (model, code), (members, net_twd) in counts.items()
    )
    session.flush()


def _keep_overlaps(session: Session, models: list[str], found: Sequence[Any]) -> None:
    """Keep how many members have each class of all models at once, in place of the night before."""
    session.execute(delete(ClassOverlap))
    if found:
        session.execute(
            sql_insert(ClassOverlap),
            [
                dict(zip(models, codes, strict=True))
                | {"members": members, "net_twd": int(net_twd)}
                for *codes, members, net_twd in found
            ],
        )


def _keep_cells(session: Session, rows: FromClause) -> None:
    """Keep how many buyers have each three scores, in place of the night before."""
    scores = [rows.c[name] for name in SCORES]
    cells = (
        select(*scores, cast(func.count(), Integer), cast(func.sum(rows.c.net_twd), BigInteger))
        .where(rows.c.r_score.is_not(None))
        .group_by(*scores)
    )
    session.execute(delete(RfmCell))
    session.execute(sql_insert(RfmCell).from_select([*SCORES, "members", "net_twd"], cells))


def _rules(settings: LifecycleSettings, rfm: RfmSettings) -> str:
    """Name the versions a night goes by."""
    return f"lifecycle:{settings.version or 0} rfm:{rfm.version or 0}"
