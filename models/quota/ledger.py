"""The ledger of the quota: reserved before a call, used or released after it, each key once.

Both verbs lock the month's one row until their transaction ends, so call them last in it. What is
granted is worked out under that lock, and the database refuses sums above the ceiling. A key is
of what is sent under it, a batch or an owed message: asked again, it gets what it got before.
What is reserved in a month is used in that month, also where LINE's answer comes after its end.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.base import squeezed
from models.quota.month import lock_month, lock_months_of, price_of_next, set_ceiling
from models.quota.plan import month_of
from models.quota.table import RELEASE, USE, QuotaEntry, QuotaHold, QuotaMonth

GONE_FOR = timedelta(hours=1)
"""After LINE's "monthly limit" campaigns wait so long, or until its figure was read again."""
LEFT_OVER_AFTER = timedelta(hours=25)
"""A day after its first try whatever is sent is settled; an hour more is no delay any longer."""
NO_LIMIT = 2**31 - 1


def reserve(
    session: Session, *, source: str, key: str, wanted: int, is_service: bool, now: datetime
) -> int:
    """Reserve up to `wanted` messages under a key; return how many: all, a part, or 0 for none."""
    asked = {key: wanted}
    return reserve_many(session, asked, source=source, is_service=is_service, now=now)[key]


def reserve_many(
    session: Session,
    wanted: Mapping[str, int],
    *,
    source: str | Mapping[str, str],
    is_service: bool,
    now: datetime,
) -> dict[str, int]:
    """Reserve so many messages for each key, in their order; return what each got.

    Never more than the month's ceiling leaves; marketing leaves the service reserve untouched,
    and gets nothing while LINE says that the quota is gone. Nothing is kept of a key that gets 0.
    `source` says for what, such as `campaign:12`; a mapping says it of each key.
    """
    if not wanted:
        return {}
    month = month_of(now)
    sums = _lock_sums(session, month, now)
    found = session.execute(
        _RESERVE,
        {
            "keys": list(wanted),
            "sources": [source if isinstance(source, str) else source[key] for key in wanted],
            "wanted": [max(messages, 0) for messages in wanted.values()],
            "free": _free_for(sums, is_service=is_service, now=now),
            "month": month,
            "is_service": is_service,
            "now": now,
        },
    ).all()
    return dict(found)


class Sums(Protocol):
    """A month's row, or as much of it as tells what is free."""

    @property
    def ceiling(self) -> int | None: ...
    @property
    def used(self) -> int: ...
    @property
    def reserved(self) -> int: ...
    @property
    def service_reserve(self) -> int: ...
    @property
    def service_used(self) -> int: ...
    @property
    def service_reserved(self) -> int: ...
    @property
    def gone_until(self) -> datetime | None: ...


_LOCK_SUMS = text(
    "SELECT ceiling, used, reserved, service_reserve, service_used, service_reserved, gone_until"
    " FROM quota_month WHERE month = :month FOR UPDATE"
)


def _lock_sums(session: Session, month: date, now: datetime) -> Sums:
    """Return the month's sums under its row's lock: the narrow way, for each chunk asks."""
    found = session.execute(_LOCK_SUMS, {"month": month}).one_or_none()
    if found is None:
        return lock_month(session, now)
    sums: Sums = found
    return sums


def free_for_all(row: Sums) -> int:
    """Return how many messages the month still has."""
    ceiling = NO_LIMIT if row.ceiling is None else row.ceiling
    return ceiling - row.used - row.reserved


def kept_for_service(row: Sums) -> int:
    """Return how many of those only service may have: the reserve less what service had of it."""
    return max(row.service_reserve - row.service_used - row.service_reserved, 0)


def _free_for(row: Sums, *, is_service: bool, now: datetime) -> int:
    if is_service:
        return free_for_all(row)
    if row.gone_until is not None and now < row.gone_until:
        return 0
    return max(free_for_all(row) - kept_for_service(row), 0)


