"""The prepared figure of the first page: stages, revenue by members, the list's health."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.list_health import ListHealth, list_health
from models.local_day import local_day
from models.member import Member
from models.overview.stage import WINDOW_DAYS, Stage, count_stages
from models.prepared import NoteProgress, prepared
from models.purchase.table import Purchase

FIGURE = "overview"
PARTS = 3


@dataclass(frozen=True)
class Day:
    """A day's net sales to members, NT$: on the first day they ever bought, and later."""

    on: date
    first_twd: int
    again_twd: int
    orders: int


@dataclass(frozen=True)
class Overview:
    """The figures of the first page, as of the end of yesterday."""

    stages: list[Stage]
    days: list[Day]
    """Two windows of days, the later one last."""
    health: ListHealth

    @property
    def lately(self) -> list[Day]:
        """Return the later window."""
        return self.days[-WINDOW_DAYS:]

    def net_twd(self, *, before: bool = False) -> int:
        """Return a window's net sales; `before` asks for the earlier one."""
        chosen = self.days[:-WINDOW_DAYS] if before else self.lately
        return sum(day.first_twd + day.again_twd for day in chosen)


@prepared(FIGURE, nightly=True)
def compute(
    session: Session, now: datetime, _asked: Mapping[str, Any], note_progress: NoteProgress
) -> dict[str, Any]:
    """Work the first page's figures out."""
    today = local_day(now)
    stages = count_stages(session, today)
    note_progress(1, PARTS)
    days = _days(session, today)
    note_progress(2, PARTS)
    return {
        "stages": [asdict(stage) for stage in stages],
        "days": [asdict(day) | {"on": day.on.isoformat()} for day in days],
        "health": asdict(list_health(session, now)),
    }


def read_overview(body: Mapping[str, Any]) -> Overview:
    """Return what was prepared."""
    return Overview(
        stages=[Stage(**stage) for stage in body["stages"]],
        days=[Day(**day | {"on": date.fromisoformat(day["on"])}) for day in body["days"]],
        health=ListHealth(**body["health"]),
    )


def _days(session: Session, today: date) -> list[Day]:
    begins = today - timedelta(days=2 * WINDOW_DAYS)
    net = Purchase.paid_twd - Purchase.refunded_twd
    is_first = Member.first_purchase_on == Purchase.purchased_on
    rows = session.execute(
        select(
            Purchase.purchased_on,
            func.coalesce(func.sum(net).filter(is_first), 0),
            func.coalesce(func.sum(net).filter(~is_first), 0),
            func.count(),
        )
        .join(Member, Member.id == Purchase.member_id)
        .where(
            Purchase.purchased_on >= begins,
            Purchase.purchased_on < today,
            Purchase.undone_at.is_(None),
        )
        .group_by(Purchase.purchased_on)
    )
    sold = {on: Day(on, int(first), int(again), orders) for on, first, again, orders in rows}
    all_days = [begins + timedelta(days=count) for count in range(2 * WINDOW_DAYS)]
    return [sold.get(on, Day(on, 0, 0, 0)) for on in all_days]
