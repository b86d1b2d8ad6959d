"""LINE's own figure held against ours: what was sent elsewhere, and what LINE still allows.

LINE's figure is approximate and late (its counter is complete two hours after midnight), so the
larger of both holds. What it counts beyond ours was sent from the OA Manager.
"""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.local_day import local_day
from models.quota.ledger import GONE_FOR
from models.quota.month import find_month, lock_month, set_ceiling
from models.quota.table import RECONCILE, QuotaEntry, QuotaMonth

FROM_LINE = "line"


def note_line_figure(session: Session, used: int, limit: int | None, now: datetime) -> bool:
    """Note what LINE counts this month and allows (None: any number); return whether it was kept.

    A limit lowered in the OA Manager lowers ours at once. On the first day of a month LINE may
    still tell of the last one: a figure that has not fallen since then is not taken.
    """
    row = lock_month(session, now)
    if local_day(now).day == 1 and _is_of_last_month(session, row.month, used):
        return False
    ours = row.used + row.reserved
    elsewhere = max(used - ours, 0)
    if elsewhere != row.elsewhere:
        session.add(
            QuotaEntry(
                month=row.month,
                kind=RECONCILE,
                source=FROM_LINE,
                key=f"line:{now.isoformat()}",
                messages=elsewhere - row.elsewhere,
                is_service=False,
                at=now,
            )
        )
    row.elsewhere = elsewhere
    row.line_used, row.line_limit, row.line_ours, row.line_at = used, limit, ours, now
    if limit is None or used < limit:
        row.gone_until = None
    set_ceiling(row)
    session.flush()
    return True


def is_figure_due(session: Session, read_at: datetime, now: datetime) -> bool:
    """Tell whether LINE's figure was not read since `read_at`, or since it said it was gone."""
    row = find_month(session, now)
    if row.line_at is None or row.line_at < read_at:
        return True
    return row.gone_until is not None and row.line_at < row.gone_until - GONE_FOR


def _is_of_last_month(session: Session, month: date, used: int) -> bool:
    before = session.scalar(
        select(QuotaMonth.line_used)
        .where(QuotaMonth.month < month)
        .order_by(QuotaMonth.month.desc())
        .limit(1)
    )
    return bool(before) and used >= (before or 0)