_RESERVE = text(
    squeezed("""
        WITH asked AS (
            SELECT told.key, told.source, told.wanted, told.place
            FROM unnest(CAST(:keys AS text[]), CAST(:sources AS text[]), CAST(:wanted AS int[]))
                WITH ORDINALITY AS told(key, source, wanted, place)
        ), known AS (
            SELECT key, messages FROM quota_hold WHERE key = ANY(CAST(:keys AS text[]))
            UNION ALL
            SELECT key, messages FROM quota_entry
            WHERE kind = 'use' AND key = ANY(CAST(:keys AS text[]))
        ), granted AS (
            SELECT key, source, CAST(least(wanted, greatest(:free - coalesce(sum(wanted) OVER (
                ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0), 0)
            ) AS int) AS messages
            FROM asked WHERE key NOT IN (SELECT key FROM known)
        ), held AS (
            INSERT INTO quota_hold (key, month, source, messages, is_service, at)
            SELECT key, :month, source, messages, :is_service, :now FROM granted WHERE messages > 0
        ), kept AS (
            INSERT INTO quota_entry (month, kind, source, key, messages, is_service, at)
            SELECT :month, 'reserve', source, key, messages, :is_service, :now
            FROM granted WHERE messages > 0
        ), moved AS (
            UPDATE quota_month SET reserved = reserved + new.messages,
                service_reserved = service_reserved
                    + CASE WHEN :is_service THEN new.messages ELSE 0 END
            FROM (SELECT sum(messages) AS messages FROM granted) AS new
            WHERE month = :month AND new.messages > 0
        )
        SELECT key, messages FROM known UNION ALL SELECT key, messages FROM granted
    """)
)


_LET_GO = text(
    squeezed("""
        DELETE FROM quota_hold WHERE key = ANY(CAST(:keys AS text[]))
            AND month = ANY(CAST(:months AS date[]))
        RETURNING key, month, source, messages, is_service
    """)
)


def settle_use(session: Session, used: Mapping[str, int], now: datetime) -> None:
    """Note how many messages each key used; the rest of what it held is free again.

    Told of a key that holds nothing, for it was settled before, nothing happens. What LINE may
    have taken (unknown) is used. Raises ValueError where more was used than reserved.
    """
    months = {row.month: row for row in lock_months_of(session, list(used))} if used else {}
    if not months:
        return
    gone = session.execute(_LET_GO, {"keys": list(used), "months": list(months)})
    entries = []
    for hold in sorted(gone, key=lambda hold: hold.key):
        entries += _settle_one(months[hold.month], hold, used[hold.key], now)
    for row in months.values():
        set_ceiling(row)
    session.flush()
    if entries:
        session.execute(_KEEP, {"entries": json.dumps(entries), "now": now})


class Held(Protocol):
    """What was let go of."""

    @property
    def key(self) -> str: ...
    @property
    def month(self) -> date: ...
    @property
    def source(self) -> str: ...
    @property
    def messages(self) -> int: ...
    @property
    def is_service(self) -> bool: ...


_KEEP = text(
    squeezed("""
        INSERT INTO quota_entry (month, kind, source, key, messages, is_service, cost_twd, at)
        SELECT told.month, told.kind, told.source, told.key, told.messages, told.is_service,
            told.cost_twd, :now
        FROM json_to_recordset(CAST(:entries AS json)) AS told (month date, kind text, source text,
            key text, messages int, is_service boolean, cost_twd numeric)
    """)
)


def _settle_one(row: QuotaMonth, hold: Held, used: int, now: datetime) -> list[dict[str, object]]:
    """Take a hold off the month's sums and return its entries."""
    if not 0 <= used <= hold.messages:
        raise ValueError(f"{used} messages used of {hold.messages} reserved")
    cost_twd = price_of_next(row, used, after=row.used + row.elsewhere)
    row.reserved -= hold.messages
    row.used += used
    if hold.is_service:
        row.service_reserved -= hold.messages
        row.service_used += used
    return [
        {
            "month": row.month.isoformat(),
            "kind": kind,
            "source": hold.source,
            "key": hold.key,
            "messages": messages,
            "is_service": hold.is_service,
            "cost_twd": cost,
        }
        for kind, messages, cost in (
            (USE, used, str(cost_twd)),
            (RELEASE, hold.messages - used, None),
        )
        if messages
    ]


def note_quota_gone(session: Session, now: datetime) -> None:
    """Note LINE's 429 "monthly limit": marketing waits for an hour, or for LINE's next figure.

    It may be gone, or only set aside by another delivery under way; so ask for the figure.
    """
    lock_month(session, now).gone_until = now + GONE_FOR
    session.flush()


def list_leftovers(session: Session, now: datetime) -> Sequence[QuotaHold]:
    """Return what is held although whatever it was for must be settled by now, oldest first."""
    return session.scalars(
        select(QuotaHold)
        .where(QuotaHold.at < now - LEFT_OVER_AFTER)
        .order_by(QuotaHold.at, QuotaHold.key)
    ).all()


def list_entries(session: Session, *, limit: int) -> Sequence[QuotaEntry]:
    """Return the newest entries of the ledger, newest first."""
    return session.scalars(select(QuotaEntry).order_by(QuotaEntry.id.desc()).limit(limit)).all()
