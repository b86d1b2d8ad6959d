"""The lock of outreach: who decides over a place decides alone, until their transaction ends."""

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.base import squeezed

_LOCK = 7_604_306
"""The advisory lock's number: any that nobody else in this database uses."""


def lock_outreach(session: Session, run_id: int | None = None) -> None:
    """Wait until nobody else is deciding who is written to.

    Nobody is twice in one campaign run, so its parts decide side by side while no other run sends.
    Of two runs the one that began later sees the other and asks to be alone.
    """
    if run_id is None:
        session.execute(_ALONE, {"number": _LOCK})
    else:
        session.execute(_SHARE, {"run_id": run_id, "number": _LOCK})


def try_lock_outreach(session: Session) -> bool:
    """Take the lock where it is free now; tell whether it was. For who must not wait."""
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))))


_SETTINGS = """set_config('max_parallel_workers_per_gather', '0', true),
    set_config('work_mem', '32MB', true)"""
"""What is asked under the lock takes less time than starting workers, or a file, for it would."""
_ALONE = text(squeezed(f"SELECT {_SETTINGS}, pg_advisory_xact_lock(:number)"))
_SHARE = text(
    squeezed(f"""
        SELECT {_SETTINGS}, CASE WHEN EXISTS (SELECT FROM campaign_run AS other
                WHERE other.finished_at IS NULL AND other.state = 'sending'
                    AND other.id <> :run_id)
            THEN pg_advisory_xact_lock(:number) IS NULL
            ELSE pg_advisory_xact_lock_shared(:number) IS NULL END
    """)  # noqa: S608  # Of our own words only.
)
